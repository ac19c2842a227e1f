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
    """Decodes the status packets of a sync read where all is as expected: the usual case."""

    def __init__(self, ids: Sequence[int]) -> None:
        """`ids` as they are asked, and so as they answer."""
        count, width = len(ids), FAST.itemsize
        row = STATUS_OVERHEAD + width
        self.size = count * row  # [bytes] of all answers
        self._crc = PositionalCrc(row - 2)
        length = (width + 4).to_bytes(2, "little")
        heads = b"".join(HEADER + bytes([id]) + length + bytes([Instruction.STATUS]) for id in ids)
        self._heads = np.frombuffer(heads, dtype=np.uint8).reshape(count, 8)
        self._shape = (count, row)

    def read(self, data: bytes) -> tuple[Bytes, Bytes] | None:
        """Error bytes, shape (n,), and states as bytes, shape (n, 12); None: not as expected."""
        if len(data) != self.size:
            return None
        rows = np.frombuffer(data, dtype=np.uint8).reshape(self._shape)
        crcs = rows[:, -1].astype(np.uint16) << 8 | rows[:, -2]
        wrong = np.count_nonzero(rows[:, :8] != self._heads)
        if wrong or np.count_nonzero(self._crc(rows[:, :-2]) != crcs):
            return None
        return rows[:, 8], rows[:, 9:-2]


class FastReader:
    """Decodes the one packet that answers a fast sync read: per device error, id, state, CRC.

    Only the last CRC is checked: it covers everything before it, the other CRCs included.
    """

    def __init__(self, ids: Sequence[int]) -> None:
        """`ids` as they are asked."""
        row = FAST.itemsize + 4
        self.size = 8 + len(ids) * row  # [bytes]
        self._crc = PositionalCrc(self.size - 2)
        self._ids = np.array(ids, dtype=np.uint8)
        length = (1 + len(ids) * row).to_bytes(2, "little")
        self._head = HEADER + bytes([BROADCAST]) + length + bytes([Instruction.STATUS])

    def read(self, data: bytes) -> tuple[Bytes, Bytes] | None:
        """As of :class:`StateReader`."""
        if len(data) != self.size or not data.startswith(self._head):
            return None
        raw = np.frombuffer(data, dtype=np.uint8)
        if int(self._crc(raw[:-2])) != data[-2] | data[-1] << 8:
            return None
        rows = raw[8:].reshape(len(self._ids), -1)
        if np.count_nonzero(rows[:, 1] != self._ids):
            return None
        return rows[:, 0], rows[:, 2:-2]


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
