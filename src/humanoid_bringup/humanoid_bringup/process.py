"""Runs the nodes of the graph as child processes, and lets none of them run on alone.

Each node gets its own session (a Ctrl-C in the terminal reaches only the CLI, which then stops them
in order), its own log file, and a parent-death signal from the kernel, so that even SIGKILL of the
CLI ends the graph: the node that owns the actuators gets SIGTERM and sends its stop frames, the
others SIGKILL.
"""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import yaml

from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.graph import NodeSpec
from humanoid_bringup.locate import prefixes

#: [s] from SIGTERM to SIGKILL. The owner of the actuators gets more: it sends stop frames.
GRACE = 3.0
GRACE_ACTUATORS = 8.0

KEPT_RUNS = 30  # log directories of older runs are deleted

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Ended:
    """How one node ended."""

    node: str
    code: int  # exit code, or minus the signal's number
    log: Path
    tail: tuple[str, ...] = ()  # last lines of its log

    @property
    def clean(self) -> bool:
        """Whether it ended as asked; SIGTERM may reach it before it handles it."""
        return self.code in (0, -signal.SIGTERM)

    def __str__(self) -> str:
        if self.code < 0:
            how = f"was killed by {signal.Signals(-self.code).name}"
        else:
            how = f"ended with exit code {self.code}"
        return f"{self.node} {how}; its log: {self.log}"


@dataclass
class _Child:
    spec: NodeSpec
    process: "subprocess.Popen[bytes]"
    log: Path
    echo: IO[bytes]  # the log, open for reading where the console left off
    partial: bytes = b""
    told: bool = False


class Processes:
    """The nodes of one graph as processes; a context manager that leaves none behind."""

    def __init__(
        self,
        specs: Sequence[NodeSpec],
        run_directory: Path,
        echo: Callable[[str, str], None] | None = None,
    ) -> None:
        """`echo(node, line)` receives every line the nodes print, when given."""
        self._specs = specs
        self.directory = run_directory
        self._echo = echo
        self._children: list[_Child] = []
        self.stopped: list[Ended] = []  # how those ended that :meth:`stop` stopped

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all nodes, or none. Raises HumanoidError when one is not installed."""
        commands = [command(spec, self.directory) for spec in self._specs]
        try:
            for spec, arguments in zip(self._specs, commands, strict=True):
                self._children.append(_spawn(spec, arguments, self.directory))
        except BaseException:
            self.stop()
            raise

    def failed(self) -> Ended | None:
        """The essential node that ended first, if one did; also passes new output on to `echo`."""
        self._pump()
        for child in self._children:
            if child.spec.essential and child.process.poll() is not None:
                return _ended(child)
        return None

    def gone(self) -> list[Ended]:
        """Nodes that ended and without which the graph goes on; each is told once."""
        found = [
            child
            for child in self._children
            if not (child.spec.essential or child.told) and child.process.poll() is not None
        ]
        for child in found:
            child.told = True
        return [_ended(child) for child in found]

    def stop(self) -> list[Ended]:
        """Stop the nodes in reverse order; SIGKILL after the grace time. How they ended.

        Takes at most the sum of the grace times. Calling it again does nothing.
        """
        while self._children:
            child = self._children[-1]
            _terminate(child, GRACE_ACTUATORS if child.spec.owns_actuators else GRACE)
            self._pump()
            child.echo.close()
            self.stopped.append(_ended(child))
            self._children.pop()
        return self.stopped

    def pids(self) -> dict[str, int]:
        """Node name -> process id, of the running ones."""
        return {child.spec.name: child.process.pid for child in self._children}

    def _pump(self) -> None:
        if self._echo is None:
            return
        for child in self._children:
            *lines, child.partial = (child.partial + child.echo.read()).split(b"\n")
            for line in lines:
                self._echo(child.spec.name, line.decode(errors="replace"))


def command(spec: NodeSpec, directory: Path) -> list[str]:
    """The command line of a node; writes its parameter file into `directory`."""
    arguments = [str(executable(spec)), "--ros-args"]
    if not spec.nodes:
        arguments += ["-r", f"__node:={spec.name}"]
    if spec.namespace:
        arguments += ["-r", f"__ns:=/{spec.namespace.strip('/')}"]
    for source, target in spec.remappings:
        arguments += ["-r", f"{source}:={target}"]
    path = directory / f"{spec.name}.parameters.yaml"
    path.write_text(
        yaml.safe_dump({"/**": {"ros__parameters": dict(spec.parameters)}}, sort_keys=True)
    )
    return [*arguments, "--params-file", str(path)]


def executable(spec: NodeSpec) -> Path:
    """Where a node's executable is installed. Raises HumanoidError."""
    for prefix in prefixes():
        path = prefix / "lib" / spec.package / spec.executable
        if os.access(path, os.X_OK) and path.is_file():
            return path
    raise HumanoidError(
        f"node '{spec.package}/{spec.executable}' is not installed under "
        f"{os.pathsep.join(map(str, prefixes()))}: run './humanoid setup', or source the workspace",
        Exit.ENVIRONMENT,
    )


