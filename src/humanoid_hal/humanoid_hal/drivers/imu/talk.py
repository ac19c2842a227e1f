"""Conversations with sensors that keep streaming while they are spoken to."""

from collections.abc import Callable
from typing import TypeVar

from humanoid_hal.bus.framing import Format, FrameReader
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation

T = TypeVar("T")

#: [s] for one answer, and how often the question is asked: answers drown in a full stream.
TIMEOUT = 0.5
TRIES = 3


def ask(
    form: Format,
    payload: bytes,
    answer: Callable[[bytes], T | None],
    what: str,
    timeout: float = TIMEOUT,
) -> Conversation[bytes, T]:
    """Send `payload` until a frame comes for which `answer` is not None; returns that.

    Raises BoardError, saying `what` was not answered, after :data:`TRIES` times `timeout` [s].
    """

    def first(data: bytes) -> T | None:
        for frame in FrameReader(form).feed(data):
            found = answer(frame)
            if found is not None:
                return found
        return None

    heard = 0
    for _ in range(TRIES):
        data = yield Ask(payload, timeout, lambda data: first(data) is not None)
        found = first(data)
        if found is not None:
            return found
        heard += len(data)
    raise BoardError(
        f"the IMU did not answer: {what}; {TRIES * timeout:g} s, "
        + (
            f"{heard} bytes came that are no answer: check the protocol and the baud rate"
            if heard
            else "not one byte came: check power, port and wiring"
        )
    )
