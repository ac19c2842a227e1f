"""Promises of perception as a whole, on samples of a robot that stands."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pinocchio as pin
import pytest

from humanoid_description import RobotDescription
from humanoid_perception.kernels import GRAVITY
from humanoid_perception.pipeline import Perception
from humanoid_perception.types import FALLEN, FALLING, UPRIGHT, Estimate

SECOND = 500  # samples


def names(estimate: Estimate) -> list[str]:
    return [name for name, _ in estimate.faults]


def up(estimate: Estimate) -> np.ndarray:
    return pin.Quaternion(estimate.orientation).matrix()[2]


@pytest.fixture
def perception(g1: RobotDescription) -> Perception:
    return Perception(g1)


def stand(perception: Perception, standing: Any, first: int, last: int, **changes: Any) -> Estimate:
    for tick in range(first, last):
        estimate = perception.update(standing(tick, **changes))
    return estimate


# -- start ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["g1", "talos"])
@pytest.mark.parametrize("sensors", [True, False])
def test_the_first_sample_at_rest_is_valid(
    name: str, sensors: bool, make_standing: Callable[..., Any], request: pytest.FixtureRequest
) -> None:
    robot = request.getfixturevalue(name)
    standing = make_standing(robot)
    estimate = Perception(robot).update(standing(1) if sensors else standing(1, wrenches=None))
    assert estimate.valid
    assert estimate.faults == ()
    assert estimate.contact.tolist() == [True, True]
    assert up(estimate)[2] > 0.99999
    assert np.abs(estimate.linear_velocity).max() < 0.01


def test_the_origin_is_on_the_floor_between_the_feet(g1: RobotDescription, standing: Any) -> None:
    estimate = Perception(g1).update(standing(1, linear_acceleration=standing.up * GRAVITY))
    kinematics = standing.kinematics
    soles = estimate.position + kinematics.imu_position + kinematics.offsets
    np.testing.assert_allclose(soles.mean(axis=0), 0.0, atol=1e-4)


def test_a_tilted_start_is_seen_by_the_accelerometer(perception: Perception, standing: Any) -> None:
    tilted = pin.rpy.rpyToMatrix(0.1, -0.05, 0.0)
    estimate = perception.update(standing(1, linear_acceleration=tilted.T @ standing.up * GRAVITY))
    np.testing.assert_allclose(up(estimate), tilted[2], atol=1e-6)


@pytest.mark.parametrize(
    "moving",
    [{"angular_velocity": np.array([0.0, 0.5, 0.0])}, {"linear_acceleration": np.zeros(3)}],
)
def test_a_start_in_motion_waits_for_rest(
    perception: Perception, standing: Any, moving: dict[str, Any]
) -> None:
    estimate = stand(perception, standing, 1, 20, **moving)
    assert not estimate.valid
    assert estimate.faults == ()
    assert perception.update(standing(20)).valid


def test_without_any_imu_the_fault_names_it(perception: Perception, standing: Any) -> None:
    estimate = stand(perception, standing, 1, 15, angular_velocity=None, linear_acceleration=None)
    assert names(estimate) == ["imu_dropout"]
    assert not estimate.valid


# -- the same stamp ------------------------------------------------------------------------------


def test_a_repeated_stamp_is_answered_by_the_same_object(
    perception: Perception, standing: Any
) -> None:
    first = perception.update(standing(1))
    assert perception.update(standing(1)) is first


def test_repeats_cannot_be_seen_in_the_results(
    g1: RobotDescription, make_standing: Callable[..., Any]
) -> None:
    samples = [make_standing(g1)(tick) for tick in range(1, 100)]
    once, often = Perception(g1), Perception(g1)
    for sample in samples:
        plain = once.update(sample)
        for _ in range(3):
            repeated = often.update(sample)
    for field in (
        "position",
        "orientation",
        "linear_velocity",
        "angular_velocity",
        "gyroscope_bias",
    ):
        np.testing.assert_array_equal(getattr(plain, field), getattr(repeated, field))


# -- running ------------------------------------------------------------------------------


def test_standing_still_stays_still_and_finds_the_gyroscope_bias(
    perception: Perception, standing: Any
) -> None:
    bias = np.array([0.01, -0.005, 0.008])
    start = perception.update(standing(1))
    for tick in range(2, 10 * SECOND):
        sample = standing(tick)
        estimate = perception.update(
            replace(sample, angular_velocity=sample.angular_velocity + bias)
        )
    assert estimate.valid
    np.testing.assert_allclose(estimate.gyroscope_bias, bias, atol=1e-3)
    assert np.linalg.norm(estimate.position - start.position) < 0.01
    assert np.linalg.norm(estimate.linear_velocity) < 0.005


def test_an_estimate_is_not_changed_by_later_samples(perception: Perception, standing: Any) -> None:
    first = stand(perception, standing, 1, 50)
    kept = {name: np.array(getattr(first, name)) for name in Estimate.__slots__ if name != "faults"}
    stand(perception, standing, 50, 100)
    for name, value in kept.items():
        np.testing.assert_array_equal(getattr(first, name), value)


def test_a_lifted_foot_loses_contact_and_comes_back(perception: Perception, standing: Any) -> None:
    stand(perception, standing, 1, SECOND)
    one = np.zeros((2, 6))
    one[0, 2] = standing.weight
    assert stand(perception, standing, SECOND, SECOND + 10, wrenches=one).contact.tolist() == [
        True,
        False,
    ]
    estimate = stand(perception, standing, SECOND + 10, SECOND + 20)
    assert estimate.contact.tolist() == [True, True]
    assert estimate.valid


def test_a_light_foot_that_slips_does_not_carry_the_base_along(
    perception: Perception, standing: Any
) -> None:
    """The right leg opens by 0.1 rad; its foot slides 7 cm under a tenth of the weight."""
    wrenches = np.zeros((2, 6))
    wrenches[:, 2] = 0.9 * standing.weight, 0.1 * standing.weight
    before = stand(perception, standing, 1, SECOND, wrenches=wrenches)
    position = standing.position.copy()
    for tick in range(SECOND, 2 * SECOND):
        position[7] -= 0.1 / SECOND  # right hip roll, outward
        estimate = perception.update(standing(tick, position=position.copy(), wrenches=wrenches))
    assert estimate.valid
    assert np.linalg.norm(estimate.position - before.position) < 0.01
    assert up(estimate)[2] > 0.9999


def test_hanging_at_rest_stays_valid_and_landing_finds_the_floor(
    perception: Perception, standing: Any
) -> None:
    stand(perception, standing, 1, SECOND)
    hanging = stand(perception, standing, SECOND, 4 * SECOND, wrenches=np.zeros((2, 6)))
    assert hanging.valid
    assert not hanging.contact.any()
    landed = stand(perception, standing, 4 * SECOND, 5 * SECOND)
    assert landed.valid
    soles = (
        landed.position[2] + standing.kinematics.imu_position[2] + standing.kinematics.offsets[:, 2]
    )
    np.testing.assert_allclose(soles, 0.0, atol=0.01)


def test_flying_is_not_valid_for_long(perception: Perception, standing: Any) -> None:
    stand(perception, standing, 1, SECOND)
    flight = {"wrenches": np.zeros((2, 6)), "linear_acceleration": standing.up * 0.5}
    assert stand(perception, standing, SECOND, SECOND + 100, **flight).valid
    assert not stand(perception, standing, SECOND + 100, SECOND + 300, **flight).valid


# -- faults ------------------------------------------------------------------------------


def test_a_short_imu_gap_changes_nothing_visible(perception: Perception, standing: Any) -> None:
    before = stand(perception, standing, 1, SECOND)
    gap = {"angular_velocity": None, "linear_acceleration": None}
    estimate = stand(perception, standing, SECOND, SECOND + 10, **gap)
    assert estimate.valid
    assert estimate.faults == ()
    assert np.linalg.norm(estimate.position - before.position) < 1e-3


def test_a_long_imu_gap_is_reported_within_50_ms_and_survived(
    perception: Perception, standing: Any
) -> None:
    before = stand(perception, standing, 1, SECOND)
    gap = {"angular_velocity": None, "linear_acceleration": None}
    lost = stand(perception, standing, SECOND, SECOND + 11, **gap)
    assert names(lost) == ["imu_dropout"]
    assert not lost.valid
    stand(perception, standing, SECOND + 11, 2 * SECOND, **gap)
    after = stand(perception, standing, 2 * SECOND, 4 * SECOND)
    assert after.valid
    assert after.faults == ()
    assert np.linalg.norm(after.position - before.position) < 0.02


@pytest.mark.parametrize("field", ["position", "velocity", "effort"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_joints_that_are_not_finite_invalidate_only_their_sample(
    perception: Perception, standing: Any, field: str, bad: float
) -> None:
    stand(perception, standing, 1, SECOND)
    values = getattr(standing(0), field).copy()
    values[3] = bad
    spoiled = perception.update(standing(SECOND, **{field: values}))
    assert names(spoiled) == ["estimator_divergence"]
    assert not spoiled.valid
    assert np.isfinite(spoiled.position).all()
    assert perception.update(standing(SECOND + 1)).valid


def test_a_wrench_that_is_not_finite_is_a_missing_one(
    perception: Perception, standing: Any
) -> None:
    stand(perception, standing, 1, SECOND)
    estimate = perception.update(standing(SECOND, wrenches=np.full((2, 6), np.nan)))
    assert np.isfinite(estimate.wrenches).all()
    assert estimate.valid


def test_contradicting_feet_are_divergence_within_100_ms(
    perception: Perception, standing: Any
) -> None:
    """The encoders shake as no body could, while the IMU rests."""
    stand(perception, standing, 1, SECOND)
    found, random = None, np.random.default_rng(4)
    for tick in range(SECOND, SECOND + 51):
        shaken = standing.position + 0.05 * random.normal(size=len(standing.position))
        estimate = perception.update(standing(tick, position=shaken))
        if "estimator_divergence" in names(estimate):
            found = tick
            break
    assert found is not None
    assert not estimate.valid


def test_after_divergence_it_starts_again_at_rest_where_it_was(
    perception: Perception, standing: Any
) -> None:
    before = stand(perception, standing, 1, SECOND)
    perception._base.filter.velocity[0] = 9.0
    broken = perception.update(standing(SECOND))
    assert names(broken) == ["estimator_divergence"]
    assert "speed" in broken.faults[0][1]
    waiting = perception.update(standing(SECOND + 1, angular_velocity=np.ones(3)))
    assert "waiting to be at rest" in waiting.faults[0][1]
    after = stand(perception, standing, SECOND + 2, 2 * SECOND)
    assert after.valid
    assert after.faults == ()
    np.testing.assert_allclose(after.position, before.position, atol=0.01)


@pytest.mark.parametrize("part", ["vectors", "rotation", "covariance"])
def test_a_state_that_is_not_finite_is_divergence_and_recovered_from(
    perception: Perception, standing: Any, part: str
) -> None:
    stand(perception, standing, 1, SECOND)
    getattr(perception._base.filter.state, part)[0, 0] = np.nan
    broken = perception.update(standing(SECOND))
    assert names(broken) == ["estimator_divergence"]
    after = stand(perception, standing, SECOND + 1, 2 * SECOND)
    assert after.valid
    assert np.isfinite(after.position).all()


@pytest.mark.parametrize("step", [-1, -400, 51, 10_000])
def test_a_clock_jump_is_reported_and_starts_again(
    perception: Perception, standing: Any, step: int
) -> None:
    stand(perception, standing, 1, SECOND)
    estimate = perception.update(standing(SECOND - 1 + step))
    assert names(estimate) == ["clock_jump"]
    assert estimate.valid
    following = perception.update(standing(SECOND + step))
    assert following.faults == ()
    assert following.valid


def test_a_few_lost_samples_are_no_clock_jump(perception: Perception, standing: Any) -> None:
    stand(perception, standing, 1, SECOND)
    estimate = perception.update(standing(SECOND + 49))
    assert estimate.faults == ()
    assert estimate.valid


def lying(perception: Perception, standing: Any, first: int, seconds: float) -> Estimate:
    side = pin.rpy.rpyToMatrix(1.5, 0.0, 0.0).T @ standing.up * GRAVITY
    off = np.zeros((2, 6))
    last = first + round(seconds * SECOND)
    return stand(perception, standing, first, last, linear_acceleration=side, wrenches=off)


def test_tipping_over_is_falling_then_fallen(perception: Perception, standing: Any) -> None:
    stand(perception, standing, 1, SECOND)
    off, rate = np.zeros((2, 6)), np.array([2.5, 0.0, 0.0])
    seen = []
    for tick in range(SECOND, SECOND + 300):
        angle = 2.5 * (tick - SECOND) / SECOND
        force = pin.rpy.rpyToMatrix(angle, 0.0, 0.0).T @ standing.up * GRAVITY
        sample = standing(tick, angular_velocity=rate, linear_acceleration=force, wrenches=off)
        seen.append((angle, perception.update(sample)))
    first = next(angle for angle, estimate in seen if estimate.fall == FALLING)
    assert first < np.radians(40.0) + 2.5 * 0.044
    estimate = lying(perception, standing, SECOND + 300, 1.0)
    assert estimate.fall == FALLEN
    assert "fallen" in names(estimate)


def test_a_robot_found_lying_is_fallen(perception: Perception, standing: Any) -> None:
    estimate = lying(perception, standing, 1, 0.5)
    assert estimate.fall == FALLEN
    assert names(estimate) == ["fallen"]


def test_a_reset_world_is_upright_again(perception: Perception, standing: Any) -> None:
    lying(perception, standing, 1, 0.5)
    estimate = perception.update(standing(2 * SECOND))
    assert estimate.fall == UPRIGHT
    assert estimate.valid


def tipped(standing: Any, angle: float) -> np.ndarray:
    """What the accelerometer shows at a roll of `angle` [rad]."""
    return np.array(pin.rpy.rpyToMatrix(angle, 0.0, 0.0).T @ standing.up * GRAVITY)


def test_while_it_lies_the_imu_alone_tells_the_attitude(
    perception: Perception, standing: Any
) -> None:
    """Feet that press against something while a robot gets up tell nothing, and are no fault."""
    lying(perception, standing, 1, 2.0)
    for tick in range(2 * SECOND + 1, 3 * SECOND):  # it turns further, and its feet are pressed
        angle = 1.5 + (tick - 2 * SECOND) / SECOND
        sample = standing(
            tick,
            angular_velocity=np.array([1.0, 0.0, 0.0]),
            linear_acceleration=tipped(standing, angle) + np.array([0.0, 0.0, 3.0]),
        )
        estimate = perception.update(sample)
        assert not estimate.valid
        assert names(estimate) == ["fallen"]
    assert up(estimate) == pytest.approx([0.0, np.sin(2.5), np.cos(2.5)], abs=0.02)
    estimate = stand(
        perception, standing, 3 * SECOND, 6 * SECOND, linear_acceleration=tipped(standing, 2.0)
    )
    assert up(estimate) == pytest.approx([0.0, np.sin(2.0), np.cos(2.0)], abs=0.02)


def test_a_robot_that_has_got_up_starts_again_at_rest_where_it_fell(
    perception: Perception, standing: Any
) -> None:
    before = stand(perception, standing, 1, SECOND)
    lying(perception, standing, SECOND, 1.0)
    estimate = stand(perception, standing, 2 * SECOND, 4 * SECOND)
    assert estimate.fall == UPRIGHT
    assert estimate.valid
    assert estimate.faults == ()
    assert up(estimate)[2] > 0.9999
    assert estimate.position == pytest.approx(before.position, abs=0.1)
