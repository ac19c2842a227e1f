"""The mock driver keeps the driver contract and does what its faults say."""

from pathlib import Path

import numpy as np
import pytest

from humanoid_description import RobotDescription, load_robot
from humanoid_hal.driver import Command, DriverError
from humanoid_hal.drivers.mock import MockDriver, MockFault, MockHardwareDriver, MockOptions

G1 = Path(__file__).parents[3] / "config" / "robots" / "g1"


@pytest.fixture(scope="module")
def g1() -> RobotDescription:
    return load_robot(G1)


def hold(robot: RobotDescription, offset: float = 0.0) -> Command:
    n = len(robot.joints)
    return Command(
        robot.poses["ready"] + offset,
        np.zeros(n),
        np.zeros(n),
        robot.column("stiffness"),
        robot.column("damping"),
    )


def opened(robot: RobotDescription, **options: object) -> MockDriver:
    driver = MockDriver(robot, MockOptions(**options))
    driver.open()
    return driver


def test_reading_before_open_is_an_error(g1: RobotDescription) -> None:
    with pytest.raises(DriverError, match="call open"):
        MockDriver(g1).read()


def test_writing_without_torque_is_an_error(g1: RobotDescription) -> None:
    with pytest.raises(DriverError, match="enable"):
        opened(g1).write(hold(g1))


def test_until_torque_comes_the_same_sample_is_returned(g1: RobotDescription) -> None:
    driver = opened(g1)
    first = driver.read()
    assert driver.read() is first
    driver.enable(True)
    assert driver.read().stamp == first.stamp + driver.period


def test_joints_follow_their_targets_without_overshooting_the_torque_limit(
    g1: RobotDescription,
) -> None:
    driver = opened(g1)
    driver.enable(True)
    for _ in range(2000):
        driver.write(hold(g1, 0.05))
        sample = driver.read()
        assert (np.abs(sample.effort) <= g1.column("effort")).all()
    np.testing.assert_allclose(sample.position, g1.poses["ready"] + 0.05, atol=1e-3)


def test_without_torque_joints_coast(g1: RobotDescription) -> None:
    driver = opened(g1)
    driver.enable(True)
    driver.write(hold(g1, 0.05))
    driver.read()
    driver.enable(False)
    before, after = driver.read(), driver.read()
    np.testing.assert_array_equal(before.velocity, after.velocity)
    assert not after.effort.any()


def test_two_runs_are_equal_bit_for_bit(g1: RobotDescription) -> None:
    def run() -> bytes:
        driver = opened(g1)
        driver.enable(True)
        for step in range(50):
            driver.write(hold(g1, 0.001 * step))
            sample = driver.read()
        assert sample.imu is not None
        return sample.position.tobytes() + sample.imu.angular_velocity.tobytes()

    assert run() == run()


def test_it_keeps_what_was_written_when_asked(g1: RobotDescription) -> None:
    driver = opened(g1, keep=2)
    driver.enable(True)
    for offset in (0.0, 0.1, 0.2):
        driver.write(hold(g1, offset))
    kept = [command.position[0] - g1.poses["ready"][0] for command in driver.written]
    assert kept == pytest.approx([0.1, 0.2])
    assert driver.switched == [True]


def test_closing_takes_torque_off_and_may_be_repeated(g1: RobotDescription) -> None:
    driver = opened(g1)
    driver.enable(True)
    driver.close()
    driver.close()
    assert driver.switched == [True, False]


def test_the_feet_share_the_weight_and_the_imu_rests(g1: RobotDescription) -> None:
    sample = opened(g1, weight=300.0, temperature=40.0, voltage=48.0).read()
    assert sample.wrenches is not None
    assert sample.wrenches[:, 2].tolist() == [150.0, 150.0]
    assert sample.imu is not None
    assert sample.imu.linear_acceleration[2] == pytest.approx(9.80665, abs=1e-5)
    assert sample.temperature is not None
    assert set(sample.temperature) == {40.0}
    assert sample.voltage == 48.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pose": "reedy"}, "no pose 'reedy'"),
        ({"faults": (MockFault("off", "left_knee"),)}, "did you mean 'left_knee_joint'"),
    ],
)
def test_options_that_do_not_fit_the_robot_are_refused(
    g1: RobotDescription, options: dict[str, object], words: str
) -> None:
    with pytest.raises(DriverError, match=words):
        MockDriver(g1, MockOptions(**options))


