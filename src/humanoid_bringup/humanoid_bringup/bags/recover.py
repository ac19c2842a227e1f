"""Saves what is left of a damaged bag: every message that can be proven whole, and a count."""

import mmap
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from mcap.data_stream import ReadDataStream
from mcap.records import Channel, Chunk, Message, Schema
from mcap.stream_reader import breakup_chunk

from humanoid_bringup.bags.bag import Bag, BagError, Topic
from humanoid_bringup.bags.mcap_file import (
    CHANNEL,
    CHUNK,
    DATA_END,
    MAGIC,
    MESSAGE,
    SCHEMA,
    McapError,
    records,
)
from humanoid_bringup.bags.writer import BagWriter
from humanoid_bringup.definitions import definition
from humanoid_bringup.errors import HumanoidError

#: Names of compressions as they stand in a chunk, 37 bytes after its opcode.
_COMPRESSIONS = (b"\x04\x00\x00\x00zstd", b"\x03\x00\x00\x00lz4")
_BEFORE_NAME = 9 + 28


@dataclass
class Recovery:
    """What was saved."""

    messages: int = 0
    chunks: int = 0
    lost_chunks: int = 0  # found, and damaged
    unknown: int = 0  # messages whose topic is in a lost part
    unproven: int = 0  # messages that no checksum covers
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.messages} messages recovered from {self.chunks} whole chunks"]
        if self.lost_chunks:
            lines.append(f"{self.lost_chunks} damaged chunks lost")
        if self.unknown:
            lines.append(f"{self.unknown} messages lost: their topic was in a lost part")
        if self.unproven:
            lines.append(f"{self.unproven} of the messages have no checksum: damage cannot be seen")
        return "\n".join([*lines, *self.problems])


def recover(path: Path, output: Path) -> Recovery:
    """Write what is left of the bag `path` to a new bag `output`. Raises BagError, OSError."""
    files = _files(path)
    recovery = Recovery()
    with BagWriter(output, custom={"recovered_from": path.name}) as writer:
        for file in files:
            before = recovery.messages
            source = _from_mcap if file.suffix == ".mcap" else _from_other
            for topic, time, data, published in source(file, recovery):
                if topic.name not in writer.counts:
                    writer.add(topic if topic.definition else _defined(topic))
                writer.write(topic.name, time, data, published)
                recovery.messages += 1
            if recovery.messages == before:
                recovery.problems.append(f"{file.name}: nothing could be saved")
    if not recovery.messages:
        writer.discard()
        raise BagError(f"{path}: nothing could be saved; {'; '.join(recovery.problems)}")
    return recovery


def _defined(topic: Topic) -> Topic:
    """With the installed definition of its type, if there is one, in place of none."""
    try:
        return replace(topic, definition=definition(topic.kind))
    except HumanoidError:
        return topic


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise BagError(f"{path}: no such bag")
    found = [path]
    if path.is_dir():
        found = sorted((p for p in path.iterdir() if p.suffix in (".mcap", ".db3")), key=_number)
    if not found:
        raise BagError(f"{path}: neither .mcap nor .db3 files in it")
    return found


def _number(path: Path) -> tuple[int, str]:
    digits = path.stem.rpartition("_")[2]
    return (int(digits) if digits.isdigit() else -1, path.name)


Saved = tuple[Topic, int, bytes, int | None]


def _from_mcap(path: Path, recovery: Recovery) -> Iterator[Saved]:
    if path.stat().st_size == 0:
        recovery.problems.append(f"{path.name}: empty")
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:8] != MAGIC:
            recovery.problems.append(f"{path.name}: does not begin as an MCAP file")
        yield from _Mcap(recovery).read(data)