def new_run_directory(name: str) -> Path:
    """A fresh directory for logs, under HUMANOID_LOG_DIR or ROS_HOME/log/humanoid (~/.ros).

    Deletes the oldest beyond KEPT_RUNS. Raises HumanoidError when it cannot be written.
    """
    home = os.environ.get("ROS_HOME") or "~/.ros"
    root = Path(os.environ.get("HUMANOID_LOG_DIR") or Path(home) / "log" / "humanoid").expanduser()
    path = root / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}-{os.getpid()}"
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / "writable").write_bytes(b"1")
        (path / "writable").unlink()
    except OSError as error:
        raise HumanoidError(
            f"cannot write logs to {path}: {error.strerror}; free some space, or name another "
            "directory in HUMANOID_LOG_DIR",
            Exit.ENVIRONMENT,
        ) from error
    _delete_oldest(root)
    return path


def _delete_oldest(root: Path) -> None:
    """Keep the newest KEPT_RUNS runs; only files that a run writes are ever deleted."""
    runs = sorted(path for path in root.glob("[0-9]*-[0-9]*-*-[0-9]*") if path.is_dir())
    for run in runs[:-KEPT_RUNS]:
        for pattern in ("*.log", "*.parameters.yaml"):
            for path in run.glob(pattern):
                path.unlink(missing_ok=True)
        try:
            run.rmdir()
        except OSError:  # the user put something there: it stays
            continue


def _spawn(spec: NodeSpec, arguments: list[str], directory: Path) -> _Child:
    log = directory / f"{spec.name}.log"
    parent = os.getpid()
    death_signal = signal.SIGTERM if spec.owns_actuators else signal.SIGKILL

    def die_with_parent() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    with log.open("ab") as output:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **_ros_logs(directory), **spec.environment},
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    return _Child(spec, process, log, log.open("rb"))


def _ros_logs(directory: Path) -> dict[str, str]:
    """Sends the log files that rclpy writes by itself into the same directory."""
    return {"ROS_LOG_DIR": str(directory)}


def _terminate(child: _Child, grace: float) -> None:
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        if child.process.poll() is not None and number == signal.SIGTERM:
            continue
        try:  # the whole session: a node may have children of its own
            os.killpg(child.process.pid, number)
        except ProcessLookupError:
            return
        try:
            child.process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        if not _group_alive(child.process.pid):
            return


def _group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _ended(child: _Child) -> Ended:
    code = child.process.returncode
    return Ended(child.spec.name, -9 if code is None else code, child.log, tail(child.log))


def tail(log: Path, lines: int = 8) -> tuple[str, ...]:
    """The last lines of a file, at most 8 KiB of it."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 8192))
            text = stream.read().decode(errors="replace")
    except OSError:
        return ()
    return tuple(line for line in text.splitlines() if line.strip())[-lines:]
