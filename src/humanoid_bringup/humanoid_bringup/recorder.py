"""Records topics as they are: serialised bytes, message definitions, QoS.

It does not wake for each message. Twenty times a second it takes what has come, in one go, which
costs a small part of what callbacks do; the depth of its readers covers the time between. A message
costs 9 us to take and 18 us to write, a look that finds nothing 0.05 ms.

Messages get the time at which they were published, not that at which the recorder came to them: so
a bag is in causal order, which replay needs.
"""

import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from humanoid_bringup.bags.bag import Topic
from humanoid_bringup.bags.unit import message_class
from humanoid_bringup.bags.writer import BagWriter
from humanoid_bringup.definitions import definition
from humanoid_bringup.errors import HumanoidError
from humanoid_bringup.qos import EXPECTED, EXPECTED_LATCHED, compatible, describe
from humanoid_runtime.loop import HotLoop

#: [s] between two looks at what has come, and between two looks for new topics.
PERIOD, DISCOVERY = 0.05, 0.25
#: Of the recorder's threads, once it misses nothing: a tenth of the processor time of those at 0.
NICE = 10
#: [bytes] that stay free on the disk, and [s] between two looks.
RESERVE, DISK_PERIOD = 200_000_000, 1.0
#: Messages of a latched topic that a snapshot keeps whatever their age.
LATCHED = 10


def give_way() -> None:
    """Let control go first: niceness NICE for every thread of this process.

    On Linux each thread has its own (setpriority(2)), and the middleware's were there before.
    """
    for task in Path("/proc/self/task").iterdir():
        thread = int(task.name)
        try:
            if os.getpriority(os.PRIO_PROCESS, thread) < NICE:
                os.setpriority(os.PRIO_PROCESS, thread, NICE)
        except ProcessLookupError:  # it has ended
            continue


class Sink(Protocol):
    """Where messages go."""

    def add(self, topic: Topic) -> None:
        """Announce a topic."""

    def write(self, topic: str, time: int, data: bytes, published: int | None = None) -> None:
        """Take one message. Raises OSError."""


class Entry(NamedTuple):
    """One message; times [ns]."""

    topic: str
    time: int
    data: bytes
    published: int | None


class Snapshot:
    """Keeps the last seconds in memory, and latched messages of any age."""

    def __init__(self, seconds: float) -> None:
        """`seconds`: how much is kept."""
        self._length = round(seconds * 1e9)
        self._topics: dict[str, Topic] = {}
        self._latched: dict[str, deque[Entry]] = {}
        self._recent: deque[Entry] = deque()

    def add(self, topic: Topic) -> None:
        """Announce a topic."""
        self._topics[topic.name] = topic
        if "transient_local" in topic.qos:
            self._latched[topic.name] = deque(maxlen=LATCHED)

    def write(self, topic: str, time: int, data: bytes, published: int | None = None) -> None:
        """Take one message and let go of what is too old."""
        entry = Entry(topic, time, data, published)
        if topic in self._latched:
            self._latched[topic].append(entry)
            return
        recent = self._recent
        recent.append(entry)
        oldest = time - self._length
        while recent[0].time < oldest:
            recent.popleft()

    @property
    def topics(self) -> list[Topic]:
        """What was announced."""
        return list(self._topics.values())

    def entries(self) -> list[Entry]:
        """What is kept, in order; latched messages from before come at its beginning."""
        recent = sorted(self._recent, key=lambda entry: entry.time)
        begin = recent[0].time if recent else 0
        latched = [
            entry._replace(time=max(entry.time, begin))
            for entries in self._latched.values()
            for entry in entries
        ]
        return [*latched, *recent]

    def save(self, path: Path, custom: Mapping[str, str] | None = None) -> int:
        """Write what is kept as a bag; how many messages. Raises HumanoidError, OSError."""
        with BagWriter(path, custom=custom) as writer:
            for topic in self._topics.values():
                writer.add(topic)
            for entry in self.entries():
                writer.write(*entry)
            return sum(writer.counts.values())


@dataclass
class _Reader:
    """One subscribed topic."""

    kind: str
    subscription: Subscription
    sequence: int = 0  # the middleware's number of the last message
    lost: int = 0
    #: False: numbers that went back are those of several publishers, and tell nothing.
    countable: bool = True

    def note(self, sequence: int) -> None:
        """Count what is missing since the last message."""
        if self.sequence and self.countable:
            if sequence > self.sequence:
                self.lost += sequence - self.sequence - 1
            else:
                self.countable, self.lost = False, 0
        self.sequence = sequence


