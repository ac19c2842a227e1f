"""Between ROS messages and control's values. Everything that arrives is checked here, once."""

from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, TwistStamped
from numpy.typing import NDArray
from trajectory_msgs.msg import JointTrajectory

from humanoid_control.controller import Array, State
from humanoid_control.references import BodyPoseError
from humanoid_control.trajectory import MOST_POINTS, TrajectoryError, TrajectoryOrder
from humanoid_control.velocity import VelocityError
from humanoid_description.robot import RobotDescription
from humanoid_interfaces.msg import FootState, JointCommand, RobotState
from humanoid_runtime.cdr import Layout
from humanoid_runtime.stamps import NANOSECONDS, to_nanoseconds

BASE_FOOTPRINT, BASE_LINK = "base_footprint", "base_link"  # REP-120

#: How far from 1 the norm of a quaternion may be.
_NORM_TOLERANCE = 1e-3


class RobotStateError(Exception):
    """A robot_state does not fit the joint table; the message says where."""


class StateReader:
    """Makes :class:`State` from the bytes of a robot_state."""

    def __init__(
        self, robot: RobotDescription, frame: str = "odom", child: str = "base_link"
    ) -> None:
        n, feet = len(robot.joints), [foot.name for foot in robot.feet]
        self._robot, self._feet = robot, feet
        example = RobotState(child_frame_id=child, name=list(robot.joint_names))
        example.header.frame_id = frame
        example.position = example.velocity = example.effort = [0.0] * n
        example.feet = [FootState(name=name) for name in feet]
        self._layout = Layout(example)
        self._buffer = self._layout.template()
        base = self._view("pose.position.x", "twist.angular.z")
        self._q = (base[:7], self._view("position"))
        self._v = (base[7:], self._view("velocity"))
        self._effort = self._view("effort")
        rows = range(len(feet))
        self._contact = [self._view(f"feet.{row}.contact") for row in rows]
        self._wrenches = [
            self._view(f"feet.{row}.wrench.force.x", f"feet.{row}.wrench.torque.z") for row in rows
        ]
        self._fall, self._valid = self._view("fall"), self._view("valid")

    def read(self, data: bytes) -> State | None:
        """The state in `data`, or None if it has another layout: then use :meth:`convert`."""
        if not self._layout.fits(data):
            return None
        self._buffer[:] = data[: len(self._buffer)]
        return State(
            self._layout.read_stamp(data),
            np.concatenate(self._q),
            np.concatenate(self._v),
            self._effort.copy(),
            np.concatenate(self._contact),
            np.array(self._wrenches),
            int(self._fall[0]),
            bool(self._valid[0]),
        )

    def _view(self, first: str, last: str = "") -> NDArray[Any]:
        return self._layout.view(self._buffer, first, last)

    def convert(self, message: RobotState) -> State:
        """The state in `message`, its joints and feet in any order. Raises RobotStateError."""
        joints = _order(list(message.name), self._robot.joint_names, "joint")
        feet = _order([foot.name for foot in message.feet], self._feet, "foot")
        for field in ("position", "velocity", "effort"):
            values = getattr(message, field)
            if len(values) != len(joints):
                raise RobotStateError(
                    f"robot_state: {field} has {len(values)} values, expected {len(joints)}"
                )
        pose, twist = message.pose, message.twist
        base = [_vector(pose.position), _quaternion(pose.orientation)]
        ordered = [message.feet[row] for row in feet]
        wrenches = [[*_vector(f.wrench.force), *_vector(f.wrench.torque)] for f in ordered]
        return State(
            to_nanoseconds(message.header.stamp),
            np.concatenate((*base, np.asarray(message.position)[joints])),
            np.concatenate(
                (
                    _vector(twist.linear),
                    _vector(twist.angular),
                    np.asarray(message.velocity)[joints],
                )
            ),
            np.asarray(message.effort)[joints],
            np.array([foot.contact for foot in ordered]),
            np.array(wrenches),
            message.fall,
            message.valid,
        )


def command_example(robot: RobotDescription) -> JointCommand:
    """A joint command of the final layout, all zero."""
    zeros = [0.0] * len(robot.joints)
    return JointCommand(
        name=list(robot.joint_names),
        position=zeros,
        velocity=zeros,
        effort=zeros,
        stiffness=zeros,
        damping=zeros,
    )


