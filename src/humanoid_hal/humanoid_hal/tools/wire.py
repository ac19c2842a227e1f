"""One open bus for conversations with single boards, without a robot or a cycle."""

from dataclasses import dataclass
from typing import Any, TypeVar, cast

from humanoid_hal.bus.exchange import Exchange, Link
from humanoid_hal.bus.families import PROTOCOLS, find_protocol
from humanoid_hal.bus.protocol import ActuatorProtocol, Conversation
from humanoid_hal.bus.transport import PortOptions, make_transport
from humanoid_hal.lookup import UnknownNameError

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Where boards may be: a port, what is spoken there, and how fast."""

    port: str
    protocol: str
    baud: int
    transport: str = ""  # as in the hardware file
    echo: bool = False

    def __str__(self) -> str:
        return f"{self.port} {self.protocol} {self.baud}"


class Wire:
    """The bus at `place`; a context in which its port is open. Raises UnknownNameError."""

    def __init__(self, place: Place, *, share: bool = False) -> None:
        """`share`: take the port even if another process holds it."""
        self.place = place
        self.family = family(place.protocol)
        options = PortOptions(place.port, place.baud, place.transport, place.echo)
        transport = make_transport(options, self.family.medium, place.baud)
        if share:
            transport.share()
        # Only conversations are held: they need no protocol made for devices.
        self._link = Link(str(place), cast(Any, self.family), transport)
        self._exchange = Exchange([self._link])

    def __enter__(self) -> "Wire":
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Open the port. Raises TransportError."""
        self._link.open()

    def close(self) -> None:
        """Release the port; never raises."""
        self._link.close()

    def send(self, payload: Any) -> None:
        """Send without waiting for an answer. Raises TransportError."""
        self._link.transport.send(payload)

    @property
    def tools(self) -> Any:
        """The family's conversations (:class:`humanoid_hal.bus.protocol.Tools`)."""
        return self.family.tools

    def ask(self, conversation: Conversation[Any, T]) -> T:
        """Hold a conversation to its end. Raises BoardError or TransportError."""
        (result,) = self._exchange.converse([(self._link, conversation)])
        answer: T = result
        return answer


def family(protocol: str) -> type[ActuatorProtocol[Any]]:
    """The actuator family called `protocol`. Raises UnknownNameError."""
    found = find_protocol(protocol)
    if not issubclass(found, ActuatorProtocol):
        raise UnknownNameError(f"protocol '{protocol}' is an IMU's; it has no boards to set up")
    return found


def families(medium: str) -> tuple[str, ...]:
    """The names of all actuator families that speak `medium`, sorted."""
    names = []
    for name in PROTOCOLS.names():
        kind = find_protocol(name)
        if issubclass(kind, ActuatorProtocol) and kind.medium == medium:
            names.append(name)
    return tuple(names)
