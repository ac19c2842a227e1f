"""Messages by field: decoded with the definitions that the bag carries."""

import dataclasses
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore

from humanoid_bringup.definitions import definition
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_runtime.stamps import NANOSECONDS

HEADER = "std_msgs/msg/Header"
_STAMP = struct.Struct("<iI")


class Decoder:
    """Reads and writes serialised messages of the types of one bag.

    A type whose definition is neither in the bag nor installed, or cannot be parsed, is not known:
    its messages cannot be taken apart, and the others can.
    """

    def __init__(self, definitions: Mapping[str, str], *, ros1: bool = False) -> None:
        """`definitions`: type -> its text; where that is empty, the installed one is used."""
        self._definitions = definitions
        self._ros1 = ros1
        self._store: Any = None
        self._installed: Any = None
        self._stamped: dict[str, bool] = {}
        self._unknown: dict[str, str] = {}  # type -> why

    def decode(self, kind: str, data: bytes) -> Any:
        """The message as an object with the fields as attributes. Raises HumanoidError."""
        self._require(kind)
        try:
            return self._types().deserialize_cdr(data, kind)
        except Exception as error:
            message = self._as_installed(kind, data)
            if message is None:
                raise HumanoidError(f"not a {kind}: {error}", Exit.BAG) from error
            return message

    def encode(self, kind: str, message: Any) -> bytes:
        """The reverse of :meth:`decode`."""
        return bytes(self._types().serialize_cdr(message, kind))

    def unknown(self, kind: str) -> str:
        """Why messages of this type cannot be read, or ""."""
        self._types()
        return self._unknown.get(kind, "")

    def stamped(self, kind: str) -> bool:
        """Whether the type begins with a std_msgs/Header, whose stamp is at a known place."""
        if kind not in self._stamped:
            fields = [] if self.unknown(kind) else self._types().fielddefs[kind][1]
            self._stamped[kind] = bool(fields) and fields[0][1][1] == HEADER
        return self._stamped[kind]

    def from_ros1(self, kind: str, data: bytes) -> bytes:
        """A message of a ROS 1 bag as CDR. Raises HumanoidError."""
        self._require(kind)
        return bytes(self._types().ros1_to_cdr(data, kind))

    def _require(self, kind: str) -> None:
        if reason := self.unknown(kind):
            raise HumanoidError(f"{kind} is not known: {reason}", Exit.BAG)

    def _as_installed(self, kind: str, data: bytes) -> Any:
        """Read with ROS 2's own definition in place of the bag's, which may be of another age."""
        if self._installed is None:
            self._installed = get_typestore(Stores.ROS2_JAZZY)
        if self._ros1 or kind not in self._installed.fielddefs:
            return None
        try:
            return self._installed.deserialize_cdr(data, kind)
        except Exception:
            return None

    def _types(self) -> Any:
        if self._store is None:
            self._store = self._build()
        return self._store

    def _build(self) -> Any:
        """The bag's own definitions; ROS 2's for what a bag leaves out, or ROS 1 calls the same."""
        known = get_typestore(Stores.ROS2_JAZZY).fielddefs
        types: dict[str, Any] = dict(known) if self._ros1 else {}
        missing = []
        for kind, text in self._definitions.items():
            if not text and kind in known:
                missing.append(kind)
                continue
            try:
                found = get_types_from_msg(text or definition(kind), kind)
            except (TypesysError, HumanoidError, ValueError) as error:
                self._unknown[kind] = " ".join(str(error).split())[:120]
                continue
            # ROS 1 has other types by ROS 2's names (Header with a number): those stay ROS 2's.
            types.update({n: d for n, d in found.items() if not (self._ros1 and n in types)})
        if missing:
            types = {**known, **types}
        store = get_typestore(Stores.EMPTY)
        store.register(types)
        return store


def stamp_of(data: bytes) -> int:
    """``header.stamp`` [ns] of a serialised message that begins with a header (CDR, 4 bytes in).

    -1 where the message is too short for one.
    """
    if len(data) < 12:
        return -1
    seconds, nanoseconds = _STAMP.unpack_from(data, 4)
    return int(seconds) * NANOSECONDS + int(nanoseconds)


def flatten(message: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of every leaf; arrays of numbers are one leaf: ``feet[0].wrench.force.x``."""
    for item in dataclasses.fields(message):
        if item.name == "__msgtype__":
            continue
        yield from _leaves(getattr(message, item.name), f"{prefix}{item.name}")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if dataclasses.is_dataclass(value):
        yield from flatten(value, f"{path}.")
    elif isinstance(value, list) and any(dataclasses.is_dataclass(item) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def scalars(message: Any) -> Iterator[tuple[str, Any]]:
    """As :func:`flatten`, arrays and lists taken apart: ``position[3]``."""
    for path, value in flatten(message):
        if isinstance(value, np.ndarray | list | tuple):
            for index, item in enumerate(value):
                yield f"{path}[{index}]", item.item() if isinstance(item, np.generic) else item
        else:
            yield path, value
