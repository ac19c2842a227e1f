"""Feetech's serial protocol: bytes from packets and packets from bytes.

Frame: FF FF, id, length, instruction or error byte, parameters, checksum; length counts what
follows it, the checksum is the complement of the sum from the id on. No stuffing: a header may
stand anywhere, only the checksum tells. Source: Feetech, "Communication Protocol User Manual";
ftservo-python-sdk 2.0.1 (protocol_packet_handler.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from humanoid_hal.bus.framing import NO_FRAME, UNDECIDED, Format, Scanner

HEADER = b"\xff\xff"
BROADCAST = 254
LAST_ID = 253
#: Bytes of an answer besides its data: header, id, length, error, checksum.
STATUS_OVERHEAD = 6


class Instruction(IntEnum):
    """What a packet asks for."""

    PING = 1
    READ = 2
    WRITE = 3
    RESET = 6
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83


#: Bits of the error byte: the fault table's name, and words.
ERRORS = {
    0: ("under_voltage", "supply voltage out of limits"),
    1: ("overload", "angle sensor error"),
    2: ("over_temperature", "overheated"),
    3: ("overload", "overcurrent"),
    5: ("overload", "overload"),
}


def make_packet(id: int, kind: int, parameters: bytes = b"") -> bytes:
    """A whole frame; `kind` is the instruction, or the error byte of an answer."""
    body = bytes([id, len(parameters) + 2, kind]) + parameters
    return HEADER + body + bytes([~sum(body) & 0xFF])


def make_ping(id: int) -> bytes:
    """Answered without data."""
    return make_packet(id, Instruction.PING)


def make_read(id: int, address: int, length: int) -> bytes:
    """Read `length` bytes from `address` on."""
    return make_packet(id, Instruction.READ, bytes([address, length]))


def make_write(id: int, address: int, data: bytes) -> bytes:
    """Write `data` from `address` on."""
    return make_packet(id, Instruction.WRITE, bytes([address]) + data)


def make_sync_read(ids: Sequence[int], address: int, length: int) -> bytes:
    """Every one of `ids` answers in this order. STS and SMS only."""
    return make_packet(BROADCAST, Instruction.SYNC_READ, bytes([address, length, *ids]))


def make_sync_write(address: int, length: int, values: Mapping[int, bytes]) -> bytes:
    """`values` holds `length` bytes per id; nobody answers."""
    parameters = b"".join(bytes([id]) + data for id, data in values.items())
    return make_packet(BROADCAST, Instruction.SYNC_WRITE, bytes([address, length]) + parameters)


@dataclass(frozen=True, slots=True)
class Packet:
    """One correct frame."""

    id: int
    kind: int  # instruction, or error byte of an answer
    parameters: bytes


def parse(frame: bytes) -> Packet:
    """The packet of a good frame."""
    return Packet(frame[2], frame[4], frame[5:-1])


def _length(buffer: bytes | bytearray, start: int) -> int:
    if len(buffer) < start + 4:
        return UNDECIDED
    id, length = buffer[start + 2], buffer[start + 3]
    # FF FF FF: the header is one byte further on.
    return NO_FRAME if id > BROADCAST or length < 2 else 4 + length


FORMAT = Format(
    sync=HEADER,
    longest=259,
    length=_length,
    valid=lambda frame: ~sum(frame[2:-1]) & 0xFF == frame[-1],
)


def scanner() -> Scanner[Packet]:
    """Finds packets in whatever arrives."""
    return Scanner(FORMAT, parse)


def packets(data: bytes) -> list[Packet]:
    """All frames in `data`; for conversations."""
    return list(scanner().feed(data))