def with_fault(g1: RobotDescription, *fault: object, **changes: object) -> MockDriver:
    driver = opened(g1, faults=(MockFault(*fault, **changes),))
    driver.enable(True)
    return driver


KNEE = "left_knee_joint"


def test_fault_off_leaves_a_joint_unanswered_for_its_cycles(g1: RobotDescription) -> None:
    driver = with_fault(g1, "off", KNEE, cycle=2, cycles=2)
    fresh = [driver.read().fresh[g1.index[KNEE]] for _ in range(5)]
    assert fresh == [True, False, False, True, True]


def test_fault_intermittent_is_every_second_cycle(g1: RobotDescription) -> None:
    driver = with_fault(g1, "intermittent", "", cycle=1)
    assert [driver.read().fresh.any() for _ in range(4)] == [False, True, False, True]


def test_fault_garbage_is_nan(g1: RobotDescription) -> None:
    sample = with_fault(g1, "garbage", KNEE).read()
    assert np.isnan(sample.position).sum() == 1


def test_fault_wrong_adds_its_value(g1: RobotDescription) -> None:
    sample = with_fault(g1, "wrong", KNEE, value=0.5).read()
    expected = g1.poses["ready"][g1.index[KNEE]] + 0.5
    assert sample.position[g1.index[KNEE]] == expected


def test_fault_stuck_repeats_the_last_reading(g1: RobotDescription) -> None:
    driver = with_fault(g1, "stuck", KNEE, cycle=5)
    for _ in range(10):
        driver.write(hold(g1, 0.1))
        sample = driver.read()
    knee, other = g1.index[KNEE], g1.index["left_hip_pitch_joint"]
    driver.write(hold(g1, 0.1))
    later = driver.read()
    assert later.position[knee] == sample.position[knee]
    assert later.position[other] != sample.position[other]


def test_fault_stuck_from_the_first_reading_on_has_nothing_to_repeat(
    g1: RobotDescription,
) -> None:
    for what in (KNEE, "imu"):
        assert opened(g1, faults=(MockFault("stuck", what),)).read().imu is not None


def test_faults_of_the_imu(g1: RobotDescription) -> None:
    assert with_fault(g1, "off", "imu").read().imu is None
    garbage = with_fault(g1, "garbage", "imu").read().imu
    assert garbage is not None
    assert np.isnan(garbage.angular_velocity).all()
    wrong = with_fault(g1, "wrong", "imu", value=2.0).read().imu
    assert wrong is not None
    assert wrong.angular_velocity == pytest.approx([2.0] * 3, abs=1e-5)
    stuck = with_fault(g1, "stuck", "imu", cycle=2)
    stuck.read()
    assert stuck.read().imu is stuck.read().imu


def test_fault_raise_raises(g1: RobotDescription) -> None:
    driver = with_fault(g1, "raise", "", cycle=2)
    driver.read()
    with pytest.raises(DriverError, match="mock fault 'raise' in cycle 2"):
        driver.read()


def test_as_hardware_samples_differ_and_stamps_advance_before_any_torque(
    g1: RobotDescription,
) -> None:
    driver = MockHardwareDriver(g1, MockOptions(control_rate=2000.0))
    driver.open()
    first, second = driver.read(), driver.read()
    assert second.stamp > first.stamp > 10**18
    assert not driver.capabilities.simulated
    assert first.imu is not None
    assert second.imu is not None
    assert (first.imu.angular_velocity != second.imu.angular_velocity).any()
