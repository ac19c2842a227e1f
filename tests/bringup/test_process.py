"""The supervision of node processes, with tiny programs in the place of the nodes."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from humanoid_bringup import process
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.graph import NodeSpec

READY = "echo ready; "


def wait_for(condition, seconds=20.0):
    """Poll until `condition()` is true; how long that takes is not asserted, only that it comes."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)
    return value


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def prefix(tmp_path, monkeypatch):
    """An ament prefix in which nodes can be written as shell scripts."""
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))

    def install(name, script):
        path = tmp_path / "prefix" / "lib" / "fake" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n" + textwrap.dedent(script))
        path.chmod(0o755)
        return NodeSpec("fake", name, name)

    return install


@pytest.fixture
def run_directory(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    return path


def ready(run_directory, *names):
    wait_for(lambda: all("ready" in (run_directory / f"{n}.log").read_text() for n in names))


def test_a_node_is_told_its_name_namespace_remappings_and_parameters(prefix, run_directory):
    prefix("node", "")
    spec = NodeSpec(
        "fake",
        "node",
        "humanoid_hal",
        {"paced": True, "period": 1e-5, "text": "1", "seed": 3},
        remappings=(("imu/data", "imu/filtered"),),
        namespace="robot1",
    )
    arguments = process.command(spec, run_directory)
    assert arguments[1:-1] == [
        *("--ros-args", "-r", "__node:=humanoid_hal", "-r", "__ns:=/robot1"),
        *("-r", "imu/data:=imu/filtered", "--params-file"),
    ]
    written = yaml.safe_load(Path(arguments[-1]).read_text())
    assert written == {
        "/**": {"ros__parameters": {"paced": True, "period": 1e-5, "text": "1", "seed": 3}}
    }


def test_the_first_prefix_that_has_the_node_wins(prefix, tmp_path, monkeypatch):
    spec = prefix("node", "")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{tmp_path / 'empty'}:{tmp_path / 'prefix'}")
    assert process.executable(spec) == tmp_path / "prefix" / "lib" / "fake" / "node"


def test_a_node_that_is_not_installed_is_refused_with_the_next_step(prefix, run_directory):
    good = prefix("good", "sleep 60")
    with process.Processes([good, NodeSpec("fake", "absent", "absent")], run_directory) as running:
        with pytest.raises(HumanoidError, match="is not installed") as caught:
            running.start()
        assert running.pids() == {}
    assert caught.value.code == Exit.ENVIRONMENT


def test_nodes_are_stopped_in_reverse_order_by_sigterm(prefix, run_directory, tmp_path):
    script = "trap 'echo NAME >> {}; exit 0' TERM; {} while :; do sleep 0.01; done"
    order = tmp_path / "order"
    specs = [
        prefix(name, script.format(order, READY).replace("NAME", name))
        for name in ("hal", "perception", "control")
    ]
    running = process.Processes(specs, run_directory)
    running.start()
    ready(run_directory, "hal", "perception", "control")
    ended = running.stop()
    assert order.read_text().split() == ["control", "perception", "hal"]
    assert [(end.node, end.code) for end in ended] == [
        ("control", 0),
        ("perception", 0),
        ("hal", 0),
    ]


def test_a_node_that_ignores_sigterm_is_killed_after_the_grace_time(
    prefix, run_directory, monkeypatch
):
    monkeypatch.setattr(process, "GRACE", 0.05)
    spec = prefix("deaf", f"trap '' TERM; {READY} while :; do sleep 0.01; done")
    running = process.Processes([spec], run_directory)
    running.start()
    ready(run_directory, "deaf")
    (ended,) = running.stop()
    assert ended.code == -signal.SIGKILL
    assert not ended.clean


def test_an_orderly_end_is_clean_and_an_error_on_the_way_is_not(prefix, run_directory):
    specs = [
        prefix(name, f"trap 'exit {code}' TERM; {READY} while :; do sleep 0.01; done")
        for name, code in (("good", 0), ("bad", 1))
    ]
    specs.append(prefix("starting", f"{READY} exec sleep 60"))
    running = process.Processes(specs, run_directory)
    running.start()
    ready(run_directory, "good", "bad", "starting")
    assert {end.node: end.clean for end in running.stop()} == {
        "good": True,
        "bad": False,
        "starting": True,
    }


def test_children_of_a_node_do_not_survive_it(prefix, run_directory, tmp_path):
    pid_file = tmp_path / "pid"
    spec = prefix("parent", f"(trap '' TERM; sleep 60) & echo $! > {pid_file}; {READY} wait")
    running = process.Processes([spec], run_directory)
    running.start()
    ready(run_directory, "parent")
    running.stop()
    wait_for(lambda: not alive(int(pid_file.read_text())))


def test_a_node_that_ends_is_reported_with_code_log_and_last_lines(prefix, run_directory):
    specs = [prefix("healthy", "sleep 60"), prefix("broken", "echo no such port; exit 7")]
    with process.Processes(specs, run_directory) as running:
        running.start()
        ended = wait_for(running.failed)
        assert (ended.node, ended.code, ended.tail) == ("broken", 7, ("no such port",))
        assert str(ended) == (
            f"broken ended with exit code 7; its log: {run_directory / 'broken.log'}"
        )


def test_an_exit_code_of_zero_is_an_end_too(prefix, run_directory):
    with process.Processes([prefix("done", "exit 0")], run_directory) as running:
        running.start()
        assert wait_for(running.failed).code == 0


def test_a_killed_node_is_reported_with_the_signals_name(prefix, run_directory):
    with process.Processes([prefix("node", "sleep 60")], run_directory) as running:
        running.start()
        os.kill(running.pids()["node"], signal.SIGKILL)
        assert "was killed by SIGKILL" in str(wait_for(running.failed))


def test_output_is_passed_on_line_by_line_with_the_nodes_name(prefix, run_directory):
    lines = []
    specs = [prefix("node", "printf 'one\\ntwo\\nunfinished'; exec sleep 60")]
    with process.Processes(specs, run_directory, echo=lambda *line: lines.append(line)) as running:
        running.start()
        wait_for(lambda: running.failed() or len(lines) == 2)
        assert lines == [("node", "one"), ("node", "two")]


def test_a_node_that_is_not_essential_may_end_and_is_named_once(prefix, run_directory):
    onlooker = replace(prefix("onlooker", "exit 3"), essential=False)
    with process.Processes([onlooker, prefix("node", "sleep 60")], run_directory) as running:
        running.start()
        (ended,) = wait_for(running.gone)
        assert (ended.node, ended.code) == ("onlooker", 3)
        assert running.failed() is None
        assert running.gone() == []


def test_a_ctrl_c_of_the_terminal_does_not_reach_the_nodes(prefix, run_directory):
    with process.Processes([prefix("node", "sleep 60")], run_directory) as running:
        running.start()
        assert os.getpgid(running.pids()["node"]) != os.getpgid(0)


@pytest.mark.parametrize("owns_actuators", [False, True])
def test_no_node_outlives_a_supervisor_that_is_killed(
    prefix, run_directory, tmp_path, owns_actuators
):
    """Its owner of actuators gets SIGTERM, to send stop frames; every other one SIGKILL."""
    last_words = tmp_path / "last_words"
    script = "trap 'echo stop > {}; exit' TERM; {} while :; do sleep 0.01; done"
    prefix("node", script.format(last_words, READY))
    program = f"""
        import time
        from pathlib import Path
        from humanoid_bringup.graph import NodeSpec
        from humanoid_bringup.process import Processes
        spec = NodeSpec("fake", "node", "node", owns_actuators={owns_actuators})
        running = Processes([spec], Path({str(run_directory)!r}))
        running.start()
        print(running.pids()["node"], flush=True)
        time.sleep(60)
    """
    supervisor = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    )
    pid = int(supervisor.stdout.readline())
    ready(run_directory, "node")
    supervisor.kill()
    supervisor.communicate()
    wait_for(lambda: not alive(pid))
    assert last_words.exists() == owns_actuators


