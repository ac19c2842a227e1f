"""Starts and ends Gazebo's programs: the headless server, and the window."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from humanoid_description import RobotDescription
from humanoid_hal.driver import DriverError
from humanoid_hal.drivers.gazebo.bindings import find_gazebo
from humanoid_hal.drivers.gazebo.files import write_files
from humanoid_hal.drivers.gazebo.options import GazeboOptions

_GRACE = 5.0  # [s] from SIGTERM to SIGKILL
_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
_LISTS = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH")


class GazeboServer:
    """A server of our own, in a partition of its own, that does not outlive this process."""

    def __init__(self, robot: RobotDescription, options: GazeboOptions) -> None:
        """Write the world's files. Raises DriverError when Gazebo is not installed."""
        self._command = find_gazebo()
        self._folder = tempfile.TemporaryDirectory(prefix="humanoid_gazebo_")
        self.partition = f"humanoid_{os.getpid()}"
        self._world = write_files(robot, options, Path(self._folder.name))
        self._log = Path(self._folder.name) / "server.log"
        self._server: subprocess.Popen[bytes] | None = None
        self._window: subprocess.Popen[bytes] | None = None

    def start(self, viewer: bool = False) -> None:
        """Start the server, paused, and the window where wanted."""
        self._server = self._run("sim", "-s", "-v", "1", str(self._world))
        if viewer:
            self._window = self._run("sim", "-g", "-v", "1")

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        server = self._server
        return server.pid if server is not None and server.poll() is None else None

    def complain(self) -> None:
        """Raise DriverError if the server has ended, with the last lines it printed."""
        if self._server is not None and self._server.poll() is not None:
            words = self._log.read_text(errors="replace").strip().splitlines()[-5:]
            raise DriverError(
                f"Gazebo's server ended with exit code {self._server.returncode}: {' | '.join(words)}"
            )

    def stop(self) -> None:
        """End the server and the window; never raises."""
        for process in (self._window, self._server):
            if process is not None:
                _end(process)
        self._server = self._window = None

    def close(self) -> None:
        """Stop, and delete the files."""
        self.stop()
        self._folder.cleanup()

    def _run(self, *arguments: str) -> "subprocess.Popen[bytes]":
        parent = os.getpid()

        def die_with_parent() -> None:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        environment = clean_environment()
        environment["GZ_PARTITION"] = self.partition
        path = [self._folder.name, environment.get("GZ_SIM_SYSTEM_PLUGIN_PATH", "")]
        environment["GZ_SIM_SYSTEM_PLUGIN_PATH"] = os.pathsep.join(filter(None, path))
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [self._command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )


def clean_environment() -> dict[str, str]:
    """This process's environment without its virtual environment.

    Gazebo runs Python of its own inside; the libraries of a virtual environment, above all the ROS
    wheels, must not get into it.
    """
    environment = dict(os.environ)
    if sys.prefix == sys.base_prefix:
        return environment
    for name in _LISTS:
        if name in environment:
            kept = [part for part in environment[name].split(os.pathsep) if not _inside(part)]
            environment[name] = os.pathsep.join(kept)
            if not kept:
                del environment[name]
    environment.pop("VIRTUAL_ENV", None)
    return environment


def _inside(path: str) -> bool:
    return bool(path) and Path(path).absolute().is_relative_to(sys.prefix)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM to the whole session (`gz` is a script that starts the server), then SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            continue
