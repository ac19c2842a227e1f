"""Whether one seed gives one byte sequence: two recorded lock-step runs, compared bit for bit.

Each run is the whole graph over DDS, with sensor noise from the seed, recorded from its first
sample on. Messages are compared by the stamp of the sample they belong to, up to the last sample
but one of the shorter run: it may have ended before the answer to its last. A message that only one
of the runs has is a difference.
"""

import argparse
import subprocess
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from _running import own_domain

from humanoid_bringup.arguments import positive, whole
from humanoid_bringup.bags.bag import Bag
from humanoid_bringup.bags.fields import stamp_of
from humanoid_bringup.errors import HumanoidError

NAME = "determinism"
SUMMARY = "two lock-step runs with one seed: samples, states and commands bit by bit"
BARS = {"differing_messages": "0", "missing_messages": "0"}

#: What a cycle consists of.
TOPICS = ("/joint_states", "/imu/data", "/wrench/*", "/robot_state", "/joint_commands")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1")
    parser.add_argument("--seconds", type=positive, default=10.0, help="simulated (default: 10)")
    parser.add_argument("--seed", type=whole(0), default=7)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run twice and compare."""
    own_domain()
    with tempfile.TemporaryDirectory(prefix="humanoid-determinism-") as directory:
        bags = (_recorded(arguments, Path(directory) / name) for name in ("first", "second"))
        return compare(*(_messages(bag) for bag in bags))


Messages = dict[tuple[int, str], bytes]  # (stamp [ns], topic) -> serialised message


def compare(first: Messages, second: Messages) -> dict[str, Any]:
    """The figures of two runs."""
    last = min(sorted({stamp for stamp, _ in run})[-2] for run in (first, second))
    expected = sorted(key for key in first.keys() | second.keys() if key[0] <= last)
    common = [key for key in expected if key in first and key in second]
    differing = [key for key in common if first[key] != second[key]]
    missing = len(expected) - len(common)
    commands = sum(topic == "/joint_commands" for _, topic in common)
    return {
        "ok": commands > 0 and not differing and not missing,
        "differing_messages": len(differing),
        "missing_messages": missing,
        "compared_messages": len(common),
        "compared_commands": commands,
        "first_difference": "{1} at {0} ns".format(*differing[0]) if differing else None,
    }


def _messages(bag: Path) -> Messages:
    with Bag(bag) as recorded:
        return {
            (stamp_of(message.data), message.topic): message.data
            for message in recorded.messages([t for t in recorded.topics if _wanted(t)])
        }


def _wanted(topic: str) -> bool:
    return any(fnmatchcase(topic, pattern) for pattern in TOPICS)


def _recorded(arguments: argparse.Namespace, bag: Path) -> Path:
    """Record a standing robot. Raises HumanoidError when it does not stand."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "humanoid_bringup.cli", "sim", "--robot", arguments.robot),
            *("--seconds", str(arguments.seconds), "--seed", str(arguments.seed)),
            *("--record", str(bag), "--json"),
        ],
        stdout=subprocess.DEVNULL,
    )
    if done.returncode:
        raise HumanoidError(f"the run ended with exit code {done.returncode}")
    return bag
