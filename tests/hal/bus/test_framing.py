"""Frames are found whatever stands between them and however they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.bus.framing import NO_FRAME, UNDECIDED, Format, FrameReader


def _length(buffer: bytes | bytearray, start: int) -> int:
    if start + 3 > len(buffer):
        return UNDECIDED
    return NO_FRAME if buffer[start + 2] > 40 else buffer[start + 2] + 4


#: 'AB', count, content, sum.
FORMAT = Format(b"AB", 44, _length, lambda frame: sum(frame) & 0xFF == 0)


def make(content: bytes) -> bytes:
    body = b"AB" + bytes((len(content),)) + content
    return body + bytes((-sum(body) & 0xFF,))


def test_frames_in_one_chunk_come_in_their_order() -> None:
    frames = [make(b"one"), make(b""), make(b"three")]
    reader = FrameReader(FORMAT)
    assert reader.feed(b"".join(frames)) == frames
    assert reader.bad == 0


@given(st.lists(st.binary(max_size=40), max_size=8), st.data())
def test_cuts_change_nothing(contents: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(make(content) for content in contents)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    reader = FrameReader(FORMAT)
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += reader.feed(stream[start:end])
    assert found == [make(content) for content in contents]
    assert reader.bad == 0


def test_a_frame_comes_with_its_last_byte_even_after_a_false_start() -> None:
    reader = FrameReader(FORMAT)
    frame = make(b"true")
    assert reader.feed(b"AB\x28") == []  # claims 44 bytes that never come
    assert reader.feed(frame[:-1]) == []
    assert reader.feed(frame[-1:]) == [frame]
    assert reader.bad == 1


def test_a_frame_inside_another_is_not_a_frame() -> None:
    outer = make(make(b"inner"))
    assert FrameReader(FORMAT).feed(outer) == [outer]


@pytest.mark.parametrize(
    "garbage", [b"\x00", b"A", b"AA", b"AB\xff", b"AB\x01\x00\x00", b"AB\x02A"]
)
def test_each_run_of_garbage_is_counted_once(garbage: bytes) -> None:
    reader = FrameReader(FORMAT)
    frames = [make(b"x"), make(b"y"), make(b"z")]
    assert reader.feed(garbage.join(frames)) == frames
    assert reader.bad == 2


def test_a_run_of_garbage_in_many_chunks_is_one() -> None:
    reader = FrameReader(FORMAT)
    for _ in range(50):
        assert reader.feed(b"noise") == []
    assert reader.bad == 1


def test_the_buffer_stays_shorter_than_a_frame() -> None:
    reader = FrameReader(FORMAT)
    for _ in range(100):
        reader.feed(b"AB\x28AB\x28AB")
        assert reader.pending <= FORMAT.longest


def test_a_cleared_reader_forgets_half_a_frame() -> None:
    reader = FrameReader(FORMAT)
    frame = make(b"half")
    reader.feed(frame[:4])
    reader.clear()
    assert reader.feed(frame[4:]) == []
    assert reader.feed(frame) == [frame]
