"""Stamps as integers [ns]: exact, ordered, and free of clocks."""

from typing import Any

NANOSECONDS = 1_000_000_000


def to_nanoseconds(stamp: Any) -> int:
    """A ``builtin_interfaces/Time`` as nanoseconds."""
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def set_stamp(stamp: Any, nanoseconds: int) -> None:
    """Write `nanoseconds` into a ``builtin_interfaces/Time``."""
    stamp.sec, stamp.nanosec = divmod(nanoseconds, NANOSECONDS)
