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
    """Reads and writes serialised messages of the types of one bag."""

    def __init__(self, definitions: Mapping[str, str], *, ros1: bool = False) -> None:
        """`definitions`: type -> its text; where that is empty, the installed one is used."""
        self._definitions = definitions
        self._ros1 = ros1
        self._store: Any = None
        self._stamped: dict[str, bool] = {}

    def decode(self, kind: str, data: bytes) -> Any:
        """The message as an object with the fields as attributes. Raises HumanoidError."""
        try:
            return self._types().deserialize_cdr(data, kind)
        except Exception as error:
            raise HumanoidError(f"not a {kind}: {error}", Exit.BAG) from error

    def encode(self, kind: str, message: Any) -> bytes:
        """The reverse of :meth:`decode`."""
        return bytes(self._types().serialize_cdr(message, kind))

    def stamped(self, kind: str) -> bool:
        """Whether the type begins with a std_msgs/Header, whose stamp is at a known place."""
        if kind not in self._stamped:
            fields = self._types().fielddefs[kind][1]
            self._stamped[kind] = bool(fields) and fields[0][1][1] == HEADER
        return self._stamped[kind]

    def from_ros1(self, kind: str, data: bytes) -> bytes:
        """A message of a ROS 1 bag as CDR."""
        return bytes(self._types().ros1_to_cdr(data, kind))

    def _types(self) -> Any:
        if self._store is None:
            try:
                self._store = self._build()
            except TypesysError as error:
                raise HumanoidError(
                    f"the message definitions in the bag cannot be used: {error}", Exit.BAG
                ) from error
        return self._store

    def _build(self) -> Any:
        """The bag's own definitions; ROS 2's for what a bag leaves out, or ROS 1 calls the same."""
        known = get_typestore(Stores.ROS2_JAZZY)
        types: dict[str, Any] = dict(known.fielddefs) if self._ros1 else {}
        for kind, text in self._definitions.items():
            if self._ros1:
                found = get_types_from_msg(text, kind)
                types.update({name: found[name] for name in found if name not in types})
            elif text:
                types.update(get_types_from_msg(text, kind))
            elif kind in known.fielddefs:
                types = {**known.fielddefs, **types}
            else:
                types.update(get_types_from_msg(definition(kind), kind))
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
