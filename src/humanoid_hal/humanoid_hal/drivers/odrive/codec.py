"""ODrive's CANSimple frames: identifier ``node << 5 | command``, little-endian data.

Source: ODrive documentation 0.6.10, "CAN protocol", and the DBC file that odrive-can 2.1.0 carries
(odrive-cansimple-0.6.10.dbc), which the tests decode every frame with.
"""

import struct
from collections.abc import Sequence
from enum import IntEnum
from math import pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.can.frames import REMOTE

Array = NDArray[np.float64]
TURN = 2.0 * pi
#: Steps of the feedforward fields of INPUT_POS.
VELOCITY_STEP, TORQUE_STEP = 0.001, 0.001  # [rev/s], [N m]
#: What those can hold.
VELOCITY_MAX, TORQUE_MAX = 32.767 * TURN, 32.767  # [rad/s], [N m]


class Cmd(IntEnum):
    """Low five bits of the identifier."""

    VERSION = 0x00
    HEARTBEAT = 0x01
    ESTOP = 0x02
    ERROR = 0x03
    SDO_OUT = 0x04  # to the board
    SDO_IN = 0x05  # from the board
    STATE = 0x07
    ESTIMATES = 0x09
    MODE = 0x0B
    INPUT_POS = 0x0C
    TEMPERATURE = 0x15
    REBOOT = 0x16
    BUS = 0x17
    CLEAR = 0x18
    POS_GAIN = 0x1A
    VEL_GAINS = 0x1B
    TORQUES = 0x1C


#: Axis states, controller mode and input mode.
IDLE, CLOSED_LOOP = 1, 8
POSITION_CONTROL, PASSTHROUGH = 3, 1
#: Fault of the fault table and its reason by bit of the axis error.
ERRORS = {
    0: ("unknown_fault", "still initialising"),
    1: ("unknown_fault", "system level: memory, stack"),
    2: ("unknown_fault", "timing"),
    3: ("unknown_fault", "an estimate is missing"),
    4: ("unknown_fault", "bad configuration"),
    5: ("overload", "gate driver"),
    6: ("unknown_fault", "an input is missing"),
    8: ("overload", "over-voltage"),
    9: ("under_voltage", "under-voltage"),
    10: ("overload", "supply over-current"),
    11: ("overload", "regeneration over-current"),
    12: ("overload", "current limit"),
    13: ("over_temperature", "motor over-temperature"),
    14: ("over_temperature", "inverter over-temperature"),
    15: ("overload", "velocity limit"),
    16: ("joint_limit", "position limit"),
    24: ("board_rebooted", "its watchdog acted: torque is off"),
    25: ("emergency_stop", "emergency stop requested"),
    26: ("overload", "spin-out detected"),
    27: ("unknown_fault", "brake resistor disarmed"),
    28: ("unknown_fault", "thermistor disconnected"),
    30: ("unknown_fault", "calibration"),
}


def _frames(nodes: ArrayLike, command: int, data: NDArray[np.uint8]) -> CanBatch:
    ids = (np.asarray(nodes, np.uint32) << 5 | np.uint32(command)).astype(np.uint32)
    wide = np.zeros((len(ids), 8), np.uint8)
    wide[:, : data.shape[1]] = data
    return CanBatch(ids, np.full(len(ids), data.shape[1], np.uint8), wide)


def _same(nodes: Sequence[int], command: int, payload: bytes) -> CanBatch:
    return _frames(nodes, command, np.tile(np.frombuffer(payload, np.uint8), (len(nodes), 1)))


def make_ask(nodes: Sequence[int], command: int) -> CanBatch:
    """Remote requests for a message that boards otherwise send by themselves."""
    batch = _frames(nodes, command, np.zeros((len(nodes), 0), np.uint8))
    return CanBatch(batch.ids | np.uint32(REMOTE), batch.lengths, batch.data)


