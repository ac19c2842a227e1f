"""What is written here is read by others, and what others write is read here."""

import sqlite3

import pytest
import yaml
from mcap.reader import make_reader
from mcap.writer import Writer as McapWriter
from rosbags.highlevel import AnyReader
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from std_msgs.msg import String

from humanoid_bringup.bags.bag import Bag, BagError
from humanoid_bringup.bags.check import check
from humanoid_bringup.bags.diff import diff
from humanoid_bringup.bags.export import export
from humanoid_bringup.bags.fields import Decoder
from humanoid_bringup.bags.outlet import serialise
from humanoid_bringup.bags.writer import BagWriter
from humanoid_bringup.errors import HumanoidError

from .conftest import SECOND, imu, topic, write_bag

JAZZY = get_typestore(Stores.ROS2_JAZZY)


def test_the_mcap_library_reads_every_message_and_qos(small):
    with (small / "small_0.mcap").open("rb") as stream:
        reader = make_reader(stream, validate_crcs=True)
        rows = [
            (schema.name, schema.encoding, channel.topic, message.log_time, message.data)
            for schema, channel, message in reader.iter_messages(log_time_order=False)
        ]
        channels = {c.topic: c for c in reader.get_summary().channels.values()}
    imus = [row for row in rows if row[2] == "/imu/data"]
    assert [row[4] for row in imus] == [imu(index) for index in range(400)]
    assert {row[:2] for row in imus} == {("sensor_msgs/msg/Imu", "ros2msg")}
    (profile,) = yaml.safe_load(channels["/imu/data"].metadata["offered_qos_profiles"])
    assert profile["reliability"] == "best_effort"


def test_the_rosbags_library_reads_every_message_and_qos(small):
    with AnyReader([small]) as reader:
        data = [bytes(d) for c, _, d in reader.messages() if c.topic == "/imu/data"]
        connections = {c.topic: c for c in reader.connections}
        (profile,) = connections["/robot_description"].ext.offered_qos_profiles
        assert reader.deserialize(data[0], "sensor_msgs/msg/Imu").header.frame_id == "imu_link"
    assert data == [imu(index) for index in range(400)]
    assert profile.durability == QosDurability.TRANSIENT_LOCAL
    assert profile.reliability == QosReliability.RELIABLE


def test_a_bag_that_was_split_is_one_bag(tmp_path):
    path = write_bag(tmp_path / "split", 400, split_seconds=0.2)
    assert len(list(path.glob("*.mcap"))) == 4
    with Bag(path) as bag:
        data = [message.data for message in bag.messages(["/imu/data"])]
        assert bag.duration == pytest.approx(0.798)
    assert data == [imu(index) for index in range(400)]
    with AnyReader([path]) as reader:
        assert reader.message_count == 401


def test_a_new_file_begins_at_the_wanted_size(tmp_path):
    path = write_bag(tmp_path / "split", 400, split_bytes=50_000)
    assert len(list(path.glob("*.mcap"))) > 2
    with Bag(path) as bag:
        assert sum(1 for _ in bag.messages()) == 401


def test_messages_come_in_the_order_of_their_times_across_files_and_chunks(tmp_path):
    with BagWriter(tmp_path / "mixed", split_seconds=0.1, chunk_size=2000) as writer:
        writer.add(topic("/imu/data", "sensor_msgs/msg/Imu"))
        for index in range(200):
            late = 15 if index % 7 == 0 else 0
            writer.write("/imu/data", SECOND + (index - late) * 2_000_000, imu(index))
    with Bag(tmp_path / "mixed") as bag:
        times = [message.time for message in bag.messages()]
    assert times == sorted(times)
    assert len(times) == 200


QOS = [
    Qos(
        QosHistory.KEEP_LAST, 5, QosReliability.BEST_EFFORT, QosDurability.VOLATILE,
        QosTime(0, 0), QosTime(0, 0), QosLiveliness.AUTOMATIC, QosTime(0, 0), False,
    )
]  # fmt: skip


@pytest.mark.parametrize("storage", [StoragePlugin.SQLITE3, StoragePlugin.MCAP])
@pytest.mark.parametrize("version", [8, 9])
def test_bags_of_rosbag2s_layouts_are_read(tmp_path, storage, version):
    path = tmp_path / "theirs"
    with Writer(path, version=version, storage_plugin=storage) as writer:
        connection = writer.add_connection(
            "/imu/data", "sensor_msgs/msg/Imu", typestore=JAZZY, offered_qos_profiles=QOS
        )
        for index in range(20):
            writer.write(connection, SECOND + index, imu(index))
    with Bag(path) as bag:
        assert bag.topics["/imu/data"].count == 20
        assert "reliability" in bag.topics["/imu/data"].qos
        assert [message.data for message in bag.messages()] == [imu(index) for index in range(20)]
        message = bag.decoder().decode("sensor_msgs/msg/Imu", imu(3))
        assert message.header.frame_id == "imu_link"


