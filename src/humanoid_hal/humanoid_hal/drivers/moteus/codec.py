"""Frames of moteus: subframes that write and read registers, for all boards of a bus at once.

The cycle's frame has 32 bytes and its answer 24, both of fixed layout::

    01 00 0A             mode := position
    0F 20 p v t          position, velocity, feedforward torque, float32 in turns
    06 23 kp kd          scales of the gains, int16 / 32767
    11 00 1F 01 13 0D    read mode; position, velocity, torque; voltage, temperature, fault

    21 00 m  2F 01 p v t  23 0D V T f

Source: moteus reference, "CAN-FD communication", and moteus 1.1.1 (multiplex.py), Apache-2.0.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from humanoid_hal.bus.can import EXTENDED, CanBatch, joined
from humanoid_hal.can.frames import padded
from humanoid_hal.drivers.moteus.registers import (
    GAIN_INT16,
    TEMPERATURE_INT8,
    VOLTAGE_INT8,
    Mode,
)

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

INT8, INT16, INT32, FLOAT = 0, 1, 2, 3
WRITE, READ, REPLY = 0x00, 0x10, 0x20
WRITE_ERROR, READ_ERROR = 0x30, 0x31
STREAM_OUT, STREAM_IN, STREAM_POLL = 0x40, 0x41, 0x42
NOP = 0x50
#: Bit of the source byte that asks for an answer.
WANT_REPLY = 0x8000
#: Where the text console listens.
CONSOLE = 1
_TURN = 2.0 * pi
_STRUCTS = (struct.Struct("<b"), struct.Struct("<h"), struct.Struct("<i"), struct.Struct("<f"))

_QUERY = np.frombuffer(bytes.fromhex("1100 1f01 130d"), np.uint8)
_COMMAND = np.frombuffer(
    bytes.fromhex("01000a 0f20") + bytes(12) + bytes.fromhex("0623") + bytes(4), np.uint8
)
_COMMAND_SIZE = 32
_ANSWER_SIZE = 24
#: Bytes of the answer that are the same in every one, and where they stand.
_ANSWER_AT = np.array((0, 1, 3, 4, 17, 18))
_ANSWER_FIXED = np.frombuffer(bytes.fromhex("2100 2f01 230d"), np.uint8)


def _to_boards(ids: ArrayLike, payload: Bytes, reply: bool = True) -> CanBatch:
    """FD frames of shape (n, 64) with `payload` (n, k), padded with "nothing to do"."""
    boards = np.asarray(ids, np.uint32)
    size = padded(payload.shape[1])
    data = np.zeros((len(boards), 64), np.uint8)
    data[:, :size] = NOP
    data[:, : payload.shape[1]] = payload
    identifiers = boards | np.uint32(WANT_REPLY if reply else 0)
    identifiers = np.where(identifiers > 0x7FF, identifiers | np.uint32(EXTENDED), identifiers)
    return CanBatch(
        identifiers.astype(np.uint32), np.full(len(boards), size, np.uint8), data, fd=True
    )


def make_query(ids: ArrayLike) -> CanBatch:
    """Ask for the state, change nothing."""
    return _to_boards(ids, np.tile(_QUERY, (np.size(ids), 1)))


def make_stop(ids: ArrayLike) -> CanBatch:
    """Torque off, faults and time-outs forgotten; answered with the state."""
    payload = np.concatenate((np.array((0x01, 0x00, Mode.STOPPED), np.uint8), _QUERY))
    return _to_boards(ids, np.tile(payload, (np.size(ids), 1)))


def make_command(
    ids: ArrayLike,
    position: Array,
    velocity: Array,
    torque: Array,
    kp_scale: Array,
    kd_scale: Array,
) -> CanBatch:
    """Torque on and the law; [rad], [rad/s], [N m] of the output, scales in 0 to 1. NaN: hold here."""
    n = np.size(ids)
    payload = np.empty((n, len(_COMMAND) + len(_QUERY)), np.uint8)
    payload[:, : len(_COMMAND)] = _COMMAND
    payload[:, len(_COMMAND) :] = _QUERY
    floats = np.stack((position / _TURN, velocity / _TURN, torque), axis=1).astype("<f4")
    payload[:, 5:17] = floats.view(np.uint8).reshape(n, 12)
    gains = np.stack((kp_scale, kd_scale), axis=1)
    codes = np.rint(np.clip(gains, 0.0, 1.0) / GAIN_INT16).astype("<i2")
    payload[:, 19:23] = codes.view(np.uint8).reshape(n, 4)
    return _to_boards(ids, payload)


def make_idle(ids: ArrayLike) -> CanBatch:
    """Torque on without any torque."""
    n = np.size(ids)
    zeros = np.zeros(n)
    return make_command(ids, np.full(n, np.nan), zeros, zeros, zeros, zeros)


def make_answer(
    ids: ArrayLike,
    mode: ArrayLike,
    position: Array,
    velocity: Array,
    torque: Array,
    voltage: Array,
    temperature: Array,
    fault: ArrayLike,
) -> CanBatch:
    """The cycle's answers: the boards' side."""
    boards = np.asarray(ids, np.uint32)
    n = len(boards)
    data = np.zeros((n, 64), np.uint8)
    data[:, :_ANSWER_SIZE] = NOP
    data[:, _ANSWER_AT] = _ANSWER_FIXED
    data[:, 2] = mode
    floats = np.stack((position / _TURN, velocity / _TURN, torque), axis=1).astype("<f4")
    data[:, 5:17] = floats.view(np.uint8).reshape(n, 12)
    data[:, 19] = np.clip(np.rint(voltage / VOLTAGE_INT8), -127, 127).astype(np.int8).view(np.uint8)
    data[:, 20] = np.clip(np.rint(temperature), -127, 127).astype(np.int8).view(np.uint8)
    data[:, 21] = fault
    lengths = np.full(n, _ANSWER_SIZE, np.uint8)
    return CanBatch(_identifiers_from(boards), lengths, data, fd=True)


def _identifiers_from(boards: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Of frames from boards to the host, which is 0."""
    identifiers = boards << 8
    return np.where(identifiers > 0x7FF, identifiers | EXTENDED, identifiers).astype(np.uint32)


