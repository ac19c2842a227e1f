"""Promises of the checks on IMU and estimator (rows 10 and 11)."""

import numpy as np
import pytest

from humanoid_perception import kernels
from humanoid_perception.config import HealthConfig
from humanoid_perception.health import DivergenceWatch, ImuWatch, Vertical
from humanoid_perception.inekf import InvariantFilter, Noise, Spread
from humanoid_perception.kernels import GRAVITY, State

DT = 0.002
CONFIG = HealthConfig()
RATE, FORCE = np.array([0.1, 0.2, 0.3]), np.array([0.0, 0.0, GRAVITY])
JOINTS = np.zeros(4)
UP = np.array([0.0, 0.0, 1.0])


def watch() -> ImuWatch:
    imu = ImuWatch(CONFIG)
    assert imu.update(RATE, FORCE, JOINTS, 0.0) == ""
    return imu


def test_a_lost_imu_is_bridged_for_twenty_milliseconds() -> None:
    imu = watch()
    reasons = [imu.update(None, None, JOINTS, DT) for _ in range(11)]
    assert reasons[:10] == [""] * 10
    assert "no new IMU values for 22 ms" in reasons[10]
    np.testing.assert_array_equal(imu.angular_velocity, RATE)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", [0, 1])
def test_values_that_are_not_finite_are_lost_values(bad: float, part: int) -> None:
    imu = watch()
    values = [RATE.copy(), FORCE.copy()]
    values[part][1] = bad
    imu.update(values[0], values[1], JOINTS, DT)
    assert imu.age == DT
    np.testing.assert_array_equal(imu.linear_acceleration, FORCE)


def test_half_an_imu_is_a_lost_one() -> None:
    imu = watch()
    imu.update(RATE, None, JOINTS, DT)
    assert imu.age == DT


def test_identical_values_of_a_moving_robot_are_those_of_a_frozen_imu() -> None:
    imu = watch()
    reasons = [imu.update(RATE.copy(), FORCE.copy(), JOINTS + tick, DT) for tick in range(1, 12)]
    assert reasons[9] == ""
    assert "no new IMU values" in reasons[10]


def test_identical_values_of_a_resting_robot_are_believed() -> None:
    imu = watch()
    for _ in range(50):
        assert imu.update(RATE.copy(), FORCE.copy(), JOINTS.copy(), DT) == ""
    assert imu.age == 0.0


def test_a_single_new_value_ends_the_dropout() -> None:
    imu = watch()
    for _ in range(20):
        imu.update(None, None, JOINTS, DT)
    assert imu.update(RATE + 1.0, FORCE, JOINTS, DT) == ""


@pytest.mark.parametrize(("every", "healthy"), [(20, True), (5, False)])
def test_losing_more_than_a_tenth_is_a_fault(every: int, healthy: bool) -> None:
    imu = watch()
    reason = ""
    for tick in range(1000):
        lost = tick % every == 0
        reason = imu.update(None if lost else RATE + tick, FORCE, JOINTS, DT)
    assert (reason == "") == healthy
    assert healthy or "of the samples have new IMU values" in reason


def test_a_reset_watch_waits_for_its_first_value() -> None:
    imu = watch()
    imu.reset()
    assert not imu.seen
    assert imu.update(RATE, FORCE, JOINTS, 0.0) == ""
    assert imu.seen


def test_the_vertical_follows_a_turning_body() -> None:
    vertical, dt = Vertical(), 0.002
    rate = np.array([0.3, -0.5, 0.8])
    for tick in range(2000):
        up = kernels.exp(rate * tick * dt).T @ [0.0, 0.0, 1.0]
        vertical.update(rate, GRAVITY * up, dt)
    assert np.dot(vertical.up, up) > 0.99999


def test_the_vertical_forgets_a_wrong_start_but_not_at_once() -> None:
    vertical = Vertical()
    vertical.update(np.zeros(3), np.array([GRAVITY, 0.0, 0.0]), DT)
    for _ in range(100):
        vertical.update(np.zeros(3), FORCE, DT)
    assert vertical.up[2] < 0.5
    for _ in range(10000):
        vertical.update(np.zeros(3), FORCE, DT)
    assert vertical.up[2] > 0.999


