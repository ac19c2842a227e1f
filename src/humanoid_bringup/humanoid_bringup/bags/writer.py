"""Writes bags in rosbag2's layout: a directory of MCAP files and a metadata.yaml.

Every byte that is written is under a checksum: chunks, data section and summary.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from humanoid_bringup.bags.bag import METADATA, Topic
from humanoid_bringup.bags.mcap_writer import CHUNK_SIZE, McapWriter
from humanoid_bringup.errors import Exit, HumanoidError

if TYPE_CHECKING:
    from typing_extensions import Self

#: Layout of metadata.yaml: rosbag2's of ROS 2 Jazzy.
VERSION = 9


@dataclass
class _File:
    name: str
    start: int | None = None
    end: int = 0
    count: int = 0

    def as_data(self) -> dict[str, Any]:
        return {
            "path": self.name,
            "starting_time": {"nanoseconds_since_epoch": self.start or 0},
            "duration": {"nanoseconds": self.end - (self.start or 0)},
            "message_count": self.count,
        }


@dataclass
class _Channel:
    topic: Topic
    count: int = 0


class BagWriter:
    """One bag being written; a context manager. What was written so far survives a crash."""

    def __init__(
        self,
        path: str | Path,
        *,
        split_bytes: int = 0,
        split_seconds: float = 0.0,
        chunk_size: int = CHUNK_SIZE,
        custom: Mapping[str, str] | None = None,
    ) -> None:
        """`path`: a directory that does not exist yet. Raises HumanoidError, OSError.

        A new file begins at `split_bytes` [bytes, before compression] or after `split_seconds` [s];
        0: never.
        """
        self.path = Path(path)
        if self.path.exists():
            raise HumanoidError(
                f"{self.path} exists already and is kept; name another bag", Exit.USAGE
            )
        self.path.mkdir(parents=True)
        self._split_bytes, self._split = split_bytes, round(split_seconds * 1e9)
        self._chunk_size = chunk_size
        self.custom = dict(custom or {})
        self._channels: dict[str, _Channel] = {}
        self._files: list[_File] = []
        self._bytes = 0  # in the present file
        self._writer: McapWriter | None = None
        self._begin_file()

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def counts(self) -> dict[str, int]:
        """Messages of each topic."""
        return {name: channel.count for name, channel in self._channels.items()}

    def add(self, topic: Topic) -> None:
        """Announce a topic. Announcing it again, with newer QoS, changes nothing written so far."""
        if topic.name not in self._channels:
            self._channels[topic.name] = _Channel(topic)

    def write(self, topic: str, time: int, data: bytes, published: int | None = None) -> None:
        """Add one message of an announced topic. `time`, `published` [ns]. Raises OSError."""
        file = self._files[-1]
        if file.count and self._full(file, time):
            self._end_file()
            file = self._begin_file()
        channel, writer = self._channels[topic], self._writer
        assert writer is not None
        writer.add(channel.topic)
        writer.write(topic, time, data, time if published is None else published, channel.count)
        channel.count += 1
        file.count += 1
        file.start = time if file.start is None else min(file.start, time)
        file.end = max(file.end, time)
        self._bytes += len(data)

    def close(self) -> None:
        """End the file and write metadata.yaml. Calling it again does nothing."""
        if self._writer is not None:
            self._end_file()
            text = yaml.safe_dump(
                {"rosbag2_bagfile_information": self._metadata()}, sort_keys=False
            )
            (self.path / METADATA).write_text(text)

    def discard(self) -> None:
        """Close it and delete it."""
        self.close()
        shutil.rmtree(self.path)

    def _full(self, file: _File, time: int) -> bool:
        if self._split_bytes and self._bytes >= self._split_bytes:
            return True
        return bool(self._split) and time - (file.start or 0) >= self._split

    def _begin_file(self) -> _File:
        file = _File(f"{self.path.name}_{len(self._files)}.mcap")
        self._writer = McapWriter(self.path / file.name, self._chunk_size)
        self._files.append(file)
        self._bytes = 0
        return file

    def _end_file(self) -> None:
        writer, self._writer = self._writer, None
        assert writer is not None
        try:
            for channel in self._channels.values():  # topics without messages are known too
                writer.add(channel.topic)
        finally:
            writer.close()

    def _metadata(self) -> dict[str, Any]:
        files = [file for file in self._files if file.count] or self._files
        start = min(file.start or 0 for file in files)
        return {
            "version": VERSION,
            "storage_identifier": "mcap",
            "duration": {"nanoseconds": max(file.end for file in files) - start},
            "starting_time": {"nanoseconds_since_epoch": start},
            "message_count": sum(file.count for file in self._files),
            "topics_with_message_count": [
                {
                    "topic_metadata": {
                        "name": channel.topic.name,
                        "type": channel.topic.kind,
                        "serialization_format": "cdr",
                        "offered_qos_profiles": yaml.safe_load(channel.topic.qos or "[]"),
                        "type_description_hash": "",
                    },
                    "message_count": channel.count,
                }
                for channel in self._channels.values()
            ],
            "compression_format": "",
            "compression_mode": "",
            "relative_file_paths": [file.name for file in self._files],
            "files": [file.as_data() for file in self._files],
            "custom_data": self.custom or None,
            "ros_distro": "jazzy",
        }
