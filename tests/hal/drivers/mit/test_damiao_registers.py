"""Damiao's registers and status, byte for byte as the maker's documents have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.drivers.mit import damiao_registers as damiao
from humanoid_hal.drivers.mit.damiao_registers import Register


@pytest.mark.parametrize(
    ("frames", "payload"),
    [
        (damiao.make_read([4], Register.PMAX), "0400331500000000"),
        (damiao.make_write([4], Register.PMAX, 12.5), "0400551500004841"),
        (damiao.make_write([0x123], Register.TIMEOUT, 2000), "23015509d0070000"),
        (damiao.make_store([4]), "0400aa0100000000"),
        (damiao.make_refresh([4]), "0400cc0000000000"),
    ],
)
def test_register_frames(frames: damiao.CanBatch, payload: str) -> None:
    assert frames.frames() == [(0x7FF, bytes.fromhex(payload))]


@given(
    st.integers(0, 0x7FF),
    st.sampled_from(sorted(damiao.FLOATS)),
    st.floats(-1e6, 1e6, width=32),
)
def test_a_register_value_comes_back(board: int, register: int, value: float) -> None:
    ((_, payload),) = damiao.make_write([board], register, value).frames()
    parsed = damiao.parse_register(payload)
    assert parsed == damiao.RegisterValue(board, damiao.WRITE, register, value)


@given(st.binary(max_size=12))
def test_any_payload_is_read_or_refused(payload: bytes) -> None:
    parsed = damiao.parse_register(payload)
    assert parsed is None or parsed.board <= 0x7FF


def test_many_boards_are_asked_at_once() -> None:
    frames = damiao.make_refresh([1, 2, 3])
    assert frames.data[:, 0].tolist() == [1, 2, 3]
