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


#: Where the two marks stand in the block.
TORQUE_AT, MARK_AT = 10, 11
Bytes = NDArray[np.uint8]


class StateReader:
    """Decodes the status packets of a sync read where all is as usual: no error, torque as known."""

    def __init__(self, ids: Sequence[int], torque: bool) -> None:
        """`ids` as they are asked, and so as they answer; whether they have `torque`."""
        count, width = len(ids), FAST.itemsize
        row = STATUS_OVERHEAD + width
        self.size = count * row  # [bytes] of all answers
        self._crc = PositionalCrc(row, count)
        self._mask = np.zeros((count, row), dtype=np.uint8)  # of what is always the same: no values
        for place in (slice(9), 9 + TORQUE_AT, 9 + MARK_AT):
            self._mask[:, place] = 0xFF
        length = (width + 4).to_bytes(2, "little")
        state = np.zeros(width, dtype=np.uint8)
        state[TORQUE_AT], state[MARK_AT] = torque, MARK
        tail = b"\0" + state.tobytes() + b"\0\0"
        self._usual = b"".join(
            HEADER + bytes([id]) + length + bytes([Instruction.STATUS]) + tail for id in ids
        )

    def read(self, data: bytes) -> Bytes | None:
        """States as bytes, shape (n, 12); None when anything is not as usual."""
        if len(data) != self.size:
            return None
        rows = np.frombuffer(data, dtype=np.uint8).reshape(self._mask.shape)
        if (rows & self._mask).tobytes() != self._usual or np.count_nonzero(self._crc(rows)):
            return None
        return rows[:, 9:-2]


class FastReader:
    """The same for the one packet that answers a fast sync read: per device error, id, state, CRC.

    Only the last CRC is checked: it covers everything before it, the other CRCs included.
    """

    def __init__(self, ids: Sequence[int], torque: bool) -> None:
        """As of :class:`StateReader`."""
        row = FAST.itemsize + 4
        self.size = 8 + len(ids) * row  # [bytes]
        self._crc = PositionalCrc(self.size)
        self._usual = np.zeros((len(ids), row), dtype=np.uint8)
        self._usual[:, 1] = ids
        self._usual[:, 2 + TORQUE_AT], self._usual[:, 2 + MARK_AT] = torque, MARK
        self._mask = np.zeros(row, dtype=np.uint8)
        self._mask[:2] = self._mask[2 + TORQUE_AT] = self._mask[2 + MARK_AT] = 0xFF
        length = (1 + len(ids) * row).to_bytes(2, "little")
        self._head = HEADER + bytes([BROADCAST]) + length + bytes([Instruction.STATUS])

    def read(self, data: bytes) -> Bytes | None:
        """As of :class:`StateReader`."""
        if len(data) != self.size or not data.startswith(self._head):
            return None
        raw = np.frombuffer(data, dtype=np.uint8)
        rows = raw[8:].reshape(self._usual.shape)
        if np.count_nonzero((rows & self._mask) != self._usual) or int(self._crc(raw)):
            return None
        return rows[:, 2:-2]


class CommandWriter:
    """Encodes a sync write of one record per device."""

    def __init__(self, ids: Sequence[int], address: int, layout: np.dtype[Any]) -> None:
        width = layout.itemsize
        parameters = address.to_bytes(2, "little") + width.to_bytes(2, "little")
        parameters += b"".join(bytes([id]) + bytes(width) for id in ids)
        frame = bytearray(make_packet(BROADCAST, Instruction.SYNC_WRITE, parameters))
        frame[-2:] = b"\0\0"
        self._frame = np.frombuffer(frame, dtype=np.uint8)  # shares memory
        rows = self._frame[12:-2].reshape(len(ids), 1 + width)
        #: Fill this, then :meth:`encode`.
        self.records: NDArray[Any] = rows.view(np.dtype([("id", "u1"), ("value", layout)]))[:, 0][
            "value"
        ]
        self._body = self._frame[8:-2]
        self._head = bytes(frame[:8])
        self._crc = PositionalCrc(len(frame))

    def encode(self) -> bytes:
        """The frame that writes `records`."""
        body = self._body.tobytes()
        if _STUFFED in body:
            return make_packet(BROADCAST, Instruction.SYNC_WRITE, body)
        return self._head + body + int(self._crc(self._frame)).to_bytes(2, "little")
