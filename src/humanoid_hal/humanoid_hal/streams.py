"""Samples as messages, command messages as requests: fixed layouts, handled in place."""

from typing import Any

import numpy as np
from geometry_msgs.msg import WrenchStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Imu, JointState

from humanoid_description import RobotDescription
from humanoid_hal.driver import Sample, World
from humanoid_hal.gate import Request
from humanoid_hal.limiter import FIELDS
from humanoid_interfaces.msg import JointCommand
from humanoid_runtime import topics
from humanoid_runtime.cdr import FixedPublisher, Layout
from humanoid_runtime.stamps import to_nanoseconds


class SampleStreams:
    """Publishes samples; joint_states last: who has it has the rest."""

    def __init__(self, node: Any, robot: RobotDescription) -> None:
        n = len(robot.joints)
        joints = JointState(name=list(robot.joint_names))
        for name in ("position", "velocity", "effort"):
            setattr(joints, name, np.zeros(n))
        self._wrenches = []
        for foot in robot.feet:
            wrench = WrenchStamped()
            wrench.header.frame_id = foot.name
            topic = topics.WRENCH.format(foot=foot.name)
            publisher = FixedPublisher(node, wrench, topic, topics.STREAM)
            view = publisher.view("wrench.force.x", "wrench.torque.z")
            self._wrenches.append((publisher, view))
        imu = Imu()
        imu.header.frame_id = robot.imu.link
        imu.orientation_covariance[0] = -1.0  # REP-145: no orientation
        self._imu = FixedPublisher(node, imu, topics.IMU, topics.STREAM)
        self._orientation = self._imu.view("orientation.x", "orientation.w")
        self._no_orientation = self._imu.view("orientation_covariance")
        self._angular = self._imu.view("angular_velocity.x", "angular_velocity.z")
        self._linear = self._imu.view("linear_acceleration.x", "linear_acceleration.z")
        # Discovery tells of topics in the order they were made: who has this one has the rest.
        self._joints = FixedPublisher(node, joints, topics.JOINT_STATES, topics.STREAM)
        self._columns = [self._joints.view(name) for name in ("position", "velocity", "effort")]

    def publish(self, sample: Sample) -> None:
        """Publish one sample on all its topics."""
        if sample.wrenches is not None:
            for (publisher, view), wrench in zip(self._wrenches, sample.wrenches, strict=True):
                view[:] = wrench
                publisher.publish(sample.stamp)
        imu = sample.imu
        if imu is not None:
            self._angular[:] = imu.angular_velocity
            self._linear[:] = imu.linear_acceleration
            self._no_orientation[0] = -1.0 if imu.orientation is None else 0.0
            if imu.orientation is not None:
                self._orientation[:] = imu.orientation
            self._imu.publish(sample.stamp)
        self._columns[0][:] = sample.position
        self._columns[1][:] = sample.velocity
        self._columns[2][:] = sample.effort
        self._joints.publish(sample.stamp)


class TruthStream:
    """Publishes a simulator's true base pose and twist."""

    def __init__(self, node: Any) -> None:
        message = Odometry(child_frame_id="base_link")
        message.header.frame_id = "world"
        self._publisher = FixedPublisher(node, message, topics.TRUTH, topics.STREAM)
        self._pose = self._publisher.view("pose.pose.position.x", "pose.pose.orientation.w")
        self._twist = self._publisher.view("twist.twist.linear.x", "twist.twist.angular.z")

    def publish(self, stamp: int, world: World) -> None:
        """Publish the truth at `stamp` [ns]."""
        self._pose[:], self._twist[:] = world.truth()
        self._publisher.publish(stamp)


class CommandReader:
    """Reads serialised JointCommand messages."""

    def __init__(self, robot: RobotDescription, deserialise: Any) -> None:
        """`deserialise(bytes, type)` reads messages of any other layout than the usual one."""
        n = len(robot.joints)
        self._names = list(robot.joint_names)
        example = JointCommand(name=self._names, **{field: np.zeros(n) for field in FIELDS})
        self._layout = Layout(example)
        self._deserialise = deserialise

    def read(self, data: bytes) -> Request:
        """The request in `data`. Raises ValueError for bytes that are no JointCommand."""
        layout = self._layout
        if layout.fits(data):
            columns: list[Any] = [layout.view(data, field) for field in FIELDS]
            sequence = int(layout.view(data, "sequence")[0])
            return Request(layout.read_stamp(data), sequence, self._names, *columns)
        try:
            message = self._deserialise(data, JointCommand)
        except RuntimeError as error:  # rclpy's RMWError is one
            raise ValueError(str(error)) from error
        columns = [getattr(message, field) for field in FIELDS]
        return Request(
            to_nanoseconds(message.header.stamp), message.sequence, message.name, *columns
        )
