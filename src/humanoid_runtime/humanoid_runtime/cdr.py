"""Messages of a fixed layout, written and read in place.

On the control path the strings and lengths of a message never change: the joints of a robot are
what they are. Its serialised form (plain CDR, OMG DDS-XTypes 1.3 section 7.4.1: little endian,
every primitive aligned to its own size) is then one buffer in which only numbers change, at offsets
known beforehand. Writing them through numpy views and publishing the buffer is several times
cheaper than filling a message object and serialising it, and the padding between fields is always
zero, so that equal messages have equal bytes; rclpy's own serialisation leaves padding
uninitialised.

A reader checks that what arrived has the layout it knows, byte for byte outside of the numbers;
whatever has not (another joint order, another length) goes through rclpy's deserialisation.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humanoid_runtime.stamps import NANOSECONDS

_ENCAPSULATION = b"\x00\x01\x00\x00"  # CDR, little endian
_STAMP = struct.Struct("<iI")  # builtin_interfaces/Time
_PRIMITIVES = {
    "boolean": "?",
    "octet": "u1",
    "uint8": "u1",
    "int8": "i1",
    "uint16": "<u2",
    "int16": "<i2",
    "uint32": "<u4",
    "int32": "<i4",
    "uint64": "<u8",
    "int64": "<i8",
    "float": "<f4",
    "double": "<f8",
}


class Layout:
    """Where the numbers of a message stand, learnt from an example of final strings and lengths."""

    def __init__(self, example: Any) -> None:
        self._buffer = bytearray(_ENCAPSULATION)
        self._constant = bytearray(b"\x01" * len(_ENCAPSULATION))
        self._padding = bytearray(len(_ENCAPSULATION))
        self._fields: dict[str, tuple[int, np.dtype[Any], int]] = {}
        self._spans: dict[tuple[str, str], tuple[np.dtype[Any], int, int]] = {}
        self._message(example, "")
        self.size = len(self._buffer)
        self._padded = (
            self.size + -self.size % 4
        )  # as it comes out of a DDS socket (RTPS 2.5, 10.2)
        self._fixed = _runs(self._constant, self._buffer)
        # Writers of this module leave padding zero: then a few long runs tell as much.
        both = bytearray(a | b for a, b in zip(self._constant, self._padding, strict=True))
        self._fixed_and_zero = _runs(both, self._buffer)

    def template(self) -> bytearray:
        """A fresh buffer holding the example."""
        return bytearray(self._buffer)

    def view(self, buffer: bytearray | bytes, first: str, last: str = "") -> NDArray[Any]:
        """The numbers from field `first` to field `last` (default: `first` alone) as one array.

        Nested fields are written with dots, elements of sequences of messages with their index:
        ``pose.position.x``, ``feet.0.contact``. All fields between must have one type and no gap.
        """
        span = self._spans.get((first, last))
        if span is None:
            span = self._spans[first, last] = self._span(first, last)
        return np.frombuffer(buffer, *span)

    def read_stamp(self, buffer: bytearray | bytes) -> int:
        """``header.stamp`` as nanoseconds."""
        seconds, nanoseconds = _STAMP.unpack_from(buffer, self._fields["header.stamp.sec"][0])
        return int(seconds * NANOSECONDS + nanoseconds)

    def write_stamp(self, buffer: bytearray, nanoseconds: int) -> None:
        """Set ``header.stamp``."""
        _STAMP.pack_into(
            buffer, self._fields["header.stamp.sec"][0], *divmod(nanoseconds, NANOSECONDS)
        )

    def fits(self, data: bytes) -> bool:
        """Whether `data` is a message of this very layout, to be read through :meth:`view`."""
        return len(data) in (self.size, self._padded) and (
            _holds(data, self._fixed_and_zero) or _holds(data, self._fixed)
        )

    def _span(self, first: str, last: str) -> tuple[np.dtype[Any], int, int]:
        """Type, count and offset of :meth:`view`."""
        start, dtype, count = self._fields[first]
        if last:
            end, last_dtype, last_count = self._fields[last]
            count = (end - start) // dtype.itemsize + last_count
            if last_dtype != dtype or self._count(start, end) != count - last_count:
                raise ValueError(f"fields {first!r} to {last!r} are not one gapless run of {dtype}")
        return dtype, count, start

    def _count(self, start: int, end: int) -> int:
        return sum(count for at, _, count in self._fields.values() if start <= at < end)

    def _message(self, message: Any, prefix: str) -> None:
        for name, kind in message.get_fields_and_field_types().items():
            self._value(getattr(message, name), kind, f"{prefix}{name}")

    def _value(self, value: Any, kind: str, path: str) -> None:
        if kind.startswith("sequence<"):
            self._constant_bytes(np.uint32(len(value)).tobytes(), 4)
            self._items(value, kind[9:-1].split(",")[0], path)
        elif kind.endswith("]"):
            self._items(value, kind[: kind.index("[")], path)
        elif kind.startswith("string"):
            text = value.encode() + b"\x00"
            self._constant_bytes(np.uint32(len(text)).tobytes(), 4)
            self._constant_bytes(text, 1)
        elif kind in _PRIMITIVES:
            self._numbers([value], kind, path)
        else:
            self._message(value, f"{path}.")

    def _items(self, values: Any, kind: str, path: str) -> None:
        if kind in _PRIMITIVES:
            if len(values):
                self._numbers(values, kind, path)
            return
        for index, value in enumerate(values):
            self._value(value, kind, f"{path}.{index}")

    def _numbers(self, values: Any, kind: str, path: str) -> None:
        dtype = np.dtype(_PRIMITIVES[kind])
        self._align(dtype.itemsize)
        self._fields[path] = (len(self._buffer), dtype, len(values))
        data = np.asarray(values, dtype).tobytes()
        self._buffer += data
        self._constant += bytes(len(data))
        self._padding += bytes(len(data))

    def _constant_bytes(self, data: bytes, alignment: int) -> None:
        self._align(alignment)
        self._buffer += data
        self._constant += b"\x01" * len(data)
        self._padding += bytes(len(data))

    def _align(self, size: int) -> None:
        gap = -(len(self._buffer) - len(_ENCAPSULATION)) % size
        self._buffer += bytes(gap)
        self._constant += bytes(gap)
        self._padding += b"\x01" * gap


_Runs = tuple[tuple[int, int, bytes], ...]


def _holds(data: bytes, runs: _Runs) -> bool:
    return all(data[start:end] == content for start, end, content in runs)


def _runs(mask: bytearray, buffer: bytearray) -> _Runs:
    """The runs of `buffer` where `mask` is set, as (start, end, content)."""
    edges = np.flatnonzero(np.diff(np.frombuffer(b"\x00" + bytes(mask) + b"\x00", np.int8)))
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return tuple((start, end, bytes(buffer[start:end])) for start, end in pairs)


class FixedPublisher:
    """Publishes one message of fixed layout again and again, written in place."""

    def __init__(self, node: Any, example: Any, topic: str, qos: Any) -> None:
        """`example` fixes the type, the strings and the lengths, and holds the first values."""
        self._layout = Layout(example)
        self._buffer = self._layout.template()
        self._publisher = node.create_publisher(type(example), topic, qos)

    def view(self, first: str, last: str = "") -> NDArray[Any]:
        """Writable numbers of the message, as :meth:`Layout.view`."""
        return self._layout.view(self._buffer, first, last)

    def publish(self, stamp: int) -> None:
        """Publish what the views hold, with ``header.stamp`` = `stamp` [ns]."""
        self._layout.write_stamp(self._buffer, stamp)
        self._publisher.publish(bytes(self._buffer))
