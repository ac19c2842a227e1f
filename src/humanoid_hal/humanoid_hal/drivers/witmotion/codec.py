"""WitMotion's standard protocol: 11 bytes a frame, little-endian, one quantity each.

Source: WitMotion "WT901C-TTL" manual, protocol chapter; scales as in the packages `witmotion`
(storborg/witmotion), which the tests use as an oracle.
"""

import struct

import numpy as np

from humanoid_hal.bus.framing import NO_FRAME, UNDECIDED, Format
from humanoid_hal.drivers.imu.axes import DEGREE, GRAVITY, Array

# Kinds of frames.
ACCELERATION, RATE, ANGLE, QUATERNION, REGISTERS = 0x51, 0x52, 0x53, 0x59, 0x5F
KINDS = range(0x50, 0x60)

#: SI value of one unit: ±16 g, ±2000 deg/s, ±1 over 16 bits.
ACCELERATION_SCALE = 16.0 * GRAVITY / 32768.0
RATE_SCALE = 2000.0 * DEGREE / 32768.0
QUATERNION_SCALE = 1.0 / 32768.0

# Registers: content of the stream, its rate.
CONTENT, OUTPUT_RATE = 0x02, 0x03
#: Bits of CONTENT.
CONTENT_BITS = {ACCELERATION: 1 << 1, RATE: 1 << 2, ANGLE: 1 << 3, QUATERNION: 1 << 9}
#: Codes of OUTPUT_RATE by [Hz].
RATES = {10: 0x06, 20: 0x07, 50: 0x08, 100: 0x09, 200: 0x0B}


def make_frame(kind: int, values: tuple[int, int, int, int]) -> bytes:
    """One frame of four 16-bit `values`."""
    body = bytes((0x55, kind)) + struct.pack("<4h", *values)
    return body + bytes((sum(body) & 0xFF,))


def make_unlock() -> bytes:
    """Registers can be written for 10 s after this."""
    return bytes((0xFF, 0xAA, 0x69, 0x88, 0xB5))


def make_write(register: int, value: int) -> bytes:
    """Write a register; lost with power unless saved."""
    return bytes((0xFF, 0xAA, register)) + struct.pack("<H", value)


def make_read(register: int) -> bytes:
    """Ask for four registers from `register` on; the answer is a frame of REGISTERS."""
    return bytes((0xFF, 0xAA, 0x27, register, 0x00))


def parse_values(frame: bytes) -> tuple[int, int, int, int]:
    """The four 16-bit values of a good frame."""
    a, b, c, d = struct.unpack_from("<4h", frame, 2)
    return a, b, c, d


def parse_acceleration(frame: bytes) -> Array:
    """Specific force, shape (3,), [m/s^2]."""
    return np.array(parse_values(frame)[:3]) * ACCELERATION_SCALE


def parse_rate(frame: bytes) -> Array:
    """Angular velocity, shape (3,), [rad/s]."""
    return np.array(parse_values(frame)[:3]) * RATE_SCALE


def parse_quaternion(frame: bytes) -> Array:
    """xyzw, shape (4,), as sent: the norm is not exactly 1."""
    return np.roll(np.array(parse_values(frame)) * QUATERNION_SCALE, -1)  # wxyz on the wire


def _length(buffer: bytes | bytearray, start: int) -> int:
    if start + 2 > len(buffer):
        return UNDECIDED
    return 11 if buffer[start + 1] in KINDS else NO_FRAME


FORMAT = Format(
    sync=b"\x55",
    longest=11,
    length=_length,
    valid=lambda frame: sum(frame[:-1]) & 0xFF == frame[-1],
)
