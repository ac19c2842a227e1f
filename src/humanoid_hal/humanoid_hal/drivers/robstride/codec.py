"""CanBatch of the RobStride/CyberGear private protocol, for all motors of a bus at once.

Extended frames of 1 Mbit/s: identifier ``type << 24 | field << 8 | address``, 8 bytes of data. Commands
carry the torque in `field` and position, velocity, kp, kd as big-endian 16 bit codes; the feedback
carries faults, mode and motor in `field` and position, velocity, torque, temperature as data.

Source: CyberGear instruction manual v1.2 chapter 4; RobStride RS00 manual v1.0; robstride-dynamics
0.0.1 (bus.py, protocol.py). The vendor's package scales by 32767, the manuals by 65535: one step apart.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from humanoid_hal.bus.can import EXTENDED, CanBatch
from humanoid_hal.bus.protocol import finite
from humanoid_hal.can.frames import classic
from humanoid_hal.drivers.mit.codec import Scales
from humanoid_hal.drivers.robstride.parameters import Parameter

Array = NDArray[np.float64]

_FULL = 0xFFFF
#: Address of this host: above all motors, as the vendor's package does.
HOST = 0xFD
#: What answers to :func:`make_get_id` is addressed to.
BROADCAST = 0xFE


class Type(IntEnum):
    """Bits 28 to 24 of the identifier."""

    GET_ID = 0
    CONTROL = 1
    FEEDBACK = 2
    ENABLE = 3
    STOP = 4
    SET_ZERO = 6
    SET_ID = 7
    READ = 0x11
    WRITE = 0x12
    FAULT = 0x15
    SAVE = 0x16
    SET_BAUD = 0x17
    ACTIVE_REPORT = 0x18
    SET_PROTOCOL = 0x19


#: Fault bits of the feedback, lowest first (bits 16 to 21 of the identifier).
FEEDBACK_FAULTS = (
    "under-voltage",
    "over-current",
    "over-temperature",
    "magnetic encoder",
    "stall or overload",
    "not calibrated",
)
#: Mode of the feedback (bits 22 and 23).
MODE_RESET, MODE_CALIBRATION, MODE_RUN = 0, 1, 2
#: Codes of SET_BAUD.
BAUD_CODES = {1_000_000: 1, 500_000: 2, 250_000: 3, 125_000: 4}


def identifier(kind: int, field: ArrayLike, address: ArrayLike) -> NDArray[np.uint32]:
    """Identifiers with the extended flag."""
    fields, addresses = np.asarray(field, np.int64), np.asarray(address, np.int64)
    return (EXTENDED | kind << 24 | fields << 8 | addresses).astype(np.uint32)


def _codes(scales: Scales, *values: Array) -> NDArray[np.uint16]:
    """16 bit codes of position, velocity, torque and the gains, as many as are given.

    Raises BoardError on what is not finite: it has no code.
    """
    full = scales.full[: len(values)]
    low = np.where(np.arange(len(values)) < 3, -1.0, 0.0)[:, None] * full
    codes = np.rint((finite(np.array(values)) - low) * (_FULL / (full - low)))
    return np.minimum(np.maximum(codes, 0.0), _FULL).astype(np.uint16)


def _ranged(codes: Array, full: Array) -> Array:
    """Values of codes that map [-full, full]."""
    return codes * (2.0 * full / _FULL) - full


def _words(*columns: NDArray[np.uint16]) -> NDArray[np.uint8]:
    words = np.stack(columns, axis=1).astype(">u2")
    return np.ascontiguousarray(words).view(np.uint8).reshape(len(words), 8)


def make_control(
    ids: ArrayLike,
    scales: Scales,
    position: Array,
    velocity: Array,
    torque: Array,
    stiffness: Array,
    damping: Array,
) -> CanBatch:
    """Type 1, the MIT law; arguments of shape (n,) in motor-side SI units, finite."""
    p, v, t, kp, kd = _codes(scales, position, velocity, torque, stiffness, damping)
    return classic(identifier(Type.CONTROL, t, ids), _words(p, v, kp, kd))


def parse_control(scales: Scales, frames: CanBatch) -> tuple[Array, Array, Array, Array, Array]:
    """Position, velocity, torque, stiffness, damping of type 1 frames: the board's side."""
    words = np.ascontiguousarray(frames.data[:, :8]).view(">u2").astype(np.float64)
    torque = ((frames.ids >> 8) & 0xFFFF).astype(np.float64)
    full = scales.full
    return (
        _ranged(words[:, 0], full[0]),
        _ranged(words[:, 1], full[1]),
        _ranged(torque, full[2]),
        words[:, 2] * (full[3] / _FULL),
        words[:, 3] * (full[4] / _FULL),
    )


