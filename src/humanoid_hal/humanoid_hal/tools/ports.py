"""Which serial ports and CAN interfaces this machine has, and what changed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serial.tools import list_ports

BY_ID = Path("/dev/serial/by-id")
NET = Path("/sys/class/net")
#: The type of CAN interfaces in sysfs: ARPHRD_CAN of linux/if_arp.h.
_CAN = "280"


@dataclass(frozen=True)
class Port:
    """One place where a bus may be plugged in."""

    device: str  # /dev/ttyUSB0, can0: changes with the order of plugging in
    stable: str = ""  # its name under /dev/serial/by-id, which does not; empty: none
    product: str = ""
    serial: str = ""  # of the adapter
    vendor_id: int | None = None  # USB's
    product_id: int | None = None
    location: str = ""  # USB socket, e.g. 1-2.3

    @property
    def name(self) -> str:
        """What a hardware file should say."""
        return self.stable or self.device

    def __str__(self) -> str:
        about = ", ".join(filter(None, (self.product, self.serial and f"serial {self.serial}")))
        return self.name + (f" ({about})" if about else "")


def find_ports(
    listed: Callable[[], Iterable[Any]] = list_ports.comports, by_id: Path = BY_ID, net: Path = NET
) -> tuple[Port, ...]:
    """All serial ports of USB adapters and built-in UARTs, then all CAN interfaces, sorted."""
    stable = {str(link.resolve()): str(link) for link in sorted(by_id.glob("*"))}
    serial = (
        Port(
            entry.device,
            stable.get(entry.device, ""),
            entry.product or "",
            entry.serial_number or "",
            entry.vid,
            entry.pid,
            entry.location or "",
        )
        for entry in listed()
    )
    types = ((path.parent.name, path.read_text().strip()) for path in net.glob("*/type"))
    can = (Port(name) for name, kind in types if kind == _CAN)
    return (*sorted(serial, key=lambda port: port.device), *sorted(can, key=lambda p: p.device))


def changes(
    before: Sequence[Port], after: Sequence[Port]
) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """The ports that went away, and those that came."""
    return (
        tuple(port for port in before if port not in after),
        tuple(port for port in after if port not in before),
    )
