"""Frames go through real descriptors, and a port that is stuck or gone says so at once."""

import errno
import time
from collections.abc import Iterator
from typing import Any

import can
import pytest

from humanoid_hal.bus.can import EXTENDED, NO_FRAMES, CanBatch, joined
from humanoid_hal.bus.transport import PortOptions, Transport, TransportError, make_transport
from humanoid_hal.can.faults import BusOffError
from humanoid_hal.can.python_can import ERROR_BUS_OFF, PythonCanPort
from humanoid_hal.can.slcan_port import SlcanPort

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
    assert served.adapter.open
    slcan.send(FRAMES)
    assert collect(slcan, 2).frames() == [(0x11, b"\1\2"), (EXTENDED | 0x1235, bytes(8))]
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
    with pytest.raises(TransportError, match="refuses 'S8'"):
        port.open()


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
