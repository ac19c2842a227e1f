"""The two blocks of the cycle for all devices of a bus at once: state in, command out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.drivers.dynamixel.codec import (
    BROADCAST,
    HEADER,
    STATUS_OVERHEAD,
    Instruction,
    PositionalCrc,
    make_packet,
)

#: The state that every device maps into its indirect registers, in this order. Protocol type reads
#: 2: what an unmapped block (after a reboot) does not. The part from `voltage` on is read in turns.
STATE = ("present_current", "present_velocity", "present_position", "torque_enable",
         "protocol_type", "voltage", "temperature", "hardware_error")  # fmt: skip
FAST = np.dtype(
    [("current", "<i2"), ("velocity", "<i4"), ("position", "<i4"), ("torque", "u1"), ("mark", "u1")]
)
SLOW = np.dtype([*FAST.descr, ("voltage", "<u2"), ("temperature", "u1"), ("error", "u1")])
MARK = 2

_STUFFED = b"\xff\xff\xfd"


class StateReader:
    """Decodes the status packets of a sync read where all is as expected: the usual case."""

    def __init__(self, block: np.dtype[Any] = FAST) -> None:
        self.size = STATUS_OVERHEAD + block.itemsize
        self._crc = PositionalCrc(self.size - 2)
        self._layout = np.dtype(
            [("head", "V4"), ("id", "u1"), ("length", "<u2"), ("kind", "u1"), ("error", "u1"),
             ("state", block), ("crc", "<u2")]
        )  # fmt: skip
        self._head = np.frombuffer(HEADER, dtype="<u4")[0]
        self._length = block.itemsize + 4

    def read(self, data: bytes, ids: NDArray[np.uint8]) -> "NDArray[Any] | None":
        """One record per device, in order; None when anything is not as expected."""
        if len(data) != len(ids) * self.size:
            return None
        raw = np.frombuffer(data, dtype=np.uint8).reshape(len(ids), self.size)
        rows: NDArray[Any] = raw.view(self._layout)[:, 0]
        right = (
            (raw[:, :4].copy().view("<u4")[:, 0] == self._head)
            & (rows["id"] == ids)
            & (rows["length"] == self._length)
            & (rows["kind"] == Instruction.STATUS)
            & (self._crc(raw[:, :-2]) == rows["crc"])
        )
        return rows if right.all() else None


class FastReader:
    """Decodes the one packet that answers a fast sync read: per device error, id, state, CRC.

    Only the last CRC is checked: it covers everything before it, the other CRCs included.
    """

    def __init__(self, count: int, block: np.dtype[Any] = FAST) -> None:
        row = block.itemsize + 4
        self.size = 8 + count * row
        self._crc = PositionalCrc(self.size - 2)
        self._layout = np.dtype(
            [("error", "u1"), ("id", "u1"), ("state", block), ("crc", "<u2")]
        )  # fmt: skip
        length = (1 + count * row).to_bytes(2, "little")
        self._head = HEADER + bytes([BROADCAST]) + length + bytes([Instruction.STATUS])

    def read(self, data: bytes, ids: NDArray[np.uint8]) -> "NDArray[Any] | None":
        """One record per device, in order; None when anything is not as expected."""
        if len(data) != self.size or not data.startswith(self._head):
            return None
        raw = np.frombuffer(data, dtype=np.uint8)
        rows: NDArray[Any] = raw[8:].view(self._layout)
        right = int(self._crc(raw[:-2])) == int(rows["crc"][-1]) and (rows["id"] == ids).all()
        return rows if right else None


class CommandWriter:
    """Encodes a sync write of one record per device."""

    def __init__(self, ids: Sequence[int], address: int, layout: np.dtype[Any]) -> None:
        width = layout.itemsize
        parameters = address.to_bytes(2, "little") + width.to_bytes(2, "little")
        parameters += b"".join(bytes([id]) + bytes(width) for id in ids)
        frame = bytearray(make_packet(BROADCAST, Instruction.SYNC_WRITE, parameters))
        self._frame = np.frombuffer(frame, dtype=np.uint8)  # shares memory
        rows = self._frame[12:-2].reshape(len(ids), 1 + width)
        #: Fill this, then :meth:`encode`.
        self.records: NDArray[Any] = rows.view(np.dtype([("id", "u1"), ("value", layout)]))[:, 0][
            "value"
        ]
        self._crc = PositionalCrc(len(frame) - 2)

    def encode(self) -> bytes:
        """The frame that writes `records`."""
        frame = self._frame
        body = frame[8:-2].tobytes()
        if _STUFFED in body:
            return make_packet(BROADCAST, Instruction.SYNC_WRITE, body)
        crc = int(self._crc(frame[:-2]))
        frame[-2], frame[-1] = crc & 0xFF, crc >> 8
        return frame.tobytes()
