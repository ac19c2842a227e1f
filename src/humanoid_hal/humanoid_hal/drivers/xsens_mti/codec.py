"""Xbus messages and MTData2, big-endian.

Source: Xsens "MT Low-Level Communication Protocol Documentation" (MT0101P), and the frames that
`Scottapotamas/xsens-mti` captured from an MTi-300 (test/test_xsens_mti_parse_messages.c).
"""

import struct
from collections.abc import Iterator, Sequence

import numpy as np

from humanoid_hal.bus.framing import NO_FRAME, UNDECIDED, Format
from humanoid_hal.drivers.imu.axes import Reading, unit

PREAMBLE, MASTER = 0xFA, 0xFF
#: Length byte that announces a 16-bit length. No message of the cycle is that long.
EXTENDED = 0xFF

# Message ids; an acknowledgement is the request's id + 1.
REQUEST_DEVICE_ID = 0x00
GO_TO_MEASUREMENT = 0x10
REQUEST_FIRMWARE = 0x12
REQUEST_PRODUCT_CODE = 0x1C
GO_TO_CONFIG = 0x30
MTDATA2 = 0x36
ERROR = 0x42
OUTPUT_CONFIGURATION = 0xC0

# Data ids, as float32 in ENU world axes where they have any (lowest digit 0).
PACKET_COUNTER = 0x1020
QUATERNION = 0x2010
ACCELERATION = 0x4020
RATE_OF_TURN = 0x8020
TEMPERATURE = 0x0810
STATUS_WORD = 0xE020

#: Rate word of items that come with every packet.
EVERY_PACKET = 0xFFFF
#: Status word: a sensor was beyond its range.
CLIPPING = 1 << 19

_MEANINGS = {
    0x03: "invalid period",
    0x04: "invalid message",
    0x1E: "timer overflow",
    0x20: "baud rate out of range",
    0x21: "invalid parameter",
}


def make_message(message: int, data: bytes = b"") -> bytes:
    """One Xbus message; `data` at most 254 bytes."""
    body = bytes((MASTER, message, len(data))) + data
    return bytes((PREAMBLE,)) + body + bytes((-sum(body) & 0xFF,))


def make_output_configuration(items: Sequence[tuple[int, int]]) -> bytes:
    """Ask for `items` of (data id, rate [Hz]). Empty: ask what is set."""
    return make_message(OUTPUT_CONFIGURATION, _pack(items))


def make_output_acknowledgement(items: Sequence[tuple[int, int]]) -> bytes:
    """What the device answers to an output configuration."""
    return make_message(OUTPUT_CONFIGURATION + 1, _pack(items))


def make_mtdata2(items: Sequence[tuple[int, bytes]]) -> bytes:
    """A data message of (data id, content)."""
    body = b"".join(struct.pack(">HB", item, len(data)) + data for item, data in items)
    return make_message(MTDATA2, body)


def parse_outputs(data: bytes) -> tuple[tuple[int, int], ...]:
    """(data id, rate [Hz]) of an output configuration's content."""
    whole = len(data) // 4 * 4
    return tuple((item, rate) for item, rate in struct.iter_unpack(">HH", data[:whole]))


def parse_items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(data id, content) of an MTData2's content; ends where the content does not fit."""
    at = 0
    while at + 3 <= len(data):
        item, size = struct.unpack_from(">HB", data, at)
        at += 3
        if at + size > len(data):
            return
        yield item, data[at : at + size]
        at += size


def parse_reading(data: bytes) -> Reading | None:
    """The measurement in an MTData2's content; None where rate or acceleration is missing."""
    found: dict[int, np.ndarray] = {}
    for item, content in parse_items(data):
        if item in _FLOATS and len(content) == 4 * _FLOATS[item]:
            found[item] = np.frombuffer(content, dtype=">f4").astype(float)
    rate, acceleration = found.get(RATE_OF_TURN), found.get(ACCELERATION)
    if rate is None or acceleration is None:
        return None
    orientation = found.get(QUATERNION)
    if orientation is not None:
        orientation = unit(np.roll(orientation, -1))  # wxyz on the wire
    temperature = found.get(TEMPERATURE)
    return Reading(
        rate, acceleration, orientation, None if temperature is None else float(temperature[0])
    )


def describe_error(data: bytes) -> str:
    """An error message's content in words."""
    code = data[0] if data else 0
    return f"error 0x{code:02X} ({_MEANINGS.get(code, 'see the protocol documentation')})"


_FLOATS = {RATE_OF_TURN: 3, ACCELERATION: 3, QUATERNION: 4, TEMPERATURE: 1}


def _pack(items: Sequence[tuple[int, int]]) -> bytes:
    return b"".join(struct.pack(">HH", item, rate) for item, rate in items)


def _length(buffer: bytes | bytearray, start: int) -> int:
    if start + 4 > len(buffer):
        return UNDECIDED
    size = buffer[start + 3]
    return NO_FRAME if size == EXTENDED else size + 5


FORMAT = Format(
    sync=bytes((PREAMBLE, MASTER)),
    longest=259,
    length=_length,
    valid=lambda frame: sum(frame[1:]) & 0xFF == 0,
)