def senders(batch: CanBatch) -> NDArray[np.int64]:
    """The board each frame comes from; -1: it is not for this host."""
    ids = batch.ids.astype(np.int64) & 0x1FFF_FFFF
    return np.where((ids & 0xFF == 0) & (ids < WANT_REPLY), ids >> 8, -1)


@dataclass(frozen=True, slots=True)
class Answers:
    """The cycle's answers; arrays of shape (n,), output shaft."""

    mode: NDArray[np.int64]
    position: Array  # [rad]
    velocity: Array  # [rad/s]
    torque: Array  # [N m]
    voltage: Array  # [V]
    temperature: Array  # [degC]
    fault: NDArray[np.int64]


def are_answers(batch: CanBatch) -> NDArray[np.bool_]:
    """Which frames have the layout of the cycle's answers, with finite numbers in it."""
    if batch.data.shape[1] < _ANSWER_SIZE:
        return np.zeros(len(batch), np.bool_)
    layout = (batch.data[:, _ANSWER_AT] == _ANSWER_FIXED).all(axis=1)
    numbers = np.ascontiguousarray(batch.data[:, 5:17]).view("<f4")
    finite: NDArray[np.bool_] = np.isfinite(numbers).all(axis=1)
    return (batch.lengths == _ANSWER_SIZE) & layout & finite


def parse_answers(data: Bytes) -> Answers:
    """Read payloads (n, 24 or more) that :func:`are_answers`."""
    numbers = np.ascontiguousarray(data[:, 5:17]).view("<f4").astype(np.float64)
    signed = np.ascontiguousarray(data[:, 19:21]).view(np.int8).astype(np.float64)
    return Answers(
        data[:, 2].astype(np.int64),
        numbers[:, 0] * _TURN,
        numbers[:, 1] * _TURN,
        numbers[:, 2],
        signed[:, 0] * VOLTAGE_INT8,
        signed[:, 1] * TEMPERATURE_INT8,
        data[:, 21].astype(np.int64),
    )


