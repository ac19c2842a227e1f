"""Frames of the GO-M8010-6: 17 bytes there, 16 back, little-endian, on the rotor's side.

Source: `unitreerobotics/unitree_actuator_sdk`, include/unitreeMotor/include/motor_msg_GO-M8010-6.h
(layout, meaning of the bits) and include/crc/crc_ccitt.h (Linux' crc_ccitt: polynomial 0x8408
reflected, initial value 0). The closed library's scales are those of the open re-implementation
`openbiped/unitree_actuator_open_sdk`, src/unitreeMotor.cpp.
"""

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.framing import Format, fixed_length
from humanoid_hal.bus.protocol import finite

Array = NDArray[np.float64]

#: Address that all motors obey and none answers.
BROADCAST = 15
IDS = range(BROADCAST)
#: Modes: windings braked, no torque control; field-oriented control of the whole torque law.
BRAKE, CONTROL = 0, 1

COMMAND = np.dtype(
    [
        ("head", "u1", 2),
        ("mode", "u1"),  # id in bits 0-3, mode in 4-6
        ("torque", "<i2"),
        ("velocity", "<i2"),
        ("position", "<i4"),
        ("stiffness", "<u2"),
        ("damping", "<u2"),
        ("crc", "<u2"),
    ]
)
REPLY = np.dtype(
    [
        ("head", "u1", 2),
        ("mode", "u1"),
        ("torque", "<i2"),
        ("velocity", "<i2"),
        ("position", "<i4"),
        ("temperature", "i1"),  # [degC]
        ("state", "<u2"),  # error in bits 0-2, foot force sensor in 3-14
        ("crc", "<u2"),
    ]
)

#: Wire units per N m, rad/s, rad, N m/rad and N m s/rad of the rotor.
TORQUE_SCALE = 256.0
VELOCITY_SCALE = 256.0 / (2.0 * pi)
POSITION_SCALE = 32768.0 / (2.0 * pi)
GAIN_SCALE = 32768.0 / 25.6
#: The gains are fractions of 25.6 on the wire; more than one is undefined.
GAIN_MAX = 32768

ERRORS = {1: "over-temperature", 2: "over-current", 3: "over-voltage", 4: "encoder fault"}


def _tables(length: int) -> NDArray[np.uint16]:
    """CRC of a frame with one byte set, by position and value; the CRC is linear."""
    tables = np.zeros((length, 256), dtype=np.uint16)
    value = np.arange(256, dtype=np.uint16)
    for position in range(length - 1, -1, -1):
        for _ in range(8):
            value = np.where(value & 1, value >> 1 ^ 0x8408, value >> 1).astype(np.uint16)
        tables[position] = value
    return tables


_TABLES = _tables(COMMAND.itemsize - 2)


