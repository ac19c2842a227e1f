"""A conversation between a protocol and an emulated sensor, without ports and clocks."""

from collections.abc import Callable
from typing import Any

import pytest

from humanoid_hal.bus.protocol import Conversation
from humanoid_hal.emulation.imu import EmulatedImu


class Line:
    """A perfect line to an emulated sensor, in its own time."""

    def __init__(self, sensor: EmulatedImu, step: float = 0.001) -> None:
        self.sensor, self.step, self.now = sensor, step, 0.0

    def run(self, seconds: float) -> bytes:
        sent = b""
        for _ in range(round(seconds / self.step)):
            self.now += self.step
            sent += b"".join(reply.payload for reply in self.sensor.tick(self.now))
        return sent

    def converse(self, conversation: Conversation[bytes, Any]) -> Any:
        data: bytes | None = None
        while True:
            try:
                ask = conversation.send(data)  # type: ignore[arg-type]
            except StopIteration as stop:
                return stop.value
            replies = self.sensor.receive(ask.payload, self.now, None) if ask.payload else ()
            data = b"".join(reply.payload for reply in replies)
            until = self.now + ask.timeout
            while self.now < until and not (ask.until and ask.until(data)):
                data += self.run(self.step)


@pytest.fixture
def line() -> Callable[..., Line]:
    return Line
