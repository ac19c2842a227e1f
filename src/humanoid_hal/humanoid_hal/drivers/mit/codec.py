"""The 8 bytes of the MIT mini-cheetah protocol, for all motors of a bus at once.

Command, big-endian bit fields: position 16, velocity 12, kp 12, kd 12, torque 12. Reply: one byte of
identity, position 16, velocity 12, torque 12, then two bytes that differ between makers or are not
there. Every field maps [-max, max] (gains: [0, max]) linearly onto all its codes, so that zero lies
half-way between two codes: it reads back as half a step.

Source: B. Katz, "A low cost modular actuator for dynamic robots", MIT 2018, and its firmware
(bgkatz/motorcontrol, CAN_com.cpp). The firmware's own conversion cuts off; here the nearest code is
taken, which is at most half a step away instead of a whole one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

#: Largest codes of the 16 and the 12 bit fields.
_FULL_16, _FULL_12 = 0xFFFF, 0xFFF


@dataclass(frozen=True, slots=True)
class Scales:
    """What full scale means for each motor; every array of shape (n,), motor side."""

    position: Array  # [rad]
    velocity: Array  # [rad/s]
    torque: Array  # [N m]
    stiffness: Array  # [N m/rad]
    damping: Array  # [N m s/rad]

    def at(self, index: NDArray[np.intp]) -> "Scales":
        """Those of some motors."""
        return Scales(
            self.position[index],
            self.velocity[index],
            self.torque[index],
            self.stiffness[index],
            self.damping[index],
        )

    def steps(self) -> tuple[Array, Array, Array, Array, Array]:
        """One step of each field, in the order of the fields above."""
        return (
            2.0 * self.position / _FULL_16,
            2.0 * self.velocity / _FULL_12,
            2.0 * self.torque / _FULL_12,
            self.stiffness / _FULL_12,
            self.damping / _FULL_12,
        )


def _to_code(value: Array, low: Array | float, span: Array, full: int) -> NDArray[np.uint16]:
    """The nearest code of `value`, cut at the ends. NaN must not come here: the gate is above."""
    code = np.rint((value - low) * (full / span))
    return np.minimum(np.maximum(code, 0.0), full).astype(np.uint16)


def pack_command(
    scales: Scales,
    position: Array,
    velocity: Array,
    torque: Array,
    stiffness: Array,
    damping: Array,
) -> Bytes:
    """Payloads of shape (n, 8); arguments of shape (n,) in motor-side SI units, finite."""
    p = _to_code(position, -scales.position, 2.0 * scales.position, _FULL_16)
    v = _to_code(velocity, -scales.velocity, 2.0 * scales.velocity, _FULL_12)
    t = _to_code(torque, -scales.torque, 2.0 * scales.torque, _FULL_12)
    kp = _to_code(stiffness, 0.0, scales.stiffness, _FULL_12)
    kd = _to_code(damping, 0.0, scales.damping, _FULL_12)
    data = np.empty((len(p), 8), np.uint8)
    data[:, 0] = p >> 8
    data[:, 1] = p & 0xFF
    data[:, 2] = v >> 4
    data[:, 3] = (v & 0xF) << 4 | kp >> 8
    data[:, 4] = kp & 0xFF
    data[:, 5] = kd >> 4
    data[:, 6] = (kd & 0xF) << 4 | t >> 8
    data[:, 7] = t & 0xFF
    # Six times FF starts a special payload (enable, disable, zero, set id, ...): a command never may.
    data[(data[:, :6] == 0xFF).all(axis=1), 1] = 0xFE
    return data


def unpack_command(scales: Scales, data: Bytes) -> tuple[Array, Array, Array, Array, Array]:
    """Position, velocity, torque, stiffness and damping of payloads (n, 8): the board's side."""
    wide = data.astype(np.float64)
    high, low = (data >> 4).astype(np.float64), (data & 0xF).astype(np.float64)
    position = _from_code(wide[:, 0] * 256 + wide[:, 1], scales.position, _FULL_16)
    velocity = _from_code(wide[:, 2] * 16 + high[:, 3], scales.velocity, _FULL_12)
    stiffness = (low[:, 3] * 256 + wide[:, 4]) * (scales.stiffness / _FULL_12)
    damping = (wide[:, 5] * 16 + high[:, 6]) * (scales.damping / _FULL_12)
    torque = _from_code(low[:, 6] * 256 + wide[:, 7], scales.torque, _FULL_12)
    return position, velocity, torque, stiffness, damping


def pack_state(scales: Scales, position: Array, velocity: Array, torque: Array) -> Bytes:
    """Bytes 1 to 5 of a reply, shape (n, 5): the board's side."""
    p = _to_code(position, -scales.position, 2.0 * scales.position, _FULL_16)
    v = _to_code(velocity, -scales.velocity, 2.0 * scales.velocity, _FULL_12)
    t = _to_code(torque, -scales.torque, 2.0 * scales.torque, _FULL_12)
    fields = (p >> 8, p & 0xFF, v >> 4, (v & 0xF) << 4 | t >> 8, t & 0xFF)
    return np.stack(fields, axis=1).astype(np.uint8)


def unpack_state(scales: Scales, data: Bytes) -> tuple[Array, Array, Array]:
    """Position, velocity and torque from bytes 1 to 5 of replies; `data` (n, 5)."""
    wide = data.astype(np.float64)
    high, low = (data[:, 3] >> 4).astype(np.float64), (data[:, 3] & 0xF).astype(np.float64)
    return (
        _from_code(wide[:, 0] * 256 + wide[:, 1], scales.position, _FULL_16),
        _from_code(wide[:, 2] * 16 + high, scales.velocity, _FULL_12),
        _from_code(low * 256 + wide[:, 4], scales.torque, _FULL_12),
    )


def _from_code(code: Array, largest: Array, full: int) -> Array:
    return code * (2.0 * largest / full) - largest


def special(code: int, n: int) -> Bytes:
    """`n` payloads ``FF FF FF FF FF FF FF code``."""
    data = np.full((n, 8), 0xFF, np.uint8)
    data[:, 7] = code
    return data


#: Last bytes of the special payloads: torque on, torque off, "here is zero".
ENABLE, DISABLE, SET_ZERO = 0xFC, 0xFD, 0xFE
#: Damiao and RobStride: forget a fault.
CLEAR_FAULT = 0xFB
