"""Robots, and short ways to drive one through the driver contract."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humanoid_description import RobotDescription, load_robot
from humanoid_hal.bus.can import joined
from humanoid_hal.bus.exchange import Exchange, Link
from humanoid_hal.bus.serial_port import SerialPort
from humanoid_hal.bus.transport import PortOptions
from humanoid_hal.driver import Command, Driver, Sample
from humanoid_hal.emulation.boards import Boards
from humanoid_hal.emulation.bus import EmulatedBus, WireOptions
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.pty import PtyPort

BAUD = 1_000_000

ROBOTS = Path(__file__).parents[3] / "config" / "robots"


@pytest.fixture(scope="session")
def g1() -> RobotDescription:
    return load_robot(ROBOTS / "g1")


@pytest.fixture(scope="session", params=["g1", "talos"])
def humanoid(request: pytest.FixtureRequest) -> RobotDescription:
    return load_robot(ROBOTS / request.param)


@pytest.fixture
def hold() -> Callable[[RobotDescription], Command]:
    """A command that holds a robot's ready pose with the table's gains."""

    def make(robot: RobotDescription) -> Command:
        return Command(
            position=robot.poses["ready"].copy(),
            velocity=np.zeros(len(robot.joints)),
            effort=np.zeros(len(robot.joints)),
            stiffness=robot.column("stiffness"),
            damping=robot.column("damping"),
        )

    return make


@pytest.fixture
def run() -> Callable[[Driver, Command, int], list[Sample]]:
    """Enable, then write and read `count` times, as the HAL does."""

    def go(driver: Driver, command: Command, count: int) -> list[Sample]:
        driver.enable(True)
        samples = []
        for _ in range(count):
            driver.write(command)
            samples.append(driver.read())
        return samples

    return go


class Wire:
    """A bus without a port: conversations and cycles held directly with emulated boards."""

    def __init__(self, boards: Any, baud: int | None = None) -> None:
        """`baud` of a serial bus; None: it is CAN."""
        self.boards, self.baud, self.now = boards, baud, 0.0
        self.log: list[tuple[int, bytes]] = []  # what was sent on CAN

    def exchange(self, payload: Any) -> Any:
        """Send; what the boards answer."""
        replies = self.boards.receive(payload, self.now, self.baud)
        parts = [reply.payload for reply in replies]
        return joined(parts) if self.baud is None else b"".join(parts)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.boards.tick(self.now)

    def converse(self, conversation: Generator[Any, Any, Any]) -> Any:
        """Hold a conversation; its result."""
        answer = None
        while True:
            try:
                ask = conversation.send(answer)
            except StopIteration as stop:
                return stop.value
            if self.baud is None:
                self.log += ask.payload.frames()
            answer = self.exchange(ask.payload)
            if ask.until is None or not ask.until(answer):
                self.wait(ask.timeout)

    def cycle(self, protocol: Any, command: Command | None = None) -> Any:
        """One cycle of the driver; the readings."""
        protocol.receive(self.exchange(protocol.request()))
        readings = protocol.readings()
        if command is not None:
            protocol.receive(self.exchange(protocol.command(command)))
        return readings


@pytest.fixture
def wire() -> Callable[..., Wire]:
    return Wire


@dataclass
class Served:
    """A port with boards behind it."""

    motors: Motors
    boards: Boards[bytes]
    bus: EmulatedBus
    threaded: bool = False  # somebody else lets the boards work
    kind: Any = None  # the protocol that speaks with them

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


@contextmanager
def _in_thread(boards: Served) -> Iterator[Served]:
    """Let them work in a thread: for other people's code, which just waits."""
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set():
            if not boards.bus.pump(time.monotonic()):
                time.sleep(0.0005)

    boards.threaded = True
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield boards
    finally:
        stopped.set()
        thread.join()
        boards.threaded = False


def _cycle(exchange: Exchange, link: Link) -> Any:
    """One state cycle; its readings. Ends when all have answered, or silence is certain."""
    link.take(time.monotonic())
    link.send(link.protocol.request())
    exchange.collect(time.monotonic() + 10.0, 10.0)
    return link.protocol.readings()


@pytest.fixture
def make_served() -> Callable[[Motors, Boards[bytes], Path], Served]:
    """Puts boards on a pty."""
    return _served


@pytest.fixture
def in_thread() -> Callable[[Served], Any]:
    """See :func:`_in_thread`."""
    return _in_thread


@pytest.fixture
def run_cycle() -> Callable[[Exchange, Link], Any]:
    """See :func:`_cycle`."""
    return _cycle
