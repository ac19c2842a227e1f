"""How fast the whole graph runs: three nodes over DDS in lock-step, as fast as they go, standing.

The real-time factor is simulated seconds per real second, from the moment the robot stands: once
as `humanoid sim` starts the graph, in one process, and once with a process per node.
"""

import argparse
import json
import subprocess
import sys
from typing import Any

from _running import own_domain

from humanoid_bringup.arguments import positive
from humanoid_bringup.errors import HumanoidError

NAME = "graph"
SUMMARY = "standing through the whole graph at 500 Hz, lock-step, free-running"
BARS = {"real_time_factor_ratio": ">= 1 (goal 3) on 2 cores"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1")
    parser.add_argument("--seconds", type=positive, default=30.0, help="simulated (default: 30)")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Stand for so long."""
    own_domain()
    one = _stand(arguments, "--composed")
    three = _stand(arguments, "--no-composed")
    factor = one["real_time_factor"] or 0.0
    return {
        "ok": bool(one["ok"] and three["ok"] and factor >= 1.0),
        "real_time_factor_ratio": factor,
        "separate_processes_ratio": three["real_time_factor"] or 0.0,
        "simulated_s": one["lasted_s"] + three["lasted_s"],
        "still_standing": one["ok"] and three["ok"],
    }


def _stand(arguments: argparse.Namespace, arrangement: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "humanoid_bringup.cli", "sim", "--robot", arguments.robot]
    command += ["--free-running", "--seconds", str(arguments.seconds), "--json", arrangement]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if not done.stdout:
        raise HumanoidError("the simulation did not start")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said