def test_a_topic_of_a_type_that_nobody_knows_does_not_hide_the_others(tmp_path):
    """sqlite3 bags of other robots have types of their own, and no definitions."""
    path = tmp_path / "theirs"
    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg("float64 x", "their_msgs/msg/Odd"))
    odd = store.serialize_cdr(store.types["their_msgs/msg/Odd"](x=1.0), "their_msgs/msg/Odd")
    with Writer(path, version=8, storage_plugin=StoragePlugin.SQLITE3) as writer:
        for name, kind, data in (
            ("/odd", "their_msgs/msg/Odd", bytes(odd)),
            ("/imu/data", "sensor_msgs/msg/Imu", imu(1)),
        ):
            writer.write(writer.add_connection(name, kind, typestore=store), SECOND, data)
    with sqlite3.connect(next(path.glob("*.db3"))) as connection:
        connection.execute("UPDATE message_definitions SET encoded_message_definition = ''")
    (remark,) = (r for r in check(path).remarks if "their_msgs/msg/Odd" in r)
    assert "is not known" in remark
    assert [file.name for file in export(path, tmp_path / "tables", "csv")] == ["imu.data.csv"]
    assert diff(path, path)
    with Bag(path) as bag, pytest.raises(HumanoidError, match="is not known"):
        bag.decoder().decode("their_msgs/msg/Odd", bytes(odd))


def test_a_definition_that_does_not_fit_gives_way_to_the_installed_one():
    decoder = Decoder({"sensor_msgs/msg/Imu": "uint8 nonsense"})
    assert decoder.decode("sensor_msgs/msg/Imu", imu(3)).header.frame_id == "imu_link"
    unreadable = Decoder({"sensor_msgs/msg/Imu": "MSG: ("})
    assert "parse" in unreadable.unknown("sensor_msgs/msg/Imu")


def test_type_names_of_old_recorders_are_completed(tmp_path):
    path = tmp_path / "old.mcap"
    with path.open("wb") as stream:
        writer = McapWriter(stream)
        writer.start(profile="ros2")
        schema = writer.register_schema("std_msgs/String", "ros2msg", b"string data")
        channel = writer.register_channel("topic", "cdr", schema)
        writer.add_message(channel, SECOND, serialise(String(data="x")), SECOND)
        writer.finish()
    with Bag(path) as bag:
        assert bag.topics["topic"].kind == "std_msgs/msg/String"
    assert check(path).messages == 1


def test_a_ros_1_bag_is_read_as_if_it_were_of_ros_2(tmp_path):
    path = tmp_path / "old.bag"
    noetic = get_typestore(Stores.ROS1_NOETIC)
    with Ros1Writer(path) as writer:
        connection = writer.add_connection("/imu/data", "sensor_msgs/msg/Imu", typestore=noetic)
        for index in range(5):
            ours = JAZZY.deserialize_cdr(imu(index), "sensor_msgs/msg/Imu")
            header = noetic.types["std_msgs/msg/Header"](
                index, ours.header.stamp, ours.header.frame_id
            )
            fields = {**vars(ours), "header": header}
            fields.pop("__msgtype__", None)
            theirs = noetic.types["sensor_msgs/msg/Imu"](**fields)
            raw = noetic.serialize_ros1(theirs, "sensor_msgs/msg/Imu")
            writer.write(connection, SECOND + index, raw)
    with Bag(path) as bag:
        data = [message.data for message in bag.messages()]
        decoder = bag.decoder()
        shown = [decoder.decode("sensor_msgs/msg/Imu", d).linear_acceleration.x for d in data]
    expected = [
        JAZZY.deserialize_cdr(imu(i), "sensor_msgs/msg/Imu").linear_acceleration.x for i in range(5)
    ]
    assert shown == expected


def test_an_existing_bag_is_never_overwritten(small):
    before = (small / "small_0.mcap").read_bytes()
    with pytest.raises(HumanoidError, match="is kept"):
        BagWriter(small)
    assert (small / "small_0.mcap").read_bytes() == before


def test_the_same_messages_make_the_same_file(tmp_path):
    one, two = (write_bag(tmp_path / folder / "same") for folder in ("a", "b"))
    for name in ("same_0.mcap", "metadata.yaml"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "no such bag"),
        (lambda path: path.mkdir(), "not a bag"),
        (lambda path: path.write_text("hello"), "not a bag"),
    ],
)
def test_what_is_no_bag_is_said_to_be_none(tmp_path, make, said):
    path = tmp_path / "thing"
    make(path)
    with pytest.raises(BagError, match=said):
        Bag(path)
