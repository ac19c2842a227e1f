"""Which boards answer where: ports × protocols × baud rates × ids."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from humanoid_hal.bus.protocol import Conversation, Found
from humanoid_hal.bus.transport import TransportError
from humanoid_hal.driver import DriverError
from humanoid_hal.tools.wire import Place, Wire, family

T = TypeVar("T")


@dataclass(frozen=True)
class Looked:
    """What came of one place."""

    place: Place
    found: tuple[Found, ...] = ()
    problem: str = ""  # why it could not be looked at
    shut: bool = False  # the port does not open


def places(
    ports: Sequence[str], protocols: Sequence[str], bauds: Sequence[int], transport: str = ""
) -> tuple[Place, ...]:
    """Every combination; without `bauds`, those that each family knows, the most usual first."""
    return tuple(
        Place(port, protocol, baud, transport)
        for port in ports
        for protocol in protocols
        for baud in (bauds or family(protocol).tools.bauds)
    )


def scan(
    where: Sequence[Place],
    ids: Sequence[int] | None,
    asking: Callable[[Place, int], None] = lambda place, asked: None,
) -> Iterator[Looked]:
    """Look at one place after the other. A port that does not open is not tried again.

    `asking` is told the place and how many questions went there already, before each one.
    """
    shut: set[str] = set()
    for place in where:
        if place.port in shut:
            continue
        try:
            wire = Wire(place)
        except TransportError as error:  # the port knows no such rate
            yield Looked(place, problem=str(error))
            continue
        try:
            wire.open()
        except TransportError as error:
            shut.add(place.port)
            yield Looked(place, problem=str(error), shut=True)
            continue
        try:
            talk = _told(wire.tools.scan(ids), partial(asking, place))
            yield Looked(place, wire.ask(talk))
        except DriverError as error:  # also a CAN bus that runs at another bit rate
            yield Looked(place, problem=str(error))
        finally:
            wire.close()


def _told(
    conversation: Conversation[Any, T], asking: Callable[[int], None]
) -> Conversation[Any, T]:
    """The conversation itself; `asking` is told the number of questions before each."""
    answer, asked = None, 0
    while True:
        try:
            question = conversation.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        asking(asked)
        asked += 1
        answer = yield question


def ids_of(text: str) -> tuple[int, ...]:
    """Ids from words like '1-4,9'. Raises ValueError."""
    found: list[int] = []
    for part in text.split(","):
        low, dash, high = part.partition("-")
        try:
            first, last = int(low), int(high) if dash else int(low)
        except ValueError:
            raise ValueError(f"'{part}' is no id; write 1-4,9") from None
        if not 0 <= first <= last:
            raise ValueError(f"'{part}' is no range of ids; write 1-4,9")
        found += range(first, last + 1)
    return tuple(found)
