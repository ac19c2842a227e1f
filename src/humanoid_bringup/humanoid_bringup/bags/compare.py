"""Compares two streams of messages, bit for bit or within tolerances, and gives a verdict.

Messages are paired by their stamp, or one by one where a type has none. A sample may be answered
again with the same bytes (docs/architecture.md), so a repetition counts once.
"""

import math
import struct
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from humanoid_bringup.bags.fields import Decoder, flatten, stamp_of
from humanoid_bringup.errors import Exit, HumanoidError

#: Differing values of one field that a report can draw.
MOST_POINTS = 2000
MOST_FIELDS = 6


@dataclass(frozen=True)
class Tolerance:
    """|a - b| <= absolute + relative * |b| for the fields that match, b the expected one."""

    pattern: str  # of the field's path without indices, with or without the topic before it
    absolute: float
    relative: float = 0.0

    def matches(self, topic: str, path: str) -> bool:
        """Whether it holds for a field such as ``feet.wrench.force.x``."""
        full = f"{topic.strip('/')}.{path}"
        return fnmatchcase(path, self.pattern) or fnmatchcase(full, self.pattern)


def parse_tolerance(text: str) -> Tolerance:
    """``field=abs[,rel]``. Raises HumanoidError."""
    pattern, _, numbers = text.partition("=")
    try:
        values = [float(number) for number in numbers.split(",")]
    except ValueError:
        values = []
    if not pattern or len(values) not in (1, 2) or not all(0 <= v < math.inf for v in values):
        raise HumanoidError(
            f"tolerance '{text}': expected field=absolute[,relative], such as "
            "robot_state.position=1e-6 or '*=1e-9,1e-9'",
            Exit.USAGE,
        )
    return Tolerance(pattern.strip("/"), *values)


@dataclass(frozen=True)
class Divergence:
    """The first message of a topic that is not as expected."""

    topic: str
    time: float  # [s] since the beginning of the comparison
    stamp: int | None  # [ns] of the message's header
    field: str  # path with index; 'message' where one side has none
    expected: Any
    actual: Any
    index: int  # of the message in its topic

    def __str__(self) -> str:
        stamp = "" if self.stamp is None else f", stamp {self.stamp * 1e-9:.6f} s"
        return (
            f"{self.topic} message {self.index} at {self.time:.6f} s{stamp}: {self.field} is "
            f"{_shown(self.actual)}, expected {_shown(self.expected)}"
        )


