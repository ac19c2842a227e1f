"""Say which port a cable is: unplug it (or plug it in), and see which one went (or came).

Prints the name that does not change with the order of plugging in, for the hardware file.

examples:
  humanoid find-port
  humanoid find-port --list            what is there now
  humanoid find-port --timeout 20 --json

exit codes: 0 found; 1 nothing changed in time.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, positive
from humanoid_bringup.errors import Exit, HumanoidError

if TYPE_CHECKING:
    from humanoid_hal.tools.ports import Port

#: [s] between looks, and how long a change may take: one adapter may bring several ports.
_LOOK, _SETTLE = 0.2, 0.6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--list", action="store_true", help="show all ports and end")
    parser.add_argument(
        "--timeout", type=positive, default=60.0, help="how long to wait [s] (default: 60)"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look until something changes."""
    from humanoid_hal.tools.ports import find_ports

    before = find_ports()
    if arguments.list:
        return _show(arguments.json, "ports", before)
    if not arguments.json:
        console.say(f"{len(before)} ports; unplug the cable in question now, or plug it in")
    gone, come = wait_for_change(before, find_ports, arguments.timeout)
    if not gone and not come:
        raise HumanoidError(
            f"no port came or went in {arguments.timeout:g} s; is it a USB adapter, and does "
            "'dmesg --follow' show it?"
        )
    return _show(arguments.json, "unplugged" if gone else "plugged_in", gone or come)


def wait_for_change(
    before: "tuple[Port, ...]", look: "Callable[[], tuple[Port, ...]]", timeout: float
) -> "tuple[tuple[Port, ...], tuple[Port, ...]]":
    """The ports that went and those that came, within `timeout` [s]."""
    from humanoid_hal.tools.ports import changes

    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        time.sleep(_LOOK)
        if any(changes(before, look())):
            time.sleep(_SETTLE)
            return changes(before, look())
    return (), ()


def _show(as_json: bool, what: str, ports: "tuple[Port, ...]") -> int:
    if as_json:
        console.print_json({"ok": True, what: [{"name": p.name, **asdict(p)} for p in ports]})
        return Exit.OK
    for port in ports:
        console.say(f"{what.replace('_', ' ')}: {port}  [{port.device}]")
    if any(not port.stable and port.vendor_id is not None for port in ports):
        console.say("this name may change; 'humanoid setup-udev' gives it one that lasts")
    return Exit.OK
