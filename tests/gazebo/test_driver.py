"""The Gazebo driver against a server in another process: the stand-in, and Gazebo where it is."""

import numpy as np
import pytest

from humanoid_hal.driver import Command, DriverError
from humanoid_hal.drivers.gazebo import GazeboDriver, GazeboOptions
from humanoid_hal.drivers.gazebo.driver import RESET_PAUSE
from humanoid_hal.drivers.gazebo.messages import law_rows, law_torque

WEIGHT = 33.34 * 9.81  # [N] of the G1


def run(driver, command, count):
    """Write and read `count` times, as the HAL does; the samples."""
    samples = []
    for _ in range(count):
        driver.write(command)
        samples.append(driver.read())
    return samples


def base_height(driver):
    return driver.world.truth()[0][2]


def test_the_robot_stands_at_rest_before_it_is_enabled(driver, g1):
    first = driver.read()
    np.testing.assert_allclose(first.position, g1.poses["ready"], atol=0.02)
    assert np.abs(first.velocity).max() < 0.05
    assert first.fresh.all()
    assert first.faults == ()
    np.testing.assert_allclose(first.imu.linear_acceleration, [0.0, 0.0, 9.81], atol=0.5)
    assert first.wrenches[:, 2].sum() == pytest.approx(WEIGHT, rel=0.03)
    assert {driver.read().stamp for _ in range(5)} == {first.stamp}
    pose, twist = driver.world.truth()
    np.testing.assert_allclose(pose[3:], [0, 0, 0, 1], atol=0.01)
    assert np.abs(twist).max() < 0.05


def test_each_read_in_lockstep_is_one_control_period(driver, hold):
    before = driver.read().stamp
    driver.enable(True)
    stamps = [sample.stamp for sample in run(driver, hold, 50)]
    assert stamps == [before + driver.period * (i + 1) for i in range(50)]


def test_the_law_runs_in_the_server_and_the_effort_is_what_it_gives(driver, g1, hold):
    driver.enable(True)
    bent = Command(hold.position + 0.05, hold.velocity, hold.effort, hold.stiffness, hold.damping)
    sample = run(driver, bent, 100)[-1]
    moved = sample.position - g1.poses["ready"]
    wrists = [g1.index[name] for name in g1.joint_names if "wrist" in name]
    np.testing.assert_allclose(moved[wrists], 0.05, atol=0.03)
    expected = law_torque(law_rows(bent), g1.column("effort"), sample.position, sample.velocity)
    np.testing.assert_array_equal(sample.effort, expected)
    assert np.abs(sample.effort).max() > 1.0


def test_commands_are_ignored_while_not_enabled(driver, hold):
    driver.enable(True)
    run(driver, hold, 5)
    driver.enable(False)
    high = base_height(driver)
    samples = run(driver, hold, 150)
    assert base_height(driver) < high - 0.02
    assert not samples[-1].effort.any()


def test_the_server_lets_go_when_commands_stop(driver, hold):
    """Gazebo holds a law's last command for ever; ours does so for `watchdog` only."""
    driver.enable(True)
    run(driver, hold, 10)
    high = base_height(driver)
    for _ in range(40):  # 80 ms: the watchdog's 100 are not over
        driver.read()
    assert base_height(driver) > high - 0.005
    for _ in range(200):
        driver.read()
    assert base_height(driver) < high - 0.03


def test_a_push_acts_for_its_duration(driver, hold):
    driver.enable(True)
    run(driver, hold, 10)
    driver.world.push("torso", np.array([0.0, 60.0, 0.0]), 0.1)
    run(driver, hold, 25)
    pushed = driver.world.truth()[1][1]
    assert pushed > 0.05
    run(driver, hold, 30)
    faster = driver.world.truth()[1][1]
    run(driver, hold, 5)
    assert driver.world.truth()[1][1] < faster  # nothing pushes any more
    with pytest.raises(ValueError, match="did you mean 'torso_link'"):
        driver.world.push("torso_lnk", np.zeros(3), 0.1)


def test_a_reset_puts_the_robot_back_and_time_goes_on(driver, hold):
    driver.enable(True)
    last = run(driver, hold, 20)[-1]
    driver.world.reset()
    again = driver.read()
    assert again.stamp == last.stamp + RESET_PAUSE
    assert again.faults == ()
    assert driver.read().stamp == again.stamp
    driver.enable(True)
    assert run(driver, hold, 1)[0].stamp == again.stamp + driver.period


def test_contacts_are_felt_while_standing(driver, hold):
    driver.world.contacts()
    driver.enable(True)
    run(driver, hold, 20)
    assert driver.world.contacts() == (True, True)


def test_the_bindings_keep_the_interpreter_while_they_wait(driver):
    """The trap that service_process.py is there for: this process subscribes."""
    bindings, link = driver._bindings, driver._link
    request = bindings.message("WorldControl")()
    request.pause, request.multi_step = True, driver.steps
    kind = type(request), bindings.message("Boolean")
    before = driver.read().stamp
    done, _ = link.node.request(driver._topics.control, request, *kind, 200)
    assert not done
    after = link.wait(before - driver._offset, before - driver._offset + driver.period, 5.0)
    assert after is not None  # it was done all the same


def test_an_option_that_asks_for_a_lost_server_says_what_to_start(g1, gazebo, monkeypatch):
    monkeypatch.setenv("GZ_PARTITION", "nobody_is_here")
    driver = GazeboDriver(g1, GazeboOptions(server="attach", patience=1.0))
    with pytest.raises(DriverError, match=r"no Gazebo server runs the torque law.*humanoid gazebo"):
        driver.open()
    driver.close()


def test_calls_before_open_say_so(g1):
    driver = GazeboDriver(g1)
    with pytest.raises(DriverError, match="call open\\(\\) first"):
        driver.read()
    driver.close()
    driver.close()
