"""Between ROS messages and perception's values: fixed layouts, read and written in place."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from geometry_msgs.msg import WrenchStamped
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Imu, JointState

from humanoid_description import RobotDescription
from humanoid_interfaces.msg import FaultReport, FootState, RobotState
from humanoid_perception.types import Estimate, Measurement
from humanoid_runtime import topics
from humanoid_runtime.cdr import FixedPublisher, Layout
from humanoid_runtime.stamps import set_stamp, to_nanoseconds

Array = NDArray[np.float64]

FRAME, CHILD_FRAME = "odom", "base_link"  # REP-105


class MessageError(Exception):
    """A sensor message does not fit the robot; the text says how, and where to look."""


class JointReader:
    """Stamp, position, velocity and effort of serialised JointState messages, in table order."""

    def __init__(self, robot: RobotDescription) -> None:
        n = len(robot.joints)
        self._names = robot.joint_names
        example = JointState(name=list(self._names))
        example.position = example.velocity = example.effort = [0.0] * n
        self._layout = Layout(example)

    def read(self, data: bytes) -> tuple[int, Array, Array, Array]:
        """Raises MessageError."""
        layout = self._layout
        if layout.fits(data):
            columns = [
                np.array(layout.view(data, name)) for name in ("position", "velocity", "effort")
            ]
            return layout.read_stamp(data), columns[0], columns[1], columns[2]
        message = deserialize_message(data, JointState)
        rows = {name: row for row, name in enumerate(message.name)}
        missing = [name for name in self._names if name not in rows]
        if missing:
            raise MessageError(
                f"joint_states lacks the joint '{missing[0]}' of the joint table; "
                "start the HAL with the same robot.yaml"
            )
        order = [rows[name] for name in self._names]
        values = []
        for name in ("position", "velocity", "effort"):
            column = np.array(getattr(message, name))
            if len(column) != len(message.name):
                raise MessageError(
                    f"joint_states: {name} has {len(column)} values for {len(message.name)} joints"
                )
            values.append(column[order])
        return to_nanoseconds(message.header.stamp), values[0], values[1], values[2]


class VectorReader:
    """Stamp and six numbers of serialised messages.

    Imu: angular velocity and linear acceleration; WrenchStamped: force and torque.
    """

    _PARTS: ClassVar[dict[Any, tuple[str, str, str]]] = {
        Imu: ("", "angular_velocity", "linear_acceleration"),
        WrenchStamped: ("wrench", "force", "torque"),
    }

    def __init__(self, kind: type[Imu] | type[WrenchStamped], frame: str) -> None:
        """`frame`: the usual frame_id, which is read fastest."""
        self._kind = kind
        self._outer, *self._parts = self._PARTS[kind]
        example = kind()
        example.header.frame_id = frame
        self._layout = Layout(example)
        prefix = f"{self._outer}." if self._outer else ""
        self._ends = [(f"{prefix}{part}.x", f"{prefix}{part}.z") for part in self._parts]

    def read(self, data: bytes) -> tuple[int, Array]:
        """Stamp [ns] and values, shape (6,)."""
        layout = self._layout
        if layout.fits(data):
            halves = [layout.view(data, first, last) for first, last in self._ends]
            return layout.read_stamp(data), np.concatenate(halves)
        message = deserialize_message(data, self._kind)
        body = getattr(message, self._outer) if self._outer else message
        vectors = [getattr(body, part) for part in self._parts]
        values = np.array([getattr(vector, axis) for vector in vectors for axis in "xyz"])
        return to_nanoseconds(message.header.stamp), values


class StatePublisher:
    """Publishes robot_state."""

    def __init__(self, node: Any, robot: RobotDescription) -> None:
        example = RobotState(child_frame_id=CHILD_FRAME, name=list(robot.joint_names))
        example.header.frame_id = FRAME
        example.position = example.velocity = example.effort = [0.0] * len(robot.joints)
        example.feet = [FootState(name=foot.name) for foot in robot.feet]
        self._publisher = publisher = FixedPublisher(
            node, example, topics.ROBOT_STATE, topics.STREAM
        )
        self._base = publisher.view("pose.position.x", "accelerometer_bias.z")
        self._joints = [publisher.view(name) for name in ("position", "velocity", "effort")]
        feet = range(len(robot.feet))
        self._contact = [publisher.view(f"feet.{i}.contact") for i in feet]
        self._wrenches = [
            publisher.view(f"feet.{i}.wrench.force.x", f"feet.{i}.wrench.torque.z") for i in feet
        ]
        self._fall = publisher.view("fall")
        self._valid = publisher.view("valid")

    def publish(self, m: Measurement, e: Estimate) -> None:
        """Publish what was estimated from `m`."""
        np.concatenate(
            (
                e.position,
                e.orientation,
                e.linear_velocity,
                e.angular_velocity,
                e.gyroscope_bias,
                e.accelerometer_bias,
            ),
            out=self._base,
        )
        for view, values in zip(self._joints, (m.position, m.velocity, m.effort), strict=True):
            view[:] = values
        for foot, (contact, wrench) in enumerate(zip(self._contact, self._wrenches, strict=True)):
            contact[0] = e.contact[foot]
            wrench[:] = e.wrenches[foot]
        self._fall[0] = e.fall
        self._valid[0] = e.valid
        self._publisher.publish(e.stamp)


class OdometryPublisher:
    """Publishes odom."""

    def __init__(self, node: Any) -> None:
        example = Odometry(child_frame_id=CHILD_FRAME)
        example.header.frame_id = FRAME
        self._publisher = FixedPublisher(node, example, topics.ODOM, topics.STREAM)
        self._pose = self._publisher.view("pose.pose.position.x", "pose.pose.orientation.w")
        self._twist = self._publisher.view("twist.twist.linear.x", "twist.twist.angular.z")

    def publish(self, e: Estimate) -> None:
        """Publish pose and twist; the covariances are zero: unknown."""
        np.concatenate((e.position, e.orientation), out=self._pose)
        np.concatenate((e.linear_velocity, e.angular_velocity), out=self._twist)
        self._publisher.publish(e.stamp)


def fault_report(source: str, stamp: int, faults: Sequence[tuple[str, str]]) -> FaultReport:
    """The message that says `faults`, as (name, reason), at `stamp` [ns]."""
    report = FaultReport(
        source=source,
        name=[name for name, _ in faults],
        reason=[reason for _, reason in faults],
    )
    set_stamp(report.header.stamp, stamp)
    return report
