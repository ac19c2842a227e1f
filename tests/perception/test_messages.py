"""Promises of the messages that perception reads and writes."""

from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import WrenchStamped
from nav_msgs.msg import Odometry
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Imu, JointState

from humanoid_description import RobotDescription
from humanoid_interfaces.msg import RobotState
from humanoid_perception.messages import (
    JointReader,
    MessageError,
    OdometryPublisher,
    StatePublisher,
    VectorReader,
    fault_report,
)
from humanoid_perception.pipeline import Perception

STAMP = 7_000_000_123


class Wire:
    """Stands for the node: keeps the bytes that are published."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def create_publisher(self, *_: Any) -> "Wire":
        return self

    def publish(self, data: bytes) -> None:
        self.sent.append(data)


def stamped(message: Any) -> Any:
    message.header.stamp.sec, message.header.stamp.nanosec = 7, 123
    return message


def joints(robot: RobotDescription, order: list[int] | None = None) -> JointState:
    order = order or list(range(len(robot.joints)))
    message = stamped(JointState(name=[robot.joint_names[row] for row in order]))
    for offset, name in enumerate(("position", "velocity", "effort")):
        setattr(message, name, [row + 0.25 * offset for row in order])
    return message


def read(robot: RobotDescription, message: JointState) -> Any:
    return JointReader(robot).read(bytes(serialize_message(message)))


@pytest.mark.parametrize("shuffled", [False, True])
def test_joints_are_read_in_table_order_whatever_theirs_is(
    g1: RobotDescription, shuffled: bool
) -> None:
    n = len(g1.joints)
    order = np.random.default_rng(0).permutation(n).tolist() if shuffled else None
    stamp, *columns = read(g1, joints(g1, order))
    assert stamp == STAMP
    for offset, column in enumerate(columns):
        np.testing.assert_array_equal(column, np.arange(n) + 0.25 * offset)


def test_joints_beyond_the_table_are_ignored(g1: RobotDescription) -> None:
    message = joints(g1)
    message.name = ["gripper", *message.name]
    for name in ("position", "velocity", "effort"):
        setattr(message, name, [99.0, *getattr(message, name)])
    np.testing.assert_array_equal(read(g1, message)[1], np.arange(len(g1.joints)))


def test_a_missing_joint_is_named(g1: RobotDescription) -> None:
    message = joints(g1, list(range(1, len(g1.joints))))
    with pytest.raises(MessageError, match=g1.joint_names[0]):
        read(g1, message)


def test_a_short_column_is_refused(g1: RobotDescription) -> None:
    message = joints(g1)
    message.effort = message.effort[:-1]
    with pytest.raises(MessageError, match="effort has 28 values for 29 joints"):
        read(g1, message)


@pytest.mark.parametrize("frame", ["imu", "another_frame"])
def test_an_imu_is_read_from_any_frame(frame: str) -> None:
    message = stamped(Imu())
    message.header.frame_id = frame
    message.orientation_covariance[0] = -1.0
    for value, (part, axis) in enumerate(
        (p, a) for p in ("angular_velocity", "linear_acceleration") for a in "xyz"
    ):
        setattr(getattr(message, part), axis, float(value))
    stamp, values = VectorReader(Imu, "imu").read(bytes(serialize_message(message)))
    assert stamp == STAMP
    np.testing.assert_array_equal(values, np.arange(6.0))


@pytest.mark.parametrize("frame", ["l_sole", "another_frame"])
def test_a_wrench_is_read_from_any_frame(frame: str) -> None:
    message = stamped(WrenchStamped())
    message.header.frame_id = frame
    for value, (part, axis) in enumerate((p, a) for p in ("force", "torque") for a in "xyz"):
        setattr(getattr(message.wrench, part), axis, float(value))
    stamp, values = VectorReader(WrenchStamped, "l_sole").read(bytes(serialize_message(message)))
    assert stamp == STAMP
    np.testing.assert_array_equal(values, np.arange(6.0))


def test_the_state_carries_the_whole_estimate(g1: RobotDescription, standing: Any) -> None:
    wire, sample = Wire(), standing(5)
    estimate = Perception(g1).update(sample)
    StatePublisher(wire, g1).publish(sample, estimate)
    message = deserialize_message(wire.sent[0], RobotState)
    assert (message.header.frame_id, message.child_frame_id) == ("odom", "base_link")
    assert message.header.stamp.nanosec == sample.stamp
    assert tuple(message.name) == g1.joint_names
    np.testing.assert_array_equal(message.position, sample.position)
    np.testing.assert_array_equal(message.effort, sample.effort)
    pose, twist = message.pose, message.twist
    for vector, values in (
        (pose.position, estimate.position),
        (twist.linear, estimate.linear_velocity),
        (twist.angular, estimate.angular_velocity),
        (message.gyroscope_bias, estimate.gyroscope_bias),
        (message.accelerometer_bias, estimate.accelerometer_bias),
        (message.feet[1].wrench.force, estimate.wrenches[1, :3]),
    ):
        np.testing.assert_array_equal([vector.x, vector.y, vector.z], values)
    turned = pose.orientation
    np.testing.assert_array_equal([turned.x, turned.y, turned.z, turned.w], estimate.orientation)
    assert [foot.name for foot in message.feet] == ["l_sole", "r_sole"]
    assert [foot.contact for foot in message.feet] == [True, True]
    assert (message.fall, message.valid) == (estimate.fall, True)


def test_equal_estimates_have_equal_bytes(g1: RobotDescription, standing: Any) -> None:
    wire, sample = Wire(), standing(5)
    publisher, estimate = StatePublisher(wire, g1), Perception(g1).update(sample)
    publisher.publish(sample, estimate)
    publisher.publish(sample, estimate)
    assert wire.sent[0] == wire.sent[1]


def test_odometry_is_the_base_in_odom(g1: RobotDescription, standing: Any) -> None:
    wire = Wire()
    estimate = Perception(g1).update(standing(5))
    OdometryPublisher(wire).publish(estimate)
    message = deserialize_message(wire.sent[0], Odometry)
    assert (message.header.frame_id, message.child_frame_id) == ("odom", "base_link")
    assert message.pose.pose.position.z == estimate.position[2]
    assert message.twist.twist.angular.y == estimate.angular_velocity[1]


def test_a_fault_report_names_source_faults_and_reasons() -> None:
    report = fault_report(
        "humanoid_perception", STAMP, [("fall", "tilt 50 deg"), ("imu_dropout", "x")]
    )
    assert (report.header.stamp.sec, report.header.stamp.nanosec) == (7, 123)
    assert list(zip(report.name, report.reason, strict=True)) == [
        ("fall", "tilt 50 deg"),
        ("imu_dropout", "x"),
    ]
    assert report.source == "humanoid_perception"