def test_free_fall_and_impact_do_not_bend_the_vertical() -> None:
    vertical = Vertical()
    vertical.update(np.zeros(3), FORCE, DT)
    for force in ([0.0, 0.0, 0.0], [30.0, 0.0, 5.0]):
        for _ in range(200):
            vertical.update(np.zeros(3), np.array(force), DT)
    assert vertical.up == pytest.approx(UP)


def test_an_impact_does_not_begin_the_vertical() -> None:
    vertical = Vertical()
    vertical.update(np.zeros(3), np.array([30.0, 0.0, 5.0]), DT)
    np.testing.assert_array_equal(vertical.up, UP)


def healthy_filter() -> State:
    sound = InvariantFilter(2, Noise(*[1e-3] * 7))
    sound.reset(np.eye(3), np.zeros(3), Spread(0.01, 0.01, 0.01, 0.01))
    return sound.state


def judge(state: State, seconds: float = DT, **changes: object) -> str:
    """The reason after `seconds` of the same picture."""
    divergence, reason = DivergenceWatch(CONFIG), ""
    picture = {"before": state.vectors.copy(), "ignored": False, "up": UP} | changes
    for _ in range(round(seconds / DT)):
        reason = divergence.update(state, picture["before"], picture["ignored"], picture["up"], DT)
    return reason


def test_a_sound_filter_is_believed() -> None:
    assert judge(healthy_filter(), 1.0) == ""


@pytest.mark.parametrize("part", ["vectors", "rotation", "covariance"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_any_number_that_is_not_finite_is_found_at_once(part: str, bad: float) -> None:
    state = healthy_filter()
    getattr(state, part).flat[4] = bad
    assert judge(state, before=np.zeros((4, 3))) == "state is not finite"


def test_a_rotation_that_is_none_is_found_at_once() -> None:
    state = healthy_filter()
    state.rotation[:] *= 1.00001
    assert "norm of the orientation" in judge(state)


@pytest.mark.parametrize(
    ("name", "limit"),
    [("velocity", CONFIG.speed), ("gyroscope_bias", CONFIG.gyroscope_bias),
     ("accelerometer_bias", CONFIG.accelerometer_bias)],
)  # fmt: skip
def test_unbelievable_values_are_found_at_once(name: str, limit: float) -> None:
    state = healthy_filter()
    values = state.vectors[0] if name == "velocity" else getattr(state, name)
    values[:] = (0.0, 0.999 * limit, 0.0)
    assert judge(state) == ""
    values[:] = (0.0, 1.001 * limit, 0.0)
    assert "limit" in judge(state)


@pytest.mark.parametrize(("row", "limit"), [(0, CONFIG.jump_velocity), (1, CONFIG.jump_position)])
def test_a_jump_by_correction_is_found_at_once(row: int, limit: float) -> None:
    state = healthy_filter()
    before = state.vectors.copy()
    state.vectors[row, 0] = 0.999 * limit
    assert judge(state, before=before) == ""
    state.vectors[row, 0] = 1.001 * limit
    assert "jumped" in judge(state, before=before)


def test_feet_that_contradict_the_imu_are_a_fault_within_100_ms() -> None:
    assert judge(healthy_filter(), 0.078, ignored=True) == ""
    assert "contradict" in judge(healthy_filter(), 0.1, ignored=True)


def test_now_and_then_an_ignored_foot_is_no_fault() -> None:
    divergence, state = DivergenceWatch(CONFIG), healthy_filter()
    for tick in range(2000):
        assert divergence.update(state, state.vectors, tick % 4 == 0, UP, DT) == ""


def test_an_attitude_against_gravity_is_a_fault_within_100_ms() -> None:
    def tilted(angle: float) -> np.ndarray:
        return np.array([np.sin(angle), 0.0, np.cos(angle)])

    assert judge(healthy_filter(), 1.0, up=tilted(CONFIG.gravity - 1e-3)) == ""
    assert judge(healthy_filter(), 0.078, up=tilted(CONFIG.gravity + 1e-3)) == ""
    assert "accelerometer" in judge(healthy_filter(), 0.1, up=tilted(CONFIG.gravity + 1e-3))
