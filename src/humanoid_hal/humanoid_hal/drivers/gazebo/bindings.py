"""Finds Gazebo's Python bindings, whichever release is installed, and says what to install."""

import importlib
import importlib.util
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from humanoid_hal.driver import DriverError
from humanoid_hal.drivers.gazebo.torque_law import message_type, newest

INSTALL = (
    "install Gazebo Harmonic or later with its Python bindings (Ubuntu 24.04 with ROS 2 Jazzy: "
    "sudo apt install ros-jazzy-ros-gz; from Gazebo's own packages: gz-harmonic python3-gz-transport13 "
    "python3-gz-msgs10 python3-gz-sim8 python3-sdformat14); see docs/gazebo.md"
)


@dataclass(frozen=True)
class Bindings:
    """The modules of one Gazebo release."""

    transport: ModuleType  # gz.transport13 of Harmonic

    def message(self, name: str) -> Any:
        """The class of a message such as ``IMU``. Raises DriverError."""
        try:
            return message_type(name)
        except (ImportError, AttributeError) as error:
            raise DriverError(
                f"Gazebo's message {name} cannot be loaded ({error}); {INSTALL}"
            ) from error


def find_bindings() -> Bindings:
    """Import the newest ``gz.transport``. Raises DriverError with what to install."""
    if importlib.util.find_spec("gz") is None:
        # Last on the path: nothing else of those folders may win.
        sys.path += [str(folder) for folder in _system_folders() if (folder / "gz").is_dir()]
        importlib.invalidate_caches()
    try:
        transport = newest("transport")
        message_type("Double_V")
    except Exception as error:  # protobuf raises TypeError on generated code that is too old
        raise DriverError(
            f"Gazebo's Python bindings cannot be loaded: {error}; {INSTALL}"
        ) from error
    return Bindings(transport)


def find_gazebo() -> str:
    """The path of the command `gz`. Raises DriverError with what to install."""
    command = shutil.which("gz")
    if command is None:
        raise DriverError(f"Gazebo's command `gz` is not on the PATH; {INSTALL}")
    return command


def _system_folders() -> list[Path]:
    """Where distributions put the bindings: this interpreter's version must be the system's."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    vendors = sorted(Path("/opt/ros").glob("*/opt/gz_*_vendor/lib/python"))
    return [
        *vendors,
        Path("/usr/lib/python3/dist-packages"),
        Path(f"/usr/lib/{version}/site-packages"),
    ]