def make_state(nodes: Sequence[int], state: int) -> CanBatch:
    """Ask for an axis state: IDLE or CLOSED_LOOP."""
    return _same(nodes, Cmd.STATE, struct.pack("<I4x", state))


def make_mode(nodes: Sequence[int]) -> CanBatch:
    """Position control, inputs passed through."""
    return _same(nodes, Cmd.MODE, struct.pack("<II", POSITION_CONTROL, PASSTHROUGH))


def make_clear(nodes: Sequence[int]) -> CanBatch:
    """Forget errors."""
    return _same(nodes, Cmd.CLEAR, b"\0")


def make_reboot(nodes: Sequence[int]) -> CanBatch:
    """Restart."""
    return _same(nodes, Cmd.REBOOT, b"\0")


def make_input(nodes: ArrayLike, position: Array, velocity: Array, torque: Array) -> CanBatch:
    """Targets and feedforward, [rad], [rad/s], [N m]; feedforwards are cut at their largest."""
    n = len(position)
    data = np.empty((n, 8), np.uint8)
    data[:, :4] = (position / TURN).astype("<f4").view(np.uint8).reshape(n, 4)
    fields = np.stack((velocity / (TURN * VELOCITY_STEP), torque / TORQUE_STEP), axis=1)
    codes = np.clip(np.rint(fields), -32767, 32767).astype("<i2")
    data[:, 4:] = codes.view(np.uint8).reshape(n, 4)
    return _frames(nodes, Cmd.INPUT_POS, data)


def make_pos_gain(nodes: ArrayLike, gain: Array) -> CanBatch:
    """Position gain [1/s]."""
    pairs_ = np.stack((gain, np.zeros(len(gain))), axis=1)
    return _frames(nodes, Cmd.POS_GAIN, pairs_.astype("<f4").view(np.uint8).reshape(-1, 8))


def make_vel_gains(nodes: ArrayLike, damping: Array) -> CanBatch:
    """Velocity gain from `damping` [N m s/rad]; no integrator."""
    gains = np.stack((damping * TURN, np.zeros(len(damping))), axis=1)
    return _frames(nodes, Cmd.VEL_GAINS, gains.astype("<f4").view(np.uint8).reshape(-1, 8))


def make_sdo(nodes: Sequence[int], endpoint: int, value: bytes | None = None) -> CanBatch:
    """Read an endpoint, or write its four bytes."""
    head = struct.pack("<BHB", 0 if value is None else 1, endpoint, 0)
    return _same(nodes, Cmd.SDO_OUT, head + (value or bytes(4)))


def split(batch: CanBatch) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Nodes and commands of frames; node -1: not CANSimple (extended, remote, error)."""
    ids = batch.ids.astype(np.intp)
    plain = ids <= 0x7FF
    return np.where(plain, ids >> 5, -1), ids & 0x1F


def pairs(data: NDArray[np.uint8]) -> Array:
    """The two float32 of payloads (n, 8), shape (n, 2)."""
    return np.ascontiguousarray(data[:, :8]).view("<f4").astype(np.float64)


def make_pairs(nodes: ArrayLike, command: int, first: Array, second: Array) -> CanBatch:
    """Messages of two float32: the board's side."""
    values = np.stack((first, second), axis=1).astype("<f4")
    return _frames(nodes, command, values.view(np.uint8).reshape(-1, 8))


def make_heartbeat(node: int, error: int, state: int, result: int = 0) -> CanBatch:
    """The board's side."""
    return _same([node], Cmd.HEARTBEAT, struct.pack("<IBBBx", error, state, result, 1))


def parse_heartbeat(payload: bytes) -> tuple[int, int, int]:
    """Axis error, axis state and procedure result."""
    error, state, result = struct.unpack_from("<IBB", payload)
    return error, state, result


def version_of(payload: bytes) -> str:
    """Firmware version in a VERSION message."""
    return ".".join(map(str, payload[4:7]))