# -- any subframe, for conversations and emulated boards --------------------------------------------


@dataclass(frozen=True, slots=True)
class Subframe:
    """One register access, one error, or one piece of console text."""

    kind: int  # WRITE, READ, REPLY, WRITE_ERROR, READ_ERROR, STREAM_OUT, STREAM_IN, STREAM_POLL
    register: int = 0  # of the error, too
    resolution: int = FLOAT
    value: float = 0.0  # raw: not scaled
    text: bytes = b""
    count: int = 1  # registers of the subframe, told with its first one; 0 with the others


class _Cursor:
    """Reads a payload from left to right; IndexError or struct.error at its end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def varuint(self) -> int:
        value = 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        return value

    def number(self, resolution: int) -> float:
        kind = _STRUCTS[resolution]
        (value,) = kind.unpack_from(self.data, self.at)
        self.at += kind.size
        return float(value)

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise IndexError(size)
        self.at += size
        return self.data[self.at - size : self.at]


def parse_subframes(payload: bytes) -> list[Subframe]:
    """All subframes of a payload. Raises ValueError if it is cut short or holds an unknown one."""
    cursor = _Cursor(payload)
    found: list[Subframe] = []
    try:
        while cursor.at < len(payload):
            found += _subframes(cursor)
    except (IndexError, struct.error) as error:
        raise ValueError(f"subframe cut short after {cursor.at} of {len(payload)} bytes") from error
    return found


def _subframes(cursor: _Cursor) -> Iterator[Subframe]:
    head = cursor.byte()
    kind, resolution = head & 0xF0, head >> 2 & 3
    if kind in (WRITE, READ, REPLY):
        count = head & 3 or cursor.varuint()
        if count > 64:
            raise ValueError(f"{count} registers are more than a frame can hold")
        first = cursor.varuint()
        for register in range(first, first + count):
            value = 0.0 if kind == READ else cursor.number(resolution)
            yield Subframe(kind, register, resolution, value, count=count * (register == first))
    elif head in (WRITE_ERROR, READ_ERROR):
        yield Subframe(head, cursor.varuint(), value=float(cursor.varuint()))
    elif head in (STREAM_OUT, STREAM_IN):
        cursor.varuint()
        yield Subframe(head, text=cursor.take(cursor.varuint()))
    elif head == STREAM_POLL:
        cursor.varuint()
        yield Subframe(head, value=float(cursor.varuint()))
    elif head != NOP:
        raise ValueError(f"unknown subframe {head:#04x}")


def make_head(kind: int, register: int, resolution: int, count: int = 1) -> bytes:
    """The beginning of a subframe of `count` registers from `register` on."""
    number = b"" if count < 4 else varuint(count)
    return (
        bytes([kind | resolution << 2 | (count if count < 4 else 0)]) + number + varuint(register)
    )


def make_number(resolution: int, value: float) -> bytes:
    """One raw value."""
    return _STRUCTS[resolution].pack(value if resolution == FLOAT else round(value))


def make_register(kind: int, register: int, resolution: int, value: float = 0.0) -> bytes:
    """One register access as a subframe; `value` raw."""
    number = b"" if kind == READ else make_number(resolution, value)
    return make_head(kind, register, resolution) + number


def varuint(value: int) -> bytes:
    """Seven bits a byte, lowest first."""
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def make_frames(ids: Sequence[int], payload: bytes, reply: bool = True) -> CanBatch:
    """The same subframes to several boards."""
    return _to_boards(ids, np.tile(np.frombuffer(payload, np.uint8), (len(ids), 1)), reply)


def make_console(ids: Sequence[int], text: bytes) -> CanBatch:
    """Text for the boards' console, 56 bytes a frame."""
    frames = []
    for start in range(0, len(text), 56):
        part = text[start : start + 56]
        head = bytes([STREAM_OUT, CONSOLE, len(part)])
        frames.append(make_frames(ids, head + part, reply=False))
    return joined(frames)


def make_console_poll(ids: Sequence[int]) -> CanBatch:
    """Ask for what the console has to say."""
    return make_frames(ids, bytes([STREAM_POLL, CONSOLE, 48]))
