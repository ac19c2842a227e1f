"""Reads recordings of every kind through one door: rosbag2 (MCAP, sqlite3), ROS 1.

What is read is checked on the way: checksums wherever the format has them, counts everywhere. A bag
that is not whole raises :class:`BagError`; it never yields less, or other, than was recorded
without saying so.
"""

import heapq
import operator
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from rosbags.interfaces import MessageDefinitionFormat
from rosbags.rosbag1 import Reader as Ros1Reader
from rosbags.rosbag2 import Reader as Ros2Reader
from rosbags.rosbag2.metadata import dump_qos_v9

from humanoid_bringup.bags.fields import Decoder
from humanoid_bringup.bags.mcap_file import McapError, notes, verify
from humanoid_bringup.errors import Exit, HumanoidError

if TYPE_CHECKING:
    from typing_extensions import Self

METADATA = "metadata.yaml"
#: Name of the metadata record of a single MCAP file with what is custom data elsewhere.
CUSTOM = "humanoid"
#: The newest layout of metadata.yaml that is understood; rosbag2 of ROS 2 Jazzy writes 9.
NEWEST_VERSION = 9


class BagError(HumanoidError):
    """A bag cannot be read, or not wholly; the message says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.BAG)


@dataclass(frozen=True)
class Topic:
    """What a bag says of one topic."""

    name: str  # absolute
    kind: str  # such as sensor_msgs/msg/Imu
    definition: str = ""  # ros2msg text with all that it uses; empty: the bag has none
    qos: str = ""  # offered profiles as rosbag2's YAML text; empty: not recorded
    count: int = 0


class Message(NamedTuple):
    """One recorded message, serialised as CDR."""

    time: int  # [ns] in the bag
    topic: str
    data: bytes


@dataclass
class _Metadata:
    files: list[Path]
    count: int | None = None
    counts: dict[str, int] = field(default_factory=dict)  # by topic
    custom: dict[str, str] = field(default_factory=dict)
    by_message: bool = False  # compressed by rosbag2 itself: its reader must undo it


class Bag:
    """One recording, open for reading; a context manager."""

    def __init__(self, path: str | Path) -> None:
        """`path`: a bag's directory, or one .mcap, .db3 or (ROS 1) .bag file. Raises BagError."""
        self.path = Path(path)
        self._stack = ExitStack()
        self.topics: dict[str, Topic] = {}
        self.custom: Mapping[str, str] = {}
        self.start = self.end = 0  # [ns] of the first and the last message
        self._readers: list[Any] = []
        self.kind = ""
        try:
            self._open()
        except HumanoidError:
            self.close()
            raise
        except Exception as error:
            self.close()
            raise self._broken(error) from error

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        self._stack.close()

    @property
    def count(self) -> int:
        """Messages in the bag."""
        return sum(topic.count for topic in self.topics.values())

    @property
    def duration(self) -> float:
        """[s] from the first message to the last."""
        return (self.end - self.start) * 1e-9

    def decoder(self) -> Decoder:
        """Reads this bag's messages by field."""
        definitions = {topic.kind: topic.definition for topic in self.topics.values()}
        return Decoder(definitions, ros1=self.kind == "ros1")

    def messages(
        self,
        topics: Collection[str] | None = None,
        start: int | None = None,
        stop: int | None = None,
    ) -> Iterator[Message]:
        """Messages in the order of their times, those of one file with one time as recorded.

        `topics`: only these; `start` and `stop` [ns]: only in start <= time < stop. Raises BagError
        where the bag is damaged, at the latest at the end.
        """
        wanted = self.topics.keys() if topics is None else self.topics.keys() & set(topics)
        if not wanted:
            return
        streams = [self._stream(reader, wanted, start, stop) for reader in self._readers]
        source = streams[0] if len(streams) == 1 else heapq.merge(*streams, key=_TIME)
        seen: Counter[str] = Counter()
        try:
            for message in source:
                seen[message[1]] += 1
                yield message
        except HumanoidError:
            raise
        except Exception as error:
            raise self._broken(error) from error
        if start is None and stop is None:
            self._check_counts(seen, wanted)

    # -- opening ----------------------------------------------------------------------------------

    def _open(self) -> None:
        if not self.path.exists():
            raise BagError(f"{self.path}: no such bag")
        metadata = _directory(self.path) if self.path.is_dir() else _Metadata([self.path])
        self.custom = metadata.custom
        for path in metadata.files:
            self._open_file(path, metadata)
        if self.path.is_file() and self.kind == "mcap":
            self.custom = notes(self.path).get(CUSTOM, {})
        self._check_metadata(metadata)

    def _open_file(self, path: Path, metadata: _Metadata) -> None:
        if not path.is_file():
            raise BagError(f"{self.path}: {path.name} is missing; put it back, or 'bag recover'")
        if path.stat().st_size == 0:
            raise BagError(f"{path}: empty file: nothing was ever written to it")
        suffix = path.suffix
        if suffix not in (".mcap", ".db3", ".bag") and not metadata.by_message:
            raise BagError(f"{path}: not a bag: expected a directory, .mcap, .db3 or .bag file")
        if suffix == ".mcap":
            try:
                verify(path)
            except McapError as problem:
                raise self._broken(problem, path) from problem
        self.kind = {".mcap": "mcap", ".bag": "ros1"}.get(suffix, "sqlite3")
        source = self.path if metadata.by_message else path
        reader: Any = Ros1Reader(path) if suffix == ".bag" else Ros2Reader(source)
        try:
            reader.open()
        except Exception as error:
            raise self._broken(error, path) from error
        self._stack.callback(reader.close)
        self._readers.append(reader)
        for connection in reader.connections:
            self._add(connection)
        if reader.message_count:
            first = not self.end
            self.start = reader.start_time if first else min(self.start, reader.start_time)
            self.end = max(self.end, reader.end_time - 1)

    def _add(self, connection: Any) -> None:
        known, kind = self.topics.get(connection.topic), _full_name(connection.msgtype)
        if known is not None and known.kind != kind:
            raise BagError(
                f"{self.path}: {connection.topic} has two types, {known.kind} and {kind}; "
                "record it again"
            )
        text = connection.msgdef.data if connection.msgdef.format is _MSG else ""
        qos = getattr(connection.ext, "offered_qos_profiles", None)
        self.topics[connection.topic] = Topic(
            connection.topic,
            kind,
            text or (known.definition if known else ""),
            yaml.safe_dump(dump_qos_v9(qos), sort_keys=False)
            if qos
            else (known.qos if known else ""),
            connection.msgcount + (known.count if known else 0),
        )

    def _check_metadata(self, metadata: _Metadata) -> None:
        """metadata.yaml is outside of every checksum: it must say what the files say."""
        if metadata.count is not None and metadata.count != self.count:
            raise BagError(
                f"{self.path / METADATA}: says {metadata.count} messages, the files hold "
                f"{self.count}; 'humanoid bag recover' writes it anew"
            )
        for name, count in metadata.counts.items():
            held = self.topics[name].count if name in self.topics else 0
            if held != count:
                raise BagError(
                    f"{self.path / METADATA}: says {count} messages of {name}, the files hold "
                    f"{held}; 'humanoid bag recover' writes it anew"
                )

    # -- reading ----------------------------------------------------------------------------------

    def _stream(
        self, reader: Any, wanted: Collection[str], start: int | None, stop: int | None
    ) -> Iterator[Message]:
        chosen = [c for c in reader.connections if c.topic in wanted]
        if not chosen:
            return
        messages = reader.messages(chosen, start=start, stop=stop)
        if self.kind == "ros1":
            decoder = self.decoder()
            for connection, time, data in messages:
                yield Message(time, connection.topic, decoder.from_ros1(connection.msgtype, data))
            return
        for connection, time, data in messages:
            yield Message(time, connection.topic, data)

    def _check_counts(self, seen: Counter[str], wanted: Collection[str]) -> None:
        for name in wanted:
            if seen[name] != self.topics[name].count:
                raise BagError(
                    f"{self.path}: damaged: {seen[name]} of {self.topics[name].count} messages "
                    f"of {name} are there; {_NEXT}"
                )

    def _broken(self, error: Exception, path: Path | None = None) -> BagError:
        text = str(error).strip() or type(error).__name__
        return BagError(f"{path or self.path}: cannot be read: {text.rstrip('.')}; {_NEXT}")


