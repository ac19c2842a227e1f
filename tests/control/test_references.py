"""Promises of the operator's references."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_control.references import (
    BodyPoseError,
    LimitedMotion,
    OperatorReferences,
    ReferencesConfig,
)
from humanoid_control.trajectory import BRAKING, TrajectoryError, TrajectoryOrder
from humanoid_description.robot import RobotDescription

DT, STEP = 0.002, 2_000_000
HEIGHT = 0.8
CONFIG = ReferencesConfig()


class Operator:
    """References on a 500 Hz clock."""

    def __init__(self, robot: RobotDescription) -> None:
        self.references = OperatorReferences(robot, CONFIG, HEIGHT, frozenset({"leg"}))
        self.stamp = 1_000 * STEP

    @property
    def values(self) -> Any:
        return self.references.values

    def body(self, x: float = 0, y: float = 0, z: float = 0, rpy: Any = (0, 0, 0)) -> Any:
        return self.references.order_body(np.array([x, y]), z, np.array(rpy, dtype=float))

    def follow(self, joints: tuple[str, ...], times: Any, positions: Any) -> None:
        order = TrajectoryOrder(joints, np.array(times, float), np.array(positions, float))
        self.references.order_trajectory(order, self.stamp)

    def run(self, seconds: float) -> list[tuple[np.ndarray, np.ndarray]]:
        """Positions and velocities of all joints at each tick."""
        seen = []
        for _ in range(round(seconds / DT)):
            self.stamp += STEP
            self.references.advance(self.stamp, DT)
            seen.append((self.values.position.copy(), self.values.velocity.copy()))
        return seen


@pytest.fixture
def operator(robot: RobotDescription) -> Operator:
    return Operator(robot)


# -- the body ------------------------------------------------------------------------------------


def test_at_first_the_ready_pose_is_asked_for(operator: Operator, robot: RobotDescription) -> None:
    operator.run(0.1)
    assert np.array_equal(operator.values.com_offset, [0.0, 0.0])
    assert operator.values.height == HEIGHT
    assert np.array_equal(operator.values.torso, [0.0, 0.0, 0.0])
    assert np.array_equal(operator.values.position, robot.poses["ready"])
    assert not operator.values.velocity.any()
    assert not operator.values.tracked.any()


def test_the_body_arrives_exactly(operator: Operator) -> None:
    assert operator.body(0.02, -0.04, 0.7, (0.1, 0.2, -0.3)) == ()
    operator.run(5.0)
    assert np.array_equal(operator.values.com_offset, [0.02, -0.04])
    assert operator.values.height == 0.7
    assert np.array_equal(operator.values.torso, [0.1, 0.2, -0.3])


def test_a_height_of_zero_is_that_of_the_ready_pose(operator: Operator) -> None:
    operator.body(z=0.7)
    operator.run(3.0)
    operator.body(z=0.0)
    operator.run(3.0)
    assert operator.values.height == HEIGHT


def test_what_is_out_of_range_is_clamped_and_said(operator: Operator) -> None:
    notes = operator.body(9.0, -9.0, 9.0, (9.0, -9.0, 9.0))
    assert [note.split(" clamped")[0] for note in notes] == [
        "CoM x 9.000",
        "CoM y -9.000",
        "height 9.000",
        "roll 9.000",
        "pitch -9.000",
        "yaw 9.000",
    ]
    operator.run(10.0)
    assert np.array_equal(operator.values.com_offset, [CONFIG.com_upper[0], CONFIG.com_lower[1]])
    assert operator.values.height == CONFIG.height_upper * HEIGHT
    assert np.allclose(operator.values.torso, np.array(CONFIG.torso) * [1, -1, 1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("what", ["x", "y", "z", "rpy"])
def test_a_body_pose_that_is_not_finite_is_refused_and_changes_nothing(
    operator: Operator, bad: float, what: str
) -> None:
    with pytest.raises(BodyPoseError, match="not finite"):
        operator.body(**{what: (0.0, 0.0, bad) if what == "rpy" else bad})
    operator.run(1.0)
    assert operator.values.height == HEIGHT


@given(
    start=st.floats(-1, 1),
    target=st.floats(-1, 1),
    second=st.floats(-1, 1),
    switch=st.integers(0, 600),
)
def test_motion_keeps_speed_and_acceleration_and_comes_to_rest_on_its_target(
    start: float, target: float, second: float, switch: int
) -> None:
    speed, acceleration = 0.5, 1.0
    motion = LimitedMotion(np.array([start]), np.array([speed]), np.array([acceleration]))
    motion.order(np.array([target]))
    values = [start]
    for tick in range(4000):
        if tick == switch:
            motion.order(np.array([second]))
        motion.advance(DT)
        values.append(float(motion.value[0]))
    velocity = np.diff(values) / DT
    assert values[-1] == second
    assert np.abs(velocity).max() <= speed * (1 + 1e-9)
    # The last step onto the target may be shorter or longer by the distance of one step from rest.
    assert np.abs(np.diff(velocity)).max() <= 2.0 * acceleration * DT * (1 + 1e-6)


def test_motion_does_not_overshoot(operator: Operator) -> None:
    operator.body(z=0.7)
    heights = []
    for _ in range(1500):
        operator.run(DT)
        heights.append(operator.values.height)
    assert min(heights) >= 0.7 - 1e-6
    assert heights[-1] == 0.7


def test_a_stopped_motion_comes_to_rest_without_turning_back() -> None:
    motion = LimitedMotion(np.zeros(1), np.array([0.5]), np.array([1.0]))
    motion.order(np.ones(1))
    for _ in range(300):
        motion.advance(DT)
    motion.stop()
    values = []
    for _ in range(600):
        motion.advance(DT)
        values.append(float(motion.value[0]))
    assert values[-1] == values[-2] < 0.5
    assert np.all(np.diff(values) >= -1e-9)


def test_no_time_no_motion() -> None:
    motion = LimitedMotion(np.zeros(1), np.ones(1), np.ones(1))
    motion.order(np.ones(1))
    motion.advance(0.0)
    assert motion.value[0] == 0.0


# -- the posture ---------------------------------------------------------------------------------


def test_a_trajectory_moves_its_joints_tracks_them_and_leaves_the_others(
    operator: Operator, robot: RobotDescription
) -> None:
    operator.follow(("wrist", "arm"), [1.0], [[0.4, 0.2]])
    operator.run(0.5)
    assert operator.values.tracked.tolist() == [False, False, True, True]
    assert operator.values.velocity[2:].all()
    operator.run(0.51)
    ready = robot.poses["ready"]
    assert np.allclose(operator.values.position, [ready[0], ready[1], 0.2, 0.4])
    assert not operator.values.velocity.any()
    assert not operator.values.tracked.any()
    assert not operator.references.moving


def test_joints_that_carry_the_robot_are_refused(operator: Operator) -> None:
    with pytest.raises(TrajectoryError, match="'leg' carries the robot"):
        operator.follow(("arm", "leg"), [1.0], [[0.0, 0.5]])
    assert not operator.references.moving


def test_a_refused_trajectory_leaves_the_running_one_alone(operator: Operator) -> None:
    operator.follow(("arm",), [1.0], [[0.3]])
    operator.run(0.3)
    with pytest.raises(TrajectoryError):
        operator.follow(("arm",), [0.01], [[-1.5]])
    operator.run(0.8)
    assert operator.values.position[2] == pytest.approx(0.3)


def test_a_new_trajectory_preempts_without_a_step_in_position_or_velocity(
    operator: Operator,
) -> None:
    operator.follow(("waist", "arm"), [1.0], [[0.5, 0.3]])
    seen = operator.run(0.5)
    operator.follow(("arm", "wrist"), [1.0], [[-0.4, 0.5]])
    seen += operator.run(1.5)
    position = np.array([p for p, _ in seen])
    velocity = np.array([v for _, v in seen])
    assert np.abs(np.diff(velocity, axis=0)).max() < 0.05
    assert np.abs(np.diff(position, axis=0)).max() < 2.0 * DT
    assert position[-1, 2] == pytest.approx(-0.4)
    assert 0.25 < position[-1, 1] < 0.5  # the waist was left behind: it braked


@pytest.mark.parametrize("how", ["empty", "freeze"])
def test_stopping_a_trajectory_brakes_it_and_holds_it_there(operator: Operator, how: str) -> None:
    operator.follow(("arm",), [1.0], [[0.5]])
    seen = operator.run(0.5)
    if how == "empty":
        operator.follow((), [], np.zeros((0, 0)))
    else:
        operator.references.freeze(operator.stamp)
    seen += operator.run(1.0)
    velocity = np.array([v[2] for _, v in seen])
    assert np.abs(np.diff(velocity)).max() < 0.05
    assert not velocity[-round((1.0 - BRAKING) / DT) + 1 :].any()
    end = seen[-1][0][2]
    assert seen[249][0][2] < end < 0.5
    assert not operator.references.moving


def test_stopping_nothing_does_nothing(operator: Operator, robot: RobotDescription) -> None:
    operator.follow((), [], np.zeros((0, 0)))
    operator.references.freeze(operator.stamp)
    operator.run(0.1)
    assert np.array_equal(operator.values.position, robot.poses["ready"])


def test_a_reset_is_the_ready_pose_at_once(operator: Operator, robot: RobotDescription) -> None:
    operator.body(0.02, z=0.7)
    operator.follow(("arm",), [1.0], [[0.5]])
    operator.run(0.5)
    operator.references.reset()
    operator.run(DT)
    assert np.array_equal(operator.values.position, robot.poses["ready"])
    assert operator.values.height == HEIGHT
    assert not operator.values.tracked.any()
    assert not operator.values.com_offset.any()


def test_a_gap_in_the_samples_does_not_make_a_trajectory_jump(operator: Operator) -> None:
    operator.follow(("arm",), [2.0], [[0.5]])
    operator.run(1.0)
    before = operator.values.position[2]
    operator.stamp += 1_000_000_000
    operator.references.advance(operator.stamp, DT)
    assert abs(operator.values.position[2] - before) < 0.02
