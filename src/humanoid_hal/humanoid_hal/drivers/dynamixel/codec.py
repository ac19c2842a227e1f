"""Dynamixel Protocol 2.0: bytes from packets and packets from bytes.

Frame: FF FF FD 00, id, length (u16), instruction, parameters, CRC (u16), all little-endian; length
counts what follows it. Where the instruction and parameters contain FF FF FD, an FD is stuffed in
after it. Source: ROBOTIS e-manual, "DYNAMIXEL Protocol 2.0".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.framing import NO_FRAME, UNDECIDED, Format, Scanner

HEADER = b"\xff\xff\xfd\x00"
BROADCAST = 254
LAST_ID = 252
#: Bytes of a status packet besides its parameters: header, id, length, instruction, error, CRC.
STATUS_OVERHEAD = 11
#: Longest `length` believed; a longer one is noise. ROBOTIS' SDK uses packets of up to 1 KiB.
_LONGEST = 1024
_STUFFED = b"\xff\xff\xfd"


class Instruction(IntEnum):
    """What a packet asks for; STATUS is an answer."""

    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    FACTORY_RESET = 0x06
    REBOOT = 0x08
    CLEAR = 0x10
    STATUS = 0x55
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83
    FAST_SYNC_READ = 0x8A
    BULK_READ = 0x92


#: The low seven bits of a status packet's error byte.
ERRORS = {
    1: "result fail",
    2: "unknown instruction",
    3: "CRC error",
    4: "value out of range",
    5: "wrong length",
    6: "value beyond a limit",
    7: "access denied (read only, or EEPROM while torque is on)",
}
ALERT = 0x80  # bit 7: see the hardware error register


def _table() -> NDArray[np.uint16]:
    """CRC-16 of single bytes: polynomial 0x8005, initial value 0, not reflected."""
    table = np.zeros(256, dtype=np.uint16)
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = (value << 1) ^ (0x8005 if value & 0x8000 else 0)
        table[byte] = value & 0xFFFF
    return table


_CRC = _table()
_CRC_LIST = _CRC.tolist()


def crc16(data: bytes, value: int = 0) -> int:
    """CRC of `data`, going on from `value`."""
    for byte in data:
        value = (value << 8 & 0xFF00) ^ _CRC_LIST[value >> 8 ^ byte]
    return value


class PositionalCrc:
    """CRCs of many messages of one length in one go.

    With initial value 0 the CRC is linear: it is the XOR of what each byte contributes from its
    place, so one table look-up per byte and one reduction do it.
    """

    def __init__(self, length: int, count: int = 0) -> None:
        """For messages of `length` bytes, their own CRC at the end included.

        Where always the same `count` of them is looked at together, it is quicker to say so.
        """
        tables = np.empty((length, 256), dtype=np.uint16)
        tables[-2] = np.arange(256)
        tables[-1] = np.arange(256) << 8
        row = _CRC
        for place in range(length - 3, -1, -1):
            tables[place] = row
            row = (row << 8) ^ _CRC[row >> 8]  # the same bytes, one zero byte further ahead
        self._tables = tables.ravel()
        offsets = np.arange(length) * 256
        self._offsets = np.tile(offsets, (count, 1)) if count else offsets

    def __call__(self, messages: NDArray[np.uint8]) -> NDArray[np.uint16]:
        """`messages` has shape (..., length); the result has shape (...), 0 where all is right.

        With zeros for their CRC the result is the CRC that they should have.
        """
        terms = self._tables.take(messages + self._offsets)
        result: NDArray[np.uint16] = np.bitwise_xor.reduce(terms, axis=-1)
        return result


def make_packet(id: int, instruction: int, parameters: bytes = b"") -> bytes:
    """A whole frame, stuffed where it must be."""
    body = bytes([instruction]) + parameters
    if _STUFFED in body:
        body = body.replace(_STUFFED, _STUFFED + b"\xfd")
    frame = HEADER + bytes([id]) + (len(body) + 2).to_bytes(2, "little") + body
    return frame + crc16(frame).to_bytes(2, "little")


def make_ping(id: int = BROADCAST) -> bytes:
    """Answered with model number (u16) and firmware (u8), by all if broadcast."""
    return make_packet(id, Instruction.PING)


def make_read(id: int, address: int, length: int) -> bytes:
    """Read `length` bytes from `address` on."""
    return make_packet(id, Instruction.READ, _words(address, length))


def make_write(id: int, address: int, data: bytes) -> bytes:
    """Write `data` from `address` on."""
    return make_packet(id, Instruction.WRITE, _words(address) + data)


def make_sync_read(ids: Sequence[int], address: int, length: int, fast: bool = False) -> bytes:
    """Every one of `ids` answers in this order; fast: with one packet together."""
    kind = Instruction.FAST_SYNC_READ if fast else Instruction.SYNC_READ
    return make_packet(BROADCAST, kind, _words(address, length) + bytes(ids))


def make_bulk_read(blocks: Sequence[tuple[int, int, int]]) -> bytes:
    """(id, address, length) each; answered in this order."""
    parameters = b"".join(bytes([id]) + _words(*block) for id, *block in blocks)
    return make_packet(BROADCAST, Instruction.BULK_READ, parameters)


def make_sync_write(address: int, length: int, values: Mapping[int, bytes]) -> bytes:
    """`values` holds `length` bytes per id; nobody answers."""
    parameters = b"".join(bytes([id]) + data for id, data in values.items())
    return make_packet(BROADCAST, Instruction.SYNC_WRITE, _words(address, length) + parameters)


def make_reboot(id: int) -> bytes:
    """Restart: torque off, RAM forgotten, latched hardware errors cleared."""
    return make_packet(id, Instruction.REBOOT)


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "little") for value in values)


@dataclass(frozen=True, slots=True)
class Packet:
    """One correct frame, without stuffing."""

    id: int
    instruction: int
    parameters: bytes  # of a status packet: the error byte first
    size: int  # [bytes] it took on the wire


def parse(frame: bytes) -> Packet:
    """The packet of a good frame."""
    body = frame[7:-2].replace(_STUFFED + b"\xfd", _STUFFED)
    return Packet(frame[4], body[0], body[1:], len(frame))


def _length(buffer: bytes | bytearray, start: int) -> int:
    if len(buffer) < start + 7:
        return UNDECIDED
    length = buffer[start + 5] | buffer[start + 6] << 8
    return 7 + length if 3 <= length <= _LONGEST else NO_FRAME


FORMAT = Format(
    sync=HEADER,
    longest=7 + _LONGEST,
    length=_length,
    valid=lambda frame: crc16(frame[:-2]) == frame[-2] | frame[-1] << 8,
)


def scanner() -> Scanner[Packet]:
    """Finds packets in whatever arrives."""
    return Scanner(FORMAT, parse)


def statuses(data: bytes) -> list[Packet]:
    """The status packets in `data`; for conversations."""
    return [p for p in scanner().feed(data) if p.instruction == Instruction.STATUS and p.parameters]
