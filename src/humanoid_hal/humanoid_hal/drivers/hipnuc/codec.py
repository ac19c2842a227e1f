"""HiPNUC's binary frames with the HI91 packet (IMU data as floats), little-endian.

Source: HiPNUC "Command and Programming Manual" and `hipnuc/products` (drivers/hipnuc_dec.c,
examples/python), whose example frame the tests use.
"""

import struct
from binascii import crc_hqx

import numpy as np

from humanoid_hal.bus.framing import UNDECIDED, Format
from humanoid_hal.drivers.imu.axes import DEGREE, GRAVITY, Reading, unit

SYNC = b"\x5a\xa5"
HI91 = 0x91
#: Tag, status, temperature [degC], pressure [Pa], time [ms], acceleration [g], rate [deg/s],
#: magnetic field [uT], roll, pitch, yaw [deg], quaternion wxyz.
_HI91 = struct.Struct("<BHbfI3f3f3f3f4f")


def make_frame(content: bytes) -> bytes:
    """One frame; the checksum leaves itself out."""
    head = SYNC + struct.pack("<H", len(content))
    return head + struct.pack("<H", crc_hqx(head + content, 0)) + content


def make_hi91(
    time: int,
    acceleration: np.ndarray,
    rate: np.ndarray,
    quaternion: np.ndarray,
    temperature: int = 25,
) -> bytes:
    """A frame as the device sends it: `time` [ms], SI units, quaternion xyzw."""
    zeros = (0.0,) * 3
    w_first = np.roll(quaternion, 1)
    values = (*acceleration / GRAVITY, *rate / DEGREE, *zeros, *zeros, *w_first)
    return make_frame(_HI91.pack(HI91, 0, temperature, 0.0, time & 0xFFFFFFFF, *values))


def parse_time(frame: bytes) -> int:
    """[ms] since the device started."""
    time: int = struct.unpack_from("<I", frame, 6 + 8)[0]
    return time


def parse_reading(frame: bytes) -> Reading | None:
    """The measurement in a good frame; None where it is no HI91."""
    if len(frame) != 6 + _HI91.size or frame[6] != HI91:
        return None
    _, _, temperature, _, _, *values = _HI91.unpack_from(frame, 6)
    numbers = np.array(values)
    orientation = unit(np.roll(numbers[12:16], -1))
    return Reading(numbers[3:6] * DEGREE, numbers[:3] * GRAVITY, orientation, float(temperature))


def make_command(text: str) -> bytes:
    """A command line."""
    return text.encode("ascii") + b"\r\n"


def _length(buffer: bytes | bytearray, start: int) -> int:
    if start + 6 > len(buffer):
        return UNDECIDED
    return 6 + int.from_bytes(buffer[start + 2 : start + 4], "little")


FORMAT = Format(
    sync=SYNC,
    longest=256,
    length=_length,
    valid=lambda frame: crc_hqx(frame[:4] + frame[6:], 0) == int.from_bytes(frame[4:6], "little"),
)
