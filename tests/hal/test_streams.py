"""Messages of the usual layout are read in place, others the slow way, garbage not at all."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Imu, JointState

from humanoid_description import RobotDescription
from humanoid_hal.driver import ImuSample, Sample
from humanoid_hal.limiter import FIELDS
from humanoid_hal.streams import CommandReader, SampleStreams
from humanoid_interfaces.msg import JointCommand


def message(names: list[str]) -> JointCommand:
    made = JointCommand(sequence=7, name=names)
    made.header.stamp.sec, made.header.stamp.nanosec = 3, 4
    for row, field in enumerate(FIELDS):
        setattr(made, field, np.arange(len(names)) + 10.0 * row)
    return made


@pytest.mark.parametrize(
    "names", [["hip", "knee", "shoulder"], ["shoulder", "hip", "knee"], ["hip"], []]
)
def test_any_message_is_read_with_all_its_numbers(
    robot: RobotDescription, names: list[str]
) -> None:
    reader = CommandReader(robot, deserialize_message)
    request = reader.read(serialize_message(message(names)))
    assert (request.stamp, request.sequence) == (3_000_000_004, 7)
    assert list(request.names) == names
    for row, field in enumerate(FIELDS):
        assert list(getattr(request, field)) == [10.0 * row + i for i in range(len(names))]


def test_the_usual_layout_needs_no_deserialisation(robot: RobotDescription) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    data = serialize_message(message(["hip", "knee", "shoulder"]))
    assert CommandReader(robot, never).read(data).sequence == 7


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x00\x00", b"\xff" * 60])
def test_garbage_is_refused(robot: RobotDescription, data: bytes) -> None:
    with pytest.raises(ValueError, match="deserialize"):
        CommandReader(robot, deserialize_message).read(data)


class FakeNode:
    """Takes what is published, in order."""

    def __init__(self) -> None:
        self.published: list[tuple[str, Any]] = []

    def create_publisher(self, kind: type, topic: str, _: object) -> Any:
        node = self

        class Publisher:
            def publish(self, data: bytes) -> None:
                node.published.append((topic, deserialize_message(data, kind)))

        return Publisher()


def test_joint_states_come_last_and_all_carry_one_stamp(
    robot: RobotDescription, make_sample: Callable[..., Sample]
) -> None:
    node = FakeNode()
    wrench = np.arange(6.0).reshape(1, 6)
    position = np.array([1.0, 2.0, 3.0])
    sample = make_sample(5_000_000_006, wrenches=wrench, position=position)
    SampleStreams(node, robot).publish(sample)
    topics = [topic for topic, _ in node.published]
    assert topics == ["wrench/l_sole", "imu/data", "joint_states"]
    for _, published in node.published:
        assert (published.header.stamp.sec, published.header.stamp.nanosec) == (5, 6)
    foot, imu, joints = (published for _, published in node.published)
    assert foot.header.frame_id == "l_sole"
    assert (foot.wrench.force.x, foot.wrench.torque.z) == (0.0, 5.0)
    assert isinstance(imu, Imu)
    assert imu.header.frame_id == "base"
    assert imu.linear_acceleration.z == 9.81
    assert imu.orientation_covariance[0] == -1.0
    assert isinstance(joints, JointState)
    assert list(joints.name) == ["hip", "knee", "shoulder"]
    assert list(joints.position) == [1.0, 2.0, 3.0]


def test_sensors_that_are_missing_are_not_published(
    robot: RobotDescription, make_sample: Callable[..., Sample]
) -> None:
    node = FakeNode()
    SampleStreams(node, robot).publish(make_sample(1, imu=None, wrenches=None))
    assert [topic for topic, _ in node.published] == ["joint_states"]


def test_an_orientation_is_published_where_there_is_one(
    robot: RobotDescription, make_sample: Callable[..., Sample]
) -> None:
    node = FakeNode()
    imu = ImuSample(np.zeros(3), np.zeros(3), np.array([0.5, 0.5, 0.5, -0.5]))
    streams = SampleStreams(node, robot)
    streams.publish(make_sample(1, imu=imu))
    published = node.published[0][1]
    assert published.orientation.w == -0.5
    assert published.orientation_covariance[0] == 0.0
    streams.publish(make_sample(2))
    assert node.published[2][1].orientation_covariance[0] == -1.0
