"""Every frame survives its way through the text, and no text whatever breaks the decoder."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.bus.can import EXTENDED, NO_FRAMES, CanBatch, joined
from humanoid_hal.can.frames import FD_LENGTHS, REMOTE, padded, select
from humanoid_hal.can.slcan import Decoder, encode

# python-can 4.6.1, slcanBus.send() with Message(arbitration_id=..., data=...).
GOLDEN = [
    (0x123, bytes.fromhex("11223344"), b"t123411223344\r"),
    (0x7FF, b"", b"t7FF0\r"),
    (0x001, bytes(range(8)), b"t00180001020304050607\r"),
    (EXTENDED | 0x1ABCDEF0, bytes.fromhex("DEADBEEF"), b"T1ABCDEF04DEADBEEF\r"),
    (EXTENDED | 0x5, b"\xff", b"T000000051FF\r"),
    (REMOTE | 0x321, b"", b"r3210\r"),
]
IDENTIFIERS = st.integers(0, 0x7FF) | st.integers(0, 0x1FFF_FFFF).map(lambda i: i | EXTENDED)
CLASSIC = st.tuples(IDENTIFIERS, st.binary(max_size=8))
FD = st.tuples(
    IDENTIFIERS,
    st.sampled_from(FD_LENGTHS.tolist()).flatmap(lambda n: st.binary(min_size=n, max_size=n)),
)


def decoded(text: bytes) -> list[tuple[int, bytes]]:
    return Decoder().decode(text).frames.frames()


@pytest.mark.parametrize(("identifier", "payload", "text"), GOLDEN)
def test_text_is_that_of_python_can(identifier: int, payload: bytes, text: bytes) -> None:
    assert encode(CanBatch.of([(identifier, payload)])) == text
    assert decoded(text) == [(identifier, payload)]


@given(st.lists(CLASSIC, max_size=12))
def test_classic_frames_come_back_in_order(items: list[tuple[int, bytes]]) -> None:
    assert decoded(encode(CanBatch.of(items))) == items


@given(st.lists(FD, max_size=6))
def test_fd_frames_come_back_in_order(items: list[tuple[int, bytes]]) -> None:
    received = Decoder().decode(encode(CanBatch.of(items, fd=True)))
    assert received.frames.frames() == items
    assert received.frames.fd or not items


@given(st.lists(CLASSIC, min_size=1, max_size=6), st.integers(1, 7))
def test_chunks_of_any_size_make_no_difference(items: list[tuple[int, bytes]], size: int) -> None:
    text, decoder = encode(CanBatch.of(items)), Decoder()
    parts = [decoder.decode(text[i : i + size]) for i in range(0, len(text), size)]
    assert joined([part.frames for part in parts]).frames() == items
    assert sum(part.bad for part in parts) == 0


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_noise_never_raises_and_the_next_frame_is_read(noise: list[bytes]) -> None:
    decoder = Decoder()
    for chunk in noise:
        decoder.decode(chunk)
    frames = decoder.decode(b"\rt1231AA\r").frames.frames()
    assert frames[-1:] == [(0x123, b"\xaa")]


@pytest.mark.parametrize(("identifier", "payload", "text"), GOLDEN)
def test_a_flipped_bit_gives_no_exception_and_no_impossible_frame(
    identifier: int, payload: bytes, text: bytes
) -> None:
    for bit in range(8 * len(text)):
        flipped = bytearray(text)
        flipped[bit // 8] ^= 1 << bit % 8
        received = Decoder().decode(bytes(flipped) + b"\rt1231AA\r")
        assert (0x123, b"\xaa") in received.frames.frames()
        for found, _ in received.frames.frames():
            assert found & 0x1FFF_FFFF <= (0x1FFF_FFFF if found & EXTENDED else 0x7FF)


@pytest.mark.parametrize(
    "line",
    [b"t1239", b"t12g0", b"t1232AA", b"t1231AAA", b"t8000", b"T200000000", b"t", b"x", b"b123F00"],
)
def test_a_line_that_is_no_frame_is_counted(line: bytes) -> None:
    received = Decoder().decode(line + b"\r")
    assert (len(received.frames), received.bad) == (0, 1)


def test_time_stamps_are_accepted() -> None:
    assert decoded(b"t1231AA0FA0\r") == [(0x123, b"\xaa")]


def test_answers_are_told_from_frames() -> None:
    received = Decoder().decode(b"\r\rz\rZ\rV1013\rF80\r\x07t1230\r")
    assert received.replies == (b"V1013", b"F80")
    assert (received.refused, received.bad, len(received.frames)) == (1, 0, 1)


def test_an_endless_line_is_dropped() -> None:
    decoder = Decoder()
    assert decoder.decode(b"t" * 4096).bad == 1
    assert decoder.decode(b"t1230\r").frames.frames() == [(0x123, b"")]


def test_lower_case_digits_are_read() -> None:
    assert decoded(b"t7ff1ab\r") == [(0x7FF, b"\xab")]


def test_nothing_encodes_to_nothing() -> None:
    assert encode(NO_FRAMES) == b""


def test_select_keeps_the_kind() -> None:
    frames = CanBatch.of([(1, b"a"), (2, b"b")], fd=True)
    assert select(frames, np.array([False, True])).frames() == [(2, b"b")]
    assert select(frames, np.array([0])).fd


@pytest.mark.parametrize(("length", "whole"), [(0, 0), (8, 8), (9, 12), (33, 48), (64, 64)])
def test_fd_payloads_are_padded_to_a_length_there_is(length: int, whole: int) -> None:
    assert padded(length) == whole
