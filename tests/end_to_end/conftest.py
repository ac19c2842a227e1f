"""The graph as a user starts it: the command line as a process, in a domain of its own."""

import ctypes
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from humanoid_bringup.graph import CONTROL, HAL, PERCEPTION

#: [s] Bound of every wait here; what is waited for takes seconds on a quiet machine.
PATIENCE = 120.0

_domains = itertools.count(os.getpid() * 13)


def wait_for(condition, what):
    """Poll until `condition()` is true; only that it comes is asserted, not when."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)
    return value


def alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def end_with_this_process():
    """Ask the kernel for SIGTERM when the test run is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Graph:
    """A `humanoid` command that was started in the background, and the domain it runs in."""

    def __init__(self, directory, *arguments):
        if arguments[0] == "sim" and "--composed" not in arguments:
            arguments = (*arguments, "--no-composed")  # these tests look at each node's process
        self.log = directory / "output.txt"
        self.logs = directory / "logs"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "humanoid_bringup.cli", *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "HUMANOID_LOG_DIR": str(self.logs)},
                start_new_session=True,
                preexec_fn=end_with_this_process,
            )

    def output(self):
        return self.log.read_text(errors="replace")

    def wait_for_output(self, text):
        wait_for(lambda: text in self.output() or self.process.poll() is not None, text)
        assert text in self.output(), self.output()

    def end(self, number=signal.SIGINT):
        """Signal the command and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def close(self):
        """End the command; no node may be left."""
        self.end(signal.SIGTERM)
        assert not [pid for pid in self.nodes().values() if alive(pid)]

    def nodes(self):
        """Node name -> process id, by the parameter file each of them was given."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            for name in (HAL, PERCEPTION, CONTROL, "humanoid_graph"):
                ours = any(
                    word.startswith(str(self.logs)) and f"{name}.param" in word for word in words
                )
                if ours:
                    found[name] = int(path.parent.name)
        return found


def enter_domain(monkeypatch):
    """Set a ROS_DOMAIN_ID that no other test and no other test run uses now."""
    monkeypatch.setenv("ROS_DOMAIN_ID", str(1 + next(_domains) % 100))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


@pytest.fixture
def domain(monkeypatch):
    """A domain of this test's own."""
    enter_domain(monkeypatch)


@pytest.fixture
def start(domain, tmp_path):
    """Starts a `humanoid` command in the background; it is ended after the test."""
    started = []

    def run(*arguments):
        directory = tmp_path / f"command{len(started)}"
        directory.mkdir()
        started.append(Graph(directory, *arguments))
        return started[-1]

    yield run
    for graph in started:
        graph.close()


@pytest.fixture
def own_robot(start):
    """A robot that stands, for tests that do not leave it standing."""
    graph = start("sim")
    graph.wait_for_output("standing after")
    return graph


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """A robot that stands, for the tests of a module that leave it standing."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        enter_domain(monkeypatch)
        graph = Graph(tmp_path_factory.mktemp("standing"), "sim")
        try:
            graph.wait_for_output("standing after")
            yield graph
        finally:
            graph.close()


def humanoid(*arguments):
    """Run one command to its end; exit code, stdout, stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "humanoid_bringup.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout, done.stderr


def healthcheck():
    """Exit code of the containers' health check, in this environment."""
    entrypoint = Path(__file__).parents[2] / "docker" / "entrypoint.sh"
    return subprocess.run(
        [entrypoint, "healthcheck"], env={**os.environ, "HUMANOID_VENV": sys.prefix}
    ).returncode


def answer(*arguments):
    """Run one command with --json; exit code and its last line as data."""
    code, shown, errors = humanoid(*arguments, "--json")
    assert shown, errors
    return code, json.loads(shown.splitlines()[-1])
