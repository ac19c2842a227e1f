"""The protocol of Hiwonder/LewanSoul bus servos: bytes from packets and packets from bytes.

Frame: 55 55, id, length, command, parameters, checksum; length is that of the parameters plus 3, the
checksum the complement of the sum from the id on. A read command is answered by a frame with the same
command; a write command is not answered. The sum alone is weak: a move to 500 counts whose length
has one bit flipped is a shorter frame with a correct one. So a frame must also have one of the
lengths that its command has. Source: Hiwonder, "Bus Servo Communication Protocol"; golden vectors of the
tests from that text and from pylx16a 1.1.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from humanoid_hal.bus.device import Array
from humanoid_hal.bus.framing import NO_FRAME, UNDECIDED, Format, Scanner
from humanoid_hal.bus.protocol import Mask
from humanoid_hal.drivers.lx16a.registers import TABLE

HEADER = b"\x55\x55"
BROADCAST = 254
LAST_ID = 253
#: Bytes of a frame besides its parameters.
OVERHEAD = 6
#: `length` of the longest frame.
_LONGEST = 7
#: Commands that the cycle uses; all others are in the table of registers.
MOVE_TIME_WRITE, ID_READ, POS_READ = 1, 14, 28
#: Of a move that waits, its reading, and what starts and stops moves (tables 2 and 4).
_OTHERS = {7: (7,), 8: (3, 7), 11: (3,), 12: (3,)}
#: The lengths that frames of a command have: of questions, answers and writing.
LENGTHS: dict[int, tuple[int, ...]] = {
    **{entry.read: (3, 3 + entry.size) for entry in TABLE.values()},
    **{entry.write: (3 + entry.size,) for entry in TABLE.values() if entry.write is not None},
    **{entry.keep: (3,) for entry in TABLE.values() if entry.keep is not None},
    **_OTHERS,
}
#: Largest time of a move [ms].
_SLOWEST = 30_000


@dataclass(frozen=True, slots=True)
class Packet:
    """One correct frame."""

    id: int
    command: int
    parameters: bytes


def make_packet(id: int, command: int, parameters: bytes = b"") -> bytes:
    """A whole frame."""
    body = bytes([id, len(parameters) + 3, command]) + parameters
    return HEADER + body + bytes([~sum(body) & 0xFF])


class MoveWriter:
    """Encodes the moves of all servos of a bus at once: one frame for each, one payload."""

    def __init__(self, ids: Sequence[int]) -> None:
        frames = b"".join(make_packet(id, MOVE_TIME_WRITE, bytes(4)) for id in ids)
        self._frames = np.frombuffer(bytearray(frames), dtype=np.uint8).reshape(len(ids), -1)
        self._goals = self._frames[:, 5:9].view("<u2")  # position and time, the same memory

    def encode(self, counts: Array, duration: float, who: Mask) -> bytes:
        """Go to `counts` (shape (n,), within 0 to 1000) in `duration` [s]; only those in `who`."""
        self._goals[:, 0] = np.rint(counts)
        self._goals[:, 1] = min(round(duration * 1000), _SLOWEST)
        self._frames[:, -1] = ~self._frames[:, 2:-1].sum(axis=1, dtype=np.uint8)
        return self._frames[who].tobytes()


def _length(buffer: bytes | bytearray, start: int) -> int:
    if len(buffer) < start + 4:
        return UNDECIDED
    id, length = buffer[start + 2], buffer[start + 3]
    return 3 + length if id <= BROADCAST and 3 <= length <= _LONGEST else NO_FRAME


FORMAT = Format(
    sync=HEADER,
    longest=3 + _LONGEST,
    length=_length,
    valid=lambda frame: (
        ~sum(frame[2:-1]) & 0xFF == frame[-1] and frame[3] in LENGTHS.get(frame[4], ())
    ),
)


def parse(frame: bytes) -> Packet:
    """The packet of a good frame."""
    return Packet(frame[2], frame[4], frame[5:-1])


def scanner() -> Scanner[Packet]:
    """Finds packets in whatever arrives."""
    return Scanner(FORMAT, parse)


def packets(data: bytes) -> list[Packet]:
    """All frames in `data`; for conversations."""
    return list(scanner().feed(data))