def crc(frames: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Checksums of equally long frames without theirs, shape (n, length)."""
    length = frames.shape[1]
    tables = _TABLES[len(_TABLES) - length :]
    found: NDArray[np.uint16] = np.bitwise_xor.reduce(tables[np.arange(length), frames], axis=1)
    return found


@dataclass(frozen=True, slots=True)
class RotorCommand:
    """The torque law at the rotor; arrays of shape (n,)."""

    position: Array  # [rad]
    velocity: Array  # [rad/s]
    torque: Array  # [N m]
    stiffness: Array  # [N m/rad]
    damping: Array  # [N m s/rad]


@dataclass(frozen=True, slots=True)
class RotorState:
    """One motor's reply."""

    id: int
    mode: int
    position: float  # [rad] of the rotor
    velocity: float  # [rad/s]
    torque: float  # [N m]
    temperature: float  # [degC]
    error: int  # a key of ERRORS; 0: none
    force: int  # raw, 0-4095, of the sensor in a foot where there is one


def make_commands(ids: NDArray[np.int64], mode: int, command: RotorCommand) -> list[bytes]:
    """One frame per motor. Values beyond the wire's range are cut to it.

    Raises BoardError for a number that is not finite: it has no representation.
    """
    frames = np.zeros(len(ids), dtype=COMMAND)
    frames["head"] = 0xFE, 0xEE
    frames["mode"] = np.asarray(ids) & 0x0F | mode << 4
    for field, values, scale, low, high in (
        ("torque", command.torque, TORQUE_SCALE, -32768, 32767),
        ("velocity", command.velocity, VELOCITY_SCALE, -32768, 32767),
        ("position", command.position, POSITION_SCALE, -(2**31), 2**31 - 1),
        ("stiffness", command.stiffness, GAIN_SCALE, 0, GAIN_MAX),
        ("damping", command.damping, GAIN_SCALE, 0, GAIN_MAX),
    ):
        frames[field] = np.clip(np.rint(finite(values) * scale), low, high)
    raw = frames.view(np.uint8).reshape(len(frames), COMMAND.itemsize)
    frames["crc"] = crc(raw[:, :-2])
    return [row.tobytes() for row in raw]


def make_brake(ids: NDArray[np.int64]) -> list[bytes]:
    """Frames that end torque control; BROADCAST reaches all at once and is not answered."""
    zero = np.zeros(len(ids))
    return make_commands(ids, BRAKE, RotorCommand(zero, zero, zero, zero, zero))


def make_reply(state: RotorState) -> bytes:
    """What a motor sends."""
    frame = np.zeros(1, dtype=REPLY)
    frame["head"] = 0xFD, 0xEE
    frame["mode"] = state.id & 0x0F | state.mode << 4
    frame["torque"] = np.clip(np.rint(state.torque * TORQUE_SCALE), -32768, 32767)
    frame["velocity"] = np.clip(np.rint(state.velocity * VELOCITY_SCALE), -32768, 32767)
    frame["position"] = np.rint(state.position * POSITION_SCALE)
    frame["temperature"] = state.temperature
    frame["state"] = state.error | state.force << 3
    raw = frame.view(np.uint8).reshape(1, REPLY.itemsize)
    frame["crc"] = crc(raw[:, :-2])
    return raw.tobytes()


def parse_reply(frame: bytes) -> RotorState:
    """The content of a good reply."""
    row = np.frombuffer(frame, dtype=REPLY)[0]
    mode, state = int(row["mode"]), int(row["state"])
    return RotorState(
        mode & 0x0F,
        mode >> 4 & 0x07,
        float(row["position"]) / POSITION_SCALE,
        float(row["velocity"]) / VELOCITY_SCALE,
        float(row["torque"]) / TORQUE_SCALE,
        float(row["temperature"]),
        state & 0x07,
        state >> 3 & 0x0FFF,
    )


def parse_command(frame: bytes) -> tuple[int, int, RotorCommand]:
    """Id, mode and torque law (shape (1,)) of a good command; for emulators."""
    row = np.frombuffer(frame, dtype=COMMAND)
    mode = int(row["mode"][0])
    values = (
        row[field] / scale
        for field, scale in (
            ("position", POSITION_SCALE),
            ("velocity", VELOCITY_SCALE),
            ("torque", TORQUE_SCALE),
            ("stiffness", GAIN_SCALE),
            ("damping", GAIN_SCALE),
        )
    )
    return mode & 0x0F, mode >> 4 & 0x07, RotorCommand(*values)


def _valid(frame: bytes) -> bool:
    raw = np.frombuffer(frame, dtype=np.uint8)
    return int(crc(raw[np.newaxis, :-2])[0]) == int.from_bytes(frame[-2:], "little")


REPLIES = Format(b"\xfd\xee", REPLY.itemsize, fixed_length(REPLY.itemsize), _valid)
COMMANDS = Format(b"\xfe\xee", COMMAND.itemsize, fixed_length(COMMAND.itemsize), _valid)