class Recorder:
    """Subscribes to topics as discovery finds them and passes on what arrives."""

    def __init__(self, node: Node, sink: Sink, wanted: Callable[[str], bool]) -> None:
        """`wanted(topic)` chooses topics by their absolute name."""
        self._node, self._sink, self._wanted = node, sink, wanted
        self._loop = HotLoop(node, rest_period=0.1)
        self._readers: dict[str, _Reader] = {}  # by topic
        self._announced: set[str] = set()
        self._begin = time.time_ns()
        self._discovery_due = 0.0
        self.counts: dict[str, int] = {}
        self.bytes = 0
        #: Types whose definition is not installed: their topics are left out.
        self.unknown: dict[str, str] = {}

    def expect(self, expected: Mapping[str, str], latched: Collection[str] = ()) -> None:
        """Subscribe to topics (relative name -> type) before anybody publishes them.

        So nothing is lost between their first message and the next look for topics.
        """
        for name, kind in expected.items():
            topic = self._node.resolve_topic_name(name)
            qos = EXPECTED_LATCHED if name in latched else EXPECTED
            self._subscribe(topic, kind, qos)

    @property
    def lost(self) -> dict[str, int]:
        """Messages of each topic that were published and did not arrive, where there are any.

        By the middleware's sequence numbers; of topics with several publishers nothing is known.
        """
        return {topic: reader.lost for topic, reader in self._readers.items() if reader.lost}

    def lost_text(self) -> str:
        """As :attr:`lost`, as it stands in a bag; empty where nothing was lost."""
        return ", ".join(f"{topic} {count}" for topic, count in sorted(self.lost.items()))

    def turn(self) -> None:
        """Look for topics when due, take what has come, and serve the node's other work."""
        now = time.monotonic()
        if now >= self._discovery_due:
            self._discovery_due = now + DISCOVERY
            self.discover()
        self.drain()
        self._loop.spin_rest()

    def discover(self) -> None:
        """Subscribe to every wanted topic that has a publisher and is not recorded yet."""
        for topic, kinds in self._node.get_topic_names_and_types():
            if topic in self._announced or topic in self.unknown or not self._wanted(topic):
                continue
            if "/_" in topic:  # hidden (ROS 2 topic names), such as an action's
                continue
            offered = self._offered(topic)
            if not offered:
                continue
            if topic in self._readers or self._subscribe(topic, kinds[0], compatible(offered)):
                self._announce(topic, offered)

    def drain(self) -> None:
        """Pass on everything that has come. Raises OSError when it cannot be written."""
        write, take, begin = self._sink.write, self._loop.take_with_info, self._begin
        for topic, reader in self._readers.items():
            count, subscription = 0, reader.subscription
            while (taken := take(subscription)) is not None:
                if topic not in self._announced:
                    self._announce(topic, self._offered(topic))
                data, info = taken
                published = info["source_timestamp"] or time.time_ns()
                reader.note(info["publication_sequence_number"] or 0)
                write(topic, max(published, begin), data, published)
                self.bytes += len(data)
                count += 1
            if count:
                self.counts[topic] += count

    def close(self) -> None:
        """Leave the node's topics."""
        self._loop.close()

    def _offered(self, topic: str) -> list[QoSProfile]:
        return [info.qos_profile for info in self._node.get_publishers_info_by_topic(topic)]

    def _subscribe(self, topic: str, kind: str, qos: QoSProfile) -> bool:
        try:
            definition(kind)
            message = message_class(kind)
        except (HumanoidError, ImportError, AttributeError) as problem:
            self.unknown[topic] = f"{kind}: {problem}"
            return False
        reader = self._loop.subscribe(message, topic, qos, raw=True)
        self._readers[topic] = _Reader(kind, reader)
        return True

    def _announce(self, topic: str, offered: list[QoSProfile]) -> None:
        kind = self._readers[topic].kind
        self._sink.add(Topic(topic, kind, definition(kind), describe(offered)))
        self._announced.add(topic)
        self.counts[topic] = 0


class DiskGuard:
    """Says when the disk is nearly full (row 26 of the fault table)."""

    def __init__(self, path: Path, reserve: int = RESERVE) -> None:
        """`reserve` [bytes] stay free on the disk of `path`."""
        self._path, self._reserve = path.absolute(), reserve
        self._due = 0.0

    def full(self) -> str:
        """Why recording must stop, or ""; looks at most once per DISK_PERIOD."""
        now = time.monotonic()
        if now < self._due:
            return ""
        self._due = now + DISK_PERIOD
        path = self._path
        while not path.exists():
            path = path.parent
        free = shutil.disk_usage(path).free
        if free >= self._reserve:
            return ""
        return f"{free / 1e6:.0f} MB are free on the disk, {self._reserve / 1e6:.0f} MB must stay"


def request(node: Node, take: Callable[[], str]) -> Any:
    """Offer the service `snapshot`, which calls `take()`; its answer is the message."""
    from std_srvs.srv import Trigger

    def answer(_: Any, response: Any) -> Any:
        try:
            response.message = take()
            response.success = True
        except (HumanoidError, OSError) as problem:
            response.message, response.success = str(problem), False
        return response

    return node.create_service(Trigger, "snapshot", answer)
