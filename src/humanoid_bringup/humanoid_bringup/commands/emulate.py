"""Emulate the boards of a hardware file in real time, for trying tools and drivers without any.

Every serial bus becomes a pseudo-terminal in --directory, with boards behind it that speak the
family's bytes at the file's baud rates, with bus time and return delays. A copy of the hardware
file with these ports, for `humanoid up`, `scan` and the like, is written beside them. Its rate is 100 Hz at
most, unless --rate asks for more: all boards are this one process, which takes some milliseconds for the
answers of a whole robot. `humanoid bench` shows what it reaches.

With --plant motors a line "left_knee_joint 0.5" moves that joint by hand, as long as no motor has torque:
so `humanoid calibrate` can be tried.

examples:
  humanoid emulate dynamixel-emulated --directory /tmp/boards
  humanoid up --hardware /tmp/boards/hardware.yaml
  humanoid emulate my-robot.yaml --fault left_leg:4:off --fault left_leg:5:overheat:95
  humanoid emulate dynamixel-emulated --plant mujoco     the robot in its world behind the boards

exit codes: 0 ended by a signal; 1 a bus cannot be emulated; 3 configuration.
"""

import argparse
import os
import select
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import yaml

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, finite, not_negative, positive
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.locate import find_hardware, find_robot
from humanoid_bringup.signals import Interrupts
from humanoid_description import RobotDescription, load_robot
from humanoid_hal.driver import DriverError
from humanoid_hal.drivers.boards import BoardsOptions
from humanoid_hal.drivers.emulated import EmulatedOptions
from humanoid_hal.drivers.mock import MockOptions
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.build import build_emulator, make_plant
from humanoid_hal.emulation.bus import WireOptions
from humanoid_hal.emulation.emulator import Emulator
from humanoid_hal.emulation.plant import FreeMotors, Group, Plant
from humanoid_hal.hardware import load_hardware

#: [Hz] of the copy: what one process can answer for a whole robot, beside the graph, on a small computer.
RATE = 100.0

#: Joints of `--plant motors`: they come to rest without torque, and a torque law that runs on the host at
#: this rate stays stable with them although a computer stutters.
JOINTS = MockOptions(inertia=0.3, friction=2.0)

_KINDS = get_args(BoardFault.__annotations__["kind"])


def fault(text: str) -> tuple[str, BoardFault]:
    """Parse BUS:ID:KIND or BUS:ID:KIND:VALUE."""
    bus, *rest = text.split(":")
    try:
        number, kind, value = int(rest[0]), rest[1], float(rest[2]) if rest[2:] else 0.0
    except (IndexError, ValueError):
        raise argparse.ArgumentTypeError(f"'{text}' is not BUS:ID:KIND[:VALUE]") from None
    if kind not in _KINDS:
        raise argparse.ArgumentTypeError(f"no fault '{kind}'; known: {', '.join(_KINDS)}")
    return bus, BoardFault(kind, number, value)  # type: ignore[arg-type]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("hardware", help="name or file; its driver is `boards` or `emulated`")
    parser.add_argument("--robot", default="g1", help="name or robot.yaml (default: g1)")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path("/tmp/humanoid-boards"),
        help="(default: %(default)s)",
    )
    parser.add_argument(
        "--plant", choices=("motors", "mujoco"), default="motors",
        help="motors: every joint an inertia with friction; mujoco: the robot (default: motors)",
    )  # fmt: skip
    parser.add_argument(
        "--rate", type=positive, help=f"[Hz] in the copy (default: the file's, at most {RATE:g})"
    )
    parser.add_argument(
        "--latency",
        type=not_negative,
        default=0.0,
        help="[s] of the adapters; FTDI: 0.001 or 0.016",
    )
    parser.add_argument(
        "--fault", type=fault, action="append", default=[], metavar="BUS:ID:KIND[:VALUE]",
        help=f"something wrong with a board: {', '.join(_KINDS)}",
    )  # fmt: skip
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    robot_file = find_robot(arguments.robot)
    file = find_hardware(robot_file, arguments.hardware)
    robot, (config, _) = load_robot(robot_file), load_hardware(file)
    if not isinstance(config.options, BoardsOptions):
        raise HumanoidError(
            f"{file} is of driver '{config.driver}', which has no boards to emulate",
            Exit.CONFIGURATION,
        )
    directory: Path = arguments.directory.absolute()
    rate = arguments.rate or min(config.rate, RATE)
    emulator = _build(robot, config.options, directory, arguments)
    try:
        copy = directory / "hardware.yaml"
        copy.write_text(for_boards(file, directory, rate), encoding="utf-8")
        ports = {name: str(bus.port.path) for name, bus in emulator.buses.items()}
        if arguments.json:
            console.print_json({"ok": True, "ports": ports, "hardware": str(copy)})
        else:
            for name, port in ports.items():
                console.say(f"{name:16}{port}")
            console.say(f"at {rate:g} Hz:")
            console.say(
                f"humanoid up --robot {arguments.robot} --hardware {copy}; Ctrl-C ends this"
            )
        with Interrupts() as interrupts:
            hands = Hands(emulator.plant)
            emulator.run(lambda: interrupts.received is not None or hands.look())
    finally:
        emulator.close()
    return 0


