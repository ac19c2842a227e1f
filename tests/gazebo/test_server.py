"""What the driver does when the server is paused, stopped, killed, reset or started again."""

import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from humanoid_hal.drivers.gazebo.driver import RESET_PAUSE
from humanoid_hal.drivers.gazebo.services import Services

from .conftest import kill_server

PATIENCE = 60.0  # [s]


def read_until(driver, hold, condition):
    """Cycle as the HAL does until a sample is as wanted; the sample."""
    deadline = time.monotonic() + PATIENCE
    while True:
        driver.write(hold)
        sample = driver.read()
        if condition(sample):
            return sample
        assert time.monotonic() < deadline, sample


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def moving(make, hold):
    """A driver that is enabled and has moved; 1 s of silence is a loss."""
    driver = make(timeout=1.0)
    driver.enable(True)
    read_until(driver, hold, lambda sample: True)
    return driver


@pytest.fixture
def services(gazebo):
    """Somebody else who calls the world's services."""
    made = []

    def build(driver):
        made.append(Services(driver._topics.control, driver.server.partition))
        return made[-1]

    yield build
    for each in made:
        each.close()


def test_a_paced_world_runs_by_itself_and_a_pause_repeats_the_sample(make, hold, services):
    driver = make(mode="paced")
    still = driver.read().stamp
    assert driver.read().stamp == still
    driver.enable(True)
    running = read_until(driver, hold, lambda sample: sample.stamp > still + 20 * driver.period)
    assert running.stamp > still
    other = services(driver)
    other.ask("pause")
    paused = read_until(driver, hold, lambda s: driver.read().stamp == driver.read().stamp)
    repeated = driver.read()
    assert repeated.stamp == driver.read().stamp
    assert repeated.fresh.all()
    assert repeated.faults == ()
    other.ask("run")
    read_until(driver, hold, lambda sample: sample.stamp > paused.stamp + 20 * driver.period)


def test_a_foreign_reset_is_told_once(moving, hold, services):
    last = moving.read()
    services(moving).ask("reset")
    told = read_until(moving, hold, lambda sample: sample.faults)
    assert "board_rebooted: Gazebo's time went back" in told.faults[0]
    assert told.stamp >= last.stamp + RESET_PAUSE
    following = moving.read()
    assert following.faults == ()
    assert following.fresh.all()


def test_a_killed_server_is_a_lost_bus_and_a_reset_starts_another(moving, hold):
    os.killpg(moving.server.pid, signal.SIGKILL)
    lost = read_until(moving, hold, lambda sample: sample.faults)
    assert "bus_lost: Gazebo's server has ended" in lost.faults[0]
    assert not lost.fresh.any()
    assert moving.read().stamp == lost.stamp + moving.period
    moving.world.reset()
    back = moving.read()
    assert back.faults == ()
    assert back.fresh.all()
    assert back.stamp > lost.stamp
    moving.enable(True)
    read_until(moving, hold, lambda sample: sample.stamp > back.stamp)


def test_a_hanging_server_is_a_lost_bus_until_it_speaks_again(moving, hold):
    os.killpg(moving.server.pid, signal.SIGSTOP)
    lost = read_until(moving, hold, lambda sample: sample.faults)
    assert "bus_lost: Gazebo's server has been silent" in lost.faults[0]
    os.killpg(moving.server.pid, signal.SIGCONT)
    found = read_until(moving, hold, lambda sample: not sample.faults)
    assert found.fresh.all()
    assert found.stamp > lost.stamp
    read_until(moving, hold, lambda sample: sample.stamp > found.stamp + 10 * moving.period)


def test_closing_ends_the_processes_and_removes_the_files(moving):
    server, services = moving.server.pid, moving.services.pid
    folder = moving.server._folder.name
    moving.close()
    assert gone(server)
    assert gone(services)
    assert not os.path.exists(folder)


@pytest.mark.parametrize("end", ["disable", "close"])
def test_zeros_are_the_last_that_the_law_is_told(moving, hold, monkeypatch, end):
    """A server that is not ours runs on, and Gazebo would hold the last torques for ever."""
    sent, publish = [], moving._publisher.publish

    def listen(message):
        sent.append(list(message.data))
        return publish(message)

    wire = SimpleNamespace(publish=listen, has_connections=moving._publisher.has_connections)
    monkeypatch.setattr(moving, "_publisher", wire)
    moving.write(hold)
    assert any(sent[-1][1:])
    if end == "disable":
        moving.enable(False)
        moving.write(hold)  # ignored
    else:
        moving.close()
    assert len(sent) > 1
    assert not any(sent[-1][1:])


def test_the_window_is_a_process_of_its_own_that_ends_with_the_driver(make, gazebo):
    if gazebo == "real" and not os.environ.get("DISPLAY"):
        pytest.skip("the real Gazebo: no DISPLAY for its window")
    driver = make(viewer=True)
    window = driver.server._window.pid
    assert b"-g" in Path(f"/proc/{window}/cmdline").read_bytes().split(b"\0")
    assert window != driver.server.pid
    driver.close()
    assert gone(window)


def test_a_driver_attaches_to_a_server_and_to_the_one_that_follows_it(make, start_server, hold):
    server = start_server()
    driver = make(server="attach", timeout=1.0)
    driver.enable(True)
    first = read_until(driver, hold, lambda sample: True)
    kill_server(server)
    read_until(driver, hold, lambda sample: not sample.fresh.any())
    server = start_server()
    found = read_until(driver, hold, lambda sample: sample.fresh.all())
    assert "board_rebooted" in found.faults[0]
    assert found.stamp > first.stamp
    driver.close()
    assert server.poll() is None  # it is not ours
