"""Bring CAN interfaces up: bit rate, and a transmit queue long enough for a limb.

Prints the `ip link` commands; --apply runs them (root). An interface is taken down first, which
flushes what an older run left in its queue.

examples:
  humanoid can-up                                     all CAN interfaces at 1 Mbit/s
  humanoid can-up can0 can1 --bitrate 1000000
  humanoid can-up --robot mine --hardware real        those that the hardware file names
  sudo humanoid can-up can0 --data-bitrate 5000000 --apply

exit codes: 0 printed or done; 1 there is no CAN interface; 2 wrong figures; 6 a command failed.
"""

import argparse
import subprocess
from typing import TYPE_CHECKING

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, whole
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.hardware import add_hardware, load

if TYPE_CHECKING:
    from humanoid_hal.tools.can_links import CanLink


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("interface", nargs="*", help="default: all CAN interfaces there are")
    parser.add_argument("--bitrate", type=whole(1), help="[bit/s] (default: 1000000)")
    parser.add_argument("--data-bitrate", type=whole(0), default=0, help="[bit/s] of CAN FD")
    parser.add_argument("--queue", type=whole(1), default=1000, help="frames in the transmit queue")
    parser.add_argument("--apply", action="store_true", help="run the commands (needs root)")
    add_hardware(parser, required=False)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print or run."""
    from humanoid_hal.tools.can_links import commands

    try:
        links = _links(arguments)
    except ValueError as problem:
        raise HumanoidError(str(problem), Exit.USAGE) from problem
    if not links:
        raise HumanoidError(
            "there is no CAN interface; plug the adapter in, or name it (slcan adapters need none)"
        )
    todo = [command for link in links for command in commands(link)]
    for command in todo:
        if not arguments.json:
            console.say(" ".join(command))
        if arguments.apply:
            _call(command)
    if arguments.json:
        lines = [" ".join(command) for command in todo]
        console.print_json({"ok": True, "applied": arguments.apply, "commands": lines})
    elif not arguments.apply:
        console.say("# not run; --apply does that (needs root)")
    return Exit.OK


def _links(arguments: argparse.Namespace) -> "list[CanLink]":
    """Raises ValueError."""
    from humanoid_hal.tools.can_links import CanLink
    from humanoid_hal.tools.ports import find_ports

    rates: dict[str, int | None] = dict.fromkeys(arguments.interface)
    if arguments.hardware:
        for bus in load(arguments.robot, arguments.hardware).boards().buses.values():
            if bus.transport == "socketcan" or bus.port.startswith(("can", "vcan")):
                rates[bus.port] = bus.baud
    elif not rates:
        rates = {port.device: None for port in find_ports() if not port.device.startswith("/")}
    return [
        CanLink(
            name, arguments.bitrate or rate or 1_000_000, arguments.data_bitrate, arguments.queue
        )
        for name, rate in rates.items()
    ]


def _call(command: tuple[str, ...]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as problem:
        said = getattr(problem, "stderr", None) or str(problem)
        raise HumanoidError(
            f"'{' '.join(command)}' failed: {said.strip()}; use sudo, and check the name",
            Exit.ENVIRONMENT,
        ) from problem