def test_logs_go_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("HUMANOID_LOG_DIR", str(tmp_path / "own"))
    assert process.new_run_directory("sim").parent == tmp_path / "own"
    monkeypatch.delenv("HUMANOID_LOG_DIR")
    monkeypatch.setenv("ROS_HOME", str(tmp_path / "ros"))
    assert process.new_run_directory("sim").parent == tmp_path / "ros" / "log" / "humanoid"


def test_a_log_directory_that_cannot_be_written_is_refused_with_the_next_step(
    tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HUMANOID_LOG_DIR", str(tmp_path / "file"))
    with pytest.raises(HumanoidError, match="HUMANOID_LOG_DIR") as caught:
        process.new_run_directory("sim")
    assert caught.value.code == Exit.ENVIRONMENT


def test_old_logs_are_deleted_and_files_of_the_user_stay(tmp_path, monkeypatch):
    monkeypatch.setenv("HUMANOID_LOG_DIR", str(tmp_path))
    for index in range(process.KEPT_RUNS + 2):
        run = tmp_path / f"20200101-{index:06d}-sim-1"
        run.mkdir()
        (run / "humanoid_hal.log").write_text("old")
    (tmp_path / "20200101-000001-sim-1" / "notes.txt").write_text("mine")
    newest = process.new_run_directory("sim")
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert len(kept) == process.KEPT_RUNS + 1
    assert newest.name in kept
    assert [p.name for p in (tmp_path / "20200101-000001-sim-1").iterdir()] == ["notes.txt"]


def test_the_tail_of_a_log_is_short_and_survives_binary_rubbish(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"\xff\xfe\n" * 10000 + b"last\n")
    assert len(process.tail(log)) == 8
    assert process.tail(log)[-1] == "last"
    assert process.tail(tmp_path / "absent") == ()
