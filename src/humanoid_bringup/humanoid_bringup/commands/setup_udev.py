"""Give adapters names that last, access without root, and FTDI chips 1 ms latency: udev rules.

Prints the rules; --write installs them. A port without a serial number is told by its USB socket.

examples:
  humanoid setup-udev                                         all USB adapters, named by their serials
  humanoid setup-udev left_leg=/dev/ttyUSB0 right_leg=/dev/ttyUSB1
  sudo humanoid setup-udev left_leg=/dev/ttyUSB0 --write       then the port is /dev/humanoid/left_leg

exit codes: 0 printed or written; 2 no such port, or no rule can be made; 6 cannot be written.
"""

import argparse
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json
from humanoid_bringup.errors import Exit, HumanoidError

if TYPE_CHECKING:
    from humanoid_hal.tools.ports import Port


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("named", nargs="*", metavar="NAME=PORT", help="default: all USB adapters")
    parser.add_argument(
        "--write",
        nargs="?",
        type=Path,
        const=True,
        default=None,
        metavar="FILE",
        help="install them (default: /etc/udev/rules.d/99-humanoid.rules) and reload udev",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print or install."""
    from humanoid_hal.tools.ports import find_ports
    from humanoid_hal.tools.udev import FOLDER, RELOAD, RULES, rules

    try:
        named = _named(arguments.named, find_ports())
        text = rules(named)
    except ValueError as problem:
        raise HumanoidError(str(problem), Exit.USAGE) from problem
    path = RULES if arguments.write is True else arguments.write
    if path is not None:
        _write(path, text)
    if path == RULES:
        for command in RELOAD:
            _call(command)
    if arguments.json:
        names = {name: f"{FOLDER}/{name}" for name in named}
        answer = {"ok": True, "written": path and str(path), "names": names, "rules": text}
        console.print_json(answer)
    elif path is None:
        console.say(text + "# not written; --write installs this (needs root)")
    else:
        console.say(f"written to {path}; the names appear under {FOLDER}")
    return Exit.OK


def _named(words: list[str], ports: "tuple[Port, ...]") -> "dict[str, Port]":
    """Raises ValueError."""
    usb = [port for port in ports if port.vendor_id is not None]
    if not words:
        return {
            port.serial or port.location.replace(":", "-").replace(".", "-"): port for port in usb
        }
    known = {name: port for port in ports for name in (port.device, port.stable) if name}
    named: dict[str, Port] = {}
    for word in words:
        name, equals, where = word.partition("=")
        if not equals:
            raise ValueError(f"'{word}' is not NAME=PORT, e.g. left_leg=/dev/ttyUSB0")
        if where not in known:
            listed = ", ".join(known) or "none"
            raise ValueError(f"there is no port {where}; known: {listed} (humanoid find-port)")
        if name in named:
            raise ValueError(f"the name {name} is given twice")
        named[name] = known[where]
    return named


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise HumanoidError(
            f"cannot write {path}: {problem.strerror}; use sudo, or --write another file",
            Exit.ENVIRONMENT,
        ) from problem


def _call(command: tuple[str, ...]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as problem:
        raise HumanoidError(
            f"the rules are written, but '{' '.join(command)}' failed ({problem}); run it yourself",
            Exit.ENVIRONMENT,
        ) from problem
