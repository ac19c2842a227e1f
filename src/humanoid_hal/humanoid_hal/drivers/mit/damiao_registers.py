"""What Damiao adds to the MIT protocol: status, temperatures and registers.

Reply: ``status << 4 | id & 15``, then the MIT state, temperature of the MOSFETs and of the rotor [degC].
Registers: a frame of identifier 0x7FF with ``id low, id high, operation, register, value``; the answer
has the same layout and comes from the board's feedback identifier.

Source: Damiao DM-J4310-2EC manual V1.2 (feedback frame, register list); damiao-motor 1.0.6 motor.py.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.can.frames import classic

#: Identifier of register frames.
REGISTER_ID = 0x7FF
OPERATIONS = READ, WRITE, STORE, REFRESH = 0x33, 0x55, 0xAA, 0xCC
#: One unit of register TIMEOUT [s].
TIMEOUT_UNIT = 50e-6


class Status(IntEnum):
    """High four bits of a reply."""

    DISABLED = 0x0
    ENABLED = 0x1
    OVER_VOLTAGE = 0x8
    UNDER_VOLTAGE = 0x9
    OVER_CURRENT = 0xA
    MOSFET_TEMPERATURE = 0xB
    ROTOR_TEMPERATURE = 0xC
    COMMUNICATION_LOST = 0xD
    OVERLOAD = 0xE


class Register(IntEnum):
    """The registers used here; those of `FLOATS` are float32, the others uint32."""

    UV_VALUE = 0  # [V] protection threshold
    OT_VALUE = 2  # [degC] protection threshold
    MST_ID = 7  # identifier of the feedback frames
    ESC_ID = 8  # identifier of the commands
    TIMEOUT = 9  # watchdog, TIMEOUT_UNIT each; 0: off
    CTRL_MODE = 10
    SW_VER = 14
    GEAR = 20
    PMAX = 21  # [rad]
    VMAX = 22  # [rad/s]
    TMAX = 23  # [N m]
    CAN_BAUD = 35  # code of BAUD_CODES
    VBUS = 60  # [V]


FLOATS = frozenset((0, 2, 20, 21, 22, 23, 60))
#: CTRL_MODE
MODE_MIT = 1
#: CAN_BAUD: 0 to 4 classic, above with CAN FD.
BAUD_CODES = {125_000: 0, 200_000: 1, 250_000: 2, 500_000: 3, 1_000_000: 4}


def make_read(ids: ArrayLike, register: int) -> CanBatch:
    """Ask boards `ids` (n,) for one register."""
    return _register_frames(ids, READ, register, b"\0\0\0\0")


def make_write(ids: ArrayLike, register: int, value: float) -> CanBatch:
    """Set one register, in RAM; answered with the value taken."""
    return _register_frames(ids, WRITE, register, to_bytes(register, value))


def make_store(ids: ArrayLike) -> CanBatch:
    """Keep all registers over a power cycle. Only taken with torque off."""
    return _register_frames(ids, STORE, 1, b"\0\0\0\0")


def make_refresh(ids: ArrayLike) -> CanBatch:
    """Ask for the state without commanding anything."""
    return _register_frames(ids, REFRESH, 0, b"\0\0\0\0")


def _register_frames(ids: ArrayLike, operation: int, register: int, value: bytes) -> CanBatch:
    boards = np.asarray(ids, np.uint16)
    data = np.zeros((len(boards), 8), np.uint8)
    data[:, 0], data[:, 1] = boards & 0xFF, boards >> 8
    data[:, 2], data[:, 3] = operation, register
    data[:, 4:] = np.frombuffer(value, np.uint8)
    return classic(np.full(len(boards), REGISTER_ID, np.uint32), data)


def to_bytes(register: int, value: float) -> bytes:
    """The four bytes of a register's value."""
    return struct.pack("<f", value) if register in FLOATS else struct.pack("<I", round(value))


@dataclass(frozen=True, slots=True)
class RegisterValue:
    """A register frame or its answer."""

    board: int  # ESC_ID
    operation: int
    register: int
    value: float


def parse_register(payload: bytes) -> RegisterValue | None:
    """The register access in a payload; None: it is none (it may be a state reply).

    A state reply looks like this when its position is in the lowest hundredth of the range and its
    speed code happens to match: such a one is taken for silence, the next one is not.
    """
    if len(payload) != 8 or payload[2] not in OPERATIONS or payload[1] > 7:
        return None
    board = payload[0] | payload[1] << 8
    register = payload[3]
    (value,) = struct.unpack("<f" if register in FLOATS else "<I", payload[4:])
    return RegisterValue(board, payload[2], register, float(value))


def hear(operation: int, register: int) -> Callable[[int, bytes], tuple[int, float] | None]:
    """A reader of the answers to one register access: board and value."""

    def read(identifier: int, payload: bytes) -> tuple[int, float] | None:
        answer = parse_register(payload)
        if answer is None or (answer.operation, answer.register) != (operation, register):
            return None
        return answer.board, answer.value

    return read
