"""Whatever arrives on a wire, no parser fails, hangs, or lets anything but good frames through."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import hal_parsers
import numpy as np
import pytest
from hal_parsers import FRAMINGS, Framing, Wire, families, frames_of, read_frames, read_slcan
from hypothesis import given, settings
from hypothesis import strategies as st

from humanoid_hal.bus.can import EXTENDED, CanBatch
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.can import slcan

#: Asks of a conversation after which it counts as endless.
ENDLESS = 20_000


@pytest.fixture(params=FRAMINGS, scope="module")
def framing(request: pytest.FixtureRequest) -> Framing:
    return FRAMINGS[request.param]


@pytest.fixture(params=families(), scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@st.composite
def streams(draw: st.DrawFn, golden: tuple[bytes, ...]) -> list[bytes]:
    """Good frames, halves of them, noise and the beginnings of frames, cut anywhere."""
    frame = st.sampled_from(golden)
    piece = st.one_of(
        frame,
        st.binary(max_size=30),
        st.tuples(frame, st.integers(0, 300)).map(lambda f: f[0][: f[1] % (len(f[0]) + 1)]),
        st.tuples(frame, st.integers(0, 4000)).map(
            lambda f: _flipped(f[0], f[1] % (8 * len(f[0])))
        ),
    )
    stream = b"".join(draw(st.lists(piece, max_size=8)))
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def _flipped(frame: bytes, bit: int) -> bytes:
    spoiled = bytearray(frame)
    spoiled[bit // 8] ^= 1 << bit % 8
    return bytes(spoiled)


def flips(frame: bytes) -> Iterator[bytes]:
    return (_flipped(frame, bit) for bit in range(8 * len(frame)))


# -- frames in streams ----------------------------------------------------------------------------


@given(st.data())
@settings(max_examples=60)
def test_after_anything_the_next_good_frame_is_found(framing: Framing, data: st.DataObject) -> None:
    chunks = data.draw(streams(framing.golden))
    good = data.draw(st.sampled_from(framing.golden))
    # Twice: what stood before may have taken the first for its own rest, and be good with it.
    found = read_frames(framing, [*chunks, good, good])
    assert found[-1] == good


@given(st.data())
@settings(max_examples=60)
def test_cuts_do_not_change_what_is_found_in_frames_alone(
    framing: Framing, data: st.DataObject
) -> None:
    frames = data.draw(st.lists(st.sampled_from(framing.golden), max_size=6))
    stream = b"".join(frames)
    size = data.draw(st.integers(1, 40))
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert read_frames(framing, chunks) == frames


def test_every_flipped_bit_is_noticed(framing: Framing) -> None:
    for golden in framing.golden:
        for spoiled in flips(golden):
            found = read_frames(framing, [spoiled])
            # Harmless: the letter case of a hexadecimal checksum, the line end of a sentence.
            assert all(_same(framing, frame, golden) for frame in found), spoiled.hex(" ")


def _same(framing: Framing, frame: bytes, golden: bytes) -> bool:
    return repr(framing.read(frame)) == repr(framing.read(golden))


# -- the text of CAN adapters ---------------------------------------------------------------------

_LINES = (b"t1238DEADBEEF00C0FFEE\r", b"T1ABCDEF03A1B2C3\r", b"z\r", b"\r", b"\a", b"t0000\r")


@given(streams(_LINES))
def test_the_adapters_text_may_be_anything(chunks: list[bytes]) -> None:
    found = read_slcan([*chunks, b"\r", _LINES[0]])
    assert found[-1] == (0x123, bytes.fromhex("DEADBEEF00C0FFEE"))


@given(st.binary(max_size=200))
def test_what_is_written_to_an_adapter_is_read_back(data: bytes) -> None:
    batch = frames_of(data)
    assert read_slcan([slcan.encode(batch)]) == batch.frames()


# -- whole families -------------------------------------------------------------------------------


def test_every_family_is_fuzzed() -> None:
    assert set(hal_parsers.DEVICES) == set(families())


def noises(count: int, seed: int = 5) -> Iterator[bytes]:
    random = np.random.default_rng(seed)
    return (random.bytes(int(random.integers(0, 120))) for _ in range(count))


def pieces(wire: Wire, payload: Any, noise: bytes) -> list[Any]:
    """Noise, the first half of an answer, noise, the whole answer in two chunks."""
    if isinstance(payload, CanBatch):
        return [wire.noise(noise), payload, wire.noise(noise[::-1])]
    half = len(payload) // 2
    return [noise, payload[:half], noise[::-1], payload[:half], payload[half:]]


def test_a_family_among_noise_still_hears_its_boards(name: str) -> None:
    wire = Wire(name)
    wire.start()
    for noise in noises(20):
        readings = wire.cycle(lambda answer, noise=noise: pieces(wire, answer, noise))
        if wire.imu:
            assert readings is not None
            assert readings.linear_acceleration == pytest.approx([0, 0, 9.80665], abs=0.01)
        else:
            assert readings.position[readings.fresh] == pytest.approx(0.0, abs=1e-3)
    readings = wire.cycle()
    assert readings is not None
    assert wire.imu or readings.fresh.all()


def test_noise_alone_is_no_reading(name: str) -> None:
    wire = Wire(name)
    wire.start()
    wire.cycle()
    for noise in noises(50):
        wire.cycle(lambda answer, noise=noise: [wire.noise(noise)])
    readings = wire.cycle(lambda answer: [])
    assert readings is None if wire.imu else not readings.fresh.any()


# Frames on CAN are protected by the bus's own CRC.
SERIAL = [name for name in families() if not Wire(name).can]


def one_flipped_bit_after_the_other(wire: Wire, **how: Any) -> Iterator[Any]:
    """Readings of cycles in whose first answer one bit is flipped, with good cycles between."""
    for bit in itertools.count():
        done = []

        def spoil(answer: bytes, bit: int = bit, done: list[bool] = done) -> list[bytes]:
            if done or bit >= 8 * len(answer):
                return [answer]
            done.append(True)
            return [_flipped(answer, bit)]

        readings = wire.cycle(spoil, **how)
        if not done:
            assert bit >= 64  # an LX-16A answers in 8 bytes
            return
        yield readings
        wire.cycle()


@pytest.mark.parametrize("serial", SERIAL)
def test_a_flipped_bit_changes_no_reading(serial: str) -> None:
    wire = Wire(serial)
    wire.start()
    true = wire.cycle()
    for readings in one_flipped_bit_after_the_other(wire):
        if not wire.imu:
            fresh = readings.fresh
            assert readings.position[fresh] == pytest.approx(true.position[fresh])
            assert readings.effort[fresh] == pytest.approx(true.effort[fresh])
        elif readings is not None:
            assert readings.linear_acceleration == pytest.approx(true.linear_acceleration)


# All answers of these come in one row. A Feetech frame that seems one byte longer takes the first
# byte of the next header, and its checksum still holds: ~(sum + 1 + ~sum) = FF.
@pytest.mark.parametrize(("pipelined", "lost"), [("dynamixel", 1), ("feetech_sts", 2)])
def test_a_flipped_bit_hides_hardly_any_other_device(pipelined: str, lost: int) -> None:
    wire = Wire(pipelined)
    wire.start()
    for readings in one_flipped_bit_after_the_other(wire, retry=False):
        assert readings.fresh.sum() >= len(readings.fresh) - lost


CONVERSATIONS: dict[str, Callable[[Any], Any]] = {
    "startup": lambda protocol: protocol.startup(),
    "enable": lambda protocol: protocol.enable(True),
    "disable": lambda protocol: protocol.enable(False),
    "scan": lambda protocol: protocol.tools.scan(),
}


@pytest.mark.parametrize(
    ("family", "what"),
    [
        (name, what)
        for name in families()
        for what in CONVERSATIONS
        if what == "startup" or not Wire(name).imu
    ],
)
def test_a_conversation_with_noise_ends(family: str, what: str) -> None:
    wire = Wire(family)
    random = np.random.default_rng(6)
    for full in (True, False):
        conversation: Any = CONVERSATIONS[what](wire.protocol)
        data: Any = None
        for _ in range(ENDLESS):
            try:
                ask = conversation.send(data)
            except (StopIteration, BoardError):
                break
            data = wire.noise(random.bytes(60) if full else b"")
            if ask.until is not None:
                ask.until(data)
        else:
            pytest.fail(f"{family}: {what} does not end")


def test_emulated_boards_survive_any_host(name: str) -> None:
    wire = Wire(name)
    for noise in noises(100):
        for reply in wire.boards.receive(wire.noise(noise), wire.now, wire.baud):
            assert reply.payload is not None
        wire.wait(0.001)


@pytest.mark.parametrize("family", [name for name in families() if Wire(name).can])
@pytest.mark.parametrize("length", range(9))
def test_frames_of_every_identifier_and_length_are_survived(family: str, length: int) -> None:
    wire = Wire(family)
    wire.start()
    random = np.random.default_rng(length)
    ids = [*range(0x800), *(EXTENDED | int(id) for id in random.integers(0, 1 << 29, 300))]
    # Also the forms that private protocols of 29 bits give to our devices.
    ids += [
        EXTENDED | kind << 24 | host << 8 | id
        for kind in range(32)
        for host in (0, 253)
        for id in (1, 2)
    ]
    frames = CanBatch.of([(id, random.bytes(length)) for id in ids])
    wire.boards.receive(frames, wire.now, None)
    wire.cycle(lambda answer: [frames, answer])
    wire.wait(0.001)
