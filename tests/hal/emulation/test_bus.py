"""The emulated wire: what bytes cost, and what happens to them on the way."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import serial

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.emulation.boards import Boards, Reply
from humanoid_hal.emulation.bus import Adapter, EmulatedBus, WireOptions
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.pty import PtyPort


class Parrot(Boards[Any]):
    """Repeats every byte (or frame) as an answer of its own, after a pause."""

    medium = "serial"

    def __init__(self, motors: Motors | None = None, options: Any = None) -> None:
        self.heard: list[tuple[Any, float, int | None]] = []

    def tick(self, now: float) -> Sequence[Reply[Any]]:
        return [Reply(b"tick")]

    def receive(self, payload: Any, now: float, baud: int | None) -> Sequence[Reply[Any]]:
        self.heard.append((payload, now, baud))
        if isinstance(payload, CanBatch):
            return [Reply(payload, 1e-4)]
        return [Reply(bytes([byte]), 1e-4) for byte in payload]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[PtyPort]:
    port = PtyPort(tmp_path / "ttyUSB0")
    yield port
    port.unplug()


@pytest.fixture
def host(port: PtyPort) -> Iterator[serial.Serial]:
    with serial.Serial(str(port.path), 1_000_000, timeout=5.0) as host:
        yield host


def hear(bus: EmulatedBus, now: float) -> None:
    """Serve until the host's bytes have come through the kernel."""
    while not bus.pump(now):
        pass


def test_bytes_take_their_time_and_boards_their_turn(port, host) -> None:
    boards = Parrot()
    bus = EmulatedBus("bus", port, boards)
    host.write(b"abc")
    hear(bus, 1.0)
    ((_, arrived, baud),) = boards.heard
    assert baud == 1_000_000
    assert arrived == pytest.approx(1.0 + 30e-6)  # three bytes of ten bits
    assert bus.due == pytest.approx(arrived + 100e-6 + 10e-6)
    assert not bus.pump(bus.due - 1e-9)
    assert bus.pump(bus.due)
    assert host.read(1) == b"a"
    assert bus.due == pytest.approx(arrived + 2 * 110e-6)


def test_a_second_request_waits_for_the_wire(port, host) -> None:
    boards = Parrot()
    bus = EmulatedBus("bus", port, boards)
    for _ in range(2):
        host.write(b"a")
        hear(bus, 1.0)
    assert boards.heard[1][1] == pytest.approx(1.0 + 10e-6 + 110e-6 + 10e-6)


def test_the_adapters_latency_is_added(port, host) -> None:
    bus = EmulatedBus("bus", port, Parrot(), WireOptions(latency=0.016))
    host.write(b"a")
    hear(bus, 0.0)
    assert bus.due == pytest.approx(0.016 + 120e-6)


def test_without_timing_everything_comes_at_once(port, host) -> None:
    bus = EmulatedBus("bus", port, Parrot(), WireOptions(timed=False))
    host.write(b"abc")
    hear(bus, 0.0)
    assert host.read(3) == b"abc"


def test_an_echo_comes_before_the_answer(port, host) -> None:
    bus = EmulatedBus("bus", port, Parrot(), WireOptions(timed=False, echo=True))
    host.write(b"ab")
    hear(bus, 0.0)
    assert host.read(4) == b"abab"


def test_answers_are_lost_and_spoiled_as_the_seed_says(port, host) -> None:
    bus = EmulatedBus(
        "bus", port, Parrot(), WireOptions(timed=False, drop=0.3, corrupt=0.5, seed=2)
    )
    host.write(bytes(200))
    while sum(len(payload) for payload, *_ in bus.boards.heard) < 200:
        bus.pump(0.0)
    host.timeout = 0.2
    answer = host.read(200)
    count = len(answer)
    assert 110 < count < 170  # 200 less three in ten
    assert 0.4 < sum(byte != 0 for byte in answer) / count < 0.6
    assert all(byte == 0 or byte & (byte - 1) == 0 for byte in answer)  # one bit each


class Hex(Adapter):
    """A CAN adapter for frames of one byte: the byte itself."""

    def receive(self, data: bytes) -> tuple[CanBatch, bytes]:
        return CanBatch.of([(1, bytes([byte])) for byte in data]), b"!"

    def send(self, batch: CanBatch) -> bytes:
        return b"".join(data for _, data in batch.frames())


def test_can_frames_go_through_the_adapter_at_the_bit_rate(port, host) -> None:
    boards = Parrot()
    bus = EmulatedBus("bus", port, boards, adapter=Hex(), bitrate=1_000_000)
    host.write(b"ab")
    hear(bus, 0.0)
    ((batch, arrived, baud),) = boards.heard
    assert len(batch) == 2
    assert baud is None
    assert arrived == pytest.approx(2 * (47 + 8) * 1.1e-6)
    assert host.read(1) == b"!"  # the adapter's own answer is at once
    bus.pump(bus.due)
    assert host.read(2) == b"ab"


def test_the_rate_that_the_host_sets_is_seen(port, host) -> None:
    for baud in (9600, 57_600, 4_000_000, 4_500_000):
        host.baudrate = baud
        assert port.baud() == baud


def test_what_the_host_does_not_fetch_is_lost_without_blocking(port, host) -> None:
    for _ in range(100):
        port.write(bytes(4096))
    assert port.dropped > 0
    assert port.sent + port.dropped == 100 * 4096


def test_an_unplugged_port_vanishes_and_comes_back_as_a_new_device(port, host) -> None:
    bus = EmulatedBus("bus", port, Parrot(), WireOptions(timed=False))
    port.unplug()
    bus.tick(1.0)  # nobody hears it
    assert not port.path.exists()
    assert port.read() == b""
    host.close()
    port.plug()
    with serial.Serial(str(port.path), 1_000_000, timeout=5.0) as again:
        bus.tick(2.0)
        assert again.read(4) == b"tick"