class Hands:
    """Takes joints to where lines of the input say, without waiting for any."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._input = sys.stdin.fileno() if isinstance(plant, FreeMotors) and _readable() else -1
        self._text = b""

    def look(self) -> bool:
        """Obey what has been entered. Always False: nobody wants to end."""
        if self._input >= 0 and select.select([self._input], [], [], 0.0)[0]:
            data = os.read(self._input, 4096)
            if not data:
                self._input = -1
            *lines, self._text = (self._text + data).split(b"\n")
            for line in lines:
                self._obey(line.decode(errors="replace").split())
        return False

    def _obey(self, words: list[str]) -> None:
        assert isinstance(self._plant, FreeMotors)
        try:
            joint, position = words
            self._plant.take(joint, finite(position))
        except (KeyError, ValueError, argparse.ArgumentTypeError):
            console.error(f"'{' '.join(words)}' is not JOINT RAD with a joint of the robot")


def _readable() -> bool:
    """Whether there is an input, and reading it does not stop a process in the background."""
    try:
        number = sys.stdin.fileno()
        return not os.isatty(number) or os.tcgetpgrp(number) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False


def for_boards(file: Path, directory: Path, rate: float) -> str:
    """The hardware file with its ports in `directory`, for the driver `boards` at `rate` [Hz]."""
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    content |= {"driver": "boards", "rate": rate}
    known = BoardsOptions.__dataclass_fields__
    content["options"] = {k: v for k, v in content["options"].items() if k in known}
    for name, bus in content["options"]["buses"].items():
        bus["port"] = str(directory / name)
    return yaml.safe_dump(content, sort_keys=False)


def _build(
    robot: RobotDescription, options: BoardsOptions, directory: Path, arguments: argparse.Namespace
) -> Emulator:
    buses = {name: replace(bus, port=str(directory / name)) for name, bus in options.buses.items()}
    values = {name: getattr(options, name) for name in BoardsOptions.__dataclass_fields__}
    whole = EmulatedOptions(**{**values, "buses": buses}, plant=arguments.plant)
    wire = WireOptions(latency=arguments.latency)
    period = 1.0 / whole.control_rate
    try:
        emulator = build_emulator(
            robot, whole, lambda groups: _plant(robot, groups, whole), period, wire
        )
    except DriverError as error:
        raise HumanoidError(str(error)) from error
    _inject(emulator, arguments.fault)
    return emulator


def _plant(robot: RobotDescription, groups: Sequence[Group], options: EmulatedOptions) -> Plant:
    if options.plant == "motors":
        return FreeMotors(robot, groups, options.control_rate, JOINTS)
    return make_plant(robot, groups, options)


def _inject(emulator: Emulator, faults: Sequence[tuple[str, BoardFault]]) -> None:
    for bus, item in faults:
        if bus not in emulator.buses:
            raise HumanoidError(f"no bus '{bus}'; known: {', '.join(emulator.buses)}", Exit.USAGE)
        try:
            emulator.inject(bus, item)
        except ValueError as error:
            raise HumanoidError(f"bus '{bus}': {error}", Exit.USAGE) from error
