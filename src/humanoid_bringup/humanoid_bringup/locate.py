"""Finds robots and hardware files by name.

A robot is a directory `robots/<name>` with a `robot.yaml`; its hardware files are in `hardware/`
beside it. Looked for in each directory of HUMANOID_CONFIG_PATH, then in the installed
configuration, then, when the package runs from a checkout, in the checkout's.
"""

import difflib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from humanoid_bringup.errors import Exit, HumanoidError

SHARE = Path("share") / "humanoid_bringup"


def prefixes() -> list[Path]:
    """The ament prefixes, first wins: AMENT_PREFIX_PATH, or else Python's own prefix."""
    listed = os.environ.get("AMENT_PREFIX_PATH", "")
    return [Path(part) for part in listed.split(os.pathsep) if part] or [Path(sys.prefix)]


def shared(folder: str) -> list[Path]:
    """Existing directories called `folder` (config, benchmarks) of this package, best first."""
    candidates = [prefix / SHARE / folder for prefix in prefixes()]
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "src" / "humanoid_bringup").is_dir():
        candidates.append(checkout / folder)
    return [path for path in candidates if path.is_dir()]


def config_directories() -> list[Path]:
    """Directories that hold `robots/`, best first.

    Raises HumanoidError when HUMANOID_CONFIG_PATH names one that does not.
    """
    listed = os.environ.get("HUMANOID_CONFIG_PATH", "")
    own = [Path(part).expanduser() for part in listed.split(os.pathsep) if part]
    for path in own:
        if not (path / "robots").is_dir():
            wrong = "has no folder 'robots'" if path.is_dir() else "is no folder"
            raise HumanoidError(
                f"HUMANOID_CONFIG_PATH: {path} {wrong}; looked for robots/<name>/robot.yaml in it: "
                "correct the variable, or unset it",
                Exit.CONFIGURATION,
            )
    found: dict[Path, Path] = {}  # each once, though the checkout's may be named and installed
    for path in own + shared("config"):
        found.setdefault(path.resolve(), path)
    return list(found.values())


def robots() -> dict[str, Path]:
    """Every robot that can be named: name -> absolute path of its robot.yaml."""
    found: dict[str, Path] = {}
    for directory in config_directories():
        for path in sorted(directory.glob("robots/*/robot.yaml")):
            found.setdefault(path.parent.name, path.resolve())
    return found


def find_robot(robot: str | Path) -> Path:
    """The absolute path of the robot.yaml of a robot's name, directory or file.

    Raises HumanoidError with the known names and the nearest one.
    """
    path = Path(robot).expanduser()
    if path.is_dir() and (path / "robot.yaml").is_file():
        return (path / "robot.yaml").resolve()
    if path.suffix in (".yaml", ".yml"):
        return _existing(path)
    known = robots()
    if str(robot) in known:
        return known[str(robot)]
    where = ", ".join(map(str, config_directories())) or "no directory; set HUMANOID_CONFIG_PATH"
    raise HumanoidError(
        f"no robot '{robot}' {_known(str(robot), known)} (looked in {where})", Exit.CONFIGURATION
    )


def hardware_files(robot_file: Path) -> dict[str, Path]:
    """The hardware a robot can run on: name -> file."""
    return {path.stem: path for path in sorted((robot_file.parent / "hardware").glob("*.yaml"))}


def find_hardware(robot_file: Path, hardware: str | Path) -> Path:
    """The absolute path of a hardware file of a robot, by name or path. Raises HumanoidError."""
    path = Path(hardware).expanduser()
    if path.suffix in (".yaml", ".yml"):
        return _existing(path)
    known = hardware_files(robot_file)
    if str(hardware) in known:
        return known[str(hardware)]
    raise HumanoidError(
        f"robot '{robot_file.parent.name}' has no hardware '{hardware}' "
        f"{_known(str(hardware), known)} (looked in {robot_file.parent / 'hardware'})",
        Exit.CONFIGURATION,
    )


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name a user most likely meant, or None."""
    match = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return match[0] if match else None


def _known(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    guess = nearest(name, names)
    hint = f"; did you mean '{guess}'?" if guess else ""
    return f"among {', '.join(names)}{hint}" if names else "(none is installed)"


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise HumanoidError(f"{path}: no such file", Exit.CONFIGURATION)
    return path.resolve()
