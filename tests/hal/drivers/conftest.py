"""Robots, and short ways to drive one through the driver contract."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humanoid_description import RobotDescription, load_robot
from humanoid_hal.bus.can import CanBatch, joined
from humanoid_hal.driver import Command, Driver, Sample

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
    """A CAN bus without a port: conversations and cycles held directly with emulated boards."""

    def __init__(self, boards: Any) -> None:
        self.boards, self.now = boards, 0.0
        self.log: list[tuple[int, bytes]] = []  # what was sent

    def exchange(self, payload: CanBatch) -> CanBatch:
        """Send; what the boards answer."""
        return joined([reply.payload for reply in self.boards.receive(payload, self.now, None)])

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.boards.tick(self.now)

    def converse(self, conversation: Generator[Any, CanBatch, Any]) -> Any:
        """Hold a conversation; its result."""
        answer = None
        while True:
            try:
                ask = conversation.send(answer)
            except StopIteration as stop:
                return stop.value
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
def wire() -> Callable[[Any], Wire]:
    return Wire
