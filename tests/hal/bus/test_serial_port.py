"""Serial ports say what is wrong with them, and carry bytes."""

import os
import termios
from collections.abc import Callable

import pytest

from humanoid_hal.bus.serial_port import SerialPort
from humanoid_hal.bus.transport import PortOptions, TransportError


def test_a_missing_port_is_named(tmp_path) -> None:
    port = SerialPort(PortOptions(str(tmp_path / "ttyUSB7")), 57600)
    with pytest.raises(TransportError, match=r"ttyUSB7 cannot be opened: there is no such port"):
        port.open()


@pytest.mark.parametrize("call", ["tcsetattr", "tcgetattr"])
def test_a_port_that_goes_while_it_is_opened_is_a_transport_error(
    make_link: Callable, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    link, boards = make_link()
    link.close()

    def gone(*_: object) -> None:
        raise termios.error(5, "Input/output error")

    monkeypatch.setattr(termios, call, gone)
    port = SerialPort(PortOptions(boards.port), 57600)
    with pytest.raises(TransportError, match="cannot be opened"):
        port.open()
    assert port.descriptor == -1


def test_a_port_has_one_owner(make_link: Callable) -> None:
    _, boards = make_link()
    with pytest.raises(TransportError, match="another process has it open"):
        SerialPort(PortOptions(boards.port), 57600).open()


def test_an_echo_is_taken_out_and_what_follows_is_not(make_link: Callable) -> None:
    link, boards = make_link()
    port = SerialPort(PortOptions(boards.port, echo=True), 57600)
    link.close()
    port.open()
    port.send(b"\x01\x02")
    assert os.read(boards.master, 10) == b"\x01\x02"
    os.write(boards.master, b"\x01\x02\x81")
    assert port.receive() == b"\x81"
    port.close()


def test_an_echo_that_never_comes_is_not_kept_for_ever(make_link: Callable) -> None:
    link, boards = make_link()
    port = SerialPort(PortOptions(boards.port, echo=True), 57600)
    link.close()
    port.open()
    for _ in range(300):
        port.send(bytes(1000))
        assert len(os.read(boards.master, 1000)) == 1000
    assert len(port._echo) <= 1 << 16
    os.write(boards.master, b"\x81")
    assert port.receive() == b"\x81"
    port.close()


def test_a_full_queue_is_an_error_and_no_hang(make_link: Callable) -> None:
    link, _ = make_link()
    with pytest.raises(TransportError, match="does not take bytes"):
        SerialPort.send(link.transport, bytes(1 << 20))
