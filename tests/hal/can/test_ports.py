"""Frames go through real descriptors, and a port that is stuck or gone says so at once."""

import errno
import select
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import can
import pytest

from humanoid_hal.bus.can import EXTENDED, NO_FRAMES, CanBatch, joined
from humanoid_hal.bus.transport import PortOptions, Transport, TransportError, make_transport
from humanoid_hal.can.faults import BusOffError
from humanoid_hal.can.python_can import ERROR_BUS_OFF, PythonCanPort
from humanoid_hal.can.slcan_port import SlcanPort
from humanoid_hal.emulation.pty import PtyPort

FRAMES = CanBatch.of([(0x10, b"\1\2"), (EXTENDED | 0x1234, bytes(8))])


def collect(port: Transport[CanBatch], count: int) -> CanBatch:
    """What arrives until there are `count` frames, or 5 s are over."""
    until, parts = time.monotonic() + 5.0, []
    while sum(map(len, parts)) < count and time.monotonic() < until:
        parts.append(port.receive())
        time.sleep(0.0005)
    return joined(parts)


@pytest.fixture
def slcan(served: Any) -> Iterator[SlcanPort]:
    port = make_transport(PortOptions(served.path, transport="slcan"), "can", 1_000_000)
    port.open()
    yield port
    port.close()


def test_slcan_carries_a_batch_there_and_back(slcan: SlcanPort, served: Any) -> None:
    slcan.send(FRAMES)
    assert collect(slcan, 2).frames() == [(0x11, b"\1\2"), (EXTENDED | 0x1235, bytes(8))]
    assert served.adapter.open
    assert slcan.descriptor >= 0
    slcan.send(NO_FRAMES)
    assert not slcan.receive()


def test_slcan_carries_fd_frames_where_the_adapter_can(served: Any) -> None:
    port = make_transport(PortOptions(served.path, transport="slcan+fd"), "can", 1_000_000)
    port.open()
    port.send(CanBatch.of([(5, bytes(range(32)))], fd=True))
    assert collect(port, 1).frames() == [(6, bytes(range(32)))]
    port.close()


def test_closing_closes_the_channel(slcan: SlcanPort, served: Any) -> None:
    slcan.close()
    until = time.monotonic() + 5.0
    while served.adapter.open and time.monotonic() < until:
        time.sleep(0.001)
    assert not served.adapter.open
    assert slcan.descriptor == -1


def test_an_adapter_that_takes_no_frames_counts_as_bus_off(slcan: SlcanPort, served: Any) -> None:
    served.adapter.jammed = True
    slcan.send(joined([FRAMES] * 3))
    with pytest.raises(BusOffError, match="refuses frames"):
        collect(slcan, 1)
    served.adapter.jammed = False
    slcan.close()
    slcan.open()  # closes the channel first: nothing queued comes out
    slcan.send(FRAMES)
    assert len(collect(slcan, 2)) == 2


def test_an_unplugged_adapter_is_gone(slcan: SlcanPort, served: Any) -> None:
    served.unplug()
    with pytest.raises(TransportError, match="is gone"):
        slcan.receive()


def test_a_device_that_is_no_adapter_is_refused(served: Any) -> None:
    served.adapter._order = lambda line: b"\a"
    port = SlcanPort(PortOptions(served.path), 1_000_000)
    port.open()
    with pytest.raises(TransportError, match="refuses every order"):
        collect(port, 1)
    port.close()


def answered(port: SlcanPort, *chunks: bytes) -> list[tuple[int, bytes]]:
    """What an adapter that says `chunks` by itself is understood to say."""
    said = iter(chunks)
    port._tty.receive = lambda: next(said)
    return joined([port.receive() for _ in chunks]).frames()


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[SlcanPort]:
    """The port of an adapter that never says anything."""
    pty = PtyPort(tmp_path / "silent")
    port = SlcanPort(PortOptions(str(pty.path)), 1_000_000)
    port.open()
    assert pty.read() == b"\rC\rS8\rO\rV\r"
    yield port
    port.close()
    pty.unplug()


