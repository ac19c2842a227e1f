"""Frames are those of Unitree's header; what does not fit is cut, what is no number refused."""

import struct
from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.bus.framing import FrameReader
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.drivers.unitree_go import codec
from humanoid_hal.drivers.unitree_go.codec import RotorCommand, RotorState


def crc_ccitt(data: bytes) -> int:
    """Linux' crc_ccitt bit by bit, which include/crc/crc_ccitt.h of the SDK quotes."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
    return crc


def one(**values: float) -> RotorCommand:
    fields = ("position", "velocity", "torque", "stiffness", "damping")
    return RotorCommand(*(np.array([values.get(field, 0.0)]) for field in fields))


def test_the_checksum_is_the_known_one() -> None:
    message = np.frombuffer(b"123456789", dtype=np.uint8)[np.newaxis]
    assert int(codec.crc(message)[0]) == crc_ccitt(b"123456789") == 0x2189  # CRC-16/KERMIT


def test_a_command_is_laid_out_as_in_the_header() -> None:
    law = one(torque=1.5, velocity=-2 * pi, position=pi, stiffness=0.1, damping=0.02)
    (frame,) = codec.make_commands(np.array([9]), codec.CONTROL, law)
    body = struct.pack(
        "<BBBhhiHH",
        0xFE,
        0xEE,
        9 | 1 << 4,
        384,  # q8
        -256,  # q7 of turns/s: 256 per turn
        16384,  # q15 of turns: 32768 per turn
        128,  # 0.1 / 25.6 of 32768
        26,
    )
    assert frame == body + struct.pack("<H", crc_ccitt(body))
    assert len(frame) == 17


def test_a_reply_is_laid_out_as_in_the_header() -> None:
    body = struct.pack("<BBBhhibH", 0xFD, 0xEE, 3 | 1 << 4, -256, 512, -65536, 47, 2 | 1234 << 3)
    frame = body + struct.pack("<H", crc_ccitt(body))
    assert len(frame) == 16
    state = codec.parse_reply(frame)
    assert (state.id, state.mode, state.temperature, state.error) == (3, 1, 47.0, 2)
    assert (state.torque, state.force) == (-1.0, 1234)
    assert state.velocity == pytest.approx(4 * pi)
    assert state.position == pytest.approx(-4 * pi)
    assert codec.make_reply(state) == frame


@given(
    st.integers(0, 15),
    st.integers(0, 7),
    st.tuples(*[st.floats(-1e3, 1e3)] * 3),
    st.integers(-128, 127),
)
def test_states_come_back_within_half_a_unit(
    id: int, mode: int, values: tuple[float, ...], temperature: int
) -> None:
    position, velocity, torque = values
    velocity, torque = np.clip(velocity, -800, 800), np.clip(torque, -127, 127)
    sent = RotorState(id, mode, position, float(velocity), float(torque), temperature, 3, 99)
    (frame,) = FrameReader(codec.REPLIES).feed(codec.make_reply(sent))
    state = codec.parse_reply(frame)
    assert (state.id, state.mode, state.temperature) == (id, mode, temperature)
    assert state.position == pytest.approx(position, abs=0.51 / codec.POSITION_SCALE)
    assert state.velocity == pytest.approx(velocity, abs=0.51 / codec.VELOCITY_SCALE)
    assert state.torque == pytest.approx(torque, abs=0.51 / codec.TORQUE_SCALE)


def test_what_does_not_fit_is_cut_to_the_end_of_the_range() -> None:
    law = one(torque=1e9, velocity=-1e9, position=-1e9, stiffness=1e9, damping=-1.0)
    (frame,) = codec.make_commands(np.array([0]), codec.CONTROL, law)
    assert struct.unpack_from("<hhiHH", frame, 3) == (32767, -32768, -(2**31), 32768, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["position", "velocity", "torque", "stiffness", "damping"])
def test_what_is_no_number_is_never_sent(field: str, bad: float) -> None:
    with pytest.raises(BoardError, match="not finite"):
        codec.make_commands(np.array([0]), codec.CONTROL, one(**{field: bad}))


def test_many_motors_are_the_same_as_each_alone() -> None:
    ids = np.arange(14)
    columns = np.random.default_rng(2).normal(size=(5, 14))
    columns[3:] = abs(columns[3:])
    together = codec.make_commands(ids, codec.CONTROL, RotorCommand(*columns))
    alone = [
        codec.make_commands(ids[i : i + 1], codec.CONTROL, RotorCommand(*columns[:, i : i + 1]))[0]
        for i in range(14)
    ]
    assert together == alone
