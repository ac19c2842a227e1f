"""A bus of emulated servos behind a pty, served by a thread."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from humanoid_hal.bus.device import Device
from humanoid_hal.bus.exchange import Exchange, Link
from humanoid_hal.bus.serial_port import SerialPort
from humanoid_hal.bus.transport import PortOptions
from humanoid_hal.drivers.dynamixel.options import DynamixelOptions
from humanoid_hal.drivers.dynamixel.protocol import DynamixelProtocol
from humanoid_hal.emulation.boards import Boards
from humanoid_hal.emulation.bus import EmulatedBus, WireOptions
from humanoid_hal.emulation.dynamixel import DynamixelBoards
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.pty import PtyPort

BAUD = 1_000_000


@dataclass
class Served:
    """A port with boards behind it."""

    motors: Motors
    boards: Boards[bytes]
    bus: EmulatedBus
    threaded: bool = False  # somebody else lets the boards work

    @property
    def port(self) -> str:
        return str(self.bus.port.path)

    def link(self, protocol: Any) -> tuple[Exchange, Link]:
        """An open link to it."""
        link = Link("bus", protocol, SerialPort(PortOptions(self.port), BAUD))
        link.open()

        def serve() -> bool:
            busy = self.bus.pump(time.monotonic())
            sent, received = link.transport.traffic
            return busy or self.bus.port.received < sent or self.bus.port.sent > received

        return Exchange([link], None if self.threaded else serve), link


def _served(motors: Motors, boards: Boards[bytes], path: Path) -> Served:
    boards.preset(BAUD)
    return Served(
        motors, boards, EmulatedBus("bus", PtyPort(path), boards, WireOptions(timed=False))
    )


@pytest.fixture
def servos(tmp_path: Path) -> Iterator[Served]:
    """Five XM540 that stand and move at different places; they work while our side waits."""
    motors = Motors([Device(f"joint_{id}", id, "XM540-W270") for id in (1, 2, 3, 7, 200)])
    motors.position[:] = [-3.0, -0.5, 0.0, 0.25, 2.5]
    motors.velocity[:] = [-7.0, -1.0, 0.0, 0.1, 5.0]
    motors.torque[:] = [-4.0, 0.0, 0.5, 1.0, 8.0]
    served = _served(motors, DynamixelBoards(motors), tmp_path / "tty")
    yield served
    served.bus.port.unplug()


@pytest.fixture
def threaded(servos: Served) -> Iterator[Served]:
    """The same, served by a thread: for other people's code, which just waits."""
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set():
            if not servos.bus.pump(time.monotonic()):
                time.sleep(0.0005)

    servos.threaded = True
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield servos
    stopped.set()
    thread.join()


@pytest.fixture
def make_protocol() -> Callable[..., DynamixelProtocol]:
    """The protocol for the devices of `servos`."""

    def make(served: Served, **options: Any) -> DynamixelProtocol:
        return DynamixelProtocol(served.motors.devices, DynamixelOptions(**options))

    return make


def cycle(exchange: Exchange, link: Link) -> Any:
    """One state cycle; its readings. Ends when all have answered, or silence is certain."""
    link.take(time.monotonic())
    link.send(link.protocol.request())
    exchange.collect(time.monotonic() + 10.0, 10.0)
    return link.protocol.readings()


@pytest.fixture
def run_cycle() -> Callable[..., Any]:
    """See :func:`cycle`."""
    return cycle
