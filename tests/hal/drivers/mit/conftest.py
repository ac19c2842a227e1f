"""A wire without a port: conversations held directly with emulated boards."""

from collections.abc import Callable, Generator
from typing import Any

import pytest

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.driver import Command


class Wire:
    """One bus whose boards answer at once."""

    def __init__(self, boards: Any) -> None:
        self.boards, self.now = boards, 0.0
        self.log: list[tuple[int, bytes]] = []  # what was sent

    def converse(self, conversation: Generator[Any, CanBatch, Any]) -> Any:
        """Hold a conversation; its result."""
        answer = None
        while True:
            try:
                ask = conversation.send(answer)
            except StopIteration as stop:
                return stop.value
            self.log += ask.payload.frames()
            answer = self.boards.receive(ask.payload, self.now)
            if ask.until is None or not ask.until(answer):
                self.now += ask.timeout

    def cycle(self, protocol: Any, command: Command | None = None) -> Any:
        """One cycle of the driver; the readings."""
        protocol.receive(self.boards.receive(protocol.request(), self.now))
        readings = protocol.readings()
        if command is not None:
            protocol.receive(self.boards.receive(protocol.command(command), self.now))
        return readings


@pytest.fixture
def wire() -> Callable[[Any], Wire]:
    return Wire