def body_pose(message: PoseStamped) -> tuple[Array, float, Array]:
    """CoM offset [m], height [m] and torso roll, pitch, yaw [rad]. Raises BodyPoseError."""
    frame = message.header.frame_id
    if frame not in ("", BASE_FOOTPRINT):
        raise BodyPoseError(f"body pose in frame '{frame}': give it in '{BASE_FOOTPRINT}'")
    quaternion = np.array(_quaternion(message.pose.orientation))
    norm = float(np.linalg.norm(quaternion))
    if not abs(norm - 1.0) <= _NORM_TOLERANCE:
        raise BodyPoseError(f"body pose: the orientation's norm is {norm:g}: make it 1")
    x, y, height = _vector(message.pose.position)
    return np.array([x, y]), height, _roll_pitch_yaw(quaternion / norm)


def velocity(message: TwistStamped) -> Array:
    """Forward, left [m/s] and turning [rad/s], shape (3,). Raises VelocityError.

    ``header.stamp`` is not looked at: an order counts from its arrival.
    """
    frame = message.header.frame_id
    if frame not in ("", BASE_FOOTPRINT, BASE_LINK):
        raise VelocityError(f"velocity in frame '{frame}': give it in '{BASE_FOOTPRINT}'")
    x, y, z = _vector(message.twist.linear)
    roll, pitch, yaw = _vector(message.twist.angular)
    if any((z, roll, pitch)):
        raise VelocityError("velocity: only linear.x, linear.y and angular.z may differ from 0")
    return np.array([x, y, yaw])


def trajectory_order(message: JointTrajectory, stamp: int) -> TrajectoryOrder:
    """The order in `message`; `stamp` [ns] is the present. Raises TrajectoryError.

    A start in ``header.stamp`` must be 0 or the present (within a second); both mean now.
    """
    start = to_nanoseconds(message.header.stamp)
    if start and abs(start - stamp) > NANOSECONDS:
        raise TrajectoryError(
            f"header.stamp is {(start - stamp) * 1e-9:+.3f} s from now: leave it at 0 to start now"
        )
    points = message.points
    if len(points) > MOST_POINTS:
        raise TrajectoryError(f"{len(points)} points, more than {MOST_POINTS}: send it in parts")
    if any(len(point.effort) for point in points):
        raise TrajectoryError("effort in a trajectory is not supported: leave it empty")
    positions = _table(message, "positions")
    return TrajectoryOrder(
        tuple(message.joint_names),
        np.array([to_nanoseconds(point.time_from_start) * 1e-9 for point in points]),
        np.zeros((0, len(message.joint_names))) if positions is None else positions,
        _table(message, "velocities"),
        _table(message, "accelerations"),
    )


def _table(message: JointTrajectory, field: str) -> Array | None:
    """One field of all points, shape (k, m); None where no point has it."""
    rows = [getattr(point, field) for point in message.points]
    if field != "positions" and not any(len(row) for row in rows):
        return None
    for index, row in enumerate(rows):
        if len(row) != len(message.joint_names):
            raise TrajectoryError(
                f"point {index} has {len(row)} {field}, expected one for each of the "
                f"{len(message.joint_names)} joints"
            )
    return np.array(rows, dtype=float) if rows else None


def _order(names: list[str], expected: Any, what: str) -> list[int]:
    """Where each expected name stands in `names`."""
    for name in expected:
        if names.count(name) != 1:
            raise RobotStateError(
                f"robot_state: {what} '{name}' is there {names.count(name)} times, expected once: "
                "start every node with the same robot"
            )
    if len(names) != len(expected):
        extra = next(name for name in names if name not in expected)
        raise RobotStateError(
            f"robot_state: {what} '{extra}' is not in the joint table: "
            "start every node with the same robot"
        )
    return [names.index(name) for name in expected]


def _vector(value: Any) -> tuple[float, float, float]:
    return value.x, value.y, value.z


def _quaternion(value: Any) -> tuple[float, float, float, float]:
    return value.x, value.y, value.z, value.w


def _roll_pitch_yaw(q: Array) -> Array:
    """Fixed axes x, y, z (REP-103) of the unit quaternion xyzw."""
    x, y, z, w = q
    return np.array(
        [
            np.arctan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y)),
            np.arcsin(np.clip(2.0 * (w * y - z * x), -1.0, 1.0)),
            np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)),
        ]
    )