@dataclass
class TopicResult:
    """How one topic compares."""

    topic: str
    compared: int = 0
    differing: int = 0
    missing: int = 0  # expected and not there
    extra: int = 0  # there and not expected
    tolerated: int = 0  # different bits, within tolerance
    outside: int = 0  # just before or after what was recorded
    first: Divergence | None = None
    #: Differing field -> (time [s], expected, actual), for plots.
    series: dict[str, list[tuple[float, float, float]]] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether it is as expected."""
        return not (self.differing or self.missing or self.extra)


@dataclass(repr=False)
class Verdict:
    """Pass or fail, with what a tester wants to know."""

    topics: list[TopicResult]
    title: str = ""
    notes: list[str] = field(default_factory=list)  # reasons to fail besides the messages

    @property
    def same(self) -> bool:
        """Whether everything is as expected, and there was something to compare."""
        compared = any(topic.compared for topic in self.topics)
        return compared and not self.notes and all(topic.same for topic in self.topics)

    def __bool__(self) -> bool:
        return self.same

    def __repr__(self) -> str:
        return str(self)

    @property
    def first(self) -> Divergence | None:
        """The earliest divergence of all topics."""
        found = [topic.first for topic in self.topics if topic.first is not None]
        return min(found, key=lambda divergence: divergence.time, default=None)

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        rows = []
        for topic in self.topics:
            row = asdict(topic)
            del row["series"]
            row["first"] = None if topic.first is None else _plain(asdict(topic.first))
            rows.append({**row, "same": topic.same})
        return {
            "ok": self.same,
            "verdict": "pass" if self.same else "fail",
            "first": None if self.first is None else _plain(asdict(self.first)),
            "topics": rows,
            "notes": self.notes,
        }

    def __str__(self) -> str:
        lines = [f"{'pass' if self.same else 'FAIL'}: {self.title}"]
        for topic in self.topics:
            told = [f"{topic.compared} compared"]
            for name in ("differing", "missing", "extra", "tolerated", "outside"):
                if count := getattr(topic, name):
                    told.append(f"{count} {name}")
            lines.append(f"  {'same' if topic.same else 'DIFF'}  {topic.topic}: {', '.join(told)}")
        if self.first is not None:
            lines.append(f"  first: {self.first}")
        if not any(topic.compared for topic in self.topics) and not self.first:
            lines.append("  nothing was compared")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


class _Side:
    """Messages of one side of one topic that wait for their partners, repetitions left out."""

    def __init__(self, decoder: Decoder, kind: str) -> None:
        self._decoder, self._kind = decoder, kind
        self.waiting: deque[tuple[tuple[int, int], int, bytes]] = deque()
        self._epoch = 0
        self._stamp: int | None = None
        self._data = b""
        self._count = 0
        self.first: int | None = None  # [ns] in the bag
        self.last = 0

    def add(self, time: int, data: bytes, stamp: int | None) -> None:
        if stamp is None:
            key = (0, self._count)
        else:
            last = self._stamp
            if last is not None and stamp == last and self._repeats(data):
                return
            if last is not None and stamp <= last:  # a new run, or another answer
                self._epoch += 1
            self._stamp, self._data = stamp, data
            key = (self._epoch, stamp)
        self._count += 1
        self.first = time if self.first is None else self.first
        self.last = time
        self.waiting.append((key, time, data))

    def _repeats(self, data: bytes) -> bool:
        """Whether it says what the last one said; padding between fields may differ."""
        return data == self._data or _same_fields(self._decoder, self._kind, data, self._data)


class _Pair:
    def __init__(self, topic: str, kind: str, expected: Decoder, actual: Decoder) -> None:
        self.result = TopicResult(topic)
        self.kind, self.stamped = kind, expected.stamped(kind)
        self.expected, self.actual = _Side(expected, kind), _Side(actual, kind)
        self.index = 0


class Comparison:
    """Takes the messages of both sides in any interleaving; memory holds only what waits."""

    def __init__(
        self,
        kinds: Mapping[str, str],
        expected: Decoder,
        actual: Decoder,
        tolerances: Sequence[Tolerance] = (),
        begin: int = 0,
        margin: int = 0,
    ) -> None:
        """`kinds`: topic -> type; `begin` [ns]: what times in the verdict count from.

        `margin` [ns]: messages that are not expected, but come so close before the first or after
        the last expected one, are outside of the recording: counted, and no failure.
        """
        self._margin = margin
        self._decoders = (expected, actual)
        self._tolerances = tolerances
        self._begin = begin
        self._pairs = {topic: _Pair(topic, kind, expected, actual) for topic, kind in kinds.items()}

    @property
    def topics(self) -> frozenset[str]:
        """What is compared."""
        return frozenset(self._pairs)

    def expected(self, topic: str, time: int, data: bytes) -> None:
        """One message as it should be."""
        pair = self._pairs[topic]
        pair.expected.add(time, data, stamp_of(data) if pair.stamped else None)
        self._match(pair)

    def actual(self, topic: str, time: int, data: bytes) -> None:
        """One message as it is."""
        pair = self._pairs[topic]
        pair.actual.add(time, data, stamp_of(data) if pair.stamped else None)
        self._match(pair)

    def finish(self, title: str = "") -> Verdict:
        """Both sides are complete."""
        for pair in self._pairs.values():
            self._match(pair, final=True)
        return Verdict([pair.result for pair in self._pairs.values()], title)

    def _match(self, pair: _Pair, final: bool = False) -> None:
        expected, actual = pair.expected.waiting, pair.actual.waiting
        while expected and actual:
            key, time, data = expected[0]
            other, other_time, other_data = actual[0]
            if key == other:
                expected.popleft()
                actual.popleft()
                self._compare(pair, time, data, other_data)
            elif key < other:
                expected.popleft()
                self._alone(pair, time, data, "missing")
            else:
                actual.popleft()
                self._alone(pair, other_time, other_data, "extra")
            pair.index += 1
        while final and (expected or actual):
            _, time, data = (expected or actual)[0]
            self._alone(pair, time, data, "missing" if expected else "extra")
            (expected or actual).popleft()
            pair.index += 1

    def _alone(self, pair: _Pair, time: int, data: bytes, what: str) -> None:
        result = pair.result
        first, last = pair.expected.first, pair.expected.last
        if what == "extra" and self._margin and first is not None:
            before, after = (
                first - self._margin <= time <= first,
                last <= time <= last + self._margin,
            )
            if (before and not result.compared) or (after and not pair.expected.waiting):
                result.outside += 1
                return
        setattr(result, what, getattr(result, what) + 1)
        there = ("there", "missing") if what == "missing" else ("missing", "there")
        self._note(pair, time, data, "message", *there)

    def _compare(self, pair: _Pair, time: int, expected: bytes, actual: bytes) -> None:
        result = pair.result
        result.compared += 1
        if expected == actual or _but_for_padding(expected, actual):
            return
        found = self._differences(pair, expected, actual)
        if found is None:
            result.tolerated += 1
            return
        if not found:  # only the padding between fields, which means nothing
            return
        result.differing += 1
        self._note(pair, time, expected, *found[0])
        seconds = (time - self._begin) * 1e-9
        for path, a, b in found[:MOST_FIELDS]:
            known = path in result.series
            if not known and len(result.series) >= MOST_FIELDS:
                continue
            points = result.series.setdefault(path, [])
            if len(points) < MOST_POINTS and _number(a) and _number(b):
                points.append((seconds, float(a), float(b)))

    def _differences(
        self, pair: _Pair, expected: bytes, actual: bytes
    ) -> list[tuple[str, Any, Any]] | None:
        """(field, expected, actual) of what differs; None: all of it is within tolerance."""
        one, two = self._decoders
        if one.unknown(pair.kind) or two.unknown(pair.kind):
            return [("bytes", expected.hex(), actual.hex())]
        left = list(flatten(one.decode(pair.kind, expected)))
        right = dict(flatten(two.decode(pair.kind, actual)))
        found, tolerated = [], False
        for path, a in left:
            if path not in right:
                found.append((path, a, "no such field"))
            elif not _same_bits(a, right[path]):
                beyond = self._beyond(pair.result.topic, path, a, right[path])
                tolerated = tolerated or not beyond
                found += beyond
        named = {path for path, _ in left}
        found += [(path, "no such field", b) for path, b in right.items() if path not in named]
        return None if tolerated and not found else found

    def _beyond(self, topic: str, path: str, a: Any, b: Any) -> list[tuple[str, Any, Any]]:
        plain = "".join(part.split("]")[-1] for part in path.split("["))
        rule = next((t for t in self._tolerances if t.matches(topic, plain)), None)
        if not isinstance(a, np.ndarray | list):
            if rule is not None and _number(a) and _number(b):
                return [] if _close(a, b, rule) else [(path, a, b)]
            return [(path, a, b)]
        if len(a) != len(b):
            return [(f"{path} (length)", len(a), len(b))]
        found = []
        for index, (x, y) in enumerate(zip(a, b, strict=True)):
            if _same_bits(x, y) or (rule is not None and _number(x) and _close(x, y, rule)):
                continue
            x, y = (v.item() if isinstance(v, np.generic) else v for v in (x, y))
            found.append((f"{path}[{index}]", x, y))
        return found

    def _note(
        self, pair: _Pair, time: int, data: bytes, path: str, expected: Any, actual: Any
    ) -> None:
        if pair.result.first is None:
            pair.result.first = Divergence(
                pair.result.topic,
                (time - self._begin) * 1e-9,
                stamp_of(data) if pair.stamped else None,
                path,
                expected,
                actual,
                pair.index,
            )


def _same_fields(decoder: Decoder, kind: str, a: bytes, b: bytes) -> bool:
    left, right = (list(flatten(decoder.decode(kind, data))) for data in (a, b))
    return len(left) == len(right) and all(
        x == y and _same_bits(v, w) for (x, v), (y, w) in zip(left, right, strict=True)
    )


def _but_for_padding(a: bytes, b: bytes) -> bool:
    """What comes out of a DDS socket is filled up to a multiple of 4 bytes (RTPS 2.5, 10.2)."""
    size = min(len(a), len(b))
    return len(a) - size < 4 and len(b) - size < 4 and a[:size] == b[:size]


def _same_bits(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, float | np.floating) and isinstance(b, float | np.floating):
        return struct.pack("<d", a) == struct.pack("<d", b)
    return bool(a == b)


def _close(a: Any, b: Any, rule: Tolerance) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return bool(a == b or abs(b - a) <= rule.absolute + rule.relative * abs(a))


def _number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return repr(float(value)) if isinstance(value, float | np.floating) else str(value)


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    return {key: v.item() if isinstance(v, np.generic) else v for key, v in data.items()}
