"""Promises of the messages that control reads."""

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import PoseStamped, Quaternion, TwistStamped
from rclpy.serialization import serialize_message
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from humanoid_control.messages import (
    RobotStateError,
    StateReader,
    body_pose,
    command_example,
    trajectory_order,
    velocity,
)
from humanoid_control.references import BodyPoseError
from humanoid_control.trajectory import MOST_POINTS, TrajectoryError
from humanoid_control.velocity import VelocityError
from humanoid_description.robot import RobotDescription
from humanoid_interfaces.msg import FootState, RobotState

NOW = 5_000_000_000


@pytest.fixture
def message(g1: RobotDescription) -> RobotState:
    """A robot_state in which every number differs."""
    n, numbers = len(g1.joints), iter(np.arange(1.0, 500.0))

    def take(count: int) -> list[float]:
        return [float(next(numbers)) for _ in range(count)]

    def fill(vector: Any, fields: str) -> None:
        for name in fields:
            setattr(vector, name, float(next(numbers)))

    state = RobotState(child_frame_id="base_link", name=list(g1.joint_names), fall=1, valid=True)
    state.header.frame_id = "odom"
    state.header.stamp = Time(sec=12, nanosec=345_678_901)
    fill(state.pose.position, "xyz")
    fill(state.pose.orientation, "xyzw")
    fill(state.twist.linear, "xyz")
    fill(state.twist.angular, "xyz")
    fill(state.gyroscope_bias, "xyz")
    fill(state.accelerometer_bias, "xyz")
    state.position, state.velocity, state.effort = take(n), take(n), take(n)
    for row, foot in enumerate(g1.feet):
        entry = FootState(name=foot.name, contact=row == 1)
        fill(entry.wrench.force, "xyz")
        fill(entry.wrench.torque, "xyz")
        state.feet.append(entry)
    return state


def same(left: Any, right: Any) -> bool:
    names = ("q", "v", "effort", "contact", "wrenches")
    scalars = ("stamp", "fall", "valid", "armed")
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in names) and all(
        getattr(left, name) == getattr(right, name) for name in scalars
    )


def test_bytes_and_message_give_the_same_state(g1: RobotDescription, message: RobotState) -> None:
    reader = StateReader(g1)
    fast = reader.read(serialize_message(message))
    assert fast is not None
    assert same(fast, reader.convert(message))


def test_every_number_arrives_in_its_place(g1: RobotDescription, message: RobotState) -> None:
    n = len(g1.joints)
    state = StateReader(g1).read(serialize_message(message))
    assert state is not None
    assert state.stamp == 12_345_678_901
    assert np.array_equal(state.q, [*range(1, 8), *range(20, 20 + n)])
    assert np.array_equal(state.v, [*range(8, 14), *range(20 + n, 20 + 2 * n)])
    assert np.array_equal(state.effort, range(20 + 2 * n, 20 + 3 * n))
    assert np.array_equal(state.wrenches, np.arange(12).reshape(2, 6) + 20 + 3 * n)
    assert state.contact.tolist() == [False, True]
    assert (state.fall, state.valid) == (1, True)


def test_joints_and_feet_in_another_order_give_the_same_state(
    g1: RobotDescription, message: RobotState
) -> None:
    reader = StateReader(g1)
    shuffled = deepcopy(message)
    for field in ("name", "position", "velocity", "effort", "feet"):
        setattr(shuffled, field, list(getattr(message, field))[::-1])
    assert reader.read(serialize_message(shuffled)) is None
    assert same(reader.convert(shuffled), reader.convert(message))


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda m: m.name.__setitem__(3, "knee"), "'left_knee_joint' is there 0 times"),
        (lambda m: m.name.__setitem__(3, m.name[2]), "times, expected once"),
        (lambda m: m.name.append("tail"), "joint 'tail' is not in the joint table"),
        (lambda m: m.feet.pop(), "foot 'r_sole' is there 0 times"),
        (lambda m: m.position.pop(), "position has 28 values, expected 29"),
        (lambda m: m.effort.append(0.0), "effort has 30 values, expected 29"),
    ],
)
def test_a_robot_state_of_another_robot_is_refused_by_name(
    g1: RobotDescription, message: RobotState, break_it: Any, reason: str
) -> None:
    break_it(message)
    reader = StateReader(g1)
    assert reader.read(serialize_message(message)) is None
    with pytest.raises(RobotStateError, match=reason):
        reader.convert(message)


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x00\x00", b"\xff" * 2000])
def test_garbage_is_not_read(g1: RobotDescription, data: bytes) -> None:
    assert StateReader(g1).read(data) is None


def test_a_truncated_state_is_not_read(g1: RobotDescription, message: RobotState) -> None:
    data = serialize_message(message)
    assert StateReader(g1).read(data[:-1]) is None


def test_the_command_names_every_joint_in_table_order(g1: RobotDescription) -> None:
    command = command_example(g1)
    assert tuple(command.name) == g1.joint_names
    for field in ("position", "velocity", "effort", "stiffness", "damping"):
        assert len(getattr(command, field)) == len(g1.joints)


# -- body pose -----------------------------------------------------------------------------------


def pose(frame: str = "base_footprint", **orientation: float) -> PoseStamped:
    message = PoseStamped()
    message.header.frame_id = frame
    message.pose.position.x, message.pose.position.y, message.pose.position.z = 0.01, -0.02, 0.7
    message.pose.orientation = Quaternion(**(orientation or {"w": 1.0}))
    return message


