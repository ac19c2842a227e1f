"""udev rules that give adapters lasting names, their users access, and FTDI chips 1 ms latency."""

import re
from collections.abc import Mapping
from pathlib import Path

from humanoid_hal.tools.ports import Port

RULES = Path("/etc/udev/rules.d/99-humanoid.rules")
#: What makes udev read new rules and apply them to what is plugged in.
RELOAD = (("udevadm", "control", "--reload-rules"), ("udevadm", "trigger"))
#: Where the lasting names appear.
FOLDER = "/dev/humanoid"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
# An FTDI chip waits this long for more bytes before it sends what it has: 16 ms by default, which
# holds any bus at about 50 Hz.
_LATENCY = 'ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{latency_timer}="1"'


def rules(named: Mapping[str, Port]) -> str:
    """The text of a rules file: name under /dev/humanoid -> port.

    Raises ValueError on a name or port that a rule cannot be made for.
    """
    lines = [
        "# Written by `humanoid setup-udev`. Read again with:",
        *(f"#   sudo {' '.join(command)}" for command in RELOAD),
        _LATENCY,
    ]
    for name, port in named.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"'{name}' is no name for a port; use letters, digits, _ and -")
        lines += ["", f"# {port}", _rule(name, port)]
    return "\n".join(lines) + "\n"


def _rule(name: str, port: Port) -> str:
    if port.vendor_id is None or port.product_id is None:
        raise ValueError(
            f"{port.device} is no USB adapter: its name does not change, use it as it is"
        )
    matches = [
        'SUBSYSTEM=="tty"',
        f'ATTRS{{idVendor}}=="{port.vendor_id:04x}"',
        f'ATTRS{{idProduct}}=="{port.product_id:04x}"',
    ]
    socket, _, interface = port.location.partition(":")  # 1-2.3:1.0
    if port.serial:
        matches.append(f'ATTRS{{serial}}=="{port.serial}"')
    elif socket:
        # Without a serial number only the socket tells two of a kind apart.
        matches.append(f'KERNELS=="{socket}"')
    else:
        raise ValueError(f"{port.device} has neither serial number nor USB socket to tell it by")
    if interface:  # one of several ports of the same adapter
        number = int(interface.partition(".")[2])
        matches.append(f'ENV{{ID_USB_INTERFACE_NUM}}=="{number:02x}"')
    actions = [
        f'SYMLINK+="humanoid/{name}"',
        'GROUP="dialout"',
        'MODE="0660"',
        'ENV{ID_MM_DEVICE_IGNORE}="1"',  # ModemManager would talk to it
    ]
    return ", ".join(matches + actions)