def make_feedback(
    ids: ArrayLike,
    host: int,
    scales: Scales,
    position: Array,
    velocity: Array,
    torque: Array,
    temperature: Array,
    faults: ArrayLike,
    mode: ArrayLike,
) -> CanBatch:
    """Type 2, the board's side; `temperature` [degC], `faults` bits of FEEDBACK_FAULTS."""
    field = np.asarray(ids, np.int64) | np.asarray(faults, np.int64) << 8
    field |= np.asarray(mode, np.int64) << 14
    tenths = np.clip(np.rint(temperature * 10.0), 0, _FULL).astype(np.uint16)
    data = _words(*_codes(scales, position, velocity, torque), tenths)
    return classic(identifier(Type.FEEDBACK, field, np.full(len(data), host)), data)


@dataclass(frozen=True, slots=True)
class Feedback:
    """Type 2 frames; arrays of shape (n,), motor side."""

    ids: NDArray[np.int64]
    position: Array  # [rad]
    velocity: Array  # [rad/s]
    torque: Array  # [N m]
    temperature: Array  # [degC]
    faults: NDArray[np.int64]  # bits of FEEDBACK_FAULTS
    mode: NDArray[np.int64]


def feedback_ids(frames: CanBatch, host: int = HOST) -> NDArray[np.int64]:
    """The motor each frame is feedback of; -1: it is no feedback for `host`."""
    ids = frames.ids.astype(np.int64)
    mine = (ids & ~0x00FF_FF00) == (EXTENDED | Type.FEEDBACK << 24 | host)
    return np.where(mine & (frames.lengths == 8), (ids >> 8) & 0xFF, -1)


def parse_feedback(scales: Scales, frames: CanBatch) -> Feedback:
    """Read type 2 frames; `scales` has one row per frame."""
    words = np.ascontiguousarray(frames.data[:, :8]).view(">u2").astype(np.float64)
    ids = frames.ids.astype(np.int64)
    return Feedback(
        (ids >> 8) & 0xFF,
        _ranged(words[:, 0], scales.full[0]),
        _ranged(words[:, 1], scales.full[1]),
        _ranged(words[:, 2], scales.full[2]),
        words[:, 3] * 0.1,
        (ids >> 16) & 0x3F,
        (ids >> 22) & 0x3,
    )


def _plain(kind: Type, ids: ArrayLike, data: bytes = bytes(8), host: int = HOST) -> CanBatch:
    boards = np.asarray(ids)
    payload = np.tile(np.frombuffer(data, np.uint8), (len(boards), 1))
    return classic(identifier(kind, np.full(len(boards), host), boards), payload)


def make_get_id(ids: ArrayLike) -> CanBatch:
    """Type 0: who are you? Answered with the 64 bit serial number of the processor."""
    return _plain(Type.GET_ID, ids)


def make_enable(ids: ArrayLike) -> CanBatch:
    """Type 3: torque on."""
    return _plain(Type.ENABLE, ids)


def make_stop(ids: ArrayLike, clear: bool = False) -> CanBatch:
    """Type 4: torque off; with `clear` also forget the fault. Answered with feedback."""
    return _plain(Type.STOP, ids, bytes([clear, 0, 0, 0, 0, 0, 0, 0]))


def make_set_zero(ids: ArrayLike) -> CanBatch:
    """Type 6: here is zero. Kept over a power cycle only after :func:`make_save` on RobStride."""
    return _plain(Type.SET_ZERO, ids, b"\1" + bytes(7))


def make_set_id(ids: ArrayLike, new: int) -> CanBatch:
    """Type 7: change the id at once."""
    return _plain(Type.SET_ID, ids, host=new << 8 | HOST)