def test_opening_waits_for_no_answer(silent: SlcanPort, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is also done in the middle of the cycle, when a lost bus is tried again."""

    def wait(*_: object) -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr(time, "sleep", wait)
    monkeypatch.setattr(select, "select", wait)
    silent.close()
    silent.open()


def test_frames_of_before_the_opening_are_not_taken(silent: SlcanPort) -> None:
    said = b"t0111AA\rt01", b"21BB\r\r\a\r\rV10", b"13\rt0131CC\r"
    assert answered(silent, *said) == [(0x13, b"\xcc")]


@pytest.mark.parametrize("first", [b"", b"\r", b"\a"])
@pytest.mark.parametrize(
    ("rest", "order"), [(b"\a\a\aV1\r", "'O'"), (b"\r\a\rV1\r", "'S8'"), (b"\r\r\aV1\r", "'O'")]
)
def test_an_order_that_is_refused_is_named(
    silent: SlcanPort, first: bytes, rest: bytes, order: str
) -> None:
    """Whether or not the adapter has an answer to an empty line."""
    with pytest.raises(TransportError, match=f"refuses {order}"):
        answered(silent, first + rest)


def test_a_channel_that_was_closed_already_is_no_fault(silent: SlcanPort) -> None:
    assert answered(silent, b"\a\r\rV1\rt0131CC\r") == [(0x13, b"\xcc")]


def test_an_adapter_that_never_answers_is_believed(
    silent: SlcanPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = time.monotonic() + 1.0
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert answered(silent, b"t0131CC\r") == [(0x13, b"\xcc")]


@pytest.mark.parametrize(
    ("path", "baud", "reason"), [("x", 123, "no bit rate 123"), ("x@fast", 1_000_000, "after @")]
)
def test_wrong_slcan_settings_are_refused(path: str, baud: int, reason: str) -> None:
    with pytest.raises(TransportError, match=reason):
        SlcanPort(PortOptions(path), baud)


@pytest.fixture
def virtual() -> Iterator[tuple[PythonCanPort, Any]]:
    """A python-can port on the virtual interface, and the bus of a peer."""
    port = make_transport(PortOptions("row22", transport="virtual"), "can", 1_000_000)
    with can.Bus(interface="virtual", channel="row22") as peer:
        port.open()
        yield port, peer
        port.close()


def test_python_can_carries_frames(virtual: Any) -> None:
    port, peer = virtual
    port.send(FRAMES)
    first, second = peer.recv(1.0), peer.recv(1.0)
    assert (first.arbitration_id, bytes(first.data), first.is_extended_id) == (0x10, b"\1\2", False)
    assert (second.arbitration_id, second.is_extended_id) == (0x1234, True)
    peer.send(second)
    peer.send(can.Message(arbitration_id=1, is_remote_frame=True, is_extended_id=False))
    assert collect(port, 1).frames() == [(EXTENDED | 0x1234, bytes(8))]


def test_a_bus_off_frame_is_a_fault(virtual: Any) -> None:
    port, peer = virtual
    peer.send(can.Message(arbitration_id=ERROR_BUS_OFF, is_error_frame=True, is_extended_id=False))
    with pytest.raises(BusOffError, match="off the bus"):
        collect(port, 1)
    assert port.errors == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (can.CanOperationError("Failed to transmit", errno.ENOBUFS), BusOffError),
        (can.CanOperationError("Transmit buffer full"), BusOffError),
        (OSError(errno.ENETDOWN, "Network is down"), TransportError),
    ],
)
def test_a_frame_that_is_not_taken_is_dropped_and_said(
    virtual: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[Exception]
) -> None:
    port, peer = virtual

    def refuse(message: can.Message) -> None:
        raise error

    monkeypatch.setattr(port._bus, "send", refuse)
    with pytest.raises(kind) as caught:
        port.send(FRAMES)
    assert type(caught.value) is kind
    assert peer.recv(0) is None


def test_an_interface_that_cannot_be_opened_says_what_to_do() -> None:
    port = PythonCanPort(PortOptions("nowhere0", transport="socketcan"), 1_000_000)
    with pytest.raises(TransportError, match="can-up"):
        port.open()
    port.close()
