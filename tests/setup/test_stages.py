"""What set-up does again, and when."""

import fcntl
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

ALL = ["environment", "wheels", "interfaces", "packages"]


class Setup:
    """The real order, stamps and lock; the stages only note their names and may fail."""

    def __init__(self, script: ModuleType) -> None:
        self.script = script
        self.done: list[str] = []
        self.failing = ""
        self.machine = script.Machine({"PATH": os.environ["PATH"]})
        for name, action in (
            ("environment", "make_environment"),
            ("wheels", "install_wheels"),
            ("interfaces", "build_interfaces"),
            ("packages", "install_packages"),
        ):
            setattr(script, action, lambda job, name=name: self.act(name))
        script.Job.install = lambda job, lock, *options: self.act(lock.stem)

    def act(self, name: str) -> None:
        self.done.append(name)
        if name == self.failing:
            raise self.script.SetupError("it failed")
        if name == "environment":
            self.script.remove(self.machine)
            self.machine.state.mkdir(parents=True)
            self.machine.python.parent.mkdir()
            self.machine.python.symlink_to(sys.executable)

    def run(self, *extras: str) -> list[str]:
        self.done = []
        self.script.prepare(self.machine, extras)
        return self.done


@pytest.fixture
def setup(script: ModuleType) -> Setup:
    return Setup(script)


def test_the_first_start_does_every_stage_in_order(setup: Setup) -> None:
    assert setup.run() == ALL


def test_the_second_start_does_nothing(setup: Setup) -> None:
    setup.run()
    assert setup.run() == []


@pytest.mark.parametrize(
    ("changed", "redone"),
    [
        ("requirements/bootstrap.txt", ALL),
        ("requirements/wheels.txt", ALL),
        ("requirements/system.txt", []),
        ("requirements/dev.txt", []),
        ("src/humanoid_interfaces/msg/A.msg", ["interfaces"]),
        ("src/humanoid_interfaces/msg/New.msg", ["interfaces"]),
        ("src/humanoid_hal/setup.py", ["packages"]),
        ("src/humanoid_hal/humanoid_hal/new.py", ["packages"]),
        ("config/robot.yaml", ["packages"]),
        ("launch/new.launch.py", ["packages"]),
        ("src/humanoid_hal/humanoid_hal/__pycache__/a.pyc", []),
        ("README.md", []),
    ],
)
def test_a_changed_file_redoes_what_is_made_from_it(
    setup: Setup, checkout: Path, changed: str, redone: list[str]
) -> None:
    setup.run()
    path = checkout / changed
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("changed\n")
    assert setup.run() == redone
    assert setup.run() == []


def test_a_removed_file_and_a_changed_mode_count_as_changes(setup: Setup, checkout: Path) -> None:
    setup.run()
    (checkout / "src/humanoid_control/setup.py").unlink()
    assert setup.run() == ["packages"]
    (checkout / "src/humanoid_hal/setup.py").chmod(0o755)
    assert setup.run() == ["packages"]


@pytest.mark.parametrize("failing", ALL)
def test_a_failed_stage_is_redone_and_those_before_it_are_not(setup: Setup, failing: str) -> None:
    setup.failing = failing
    with pytest.raises(setup.script.SetupError, match="it failed"):
        setup.run()
    setup.failing = ""
    assert setup.run() == ALL[ALL.index(failing) :]


def test_tools_for_tests_come_only_when_asked_for(setup: Setup, checkout: Path) -> None:
    setup.run()
    assert setup.run("dev") == ["dev"]
    assert setup.run("dev") == []
    (checkout / "requirements/dev.txt").write_text("newer==2\n")
    assert setup.run() == []
    assert setup.run("dev") == ["dev"]


def test_an_environment_whose_python_is_gone_is_made_again(setup: Setup) -> None:
    setup.run()
    setup.machine.python.unlink()
    assert setup.run() == ALL


def test_an_environment_whose_python_became_another_is_made_again(
    setup: Setup, tmp_path: Path
) -> None:
    setup.run()
    (tmp_path / "python3.99").touch()
    setup.machine.python.unlink()
    setup.machine.python.symlink_to(tmp_path / "python3.99")
    assert setup.run() == ALL


def test_a_half_written_stamp_is_no_stamp(setup: Setup) -> None:
    setup.run()
    stamp = setup.machine.state / "packages.stamp"
    stamp.write_text(stamp.read_text()[:10])
    assert setup.run() == ["packages"]


def test_a_directory_that_set_up_did_not_make_is_never_removed(setup: Setup) -> None:
    setup.machine.venv.mkdir()
    (setup.machine.venv / "thesis.tex").write_text("ten years of work")
    with pytest.raises(
        setup.script.SetupError, match=r"\.venv is not an environment.*HUMANOID_VENV"
    ):
        setup.run()
    assert (setup.machine.venv / "thesis.tex").exists()


def test_clean_removes_the_environment(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", setup.machine.environ)
    setup.run()
    assert setup.script.run(["clean"]) == 0
    assert not setup.machine.venv.exists()
    assert setup.script.run(["clean"]) == 0


SLOW_SETUP = """
import importlib.machinery, importlib.util, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background job
loader = importlib.machinery.SourceFileLoader("script", sys.argv[1])
script = importlib.util.module_from_spec(importlib.util.spec_from_loader("script", loader))
loader.exec_module(script)

def make(job):
    script.remove(job.machine)
    job.machine.state.mkdir(parents=True)
    job.machine.python.parent.mkdir()
    job.machine.python.symlink_to(sys.executable)
    job.open_log()

def act(name, wait=0):
    def action(job):
        print(name, flush=True)
        job.run(["sleep", wait])
    return action

script.make_environment = make
script.install_wheels = act("wheels")
script.build_interfaces = act("interfaces", sys.argv[2])
script.install_packages = act("packages")
sys.exit(script.main(["setup"]))
"""


def start(checkout: Path, wait: float) -> "subprocess.Popen[str]":
    """Set-up in a process of its own; its third stage runs a program for `wait` seconds."""
    command = [sys.executable, "-c", textwrap.dedent(SLOW_SETUP), str(checkout / "humanoid")]
    env = {"PATH": os.environ["PATH"], "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1"}
    return subprocess.Popen(
        [*command, str(wait)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_set_up_killed_in_the_middle_goes_on_from_there(
    checkout: Path, number: int, code: int
) -> None:
    process = start(checkout, 600 if number != signal.SIGKILL else 5)
    assert process.stdout
    assert [process.stdout.readline() for _ in range(2)] == ["wheels\n", "interfaces\n"]
    process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == code
    assert "Traceback" not in errors
    again = start(checkout, 0)
    output, _ = again.communicate()
    assert again.returncode == 0
    assert output.split("ready")[0] == "interfaces\npackages\n"


def test_a_second_set_up_waits_for_the_first_and_finds_its_work_done(
    setup: Setup, checkout: Path
) -> None:
    with open(f"{setup.machine.venv}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = start(checkout, 0)
        assert process.stderr
        assert "another set-up is under way" in process.stderr.readline()
        setup.act("environment")
        for index in range(4):
            setup.script.stages(setup.machine)[index].finish()
    output, _ = process.communicate()
    assert output.startswith("ready")
