"""How long it takes from the command to a standing robot, once everything is set up."""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from _running import own_domain

from humanoid_bringup.arguments import whole
from humanoid_bringup.errors import HumanoidError

NAME = "startup"
SUMMARY = "from `./humanoid sim` to a standing robot, second start"
BARS = {"median_s": "< 15"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--runs", type=whole(1), default=3)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Start, wait until it stands, stop; several times."""
    own_domain()
    times = []
    for _ in range(arguments.runs):
        done = subprocess.run(
            [*_command(), "sim", "--seconds", "0.1", "--json"], stdout=subprocess.PIPE, text=True
        )
        if done.returncode != 0:
            raise HumanoidError(f"the start failed with exit code {done.returncode}")
        times.append(json.loads(done.stdout.splitlines()[-1])["reached_after_s"])
    median = statistics.median(times)
    return {"ok": median < 15.0, "median_s": median, "max_s": max(times), "runs": len(times)}


def _command() -> list[str]:
    """The checkout's script where there is one: it is part of what a user waits for."""
    script = Path(__file__).resolve().parents[1] / "humanoid"
    installed = shutil.which("humanoid")
    if script.is_file():
        return [str(script)]
    return [installed] if installed else [sys.executable, "-m", "humanoid_bringup.cli"]
