"""Promises of joint trajectories."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from humanoid_control.controller import Array
from humanoid_control.trajectory import (
    BRAKING,
    MOST_POINTS,
    Trajectory,
    TrajectoryConfig,
    TrajectoryError,
    TrajectoryOrder,
    braking,
    plan,
)
from humanoid_description.robot import RobotDescription

CONFIG = TrajectoryConfig(speed=0.5, jump=0.05)  # joints of the small robot: 4 rad/s
FORBIDDEN = {"leg": "carries the robot"}


def order_of(
    times: Any = (1.0,),
    positions: Any = ((0.3, -0.2),),
    joints: tuple[str, ...] = ("arm", "waist"),
    **more: Any,
) -> TrajectoryOrder:
    arrays = {name: None if value is None else np.array(value) for name, value in more.items()}
    return TrajectoryOrder(joints, np.array(times), np.array(positions), **arrays)


def planned(
    robot: RobotDescription,
    order: TrajectoryOrder,
    reference: Any = 0.0,
    velocity: Any = 0.0,
    config: TrajectoryConfig = CONFIG,
) -> Trajectory:
    n = len(robot.joints)
    start = np.broadcast_to(np.asarray(reference, float), n)
    speed = np.broadcast_to(np.asarray(velocity, float), n)
    return plan(order, robot, config, start, speed, FORBIDDEN)


def sampled(trajectory: Trajectory, ticks: int = 400) -> tuple[Array, Array, Array]:
    times = np.linspace(0.0, trajectory.duration, ticks + 1)
    values = [trajectory.at(float(time)) for time in times]
    return times, np.array([v[0] for v in values]), np.array([v[1] for v in values])


# -- what is played back -------------------------------------------------------------------------


def test_joints_may_come_in_any_order(robot: RobotDescription) -> None:
    trajectory = planned(robot, order_of())
    end, _ = trajectory.at(1.0)
    assert dict(zip(trajectory.rows.tolist(), end, strict=True)) == pytest.approx({2: 0.3, 1: -0.2})


def test_it_starts_at_the_reference_with_its_velocity_and_ends_at_rest(
    robot: RobotDescription,
) -> None:
    trajectory = planned(robot, order_of(), reference=0.1, velocity=0.4)
    position, velocity = trajectory.at(0.0)
    assert np.allclose(position, 0.1)
    assert np.allclose(velocity, 0.4)
    position, velocity = trajectory.at(trajectory.duration)
    assert np.allclose(position, [0.3, -0.2])
    assert np.allclose(velocity, 0.0)


@pytest.mark.parametrize("time", [-1.0, 0.0])
def test_before_its_start_it_is_held_at_the_start(robot: RobotDescription, time: float) -> None:
    assert np.allclose(planned(robot, order_of(), reference=0.1).at(time)[0], 0.1)


def test_after_its_end_it_is_held_at_the_end(robot: RobotDescription) -> None:
    assert np.allclose(planned(robot, order_of()).at(99.0)[0], [0.3, -0.2])


POINTS = st.lists(st.floats(-1.9, 1.4), min_size=1, max_size=8)


@given(points=POINTS, gap=st.floats(1.0, 3.0), reference=st.floats(-1.9, 1.4))
def test_positions_alone_make_a_curve_through_all_points_that_never_overshoots_them(
    robot: RobotDescription, points: list[float], gap: float, reference: float
) -> None:
    times = gap * np.arange(1, len(points) + 1)
    order = order_of(times, [[p] for p in points], ("arm",))
    trajectory = planned(robot, order, reference, config=TrajectoryConfig(speed=1.0))
    for time, point in zip(times, points, strict=True):
        assert trajectory.at(float(time))[0][0] == pytest.approx(point, abs=1e-9)
    knots = [reference, *points]
    for segment, (left, right) in enumerate(pairwise(knots)):
        inside = [trajectory.at(gap * (segment + x))[0][0] for x in np.linspace(0.0, 1.0, 21)]
        assert min(inside) >= min(left, right) - 1e-9
        assert max(inside) <= max(left, right) + 1e-9


@settings(max_examples=60)
@given(
    points=POINTS,
    velocities=st.lists(st.floats(-2.0, 2.0), min_size=8, max_size=8),
    accelerations=st.lists(st.floats(-5.0, 5.0), min_size=8, max_size=8),
    quintic=st.booleans(),
    speed=st.floats(-1.0, 1.0),
)
def test_what_is_accepted_meets_its_points_and_stays_within_the_limits(
    robot: RobotDescription,
    points: list[float],
    velocities: list[float],
    accelerations: list[float],
    quintic: bool,
    speed: float,
) -> None:
    k = len(points)
    times = 1.0 * np.arange(1, k + 1)
    given_accelerations = [[a] for a in accelerations[:k]] if quintic else None
    order = order_of(
        times,
        [[p] for p in points],
        ("arm",),
        velocities=[[v] for v in velocities[:k]],
        accelerations=given_accelerations,
    )
    try:
        trajectory = planned(robot, order, 0.0, speed)
    except TrajectoryError:
        assume(False)
    for row, time in enumerate(times):
        position, velocity = trajectory.at(float(time))
        assert position[0] == pytest.approx(points[row], abs=1e-9)
        assert velocity[0] == pytest.approx(velocities[row], abs=1e-8)
    _, position, velocity = sampled(trajectory)
    slack = 0.02 if quintic else 1e-9  # quintics are checked at 17 times in each segment
    assert position.min() >= -2.0 - slack
    assert position.max() <= 1.5 + slack
    assert np.abs(velocity).max() <= 4.0 + slack


@pytest.mark.parametrize("accelerations", [None, [[1.0, 0.0], [0.0, -0.5], [0.0, 0.0]]])
def test_velocity_is_the_derivative_of_position_and_both_are_continuous(
    robot: RobotDescription, accelerations: Any
) -> None:
    order = order_of(
        (0.5, 1.2, 2.0),
        ((0.3, -0.2), (0.5, 0.1), (0.0, 0.0)),
        velocities=((0.5, 0.2), (-0.1, 0.0), (0.0, 0.0)),
        accelerations=accelerations,
    )
    times, position, velocity = sampled(planned(robot, order), 2000)
    assert np.allclose(np.gradient(position, times, axis=0)[1:-1], velocity[1:-1], atol=2e-2)
    assert np.abs(np.diff(velocity, axis=0)).max() < 0.05


def test_a_first_point_at_time_0_may_be_next_to_the_reference_and_is_replaced_by_it(
    robot: RobotDescription,
) -> None:
    order = order_of((0.0, 1.0), ((0.04, 0.0), (0.3, -0.2)))
    assert np.allclose(planned(robot, order).at(0.0)[0], 0.0)


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (order_of(joints=()), "joint_names is empty"),
        (
            order_of(joints=("arm", "wast")),
            "'wast' is not in the joint table.*mean 'waist'",
        ),
        (order_of(joints=("arm", "leg")), "'leg' carries the robot: leave it out"),
        (order_of(joints=("arm", "arm")), "'arm' is named twice"),
        (order_of((1.0, 1.0), ((0, 0), (0, 0))), "increase"),
        (order_of((2.0, 1.0), ((0, 0), (0, 0))), "increase"),
        (order_of((-1.0, 1.0), ((0, 0), (0, 0))), "not negative"),
        (order_of((np.nan,)), "finite"),
        (order_of((np.inf,)), "finite"),
        (order_of((601.0,)), "longer than 600 s"),
        (order_of((0.0,), ((0.0, 0.0),)), "the only point is at time 0"),
        (order_of(positions=((0.0, np.nan),)), "point 0, joint 'waist': positions nan"),
        (order_of(velocities=((np.inf, 0.0),)), "joint 'arm': velocities inf"),
        (
            order_of(velocities=((0, 0),), accelerations=((0.0, -np.inf),)),
            "joint 'waist': accelerations -inf",
        ),
        (order_of(accelerations=((0.0, 0.0),)), "accelerations without velocities"),
        (order_of(positions=((0.3,),)), r"positions of shape \(1, 1\), expected 1 points of 2"),
        (order_of(velocities=((0, 0), (0, 0))), r"velocities of shape \(2, 2\)"),
        (order_of((5.0,), ((1.51, 0.0),)), r"'arm': position 1.510 rad is outside \[-2, 1.5\]"),
        (order_of((5.0,), ((0.0, -2.01),)), r"'waist': position -2.010 rad is outside"),
        (order_of((5.0,), velocities=((4.1, 0.0),)), "velocity 4.100 rad/s is above 4 rad/s"),
        (order_of((0.1,), ((0.5, 0.0),)), "'arm' would move at .* give it more time"),
        (
            order_of((1.0,), ((1.45, 0.0),), velocities=((-3.0, 0.0),)),
            "'arm' would swing to .* lower the velocities",
        ),
        (
            order_of((0.0, 1.0), ((0.06, 0.0), (0.0, 0.0))),
            "'arm': the first point is at time 0 and 0.060 rad from the present reference",
        ),
    ],
)
def test_a_bad_trajectory_is_refused_with_place_rule_and_next_step(
    robot: RobotDescription, order: TrajectoryOrder, reason: str
) -> None:
    with pytest.raises(TrajectoryError, match=reason):
        planned(robot, order)


def test_too_many_points_are_refused(robot: RobotDescription) -> None:
    k = MOST_POINTS + 1
    order = order_of(0.01 * np.arange(1, k + 1), np.zeros((k, 2)))
    with pytest.raises(TrajectoryError, match="send it in parts"):
        planned(robot, order)


def test_the_longest_trajectory_allowed_is_planned(robot: RobotDescription) -> None:
    order = order_of(0.5 * np.arange(1, MOST_POINTS + 1), np.zeros((MOST_POINTS, 2)))
    assert planned(robot, order).duration == 0.5 * MOST_POINTS


def test_values_exactly_at_the_limits_are_accepted(robot: RobotDescription) -> None:
    order = order_of((5.0,), ((1.5, -2.0),))
    assert np.allclose(planned(robot, order).at(5.0)[0], [1.5, -2.0])


def test_a_speed_just_above_the_limit_is_found_between_the_points(robot: RobotDescription) -> None:
    # From rest to rest over 1.2 rad in T a cubic peaks at 1.5 * 1.2 / T.
    fastest = 1.5 * 1.2 / 4.0
    with pytest.raises(TrajectoryError, match="more time"):
        planned(robot, order_of((fastest * 0.999,), ((1.2, 0.0),)))
    assert planned(robot, order_of((fastest * 1.001,), ((1.2, 0.0),)))


# -- braking -------------------------------------------------------------------------------------


@given(position=st.floats(-2.0, 1.5), velocity=st.floats(-8.0, 8.0))
def test_braking_comes_to_rest_in_time_without_speeding_up_or_leaving_the_limits(
    position: float, velocity: float
) -> None:
    lower, upper = np.array([-2.0]), np.array([1.5])
    rows = np.array([2])
    stop = braking(rows, np.array([position]), np.array([velocity]), lower, upper)
    end, rest = stop.at(BRAKING)
    assert rest[0] == pytest.approx(0.0, abs=1e-9)
    assert lower[0] <= end[0] <= upper[0]
    first, speed = stop.at(0.0)
    assert first[0] == pytest.approx(position)
    assert speed[0] == pytest.approx(velocity)
    if lower[0] < end[0] < upper[0]:
        _, _, speeds = sampled(stop)
        assert np.abs(speeds).max() <= abs(velocity) * (1.0 + 1e-9) + 1e-12
