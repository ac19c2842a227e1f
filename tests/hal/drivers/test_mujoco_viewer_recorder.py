import logging
import threading
from dataclasses import replace

import numpy as np
import pytest

from humanoid_hal.driver import DriverError
from humanoid_hal.drivers.mujoco import PERFECT, MujocoDriver, MujocoOptions

OPTIONS = MujocoOptions(noise=PERFECT)


# --- recording


def test_recording_holds_the_motion_at_the_films_rate(g1, hold, run, tmp_path):
    path = tmp_path / "run.npz"
    driver = MujocoDriver(g1, replace(OPTIONS, record=str(path), record_rate=25.0))
    driver.open()
    for _ in range(10):
        driver.read()
    run(driver, hold(g1), 500)
    last = driver.data.qpos.copy()
    driver.close()
    with np.load(path) as film:
        assert str(film["robot"]) == "g1"
        assert film["qpos"].shape == (26, driver.model.nq)
        assert set(np.diff(film["time"])[1:]) == {40_000_000}
        np.testing.assert_allclose(film["qpos"][-1], last, atol=0.01)


def test_recording_is_written_once_and_complete_after_closing_twice(g1, tmp_path):
    path = tmp_path / "run.npz"
    driver = MujocoDriver(g1, replace(OPTIONS, record=str(path)))
    driver.open()
    driver.read()
    driver.close()
    driver.close()
    with np.load(path) as film:
        assert len(film["time"]) == 1


def test_recording_to_a_place_that_cannot_be_written_is_refused_on_opening(g1, tmp_path):
    path = tmp_path / "missing" / "run.npz"
    driver = MujocoDriver(g1, replace(OPTIONS, record=str(path)))
    with pytest.raises(DriverError, match=r"cannot record to .*run\.npz: No such file"):
        driver.open()


def test_recording_that_fails_at_the_end_is_logged_and_closing_does_not_raise(g1, tmp_path, caplog):
    path = tmp_path / "run.npz"
    driver = MujocoDriver(g1, replace(OPTIONS, record=str(path)))
    driver.open()
    driver.read()
    path.unlink()
    path.mkdir()
    with caplog.at_level(logging.ERROR):
        driver.close()
    assert "was not written" in caplog.text


# --- window


class FakeWindow:
    """Stands in for MuJoCo's window, which needs a screen."""

    def __init__(self):
        self.open, self.frames = True, 0

    def is_running(self):
        return self.open

    def sync(self, state_only=False):
        assert self.open
        self.frames += 1

    def close(self):
        self.open = False


@pytest.fixture
def window(monkeypatch):
    glfw = pytest.importorskip("glfw")
    viewer = pytest.importorskip("mujoco.viewer", exc_type=RuntimeError)
    fake = FakeWindow()
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(glfw, "init", lambda: True)
    monkeypatch.setattr(viewer, "launch_passive", lambda *_, **__: fake)
    return fake


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(
        "humanoid_hal.drivers.mujoco.viewer.time", type("Clock", (), {"monotonic": lambda: now[0]})
    )
    return now


def windowed(g1):
    # Without meshes: the fake window draws nothing.
    driver = MujocoDriver(g1, OPTIONS)
    driver.options = replace(OPTIONS, viewer=True)
    driver.open()
    return driver


def test_window_is_refreshed_at_most_sixty_times_a_second(g1, window, clock):
    driver = windowed(g1)
    for _ in range(1000):
        driver.read()
        clock[0] += 0.002
    assert 90 <= window.frames <= 121


def test_simulation_goes_on_when_the_window_is_closed(g1, hold, run, window, clock):
    driver = windowed(g1)
    run(driver, hold(g1), 5)
    window.open = False
    clock[0] += 1.0
    assert len(run(driver, hold(g1), 5)) == 5
    driver.close()


def test_closing_the_driver_closes_the_window(g1, window, clock):
    driver = windowed(g1)
    driver.close()
    assert not window.open


def test_closing_waits_for_the_thread_that_draws(g1, monkeypatch, window, clock):
    """A process that ends under a drawing thread crashes."""
    closed = threading.Event()
    drawing = threading.Thread(target=closed.wait)
    monkeypatch.setattr(window, "close", closed.set)

    def launch(*_, **__):
        drawing.start()
        return window

    monkeypatch.setattr("mujoco.viewer.launch_passive", launch)
    driver = windowed(g1)
    assert drawing.is_alive()
    driver.close()
    assert not drawing.is_alive()


def test_window_that_fails_to_start_is_refused_with_its_reason(g1, monkeypatch, window):
    def launch(*_, **__):
        raise RuntimeError("no OpenGL")

    monkeypatch.setattr("mujoco.viewer.launch_passive", launch)
    with pytest.raises(DriverError, match="did not start: no OpenGL"):
        windowed(g1)


def test_window_without_a_screen_is_refused_with_the_next_step(g1, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    driver = MujocoDriver(g1, replace(OPTIONS, viewer=True))
    with pytest.raises(DriverError, match=r"needs a screen.*--video"):
        driver.open()
    driver.close()


def test_window_on_a_display_that_does_not_answer_is_refused_and_does_not_hang(
    g1, window, monkeypatch
):
    monkeypatch.setattr("glfw.init", lambda: False)
    with pytest.raises(DriverError, match="cannot open a window on this display"):
        windowed(g1)
