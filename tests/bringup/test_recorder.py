"""What a recording holds, against the real middleware in a domain of its own."""

import os
import subprocess
import sys
import time

import pytest
import yaml
from mcap.reader import make_reader
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import Imu
from std_msgs.msg import String

from humanoid_bringup.bags.bag import Bag, Topic
from humanoid_bringup.bags.writer import BagWriter
from humanoid_bringup.link import Link
from humanoid_bringup.qos import DEPTH, compatible, describe, recorded
from humanoid_bringup.recorder import DiskGuard, Recorder, Snapshot

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


def wait_for(condition):
    """Only that it comes is asserted, not when."""
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def recording(source, tmp_path):
    """Records while messages are published; the path of the closed file."""
    path = tmp_path / "test"
    imu = source.node.create_publisher(Imu, "/imu/data", BEST_EFFORT)
    latched = source.node.create_publisher(String, "/robot_description", LATCHED)
    source.node.create_publisher(String, "/unwanted", RELIABLE)
    latched.publish(String(data="before the recorder came"))
    with Link("recorder") as link:
        with BagWriter(path) as writer:
            recorder = Recorder(link.node, writer, lambda topic: topic != "/unwanted")

            def complete():
                recorder.turn()
                message = Imu()
                message.angular_velocity.z = float(recorder.counts.get("/imu/data", 0))
                imu.publish(message)
                counts = recorder.counts
                return counts.get("/imu/data", 0) >= 20 and counts.get("/robot_description")

            wait_for(complete)
            recorder.close()
    return path / "test_0.mcap"


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


def test_offered_qos_survives_a_recording_and_a_replay():
    for offered in (RELIABLE, BEST_EFFORT, LATCHED):
        again = recorded(describe([offered]))
        assert again.reliability == offered.reliability
        assert again.durability == offered.durability
    assert recorded("").reliability == ReliabilityPolicy.RELIABLE


def test_a_topic_that_was_expected_is_recorded_from_its_first_message(source, tmp_path):
    with Link("recorder") as link, BagWriter(tmp_path / "bag") as writer:
        recorder = Recorder(link.node, writer, lambda _: False)
        recorder.expect({"/early": "std_msgs/msg/String"})
        publisher = source.node.create_publisher(String, "/early", RELIABLE)

        def arrived():
            publisher.publish(String(data="x"))
            recorder.drain()
            return recorder.counts.get("/early", 0) > 2

        wait_for(arrived)
        recorder.close()
    with Bag(tmp_path / "bag") as bag:
        assert bag.topics["/early"].count > 2
        assert "reliable" in bag.topics["/early"].qos


def test_messages_that_the_recorder_was_too_slow_for_are_counted(source, tmp_path):
    with Link("recorder") as link, BagWriter(tmp_path / "bag") as writer:
        recorder = Recorder(link.node, writer, lambda _: False)
        recorder.expect({"/flood": "std_msgs/msg/String"})
        publisher = source.node.create_publisher(String, "/flood", RELIABLE)

        def arrived():
            publisher.publish(String(data="x"))
            recorder.drain()
            return recorder.counts.get("/flood", 0) > 2

        wait_for(arrived)
        published, before = 700, recorder.counts["/flood"]
        for _ in range(published):
            publisher.publish(String(data="x"))

        def last_arrived():
            recorder.drain()
            publisher.publish(String(data="last"))
            return recorder.lost

        wait_for(last_arrived)
        assert recorder.lost["/flood"] >= published - DEPTH
        assert recorder.lost["/flood"] + recorder.counts["/flood"] - before >= published
        assert recorder.lost_text() == f"/flood {recorder.lost['/flood']}"
        recorder.close()


def test_a_type_that_is_not_installed_is_left_out_with_its_reason(source, tmp_path):
    with Link("recorder") as link, BagWriter(tmp_path / "bag") as writer:
        recorder = Recorder(link.node, writer, lambda _: False)
        recorder.expect({"/odd": "no_such_msgs/msg/Thing"})
        assert "no_such_msgs/msg/Thing" in recorder.unknown["/odd"]


def announce(snapshot):
    snapshot.add(Topic("/imu/data", "std_msgs/msg/String", "string data", describe([BEST_EFFORT])))
    snapshot.add(Topic("/map", "std_msgs/msg/String", "string data", describe([LATCHED])))


def test_a_snapshot_holds_the_last_seconds_and_latched_messages_of_any_age(tmp_path):
    snapshot = Snapshot(2.0)
    announce(snapshot)
    snapshot.write("/map", 0, b"latched")
    for second in range(10):
        snapshot.write("/imu/data", second * 1_000_000_000, b"%d" % second)
    assert snapshot.save(tmp_path / "one") == 4
    with Bag(tmp_path / "one") as bag:
        assert [(m.topic, m.data) for m in bag.messages()] == [
            ("/map", b"latched"), ("/imu/data", b"7"), ("/imu/data", b"8"), ("/imu/data", b"9"),
        ]  # fmt: skip
        assert bag.duration == 2.0
    assert snapshot.save(tmp_path / "two") == 4  # writing it takes nothing away


def test_a_snapshot_of_nothing_is_an_empty_bag(tmp_path):
    snapshot = Snapshot(2.0)
    announce(snapshot)
    assert snapshot.save(tmp_path / "none") == 0


def test_the_disk_guard_speaks_before_the_disk_is_full(tmp_path):
    assert DiskGuard(tmp_path / "new" / "bag", reserve=0).full() == ""
    assert "MB must stay" in DiskGuard(tmp_path / "new" / "bag", reserve=1 << 62).full()


def test_every_thread_of_a_recorder_gives_way_the_middlewares_too():
    program = (
        "import os, threading, time\n"
        "from pathlib import Path\n"
        "from humanoid_bringup.recorder import NICE, give_way\n"
        "from humanoid_bringup.link import Link\n"
        "with Link():\n"
        "    tasks = [int(task.name) for task in Path('/proc/self/task').iterdir()]\n"
        "    assert len(tasks) > 1, 'the middleware has no threads of its own'\n"
        "    os.setpriority(os.PRIO_PROCESS, 0, NICE + 1)\n"
        "    give_way()\n"
        "    nices = {task: os.getpriority(os.PRIO_PROCESS, task) for task in tasks}\n"
        "    assert nices.pop(os.getpid()) == NICE + 1, 'what is lower stays so'\n"
        "    assert set(nices.values()) == {NICE}, nices\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
