"""A port that carries one bus's payloads, and ports by name."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.protocol import P
from humanoid_hal.can.interfaces import INTERFACES
from humanoid_hal.driver import DriverError
from humanoid_hal.lookup import Registry


class TransportError(DriverError):
    """The port is not there, in use, or gone. The message names it and the next step."""

    #: Of the fault table, where it is another than a lost bus.
    fault: ClassVar[str] = ""


@dataclass(frozen=True)
class PortOptions:
    """Where a bus is plugged in."""

    # Serial device (prefer /dev/serial/by-id/…), CAN channel (can0) or what the transport calls so.
    port: str
    # [baud] or [bit/s]; None: the protocol's usual one.
    baud: int | None = key(None, min=300, max=12_000_000)
    # serial, slcan, or an interface of python-can (socketcan, pcan, …); empty: serial, or socketcan
    # for protocols that speak CAN.
    transport: str = ""
    # The adapter sends back what it is sent (two-wire RS-485 without receiver control).
    echo: bool = False


class Transport(ABC, Generic[P]):
    """One open port. Never blocks but in :meth:`open`. Every method but close may raise."""

    def __init__(self, options: PortOptions, baud: int) -> None:
        """`baud` is the rate to open with. Opens nothing."""
        self.options, self.baud = options, baud

    @property
    @abstractmethod
    def descriptor(self) -> int:
        """What select can wait on; -1: nothing, it must be asked in turns."""

    def share(self) -> None:
        """Let open() take a port that another process holds, too: to stop, never to drive."""

    @abstractmethod
    def open(self) -> None:
        """Open the port for this process alone, empty of old input. Raises TransportError."""

    @abstractmethod
    def close(self) -> None:
        """Release the port. Safe at any time; never raises."""

    @abstractmethod
    def send(self, payload: P) -> None:
        """Hand over all of `payload`. Raises TransportError if the port does not take it."""

    @abstractmethod
    def receive(self) -> P:
        """All that has arrived; may be empty. Raises TransportError when the port is gone."""

    @property
    def traffic(self) -> tuple[int, int]:
        """[bytes] sent and received since it was opened, where a tty carries it; else zeros."""
        return 0, 0

    @abstractmethod
    def join(self, parts: list[P]) -> P:
        """Several payloads as one."""


#: Transports by name; others register theirs in the entry point group.
BUILT_IN = {
    "serial": "humanoid_hal.bus.serial_port:SerialPort",
    "fdcanusb": "humanoid_hal.can.fdcanusb_port:FdcanusbPort",
    "slcan": "humanoid_hal.can.slcan_port:SlcanPort",
    "slcan+fd": "humanoid_hal.can.slcan_port:SlcanPort",
    **{
        name + kind: "humanoid_hal.can.python_can:PythonCanPort"
        for name in INTERFACES
        for kind in ("", "+fd")
    },
}

TRANSPORTS = Registry("transport", "humanoid_hal.transports", BUILT_IN)


def make_transport(options: PortOptions, medium: str, baud: int) -> Transport[Any]:
    """The transport of a bus whose protocol speaks `medium`. Raises UnknownNameError."""
    name = options.transport or ("serial" if medium == "serial" else "socketcan")
    found = TRANSPORTS.find(name, Transport)  # type: ignore[type-abstract]
    return found(options, options.baud or baud)
