"""Promises of the nodes' main, in processes of their own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

NODE = """
import sys, time
from humanoid_runtime.main import run_node, stopping

class Shell:
    def run(self):
        print("running", flush=True)
        {body}

    def close(self):
        print("closed", flush=True)
        {close}

sys.exit(run_node(Shell))
"""
WAIT = "while not stopping(): time.sleep(0.01)"


def start(tmp_path: Path, body: str, close: str = "pass") -> subprocess.Popen[str]:
    script = tmp_path / "node.py"
    script.write_text(NODE.format(body=body, close=close))
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HUMANOID_DEBUG": ""},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    return process


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it printed since; unlike `communicate`, with what `readline` has buffered."""
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors = process.stdout.read(), process.stderr.read()
    process.wait(20)
    return output, errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_closes_the_node_and_exits_0(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, WAIT)
    process.send_signal(number)
    output, errors = finish(process)
    assert (process.returncode, output, errors) == (0, "closed\n", "")


def test_a_second_signal_during_clean_up_changes_nothing(tmp_path: Path) -> None:
    process = start(tmp_path, WAIT, close="time.sleep(0.5); print('clean', flush=True)")
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stdout.readline() == "closed\n"
    process.send_signal(signal.SIGINT)
    output, _ = finish(process)
    assert (process.returncode, output) == (0, "clean\n")


def test_an_error_closes_the_node_says_one_line_and_exits_1(tmp_path: Path) -> None:
    process = start(tmp_path, "raise RuntimeError('the port is gone')")
    output, errors = finish(process)
    assert (process.returncode, output, errors) == (1, "closed\n", "error: the port is gone\n")


def test_an_error_while_closing_is_reported_too(tmp_path: Path) -> None:
    process = start(tmp_path, WAIT, close="raise RuntimeError('torque still on')")
    process.send_signal(signal.SIGTERM)
    _, errors = finish(process)
    assert (process.returncode, errors) == (1, "error: torque still on\n")
