"""A toy family on real ptys: one byte asks a device, two bytes answer."""

import os
import tty
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from humanoid_hal.bus.device import Device
from humanoid_hal.bus.exchange import Link
from humanoid_hal.bus.protocol import (
    ActuatorProtocol,
    Ask,
    BoardError,
    Conversation,
    Counters,
    Readings,
)
from humanoid_hal.bus.serial_port import SerialPort
from humanoid_hal.bus.transport import PortOptions
from humanoid_hal.driver import Command


class Toy(ActuatorProtocol[bytes]):
    """Asks for device i with the byte i; it answers 0x80 | i."""

    medium = "serial"
    default_baud = 57600

    def __init__(self, devices: Any, options: Any = None) -> None:
        self.ids = [device.id for device in devices]
        self.counters = Counters()
        self.answered: set[int] = set()

    @classmethod
    def honours_effort(cls, options: Any) -> bool:
        return True

    @classmethod
    def has_watchdog(cls, options: Any) -> bool:
        return True

    @property
    def complete(self) -> bool:
        return self.answered >= set(self.ids)

    def request(self) -> bytes:
        self.answered.clear()
        return bytes(self.ids)

    def retry(self) -> bytes | None:
        return bytes(id for id in self.ids if id not in self.answered)

    def receive(self, payload: bytes) -> None:
        for byte in payload:
            self.answered.add(byte & 0x7F)
            self.counters.good += 1

    def readings(self) -> Readings:
        fresh = np.array([id in self.answered for id in self.ids])
        nothing = np.full(len(self.ids), np.nan)
        return Readings(fresh * 1.0, fresh * 0.0, fresh * 0.0, fresh, nothing, nothing)

    def command(self, command: Command) -> bytes:
        return b""

    def startup(self) -> Conversation[bytes, tuple[str, ...]]:
        for id in self.ids:
            answer = yield Ask(bytes([id]), 0.2, lambda payload: len(payload) == 1)
            if answer != bytes([0x80 | id]):
                raise BoardError(f"device {id} does not answer")
        return (f"{len(self.ids)} found",)

    def enable(self, on: bool) -> Conversation[bytes, None]:
        yield Ask(b"", 0.0)

    def stop(self) -> bytes:
        return b"\x7f"


class ToyBoards:
    """The other end of one pty. `silent` ids do not answer; `forgetful` ones not the first time."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._slave = slave
        os.set_blocking(self.master, False)
        self.silent: set[int] = set()
        self.forgetful: set[int] = set()
        self.heard: list[int] = []

    def serve(self) -> None:
        try:
            data = os.read(self.master, 4096)
        except BlockingIOError:
            return
        for id in data:
            self.heard.append(id)
            if id in self.forgetful:
                self.forgetful.discard(id)
            elif id not in self.silent:
                os.write(self.master, bytes([0x80 | id]))

    def unplug(self) -> None:
        if self._slave >= 0:
            os.close(self._slave)
            os.close(self.master)
        self._slave = self.master = -1


class ServedPort(SerialPort):
    """A serial port whose other end answers at once, in this thread."""

    boards: ToyBoards

    def send(self, payload: bytes) -> None:
        super().send(payload)
        self.boards.serve()


@pytest.fixture
def make_link() -> Iterator[Callable[..., tuple[Link, ToyBoards]]]:
    """Builds an open link and what is behind it."""
    made: list[tuple[Link, ToyBoards]] = []

    def make(name: str = "leg", ids: tuple[int, ...] = (1, 2, 3)) -> tuple[Link, ToyBoards]:
        boards = ToyBoards()
        port = ServedPort(PortOptions(boards.port), Toy.default_baud)
        port.boards = boards
        link = Link(name, Toy([Device("", id, "toy") for id in ids]), port)
        link.open()
        made.append((link, boards))
        return link, boards

    yield make
    for link, boards in made:
        link.close()
        boards.unplug()
