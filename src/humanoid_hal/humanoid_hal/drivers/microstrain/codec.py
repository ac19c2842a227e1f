"""MIP packets, big-endian, and the fields that a robot needs.

Source: the definitions of MicroStrain's MIP SDK (`LORD-MicroStrain/mip_sdk`,
src/c/mip/definitions), which also gives the frames of the tests.
"""

import struct
from collections.abc import Iterator, Sequence

import numpy as np

from humanoid_hal.bus.framing import UNDECIDED, Format
from humanoid_hal.drivers.imu.axes import GRAVITY, Reading, from_frd, from_ned_frd, unit

# Descriptor sets.
BASE, COMMANDS_3DM, SENSOR_DATA = 0x01, 0x0C, 0x80
#: Field of every answer: (command, error code).
ACKNOWLEDGE = 0xF1

# Commands of BASE, and the field of the answer.
PING, SET_TO_IDLE, DEVICE_INFO, RESUME = 0x01, 0x02, 0x03, 0x06
DEVICE_INFO_REPLY = 0x81
# Commands of COMMANDS_3DM; the legacy ones are those of the 5 series and before.
LEGACY_BASE_RATE, LEGACY_FORMAT = 0x06, 0x08
BASE_RATE, MESSAGE_FORMAT, STREAM_CONTROL = 0x0E, 0x0F, 0x11
LEGACY_BASE_RATE_REPLY, LEGACY_FORMAT_REPLY = 0x83, 0x80
BASE_RATE_REPLY, MESSAGE_FORMAT_REPLY = 0x8E, 0x8F
#: How the 5 series calls the IMU's stream.
LEGACY_IMU_STREAM = 0x01
# Function selectors.
WRITE, READ = 0x01, 0x02

# Fields of SENSOR_DATA.
SCALED_ACCELERATION, SCALED_GYROSCOPE, QUATERNION = 0x04, 0x05, 0x0A

OK, UNKNOWN_COMMAND = 0x00, 0x01
_MEANINGS = {
    0x01: "unknown command",
    0x02: "invalid checksum",
    0x03: "invalid parameter",
    0x04: "command failed",
    0x05: "command timeout",
}


def fletcher(data: bytes) -> bytes:
    """The 16-bit Fletcher checksum of `data`."""
    first = second = 0
    for byte in data:
        first += byte
        second += first
    return bytes((first & 0xFF, second & 0xFF))


def make_packet(descriptor: int, fields: Sequence[tuple[int, bytes]]) -> bytes:
    """One packet of (field descriptor, content); 255 bytes of fields at most."""
    body = b"".join(bytes((len(data) + 2, field)) + data for field, data in fields)
    packet = bytes((0x75, 0x65, descriptor, len(body))) + body
    return packet + fletcher(packet)


def make_command(descriptor: int, command: int, data: bytes = b"") -> bytes:
    """A packet with the one field `command`."""
    return make_packet(descriptor, [(command, data)])


def make_format(items: Sequence[tuple[int, int]]) -> bytes:
    """Send `items` of (field, decimation of the base rate) in every packet of SENSOR_DATA."""
    return make_command(
        COMMANDS_3DM, MESSAGE_FORMAT, bytes((WRITE, SENSOR_DATA)) + pack_format(items)
    )


def make_legacy_format(items: Sequence[tuple[int, int]]) -> bytes:
    """The same for the 5 series."""
    return make_command(COMMANDS_3DM, LEGACY_FORMAT, bytes((WRITE,)) + pack_format(items))


def make_stream(stream: int, on: bool) -> bytes:
    """Switch `stream` (SENSOR_DATA, LEGACY_IMU_STREAM)."""
    return make_command(COMMANDS_3DM, STREAM_CONTROL, bytes((WRITE, stream, on)))


def pack_format(items: Sequence[tuple[int, int]]) -> bytes:
    """Count, then (field, decimation) each."""
    return bytes((len(items),)) + b"".join(struct.pack(">BH", *item) for item in items)


def parse_fields(packet: bytes) -> Iterator[tuple[int, bytes]]:
    """(field descriptor, content) of a good packet; ends where a field does not fit."""
    at, end = 4, len(packet) - 2
    while at + 2 <= end:
        size, field = packet[at], packet[at + 1]
        if size < 2 or at + size > end:
            return
        yield field, packet[at + 2 : at + size]
        at += size


def parse_answer(packet: bytes, command: int) -> tuple[int, dict[int, bytes]] | None:
    """(error code, other fields) if `packet` answers `command`; None: it does not."""
    fields = dict(parse_fields(packet))
    answer = fields.pop(ACKNOWLEDGE, b"")
    if len(answer) != 2 or answer[0] != command:
        return None
    return answer[1], fields


def parse_reading(packet: bytes) -> Reading | None:
    """The measurement in a packet of SENSOR_DATA; None where rate or acceleration is missing."""
    found: dict[int, np.ndarray] = {}
    for field, content in parse_fields(packet):
        if field in _FLOATS and len(content) == 4 * _FLOATS[field]:
            found[field] = np.frombuffer(content, dtype=">f4").astype(float)
    rate, acceleration = found.get(SCALED_GYROSCOPE), found.get(SCALED_ACCELERATION)
    if rate is None or acceleration is None:
        return None
    orientation = found.get(QUATERNION)
    if orientation is not None:
        orientation = unit(np.roll(orientation, -1))  # wxyz on the wire
    return Reading(
        from_frd(rate),
        from_frd(acceleration) * GRAVITY,
        None if orientation is None else from_ned_frd(orientation),
    )


def describe_error(code: int) -> str:
    """An acknowledgement's error code in words."""
    return f"error 0x{code:02X} ({_MEANINGS.get(code, 'see the MIP documentation')})"


_FLOATS = {SCALED_ACCELERATION: 3, SCALED_GYROSCOPE: 3, QUATERNION: 4}


def _length(buffer: bytes | bytearray, start: int) -> int:
    return UNDECIDED if start + 4 > len(buffer) else buffer[start + 3] + 6


FORMAT = Format(
    sync=b"ue",
    longest=261,
    length=_length,
    valid=lambda packet: fletcher(packet[:-2]) == packet[-2:],
)