_NEXT = "'humanoid bag recover' saves what is left"
_MSG = MessageDefinitionFormat.MSG
_TIME = operator.itemgetter(0)


def _full_name(kind: str) -> str:
    """Old recorders left out the folder: ``std_msgs/String``."""
    package, _, name = kind.partition("/")
    return kind if "/" in name else f"{package}/msg/{name}"


def _directory(path: Path) -> _Metadata:
    """What metadata.yaml says. Raises BagError."""
    file = path / METADATA
    if not file.is_file():
        stored = sorted(p.name for p in path.iterdir() if p.suffix in (".mcap", ".db3"))
        if not stored:
            raise BagError(f"{path}: not a bag: neither {METADATA} nor .mcap or .db3 files in it")
        raise BagError(
            f"{path}: {METADATA} is missing, so the recorder did not end in order; "
            f"'humanoid bag recover {path} <new>' makes a whole bag of {', '.join(stored)}"
        )
    try:
        content = yaml.safe_load(file.read_text())["rosbag2_bagfile_information"]
        version, names = int(content["version"]), list(content["relative_file_paths"])
        by_message = bool(content.get("compression_format"))
        counts = {
            row["topic_metadata"]["name"]: int(row["message_count"])
            for row in content["topics_with_message_count"]
        }
        metadata = _Metadata(
            [path / Path(name).name for name in (names[:1] if by_message else names)],
            int(content["message_count"]),
            counts,
            {str(key): str(value) for key, value in (content.get("custom_data") or {}).items()},
            by_message,
        )
    except (KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError) as error:
        text = str(error).splitlines()[0]
        raise BagError(
            f"{file}: not rosbag2's metadata ({type(error).__name__}: {text}); "
            "'humanoid bag recover' writes it anew"
        ) from error
    if version > NEWEST_VERSION:
        raise BagError(f"{file}: version {version}; this reads up to {NEWEST_VERSION}")
    return metadata
