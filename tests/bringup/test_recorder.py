"""What a recording holds, against the real middleware in a domain of its own."""

import os

import pytest
import yaml
from mcap.reader import make_reader
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import Imu
from std_msgs.msg import String

from humanoid_bringup.link import Link
from humanoid_bringup.recorder import Recorder, compatible, describe

RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


@pytest.fixture
def source(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(1 + os.getpid() * 7 % 100))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    with Link("source") as link:
        yield link


@pytest.fixture
def recording(source, tmp_path):
    """Records while messages are published; the path of the closed file."""
    path = tmp_path / "test.mcap"
    imu = source.node.create_publisher(Imu, "/imu/data", BEST_EFFORT)
    latched = source.node.create_publisher(String, "/robot_description", LATCHED)
    source.node.create_publisher(String, "/unwanted", RELIABLE)
    latched.publish(String(data="before the recorder came"))
    with Link("recorder") as link:
        with Recorder(link, path, lambda topic: topic != "/unwanted") as recorder:

            def complete():
                recorder.discover()
                message = Imu()
                message.angular_velocity.z = float(recorder.counts.get("/imu/data", 0))
                imu.publish(message)
                counts = recorder.counts
                return counts.get("/imu/data", 0) >= 20 and counts.get("/robot_description")

            assert link.wait(complete, 60.0)
    return path


def test_every_message_is_read_back_with_its_type(recording):
    with AnyReader([recording]) as reader:
        rows = [
            (connection.topic, reader.deserialize(data, connection.msgtype))
            for connection, _, data in reader.messages()
        ]
    description = [message.data for topic, message in rows if topic == "/robot_description"]
    assert description == ["before the recorder came"]
    turns = [message.angular_velocity.z for topic, message in rows if topic == "/imu/data"]
    assert len(turns) >= 20
    assert turns == sorted(turns)


def test_topics_that_are_not_wanted_are_not_in_the_file(recording):
    with recording.open("rb") as stream:
        channels = make_reader(stream).get_summary().channels.values()
    assert "/imu/data" in {channel.topic for channel in channels}
    assert "/unwanted" not in {channel.topic for channel in channels}


def test_channels_carry_definitions_and_qos_as_rosbag2_writes_them(recording):
    with recording.open("rb") as stream:
        summary = make_reader(stream).get_summary()
    channels = {channel.topic: channel for channel in summary.channels.values()}
    schema = summary.schemas[channels["/imu/data"].schema_id]
    assert (schema.name, schema.encoding) == ("sensor_msgs/msg/Imu", "ros2msg")
    assert b"MSG: geometry_msgs/Quaternion" in schema.data
    (profile,) = yaml.safe_load(channels["/imu/data"].metadata["offered_qos_profiles"])
    assert profile["reliability"] == "best_effort"
    (profile,) = yaml.safe_load(channels["/robot_description"].metadata["offered_qos_profiles"])
    assert profile["durability"] == "transient_local"


def test_messages_are_stamped_with_the_time_they_were_published(recording):
    with recording.open("rb") as stream:
        for _, _, message in make_reader(stream).iter_messages():
            assert 0 < message.publish_time <= message.log_time


@pytest.mark.parametrize(
    ("offered", "reliability", "durability"),
    [
        ([RELIABLE], ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE),
        ([BEST_EFFORT], ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE),
        ([RELIABLE, BEST_EFFORT], ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE),
        ([LATCHED], ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL),
        ([LATCHED, RELIABLE], ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE),
    ],
)
def test_the_recorder_asks_for_what_every_publisher_offers(offered, reliability, durability):
    asked = compatible(offered)
    assert (asked.reliability, asked.durability) == (reliability, durability)


def test_described_qos_is_what_the_bag_reader_understands():
    (profile,) = yaml.safe_load(describe([RELIABLE]))
    assert profile["reliability"] == "reliable"
    assert set(profile["deadline"]) == {"sec", "nsec"}


def test_an_existing_file_is_never_overwritten(source, tmp_path):
    path = tmp_path / "precious"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        Recorder(source, path, lambda _: True)
    assert path.read_text() == "precious"
