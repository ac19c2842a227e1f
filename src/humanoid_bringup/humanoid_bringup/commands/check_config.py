"""Check all files of a robot: robot.yaml, the URDF it names, hardware, controller and estimator.

Every problem is shown at once, each with file, line, key, rule and the nearest known name.

examples:
  humanoid check-config                   every robot there is
  humanoid check-config g1 --hardware mujoco
  humanoid check-config path/to/robot.yaml --json

exit codes: 0 all good; 3 no such robot or file; of the first bad file: 10 robot.yaml, 11 URDF,
12 hardware, 13 controller, 14 estimator.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.locate import find_hardware, find_robot, hardware_files, robots

#: Modes of every robot; the others depend on its files.
ALWAYS = ("damping", "ready", "stand")

CODES = {"robot": 10, "urdf": 11, "hardware": 12, "control": 13, "perception": 14}


@dataclass(frozen=True)
class Checked:
    """One file and what is wrong with it."""

    kind: str  # key of CODES
    path: Path
    problems: tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("robot", nargs="?", help="name, directory or robot.yaml (default: all)")
    parser.add_argument("--hardware", help="name or file (default: all of the robot's)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check and print."""
    names = [arguments.robot] if arguments.robot else sorted(robots())
    if not names:
        raise HumanoidError("no robot is installed: set HUMANOID_CONFIG_PATH", Exit.CONFIGURATION)
    checked = [item for name in names for item in check(name, arguments.hardware)]
    bad = [item for item in checked if item.problems]
    code = CODES[bad[0].kind] if bad else Exit.OK
    if arguments.json:
        rows = [
            {"kind": c.kind, "file": str(c.path), "problems": list(c.problems)} for c in checked
        ]
        console.print_json({"ok": not bad, "exit_code": int(code), "files": rows})
        return code
    for item in checked:
        for problem in item.problems:
            console.say(problem)
    console.say(f"{len(checked)} files checked, {len(bad)} with problems")
    return code


def problems(robot: str | Path) -> list[str]:
    """Every problem of a robot's files, for `humanoid doctor`. Raises HumanoidError."""
    return [problem for item in check(robot, None) for problem in item.problems]


def require(robot: str | Path, hardware: str | Path, mode: str) -> None:
    """Raises HumanoidError with every problem of the files that a start would read.

    So it does when the robot has no `mode`, with the nearest and all that it has.
    """
    bad = [problem for item in check(robot, hardware) for problem in item.problems]
    if bad:
        more = f" (and {len(bad) - 1} more: humanoid check-config {robot})" if bad[1:] else ""
        raise HumanoidError(f"{bad[0]}{more}", Exit.CONFIGURATION)
    if mode not in ALWAYS:
        _require_mode(find_robot(robot), mode)


def _require_mode(robot_file: Path, mode: str) -> None:
    from humanoid_control.config import load_control_config
    from humanoid_control.core import ControlCore
    from humanoid_description import load_robot

    path = robot_file.parent / "control.yaml"
    try:
        ControlCore(
            load_robot(robot_file), load_control_config(path if path.is_file() else None), mode
        )
    except ValueError as error:
        raise HumanoidError(f"--mode: {error}", Exit.CONFIGURATION) from error


def check(robot: str | Path, hardware: str | Path | None) -> Iterator[Checked]:
    """Check one robot's files; the others need a robot.yaml that is good. Raises HumanoidError."""
    from humanoid_description import DescriptionError, UrdfError, load_robot

    robot_file = find_robot(robot)
    try:
        load_robot(robot_file)
    except DescriptionError as error:
        kind = "urdf" if isinstance(error, UrdfError) else "robot"
        yield Checked(kind, Path(error.file), tuple(map(str, error.problems)))
        return
    yield Checked("robot", robot_file, ())

    for kind, path, load in _loaders(robot_file, hardware):
        try:
            load(path)
        except DescriptionError as error:
            yield Checked(kind, path, tuple(map(str, error.problems)))
        else:
            yield Checked(kind, path, ())


def _loaders(
    robot_file: Path, hardware: str | Path | None
) -> Iterator[tuple[str, Path, Callable[[Path], object]]]:
    """The nodes' own loaders for a robot's files, beside robot.yaml."""
    from humanoid_control.config import load_control_config
    from humanoid_control.get_up_motion import FILE, load_get_up
    from humanoid_control.policy.policy import load_policy
    from humanoid_description import load_robot
    from humanoid_hal.hardware import load_hardware
    from humanoid_perception.config import load_perception

    if hardware:
        yield "hardware", find_hardware(robot_file, hardware), load_hardware
    else:
        for path in hardware_files(robot_file).values():
            yield "hardware", path, load_hardware

    def load_control(path: Path) -> None:
        robot = load_robot(robot_file)
        for name, entry in load_control_config(path).policies.items():
            load_policy(name, entry, robot)

    for kind, load in (("control", load_control), ("perception", load_perception)):
        path = robot_file.parent / f"{kind}.yaml"
        if path.is_file():
            yield kind, path, load
    path = robot_file.parent / FILE
    if path.is_file():
        yield "control", path, lambda _: load_get_up(load_robot(robot_file))
