"""A damaged bag is never taken for a whole one, and what is whole of it is saved."""

import random
import shutil
import sqlite3

import pytest
import yaml
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from humanoid_bringup.bags.bag import Bag, BagError
from humanoid_bringup.bags.check import check
from humanoid_bringup.bags.mcap_file import CHUNK, records
from humanoid_bringup.bags.recover import recover
from humanoid_bringup.errors import HumanoidError

from .conftest import SECOND, imu, write_bag

FILE = "small_0.mcap"


def whole(path):
    with Bag(path) as bag:
        return [tuple(message) for message in bag.messages()]


def read_with_suspicion(path):
    """The messages, or None when the bag is refused: nothing else may come of damage."""
    try:
        return whole(path)
    except BagError:
        return None


def save(path, output):
    """What could be saved, or None when that is nothing."""
    try:
        return recover(path, output)
    except BagError:
        assert not output.exists()
        return None


def damaged(small, tmp_path, change):
    path = tmp_path / "small"
    shutil.copytree(small, path)
    data = bytearray((path / FILE).read_bytes())
    (path / FILE).write_bytes(change(data))
    return path


def chunk_offsets(data):
    found = []
    for record in records(bytes(data), 8, len(data) - 8):
        if record.opcode == CHUNK:
            found += [record.offset, record.offset + 20, record.end]
    return found


def test_bags_that_are_cut_anywhere_are_refused_and_saved_up_to_there(small, tmp_path):
    data = (small / FILE).read_bytes()
    expected = whole(small)
    cuts = chunk_offsets(data)
    assert len(cuts) >= 30
    for number, cut in enumerate([*cuts, 1, 7, 8, len(data) - 1, len(data) - 20]):
        path = damaged(small, tmp_path / str(number), lambda content, cut=cut: content[:cut])
        assert read_with_suspicion(path) is None, cut
        recovery = save(path, tmp_path / f"saved{number}")
        if recovery is None:
            continue
        saved = whole(tmp_path / f"saved{number}")
        assert saved == expected[: len(saved)]
        assert recovery.messages == len(saved)


@pytest.mark.parametrize("seed", range(5))
def test_no_flipped_bit_goes_unnoticed(small, tmp_path, seed):
    rng = random.Random(seed)
    size = (small / FILE).stat().st_size
    expected = set(whole(small))
    for number in range(32):
        place, bit = rng.randrange(size), 1 << rng.randrange(8)

        def flip(content, place=place, bit=bit):
            content[place] ^= bit
            return content

        path = damaged(small, tmp_path / str(number), flip)
        assert read_with_suspicion(path) is None, (place, bit)
        recovery = save(path, tmp_path / f"saved{number}")
        if recovery is None:
            continue
        saved = whole(tmp_path / f"saved{number}")
        assert set(saved) <= expected
        assert len(saved) == recovery.messages >= len(expected) - 60  # one chunk at most


@pytest.mark.parametrize(
    "change",
    [
        lambda info: info["topics_with_message_count"][1]["topic_metadata"].update(name="/other"),
        lambda info: info["topics_with_message_count"][1].update(message_count=7),
        lambda info: info.update(message_count=7),
        lambda info: info.update(relative_file_paths=[]),
        lambda info: info.update(relative_file_paths=["gone.mcap"]),
        lambda info: info.update(version=99),
        lambda info: info.pop("version"),
        lambda info: info.update(relative_file_paths=None),
    ],
)
def test_metadata_that_does_not_fit_the_files_is_refused(small, tmp_path, change):
    path = tmp_path / "small"
    shutil.copytree(small, path)
    content = yaml.safe_load((path / "metadata.yaml").read_text())
    change(content["rosbag2_bagfile_information"])
    (path / "metadata.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(BagError, match=r"metadata\.yaml|missing"):
        whole(path)


@pytest.mark.parametrize("text", ["", "nonsense", "a: [", "rosbag2_bagfile_information: 3"])
def test_metadata_that_is_none_is_refused(small, tmp_path, text):
    path = tmp_path / "small"
    shutil.copytree(small, path)
    (path / "metadata.yaml").write_text(text)
    with pytest.raises(BagError, match="not rosbag2's metadata"):
        Bag(path)


def test_a_bag_without_metadata_is_refused_with_the_next_step_and_recovered_whole(small, tmp_path):
    path = tmp_path / "small"
    shutil.copytree(small, path)
    (path / "metadata.yaml").unlink()
    with pytest.raises(BagError, match=r"metadata\.yaml is missing.*bag recover"):
        Bag(path)
    assert recover(path, tmp_path / "saved").messages == 401
    assert whole(tmp_path / "saved") == whole(small)


def test_a_missing_file_of_a_split_bag_is_named(tmp_path):
    path = write_bag(tmp_path / "split", split_seconds=0.2)
    (path / "split_2.mcap").unlink()
    with pytest.raises(BagError, match=r"split_2\.mcap is missing"):
        Bag(path)


def test_an_empty_file_and_a_bag_without_messages_are_called_empty(tmp_path):
    (tmp_path / "empty.mcap").touch()
    with pytest.raises(BagError, match="empty"):
        Bag(tmp_path / "empty.mcap")
    bare = write_bag(tmp_path / "bare", count=0)
    (bare / "bare_0.mcap").unlink()
    from humanoid_bringup.bags.writer import BagWriter

    BagWriter(tmp_path / "none").close()
    with pytest.raises(BagError, match="holds no message"):
        check(tmp_path / "none")


def test_a_message_that_is_not_of_its_topics_type_is_found(tmp_path):
    path = tmp_path / "wrong"
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection("/imu/data", "sensor_msgs/msg/Imu", typestore=store)
        writer.write(connection, SECOND, b"\x00\x01\x00\x00\x05\x00\x00\x00")
    with pytest.raises(BagError, match=r"/imu/data: not a sensor_msgs/msg/Imu"):
        check(path)


def test_a_damaged_sqlite3_bag_is_refused_and_what_can_be_read_is_saved(tmp_path):
    path = tmp_path / "theirs"
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(path, version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection("/imu/data", "sensor_msgs/msg/Imu", typestore=store)
        for index in range(300):
            writer.write(connection, SECOND + index, imu(index))
    file = next(path.glob("*.db3"))
    assert "sqlite3 has no checksums" in check(path).remarks[0]
    file.write_bytes(file.read_bytes()[:60_000])
    assert read_with_suspicion(path) is None
    recovery = save(path, tmp_path / "saved")
    if recovery is not None:
        assert whole(tmp_path / "saved") == [
            (SECOND + index, "/imu/data", imu(index)) for index in range(recovery.messages)
        ]


def test_a_message_that_was_deleted_from_a_sqlite3_bag_is_missed(tmp_path):
    path = tmp_path / "theirs"
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(path, version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection("/imu/data", "sensor_msgs/msg/Imu", typestore=store)
        for index in range(10):
            writer.write(connection, SECOND + index, imu(index))
    with sqlite3.connect(next(path.glob("*.db3"))) as connection:
        connection.execute("DELETE FROM messages WHERE id = 4")
    with pytest.raises(BagError, match="says 10 messages, the files hold 9"):
        Bag(path)


def test_recovery_never_overwrites(small):
    with pytest.raises(HumanoidError, match="is kept"):
        recover(small, small)