def make_set_baud(ids: ArrayLike, baud: int) -> CanBatch:
    """Type 0x17: another bit rate from the next power cycle; `baud` is one of BAUD_CODES."""
    return _plain(Type.SET_BAUD, ids, bytes((1, 2, 3, 4, 5, 6, BAUD_CODES[baud], 0)))


def make_identity(board: int, serial: bytes) -> CanBatch:
    """An answer to type 0: the board's side."""
    return CanBatch.of([(EXTENDED | Type.GET_ID << 24 | board << 8 | BROADCAST, serial)])


def make_parameter(
    board: int, index: int, raw: bytes, ok: bool = True, host: int = HOST
) -> CanBatch:
    """An answer to type 0x11: the board's side."""
    field = board | (0 if ok else 1) << 8
    identifier_ = EXTENDED | Type.READ << 24 | field << 8 | host
    return CanBatch.of([(identifier_, struct.pack("<HH", index, 0) + raw)])


def make_save(ids: ArrayLike) -> CanBatch:
    """Type 0x16: keep all parameters over a power cycle."""
    return _plain(Type.SAVE, ids, bytes(range(1, 9)))


def make_read(ids: ArrayLike, parameter: Parameter) -> CanBatch:
    """Type 0x11: ask for one parameter."""
    return _plain(Type.READ, ids, struct.pack("<HHI", parameter.index, 0, 0))


def make_write(ids: ArrayLike, parameter: Parameter, value: float) -> CanBatch:
    """Type 0x12: set one parameter, in RAM. Answered with feedback."""
    return _plain(Type.WRITE, ids, struct.pack("<HH", parameter.index, 0) + parameter.pack(value))


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """An answer to type 0x11."""

    board: int
    index: int
    raw: bytes  # four bytes
    ok: bool  # the parameter exists


def parse_parameter(frame_id: int, payload: bytes, host: int = HOST) -> ParameterValue | None:
    """The parameter in a frame; None: it is none for `host`."""
    kind, address = frame_id >> 24 & 0x1F, frame_id & 0xFF
    if not frame_id & EXTENDED or kind != Type.READ or address != host or len(payload) != 8:
        return None
    (index,) = struct.unpack_from("<H", payload)
    return ParameterValue(frame_id >> 8 & 0xFF, index, payload[4:], frame_id >> 16 & 0xFF == 0)


@dataclass(frozen=True, slots=True)
class Identity:
    """An answer to type 0."""

    board: int
    serial: bytes  # 8 bytes


def parse_identity(frame_id: int, payload: bytes) -> Identity | None:
    """The identity in a frame; None: it is none."""
    kind, address = frame_id >> 24 & 0x1F, frame_id & 0xFF
    if not frame_id & EXTENDED or kind != Type.GET_ID or address != BROADCAST:
        return None
    return Identity(frame_id >> 8 & 0xFF, payload) if len(payload) == 8 else None


#: Fault bits of a type 0x15 frame, by bit number (RS00 manual).
FAULT_BITS = {
    0: "over-temperature",
    1: "driver chip",
    2: "under-voltage",
    3: "over-voltage",
    4: "over-current of phase B",
    5: "over-current of phase C",
    7: "encoder not calibrated",
    8: "hardware identification",
    9: "position initialisation",
    14: "stall overload",
    16: "over-current of phase A",
}


@dataclass(frozen=True, slots=True)
class FaultReport:
    """A type 0x15 frame, which a board sends by itself."""

    board: int
    faults: tuple[str, ...]
    warning: bool  # bit 0 of the second word: hot


def parse_fault(frame_id: int, payload: bytes) -> FaultReport | None:
    """The fault report in a frame; None: it is none."""
    if not frame_id & EXTENDED or frame_id >> 24 & 0x1F != Type.FAULT or len(payload) != 8:
        return None
    fault, warning = struct.unpack("<II", payload)
    names = tuple(FAULT_BITS.get(bit, f"bit {bit}") for bit in range(32) if fault >> bit & 1)
    return FaultReport(frame_id >> 8 & 0xFF, names, bool(warning))
