"""CAN FD as text: every frame survives, and no text whatever breaks the decoder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.bus.can import EXTENDED, CanBatch
from humanoid_hal.can.fdcanusb import Decoder, crc8, encode, with_checksums

IDENTIFIERS = st.integers(0, 0x7FF) | st.integers(0x800, 0x1FFF_FFFF).map(lambda i: i | EXTENDED)


@given(st.lists(st.tuples(IDENTIFIERS, st.binary(min_size=1, max_size=64)), max_size=5))
def test_frames_come_back_in_order(items: list[tuple[int, bytes]]) -> None:
    text = encode(CanBatch.of(items, fd=True), b"rcv")
    assert Decoder().decode(text).frames.frames() == items


def test_the_text_is_that_of_moteus() -> None:
    # moteus 1.1.1, FdcanusbDevice: "can send 8005 01000A BF", upper or lower case alike.
    frames = CanBatch.of([(EXTENDED | 0x8005, bytes.fromhex("01000a"))], fd=True)
    assert encode(frames) == b"can send 8005 01000a BF\n"
    assert Decoder().decode(b"OK\r\nrcv 500 21000A E B F -1\r\n").frames.frames() == [
        (0x500, bytes.fromhex("21000a"))
    ]


def test_the_checksum_is_that_of_moteus() -> None:
    # moteus 1.1.1, _append_checksum(b"rcv 100 00").
    line = b"rcv 100 00 "
    good = line + b"*%02X\n" % crc8(line)
    assert good == b"rcv 100 00 *76\n"
    assert with_checksums(b"rcv 100 00\n") == good
    assert len(Decoder().decode(good).frames) == 1
    for bit in range(8 * (len(good) - 1)):
        flipped = bytearray(good)
        flipped[bit // 8] ^= 1 << bit % 8
        frames = Decoder().decode(bytes(flipped)).frames.frames()
        assert frames in ([], [(0x100, b"\0")])  # dropped, or only the mark of the checksum is gone


@pytest.mark.parametrize(
    "line",
    [b"rcv", b"rcv 1", b"rcv xx 00", b"rcv 1 0", b"rcv 3fffffff 00", b"rcv 1 " + b"00" * 65, b"?"],
)
def test_a_line_that_is_no_frame_is_counted(line: bytes) -> None:
    received = Decoder().decode(line + b"\n")
    assert (len(received.frames), received.bad) == (0, 1)


@given(st.lists(st.binary(max_size=80), max_size=5))
def test_noise_never_raises_and_the_next_frame_is_read(noise: list[bytes]) -> None:
    decoder = Decoder()
    for chunk in noise:
        decoder.decode(chunk)
    assert decoder.decode(b"\nrcv 100 aa\n").frames.frames()[-1:] == [(0x100, b"\xaa")]


def test_refusals_and_endless_lines_are_counted() -> None:
    decoder = Decoder()
    assert decoder.decode(b"ERR queue full\r\n").refused == 1
    assert decoder.decode(b"x" * 600).bad == 1
