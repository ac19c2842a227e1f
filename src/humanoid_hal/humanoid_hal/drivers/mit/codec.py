"""The 8 bytes of the MIT mini-cheetah protocol, for all motors of a bus at once.

Command, big-endian bit fields: position 16, velocity 12, kp 12, kd 12, torque 12. Reply: one byte of
identity, position 16, velocity 12, torque 12, then two bytes that differ between makers or are not
there. Every field maps [-max, max] (gains: [0, max]) linearly onto all its codes, so that zero lies
half-way between two codes: it reads back as half a step.

Source: B. Katz, "A low cost modular actuator for dynamic robots", MIT 2018, and its firmware
(bgkatz/motorcontrol, CAN_com.cpp). The firmware's own conversion cuts off; here the nearest code is
taken, which is at most half a step away instead of a whole one.
"""

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.protocol import finite

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

#: Where the fields of a command stand in its 64 bits, and those of a state in bytes 1 to 5 of a reply:
#: position, velocity, torque, stiffness, damping; position, velocity, torque.
_COMMAND_SHIFTS = np.array((48, 36, 0, 24, 12), np.uint64)[:, None]
_STATE_SHIFTS = np.array((40, 28, 16), np.uint64)[:, None]
#: The same as factors.
_COMMAND_PLACES = np.uint64(1) << _COMMAND_SHIFTS[:, 0]
_STATE_PLACES = np.uint64(1) << _STATE_SHIFTS[:, 0]
#: Largest codes of the fields.
_FULL = np.array((0xFFFF, 0xFFF, 0xFFF, 0xFFF, 0xFFF), np.uint64)[:, None]
#: From here on the first six bytes are FF, which starts a special payload.
_HEAD = np.uint64(0xFFFF_FFFF_FFFF_0000)
_LESS = np.uint64(0x0001_0000_0000_0000)


class Scales:
    """What full scale means for each motor; arrays of shape (n,), motor side."""

    def __init__(
        self, position: Array, velocity: Array, torque: Array, stiffness: Array, damping: Array
    ) -> None:
        """[rad], [rad/s], [N m], [N m/rad], [N m s/rad]."""
        self.full = np.array((position, velocity, torque, stiffness, damping), np.float64)
        self._low = self.full * np.array((-1.0, -1.0, -1.0, 0.0, 0.0))[:, None]
        #: One step of each field, shape (5, n).
        self.step = (self.full - self._low) / _FULL
        # Of the shape of the values: numpy takes twice as long where it must broadcast.
        self._top = np.broadcast_to(_FULL, self.full.shape).astype(np.float64)
        self._bottom = np.zeros_like(self.full)

    def at(self, index: NDArray[np.intp]) -> "Scales":
        """Those of some motors."""
        return Scales(*self.full[:, index])

    def to_codes(self, *values: Array) -> NDArray[np.uint64]:
        """The nearest codes of the first fields, cut at the ends, shape (fields, n).

        Raises BoardError on what is not finite: it has no code.
        """
        fields = len(values)
        codes = finite(np.array(values)) - self._low[:fields]
        codes /= self.step[:fields]
        np.rint(codes, out=codes)
        np.maximum(codes, self._bottom[:fields], out=codes)
        np.minimum(codes, self._top[:fields], out=codes)
        return codes.astype(np.uint64)

    def from_codes(self, codes: NDArray[np.uint64]) -> Array:
        """Values of the first fields, shape (fields, n)."""
        fields = len(codes)
        values = codes.astype(np.float64)
        values *= self.step[:fields]
        values += self._low[:fields]
        return values


def pack_command(
    scales: Scales,
    position: Array,
    velocity: Array,
    torque: Array,
    stiffness: Array,
    damping: Array,
) -> Bytes:
    """Payloads of shape (n, 8); arguments of shape (n,) in motor-side SI units, finite."""
    codes = scales.to_codes(position, velocity, torque, stiffness, damping)
    words = _COMMAND_PLACES @ codes
    # Six times FF starts a special payload (enable, disable, zero, set id, ...): a command never may.
    if max(words.tolist(), default=0) >= _HEAD:
        words[words >= _HEAD] -= _LESS
    return words.astype(">u8").view(np.uint8).reshape(-1, 8)


def unpack_command(scales: Scales, data: Bytes) -> Array:
    """Position, velocity, torque, stiffness, damping of payloads (n, 8), shape (5, n): the board's side."""
    return scales.from_codes(_words(data) >> _COMMAND_SHIFTS & _FULL)


def pack_state(scales: Scales, position: Array, velocity: Array, torque: Array) -> Bytes:
    """Replies of shape (n, 8) with bytes 1 to 5 set, the others zero: the board's side."""
    codes = scales.to_codes(position, velocity, torque)
    words = _STATE_PLACES @ codes
    return words.astype(">u8").view(np.uint8).reshape(-1, 8)


def unpack_state(scales: Scales, data: Bytes) -> Array:
    """Position, velocity and torque of replies (n, 8), shape (3, n)."""
    return scales.from_codes(_words(data) >> _STATE_SHIFTS & _FULL[:3])


def _words(data: Bytes) -> NDArray[np.uint64]:
    return np.ascontiguousarray(data).view(">u8")[:, 0].astype(np.uint64)


def special(code: int, n: int) -> Bytes:
    """`n` payloads ``FF FF FF FF FF FF FF code``."""
    data = np.full((n, 8), 0xFF, np.uint8)
    data[:, 7] = code
    return data


#: Last bytes of the special payloads: torque on, torque off, "here is zero".
ENABLE, DISABLE, SET_ZERO = 0xFC, 0xFD, 0xFE
#: Damiao and RobStride: forget a fault.
CLEAR_FAULT = 0xFB
