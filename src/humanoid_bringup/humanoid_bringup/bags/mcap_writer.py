"""Writes one MCAP file as rosbag2 does: profile `ros2`, definitions, QoS, zstd, every checksum."""

import time
from collections.abc import Mapping
from pathlib import Path

from mcap.writer import CompressionType, Writer

from humanoid_bringup.bags.bag import Topic

#: [bytes] A chunk is compressed and gets its checksum as a whole, and is lost as a whole.
CHUNK_SIZE = 1 << 20


class McapWriter:
    """One file being written. What was written so far survives a crash."""

    def __init__(self, path: Path, chunk_size: int = CHUNK_SIZE) -> None:
        """`path`: a file that does not exist yet. Raises OSError."""
        self._stream = path.open("xb")
        self._writer = Writer(
            self._stream,
            chunk_size=chunk_size,
            compression=CompressionType.ZSTD,
            enable_data_crcs=True,
        )
        self._writer.start(profile="ros2", library="humanoid")
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}

    def add(self, topic: Topic) -> None:
        """Announce a topic. Again changes nothing."""
        if topic.name in self._channels:
            return
        if topic.kind not in self._schemas:
            self._schemas[topic.kind] = self._writer.register_schema(
                topic.kind, "ros2msg", topic.definition.encode()
            )
        self._channels[topic.name] = self._writer.register_channel(
            topic.name, "cdr", self._schemas[topic.kind], {"offered_qos_profiles": topic.qos}
        )

    def write(self, topic: str, time: int, data: bytes, published: int, sequence: int) -> None:
        """Add one message of an announced topic; times [ns]. Raises OSError."""
        self._writer.add_message(self._channels[topic], time, data, published, sequence)

    def note(self, name: str, values: Mapping[str, str]) -> None:
        """Add a metadata record. Raises OSError."""
        self._writer.add_metadata(name, dict(values))

    def attach(self, name: str, media_type: str, data: bytes) -> None:
        """Add a file. Raises OSError."""
        now = time.time_ns()
        self._writer.add_attachment(now, now, name, media_type, data)

    def close(self) -> None:
        """Write the summary. Raises OSError."""
        try:
            self._writer.finish()
        finally:
            self._stream.close()