class _Mcap:
    """Walks one file; where its structure breaks, looks for the next chunk that is whole."""

    def __init__(self, recovery: Recovery) -> None:
        self._recovery = recovery
        self._schemas: dict[int, Any] = {}
        self._channels: dict[int, Any] = {}

    def read(self, data: mmap.mmap) -> Iterator[Saved]:
        at, end = 8, len(data)
        while at < end:
            try:
                for record in records(data, at, end):
                    at = record.end
                    if record.opcode == DATA_END:
                        return
                    if record.opcode == CHUNK:
                        messages = self._chunk(data[record.start : record.end])
                        if messages is None:  # its length may be what is damaged
                            self._recovery.lost_chunks += 1
                            at = record.offset + 1
                            break
                        yield from messages
                    elif record.opcode in (SCHEMA, CHANNEL, MESSAGE):
                        yield from self._plain(record.opcode, data[record.start : record.end])
                else:
                    return
            except McapError as problem:
                self._recovery.problems.append(str(problem))
                at += 1
            at = self._next_chunk(data, at)

    def _next_chunk(self, data: mmap.mmap, at: int) -> int:
        """The offset of the next whole chunk, or the end."""
        while True:
            found = [data.find(name, at + _BEFORE_NAME) for name in _COMPRESSIONS]
            names = [position for position in found if position >= 0]
            if not names:
                return len(data)
            offset = min(names) - _BEFORE_NAME
            opcode, length = struct.unpack_from("<BQ", data, offset)
            whole = opcode == CHUNK and offset + 9 + length <= len(data)
            if whole and _records_of(data[offset + 9 : offset + 9 + length]) is not None:
                return offset
            at = offset + 1

    def _chunk(self, content: bytes) -> list[Saved] | None:
        found = _records_of(content)
        if found is None:
            return None
        self._recovery.chunks += 1
        saved = []
        for record in found[0]:
            saved += self._take(record)
        if not found[1]:
            self._recovery.unproven += len(saved)
        return saved

    def _plain(self, opcode: int, content: bytes) -> list[Saved]:
        """A record outside of chunks: nothing proves it but that it can be read."""
        stream = ReadDataStream(BytesIO(content))
        try:
            if opcode == MESSAGE:
                saved = self._take(Message.read(stream, len(content)))
                self._recovery.unproven += len(saved)
                return saved
            return self._take((Schema if opcode == SCHEMA else Channel).read(stream))
        except Exception as error:
            self._recovery.problems.append(f"a record cannot be read: {error}")
            return []

    def _take(self, record: Any) -> list[Saved]:
        if isinstance(record, Schema):
            self._schemas[record.id] = record
        elif isinstance(record, Channel):
            self._channels[record.id] = record
        elif isinstance(record, Message):
            channel = self._channels.get(record.channel_id)
            schema = None if channel is None else self._schemas.get(channel.schema_id)
            if channel is None or schema is None:
                self._recovery.unknown += 1
                return []
            text = schema.data.decode() if schema.encoding == "ros2msg" else ""
            qos = channel.metadata.get("offered_qos_profiles", "")
            topic = Topic(channel.topic, schema.name, text, qos)
            return [(topic, record.log_time, record.data, record.publish_time)]
        return []


def _records_of(content: bytes) -> tuple[list[Any], bool] | None:
    """The records in a chunk and whether a checksum proves them; None where it is damaged."""
    try:
        chunk = Chunk.read(ReadDataStream(BytesIO(content)))
        return list(breakup_chunk(chunk, validate_crc=True)), chunk.uncompressed_crc != 0
    except Exception:  # whatever a decompressor or parser says of damaged bytes
        return None


def _from_other(path: Path, recovery: Recovery) -> Iterator[Saved]:
    """An sqlite3 or ROS 1 file, row by row until it cannot be read further."""
    try:
        with Bag(path) as bag:
            for time, name, data in bag.messages():
                recovery.unproven += 1
                yield bag.topics[name], time, data, None
            recovery.chunks += 1
            return
    except BagError as problem:
        recovery.problems.append(str(problem))
    if path.suffix == ".db3" and not recovery.unproven:
        yield from _rows(path, recovery)


def _rows(path: Path, recovery: Recovery) -> Iterator[Saved]:
    """An sqlite3 file that its own index does not lead through any more."""
    try:
        with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as connection:
            topics = {
                row[0]: Topic(row[1], row[2])
                for row in connection.execute("SELECT id, name, type FROM topics")
            }
            for number, time, data in connection.execute(
                "SELECT topic_id, timestamp, data FROM messages"
            ):
                if number not in topics:
                    recovery.unknown += 1
                    continue
                recovery.unproven += 1
                yield topics[number], time, bytes(data), None
    except sqlite3.Error as error:
        recovery.problems.append(f"{path.name}: {error}")
