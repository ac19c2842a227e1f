"""VectorNav: one binary output of fixed content, and ASCII registers.

Source: VectorNav "VN-100 User Manual" (UM001), chapters "Binary output messages" and "System
module"; field sizes as in VectorNav's programming library (vnproglib, packet.cpp).
"""

import struct
from binascii import crc_hqx

import numpy as np

from humanoid_hal.bus.framing import NO_FRAME, UNDECIDED, Format
from humanoid_hal.drivers.imu.axes import Reading, from_frd, from_ned_frd, unit

#: Fields of the common group: time since start-up, quaternion, angular rate, acceleration.
COMMON = 0x0131
#: Start byte, mask of groups (common only), its fields.
HEADER = struct.pack("<BBH", 0xFA, 0x01, COMMON)
#: Time [ns], quaternion xyzw, rate [rad/s], acceleration [m/s^2]; body axes forward-right-down.
_CONTENT = struct.Struct("<Q4f3f3f")
LENGTH = len(HEADER) + _CONTENT.size + 2

# Registers.
MODEL, ASCII_OUTPUT, BINARY_OUTPUT = 1, 6, 75
#: What is measured, in the units and axes of the binary output.
QUATERNION, ACCELERATION, RATE = 9, 18, 19

_MEANINGS = {
    1: "hard fault",
    2: "serial buffer overflow",
    3: "invalid checksum",
    4: "invalid command",
    5: "not enough parameters",
    6: "too many parameters",
    7: "invalid parameter",
    8: "invalid register",
    9: "unauthorized access",
    10: "watchdog reset",
    11: "output buffer overflow",
    12: "insufficient baud rate",
}


def crc16(data: bytes) -> int:
    """CRC-16 with polynomial 0x1021 and initial value 0 (XMODEM): 0 over data and its own CRC."""
    return crc_hqx(data, 0)


def make_measurement(
    time: int, quaternion: np.ndarray, rate: np.ndarray, acceleration: np.ndarray
) -> bytes:
    """The device's binary output: NED to forward-right-down, SI units."""
    body = HEADER[1:] + _CONTENT.pack(time, *quaternion, *rate, *acceleration)
    return HEADER[:1] + body + struct.pack(">H", crc16(body))


def parse_reading(frame: bytes) -> Reading:
    """The measurement in a good frame."""
    values = np.array(_CONTENT.unpack_from(frame, len(HEADER))[1:])
    orientation = unit(values[:4])
    return Reading(
        from_frd(values[4:7]),
        from_frd(values[7:10]),
        None if orientation is None else from_ned_frd(orientation),
    )


def make_sentence(*words: str | int) -> bytes:
    """An ASCII sentence, as `make_sentence("VNRRG", 75)`."""
    text = ",".join(f"{word:02d}" if isinstance(word, int) else word for word in words)
    return f"${text}*{_xor(text.encode()):02X}\r\n".encode()


def make_binary_output(divisor: int) -> bytes:
    """Send :data:`COMMON` on both serial ports, every `divisor` samples of the sensor."""
    return make_sentence("VNWRG", BINARY_OUTPUT, "3", str(divisor), "01", f"{COMMON:04X}")


def parse_sentence(sentence: bytes) -> tuple[str, ...]:
    """The words of a good sentence, without `$` and checksum."""
    return tuple(sentence[1 : sentence.rindex(b"*")].decode("ascii").split(","))


def describe_error(code: str) -> str:
    """The number after $VNERR in words."""
    try:
        meaning = _MEANINGS.get(int(code, 16), "see the user manual")
    except ValueError:
        meaning = "see the user manual"
    return f"error {code} ({meaning})"


def _xor(data: bytes) -> int:
    result = 0
    for byte in data:
        result ^= byte
    return result


FORMAT = Format(
    sync=HEADER,
    longest=LENGTH,
    length=lambda buffer, start: LENGTH,
    valid=lambda frame: crc16(frame[1:]) == 0,
)


def _sentence_length(buffer: bytes | bytearray, start: int) -> int:
    end = buffer.find(b"\n", start, start + SENTENCES.longest)
    if end >= 0:
        return end + 1 - start
    return UNDECIDED if len(buffer) - start < SENTENCES.longest else NO_FRAME


def _sentence_valid(sentence: bytes) -> bool:
    body, star, check = sentence[1:].rstrip(b"\r\n").rpartition(b"*")
    return bool(star) and body.isascii() and check.upper() == b"%02X" % _xor(body)


#: The ASCII sentences among the binary frames.
SENTENCES = Format(b"$VN", 256, _sentence_length, _sentence_valid)
