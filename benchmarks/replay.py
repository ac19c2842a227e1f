"""Replay of recorded data: speed, equal bytes, and what the smallest change does.

A simulated robot stands for a while; its messages, repeated with later stamps, are a bag of ten
minutes at full rate. The estimator replays it on one core.
"""

import argparse
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from humanoid_bringup import console
from humanoid_bringup.arguments import positive
from humanoid_bringup.bags.bag import Bag
from humanoid_bringup.bags.session import Job
from humanoid_bringup.bags.session import run as replay
from humanoid_bringup.bags.simulated import record_simulation
from humanoid_bringup.bags.writer import BagWriter
from humanoid_bringup.locate import find_robot

NAME = "replay"
SUMMARY = "bags: speed of reading and replay, equal bytes, one ulp in a gain"
BARS = {
    "estimator_real_time_factor": ">= 5",
    "read_messages_per_s": ">= 50000",
    "differing_files": "0",
    "differing_between_pythons": "0 (skipped where there is no other Python)",
    "one_ulp_is_found": "True",
}

_STAMP = struct.Struct("<iI")
_STAMPED = ("/joint_states", "/imu/data", "/wrench/", "/robot_state", "/odom", "/joint_commands")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1")
    parser.add_argument("--seconds", type=positive, default=600.0, help="of the long bag")
    parser.add_argument("--simulated", type=positive, default=5.0, help="of it new (default: 5)")
    parser.add_argument("--python", default="", help="another Python with the stack installed")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure everything in a temporary directory."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        console.live("replay: simulating")
        record_simulation(base / "short", arguments.simulated, robot=arguments.robot, seed=1)
        console.live("replay: writing the long bag")
        _repeat(base / "short", base / "long", arguments.seconds)
        figures: dict[str, Any] = {"bag_s": arguments.seconds}
        with Bag(base / "long") as bag:
            begin = time.perf_counter()
            count = sum(1 for _ in bag.messages())
            figures["read_messages_per_s"] = count / (time.perf_counter() - begin)
            figures["messages"] = count
        console.live("replay: the estimator")
        begin = time.process_time()
        outcome = replay(Job(base / "long")).outcome
        figures["estimator_real_time_factor"] = outcome.speed
        figures["estimator_cpu_factor"] = outcome.seconds / (time.process_time() - begin)
        figures["differing_files"] = _differing(base)
        figures["differing_between_pythons"] = _other_python(base, arguments.python)
        figures["one_ulp_is_found"], figures["one_ulp_at"] = _one_ulp(base, arguments.robot)
    others = figures["differing_between_pythons"]
    figures["ok"] = (
        figures["estimator_real_time_factor"] >= 5.0
        and figures["read_messages_per_s"] >= 50_000
        and figures["differing_files"] == 0
        and (isinstance(others, str) or others == 0)
        and figures["one_ulp_is_found"]
    )
    return figures


def _repeat(source: Path, target: Path, seconds: float) -> None:
    """The bag `source` again and again until it is `seconds` long, with stamps that go on."""
    with Bag(source) as bag, BagWriter(target, custom=bag.custom) as writer:
        for topic in bag.topics.values():
            writer.add(topic)
        messages = list(bag.messages())
        lap = bag.end - bag.start + 2_000_000
        lap -= lap % 2_000_000
        for number in range(max(1, round(seconds * 1e9 / lap))):
            for message in messages:
                data = message.data
                if number and not message.topic.startswith(_STAMPED):
                    continue
                if number:
                    stamped = bytearray(data)
                    s, ns = _STAMP.unpack_from(data, 4)
                    stamp = s * 1_000_000_000 + ns + number * lap
                    _STAMP.pack_into(stamped, 4, *divmod(stamp, 1_000_000_000))
                    data = bytes(stamped)
                writer.write(message.topic, message.time + number * lap, data)


def _differing(base: Path) -> int:
    """Files that differ between two replays of the short bag through estimator and controller."""
    sums = [_replayed(sys.executable, base, f"run{number}") for number in range(2)]
    return sum(a != b for a, b in zip(*sums, strict=True))


def _other_python(base: Path, python: str) -> int | str:
    if not python:
        return "skipped: no other Python named (--python)"
    ours = _replayed(sys.executable, base, "ours")
    return sum(a != b for a, b in zip(ours, _replayed(python, base, "theirs"), strict=True))


def _replayed(python: str, base: Path, name: str) -> list[str]:
    """SHA-256 of the files that a replay in a fresh interpreter writes."""
    output = base / name / "out"
    command = [python, "-m", "humanoid_bringup.cli", "replay", str(base / "short")]
    command += ["--node", "estimator", "controller", "--output", str(output), "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ))
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(output.iterdir())]


def _one_ulp(base: Path, robot: str) -> tuple[bool, str]:
    """The next larger number in one gain of the controller, and what the check says."""
    file = find_robot(robot).parent / "control.yaml"
    content = (yaml.safe_load(file.read_text()) if file.is_file() else None) or {}
    from humanoid_control.config import ControlConfig

    part = content.setdefault("modes", {})
    value = float(part.get("blend", ControlConfig().modes.blend))
    part["blend"] = float(np.nextafter(value, np.inf))
    (base / "control.yaml").write_text(yaml.safe_dump(content))
    configs = {"control": base / "control.yaml"}
    verdict = replay(Job(base / "short", ("controller",), check=True, configs=configs)).verdict
    assert verdict is not None
    first = verdict.first
    return not verdict and first is not None, str(first)
