"""moteus frames, byte for byte as the maker's library makes them."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.bus.can import EXTENDED, CanBatch
from humanoid_hal.drivers.moteus import codec
from humanoid_hal.drivers.moteus.registers import Mode, Register

TURN = 2 * np.pi


def one(value: float) -> np.ndarray:
    return np.array([value])


def answer() -> CanBatch:
    return codec.make_answer(
        [5], [Mode.POSITION], one(1.0), one(-2.0), one(3.0), one(24.5), one(41.0), [0]
    )


def test_a_command_is_that_of_the_library() -> None:
    # moteus 1.1.1: Controller(5, query_resolution=..., position_resolution=...).make_position(
    #   position=0.25, velocity=-0.5, feedforward_torque=2.0, kp_scale=0.5, kd_scale=1.0, query=True)
    golden = "01000a0f200000803e000000bf000000400623ff3fff7f11001f01130d"
    ((identifier, payload),) = codec.make_command(
        [5], one(0.25 * TURN), one(-0.5 * TURN), one(2.0), one(0.5), one(1.0)
    ).frames()
    assert identifier == EXTENDED | 0x8005
    assert len(payload) == 32
    wanted = bytearray.fromhex(golden)
    assert payload[29:] == b"\x50" * 3
    assert wanted[19:21] == b"\xff\x3f"  # the library cuts 16383.5 off, here it is rounded
    wanted[19:21] = b"\x00\x40"
    assert payload[:29] == bytes(wanted)


def test_stop_query_and_console_are_those_of_the_library() -> None:
    assert codec.make_stop([5]).frames()[0][1].startswith(bytes.fromhex("01000011001f01130d"))
    assert codec.make_query([5]).frames()[0][1].startswith(bytes.fromhex("11001f01130d"))
    text = codec.make_console([5], b"conf get id.id\n")
    assert text.frames()[0] == (
        5,
        bytes.fromhex("40010f636f6e66206765742069642e69640a") + b"\x50" * 2,
    )
    poll = codec.make_console_poll([5]).frames()[0]
    assert poll == (EXTENDED | 0x8005, bytes.fromhex("420130"))


def test_long_text_is_cut_into_frames() -> None:
    parts = [
        codec.parse_subframes(p)[0].text for _, p in codec.make_console([1], b"x" * 130).frames()
    ]
    assert list(map(len, parts)) == [56, 56, 18]


def test_an_answer_is_read_in_si_units() -> None:
    batch = answer()
    assert codec.are_answers(batch).all()
    assert codec.senders(batch).tolist() == [5]
    read = codec.parse_answers(batch.data)
    assert read.mode[0] == Mode.POSITION
    np.testing.assert_allclose(
        [read.position[0], read.velocity[0], read.torque[0]], [1.0, -2.0, 3.0], rtol=1e-6
    )
    assert (read.voltage[0], read.temperature[0], read.fault[0]) == (24.5, 41.0, 0)


def test_a_flipped_bit_is_rejected_or_finite() -> None:
    golden = answer()
    for bit in range(8 * 24):
        data = golden.data.copy()
        data[0, bit // 8] ^= 1 << bit % 8
        batch = CanBatch(golden.ids, golden.lengths, data, True)
        if codec.are_answers(batch)[0]:
            read = codec.parse_answers(batch.data)
            assert np.isfinite([read.position[0], read.velocity[0], read.torque[0]]).all()
        try:
            codec.parse_subframes(data[0, :24].tobytes())
        except ValueError:
            pass


@given(st.binary(max_size=64))
def test_any_payload_is_read_or_refused(payload: bytes) -> None:
    try:
        for part in codec.parse_subframes(payload):
            assert part.kind in (
                codec.WRITE, codec.READ, codec.REPLY, codec.WRITE_ERROR, codec.READ_ERROR,
                codec.STREAM_OUT, codec.STREAM_IN, codec.STREAM_POLL,
            )  # fmt: skip
    except ValueError:
        pass
    codec.are_answers(CanBatch.of([(0x500, payload)], fd=True))


@given(
    st.sampled_from([codec.WRITE, codec.REPLY]),
    st.integers(0, 0x3FFF),
    st.integers(0, 3),
    st.floats(-100, 100),
)
def test_a_register_comes_back(kind: int, register: int, resolution: int, value: float) -> None:
    (part,) = codec.parse_subframes(codec.make_register(kind, register, resolution, value))
    kept = (
        struct.unpack("<f", struct.pack("<f", value))[0]
        if resolution == codec.FLOAT
        else round(value)
    )
    assert (part.kind, part.register, part.resolution) == (kind, register, resolution)
    assert part.value == kept


def test_several_registers_of_one_subframe() -> None:
    read = codec.parse_subframes(bytes.fromhex("1f01"))
    assert [p.register for p in read] == [1, 2, 3]
    many = codec.parse_subframes(bytes.fromhex("100520"))
    assert [p.register for p in many] == list(range(0x20, 0x25))
    assert Register(many[0].register) is Register.COMMAND_POSITION


@pytest.mark.parametrize("payload", ["0f20", "40010f6162", "10ff01", "70", "0180"])
def test_a_broken_payload_is_refused(payload: str) -> None:
    with pytest.raises(ValueError, match=r"subframe|registers"):
        codec.parse_subframes(bytes.fromhex(payload))
