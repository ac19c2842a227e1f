"""BNO085 UART-RVC frames: 19 bytes, little-endian, 100 Hz, angles and acceleration, no rates.

Source: CEVA "BNO08X Data Sheet" 1000-3927, section UART-RVC. Its example shows what its words do
not: with pitch -1.10° and roll 20.85° the gravity of that example fits a turn by yaw about z, then
by pitch about x, then by roll about y, and no other order.
"""

import struct

import numpy as np

from humanoid_hal.bus.framing import Format
from humanoid_hal.drivers.imu.axes import DEGREE, GRAVITY, Reading, about, multiply

SYNC = b"\xaa\xaa"
LENGTH = 19
_CONTENT = struct.Struct("<B6h3x")
#: [m/s^2] of one unit: 1 mg.
ACCELERATION_SCALE = 1e-3 * GRAVITY
#: [rad] of one unit: 0.01 degrees.
ANGLE_SCALE = 0.01 * DEGREE


def make_frame(
    index: int, angles: tuple[int, int, int], acceleration: tuple[int, int, int]
) -> bytes:
    """A frame of yaw, pitch, roll [0.01 deg] and acceleration [mg]."""
    body = _CONTENT.pack(index & 0xFF, *angles, *acceleration)
    return SYNC + body + bytes((sum(body) & 0xFF,))


def parse_index(frame: bytes) -> int:
    """The frame's number, 0-255."""
    return frame[2]


def parse_reading(frame: bytes) -> Reading:
    """The measurement in a good frame; without angular velocity."""
    _, yaw, pitch, roll, *acceleration = _CONTENT.unpack_from(frame, 2)
    orientation = multiply(
        about(2, yaw * ANGLE_SCALE),
        multiply(about(0, pitch * ANGLE_SCALE), about(1, roll * ANGLE_SCALE)),
    )
    return Reading(None, np.array(acceleration) * ACCELERATION_SCALE, orientation)


FORMAT = Format(
    sync=SYNC,
    longest=LENGTH,
    length=lambda buffer, start: LENGTH,
    valid=lambda frame: sum(frame[2:-1]) & 0xFF == frame[-1],
)
