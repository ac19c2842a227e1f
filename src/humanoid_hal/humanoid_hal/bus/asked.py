"""Servos on a serial bus that are asked for their state: what all families of them do alike.

A family brings its frames (a :class:`~humanoid_hal.bus.framing.Scanner`), says what it asks
(:meth:`AskedState.request`) and what an answer means (:meth:`AskedState.take`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from humanoid_hal.bus.device import Device
from humanoid_hal.bus.framing import Scanner
from humanoid_hal.bus.protocol import (
    ActuatorProtocol,
    Ask,
    BoardError,
    Conversation,
    Counters,
    Mask,
    Protocol,
)
from humanoid_hal.bus.rollcall import RollCall

#: [s] one answer may take, also through adapters with a latency timer of 16 ms.
TIMEOUT = 0.05
#: How often a silent device is asked in a conversation.
TRIES = 3

F = TypeVar("F")


class AskedState(ABC, Generic[F]):
    """Who is asked in a cycle, and what of it has arrived; devices are known by their index."""

    def __init__(self, ids: Sequence[int], scanner: Scanner[F], counters: Counters) -> None:
        self._ids = np.array(ids, dtype=np.uint8)
        self._index = {id: index for index, id in enumerate(ids)}
        self._scanner, self._counters = scanner, counters
        self._roll = RollCall(len(ids))
        self._buffer = b""  # not looked through yet
        self._cycle = 0

    @abstractmethod
    def request(self) -> bytes:
        """See :meth:`Protocol.request`."""

    @abstractmethod
    def retry(self) -> bytes | None:
        """See :meth:`Protocol.retry`."""

    @abstractmethod
    def take(self, frame: F) -> bool:
        """Use a frame; False: nobody was asked for it."""

    @property
    def complete(self) -> bool:
        """Whether all that were asked have answered."""
        return self._roll.complete

    def reset(self) -> None:
        """Everybody was found anew."""
        self._roll.reset()

    def expect(self, torque: bool) -> None:
        """Torque was just switched: what was heard of it before does not count."""

    def following(self) -> bytes | None:
        """See :meth:`Protocol.following`."""
        return None

    def receive(self, payload: bytes) -> None:
        """Take bytes of any number of answers."""
        self.scan(payload)

    def begin(self) -> tuple[int, ...]:
        """Begin a cycle: whom to ask, in this order."""
        self._cycle += 1
        self._buffer = b""
        self._scanner.clear()
        return self._roll.begin()

    def end(self) -> Mask:
        """End the cycle: who answered."""
        self.drain()
        if not self.complete and self._scanner.pending:
            self._counters.corrupt += 1  # it began and did not come to an end
        return self._roll.end()

    def drain(self) -> None:
        """Look through what was kept back."""
        data, self._buffer = self._buffer, b""
        if data:
            self.scan(data)

    def scan(self, data: bytes) -> None:
        """Look through `data` frame by frame."""
        before = self._scanner.corrupt
        for frame in self._scanner.feed(data):
            if self.take(frame):
                self._counters.good += 1
            else:
                self._counters.foreign += 1
        self._counters.corrupt += self._scanner.corrupt - before


class AskedCycle(Protocol[bytes]):
    """A protocol whose cycle is that of its `_state`."""

    medium = "serial"
    _state: AskedState[Any]

    @property
    def complete(self) -> bool:
        """See :attr:`Protocol.complete`."""
        return self._state.complete

    def request(self) -> bytes:
        """See :meth:`Protocol.request`."""
        return self._state.request()

    def retry(self) -> bytes | None:
        """See :meth:`Protocol.retry`."""
        return self._state.retry()

    def receive(self, payload: bytes) -> None:
        """See :meth:`Protocol.receive`."""
        self._state.receive(payload)


class AskedProtocol(AskedCycle, ActuatorProtocol[bytes]):
    """The same of actuators."""


def check_device(device: Device, family: str, last_id: int, settings: Sequence[str]) -> None:
    """Raises BoardError on an id or a setting that the family does not know."""
    if not 0 <= device.id <= last_id:
        raise BoardError(f"{device}: a {family} id is 0 to {last_id}")
    unknown = [name for name in device.settings if name not in settings]
    if unknown:
        raise BoardError(f"{device}: unknown setting '{unknown[0]}'; known: {', '.join(settings)}")


def ask(
    id: int, packet: bytes, what: str, find: Callable[[bytes], F | None], tries: int = TRIES
) -> Conversation[bytes, F]:
    """Send `packet` until `find` sees the answer of `id` in what arrived; the answer.

    Raises BoardError when there is none.
    """
    for attempt in range(tries):
        answer = find((yield Ask(packet, TIMEOUT, lambda data: find(data) is not None)))
        if answer is not None:
            if attempt:  # the others may be answered after all, in the place of the next
                yield Ask(b"", TIMEOUT)
            return answer
    raise BoardError(
        f"id {id} does not answer ({what}); check power, wiring, id and baud rate: "
        "`humanoid scan` finds what is there"
    )