@pytest.mark.parametrize("frame", ["", "base_footprint"])
def test_a_body_pose_is_com_offset_height_and_torso(frame: str) -> None:
    com_offset, height, torso = body_pose(pose(frame))
    assert np.array_equal(com_offset, [0.01, -0.02])
    assert height == 0.7
    assert np.array_equal(torso, [0.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("axis", "index", "angle"),
    [(a, i, v) for i, a in enumerate("xyz") for v in (-1.2, -0.3, 0.0, 0.4, 1.5)],
)
def test_the_torso_turns_about_each_axis(axis: str, index: int, angle: float) -> None:
    message = pose(**{axis: np.sin(angle / 2), "w": np.cos(angle / 2)})
    expected = np.zeros(3)
    expected[index] = angle
    assert np.allclose(body_pose(message)[2], expected)


def test_roll_pitch_and_yaw_are_about_fixed_axes_in_this_order() -> None:
    # Rz(0.3) Ry(0.2) Rx(0.1), e.g. from tf_transformations.quaternion_from_euler(0.1, 0.2, 0.3).
    message = pose(x=0.034271, y=0.106021, z=0.143572, w=0.983347)
    assert np.allclose(body_pose(message)[2], [0.1, 0.2, 0.3], atol=1e-5)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (pose("odom"), "in frame 'odom': give it in 'base_footprint'"),
        (pose(w=0.0), "norm is 0"),
        (pose(w=2.0), "norm is 2"),
        (pose(w=float("nan")), "norm is nan"),
        (pose(w=float("inf")), "norm is inf"),
    ],
)
def test_a_bad_body_pose_is_refused(message: PoseStamped, reason: str) -> None:
    with pytest.raises(BodyPoseError, match=reason):
        body_pose(message)


# -- walking velocities --------------------------------------------------------------------------


def twist(frame: str = "base_footprint", **parts: float) -> TwistStamped:
    message = TwistStamped()
    message.header.frame_id = frame
    for name, value in parts.items():
        vector, axis = name.split("_")
        setattr(getattr(message.twist, vector), axis, value)
    return message


@pytest.mark.parametrize("frame", ["", "base_footprint", "base_link"])
def test_a_velocity_is_forward_left_and_turning(frame: str) -> None:
    message = twist(frame, linear_x=0.4, linear_y=-0.1, angular_z=0.2)
    assert np.array_equal(velocity(message), [0.4, -0.1, 0.2])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (twist("odom", linear_x=0.1), "in frame 'odom': give it in 'base_footprint'"),
        (twist(linear_z=0.1), "only linear.x, linear.y and angular.z"),
        (twist(angular_x=0.1), "only linear.x, linear.y and angular.z"),
        (twist(angular_y=float("nan")), "only linear.x, linear.y and angular.z"),
    ],
)
def test_a_velocity_that_cannot_be_walked_is_refused(message: TwistStamped, reason: str) -> None:
    with pytest.raises(VelocityError, match=reason):
        velocity(message)


# -- joint trajectories --------------------------------------------------------------------------


def trajectory(*points: JointTrajectoryPoint, stamp: int = 0) -> JointTrajectory:
    message = JointTrajectory(joint_names=["a", "b"], points=list(points))
    message.header.stamp = Time(sec=stamp // 10**9, nanosec=stamp % 10**9)
    return message


def point(seconds: float = 1.0, **fields: Any) -> JointTrajectoryPoint:
    fields.setdefault("positions", [0.1, 0.2])
    whole = int(seconds)
    duration = Duration(sec=whole, nanosec=round((seconds - whole) * 1e9))
    return JointTrajectoryPoint(time_from_start=duration, **fields)


def test_positions_alone_are_an_order() -> None:
    order = trajectory_order(trajectory(point(0.5), point(1.5)), NOW)
    assert order.joints == ("a", "b")
    assert np.array_equal(order.times, [0.5, 1.5])
    assert np.array_equal(order.positions, [[0.1, 0.2], [0.1, 0.2]])
    assert order.velocities is None
    assert order.accelerations is None
    assert not order.empty


def test_velocities_and_accelerations_are_taken_over() -> None:
    order = trajectory_order(
        trajectory(point(velocities=[1.0, 2.0], accelerations=[3.0, 4.0])), NOW
    )
    assert np.array_equal(order.velocities, [[1.0, 2.0]])
    assert np.array_equal(order.accelerations, [[3.0, 4.0]])


def test_no_points_mean_stop() -> None:
    assert trajectory_order(trajectory(), NOW).empty
    assert trajectory_order(JointTrajectory(), NOW).empty


@pytest.mark.parametrize("stamp", [0, NOW, NOW - 10**9, NOW + 10**9])
def test_a_start_of_now_is_accepted(stamp: int) -> None:
    assert not trajectory_order(trajectory(point(), stamp=stamp), NOW).empty


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (trajectory(point(), stamp=NOW + 10**9 + 1), r"\+1.000 s from now: leave it at 0"),
        (trajectory(point(), stamp=NOW - 10**9 - 1), r"-1.000 s from now: leave it at 0"),
        (trajectory(point(positions=[0.1])), "point 0 has 1 positions, expected one for each of"),
        (trajectory(point(positions=[])), "point 0 has 0 positions"),
        (trajectory(point(velocities=[0.1])), "point 0 has 1 velocities"),
        (
            trajectory(point(velocities=[0.0, 0.0]), point(2.0)),
            "point 1 has 0 velocities",
        ),
        (trajectory(point(effort=[1.0, 1.0])), "effort in a trajectory is not supported"),
        (trajectory(*[point()] * (MOST_POINTS + 1)), "send it in parts"),
    ],
)
def test_a_malformed_trajectory_is_refused(message: JointTrajectory, reason: str) -> None:
    with pytest.raises(TrajectoryError, match=reason):
        trajectory_order(message, NOW)
