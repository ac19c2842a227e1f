"""One whole-body tick against tsid, a C++ library, on the same recorded states.

A robot stands on its own estimate, is pushed, squats, and shifts and turns its body; then it walks
forward in a curve. Its states are recorded. Ours and tsid's then solve the same problem on each of
them: model update, assembly and quadratic program, with 6-D contacts with friction for the feet
that carry, torque limits, CoM, torso orientation and posture, and the pose of a foot that swings.
They run in turn, block by block, each in its own process and tsid in its own environment, which is
made on first use.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pinocchio as pin
from _wbc_states import COM_GAINS, SUPPORTS, States, record

from humanoid_bringup import console
from humanoid_bringup.arguments import positive
from humanoid_bringup.errors import HumanoidError
from humanoid_control.whole_body import (
    MomentumTask,
    OrientationTask,
    PoseTask,
    WholeBody,
    WholeBodyConfig,
)
from humanoid_description.dynamics import pinocchio_model, standing_configuration
from humanoid_description.robot import RobotDescription

NAME = "wbc-tick"
SUMMARY = "whole-body tick: update, assembly, QP; median, and ratio to tsid (C++)"
BARS = {
    "ratio": "<= 1 (goal 0.75) of tsid's median",
    "walking_ratio": "<= 1",
    "walking_median_us": "<= 250",
}
WALKING_LIMIT = 250.0  # [us]

PEER = Path(__file__).parent / "peers" / "tsid"
BLOCK = 50  # states solved by one before it is the other's turn: both see the same machine
#: Gains and weights of the common problem: [1/s^2], [1/s], and the cost of squared errors.
GAINS = {
    "com": (*COM_GAINS, 10.0),
    "torso": (100.0, 20.0, 1.0),
    "posture": (50.0, 10.0, 0.1),
    "swing": (400.0, 40.0, 10.0),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1", help="robot (default: %(default)s)")
    parser.add_argument("--rounds", type=positive, default=4.0, help="over all states (default: 4)")
    parser.add_argument("--alone", action="store_true", help="without tsid: no ratio, no bar")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Medians and 99th percentiles of both, and their ratio, standing and walking."""
    robot, *motions = record(arguments.robot)
    rounds = int(arguments.rounds)
    figures: dict[str, object] = {}
    for states in motions:
        figures |= _compare(robot, states, rounds, arguments.alone)
    fast = figures["walking_median_us"] <= WALKING_LIMIT
    met = arguments.alone or max(figures["ratio"], figures["walking_ratio"]) <= 1.0
    return {**figures, "ok": fast and met}


def _compare(robot: RobotDescription, states: States, rounds: int, alone: bool) -> dict[str, Any]:
    what = "walking_" if states.walking else ""
    ours = Ours(robot, states)
    times: dict[str, list[float]] = {"": [], "tsid_": []}
    with tempfile.TemporaryDirectory() as folder:
        peer = None if alone else Peer(robot, states, Path(folder))
        for number in range(rounds):
            for first in range(0, len(states), BLOCK):
                last = min(first + BLOCK, len(states))
                times[""] += ours.block(first, last)
                if peer is not None:
                    times["tsid_"] += peer.block(first, last)
            console.live(f"wbc-tick: {what[:-1] or 'standing'}, round {number + 1}")
        if peer is not None:
            peer.close()
    figures: dict[str, Any] = {f"{what}states": len(states)}
    for name, values in times.items():
        if values:
            figures[f"{what}{name}median_us"] = float(np.median(values))
            figures[f"{what}{name}p99_us"] = float(np.percentile(values, 99))
    if not alone:
        figures[f"{what}ratio"] = float(np.median(times[""]) / np.median(times["tsid_"]))
    return figures


class Ours:
    """Our side of the common problem."""

    def __init__(self, robot: RobotDescription, states: States) -> None:
        model = pinocchio_model(robot)
        self._states = states
        whole = self._whole = WholeBody(robot, model, WholeBodyConfig())
        body = whole.update(standing_configuration(robot, model), np.zeros(model.nv))
        self._posture = body.q[7:].copy()
        weight = np.full(3, GAINS["com"][2]) / body.mass**2
        self._momentum = MomentumTask(np.concatenate((weight, np.zeros(3))))
        stiffness, damping, cost = GAINS["torso"]
        frame = model.getFrameId(robot.frames["torso"])
        self._torso = OrientationTask(frame, np.full(3, cost), stiffness, damping)
        stiffness, damping, cost = GAINS["swing"]
        links = [model.getFrameId(foot.link) for foot in robot.feet]
        self._swings = [PoseTask(link, np.full(6, cost), stiffness, damping) for link in links]
        both = (self._momentum, self._torso)
        self._tasks = [both, *((*both, swing) for swing in reversed(self._swings))]
        whole.posture_weight = np.full(len(robot.joints), GAINS["posture"][2])

    def tick(self, row: int) -> np.ndarray:
        """Joint torques, shape (joints,), [N m]."""
        whole, states, support = self._whole, self._states, self._states.support[row]
        q, v = states.q[row], states.v[row]
        body = whole.update(q, v)
        stiffness, damping, _ = GAINS["com"]
        pull = stiffness * (states.com[row] - body.com) - damping * body.com_velocity
        self._momentum.linear[:] = body.mass * pull
        self._torso.target = states.torso[row]
        stiffness, damping, _ = GAINS["posture"]
        whole.posture_command = stiffness * (self._posture - q[7:]) - damping * v[6:]
        tasks = self._tasks[support]
        if support:
            tasks[-1].target = pin.SE3(states.swing[row])
        return whole.solve(SUPPORTS[support], tasks).torque

    def block(self, first: int, last: int) -> list[float]:
        """Times [us] of the states from `first` to before `last`."""
        times = []
        for row in range(first, last):
            start = time.perf_counter_ns()
            self.tick(row)
            times.append((time.perf_counter_ns() - start) * 1e-3)
        return times


class Peer:
    """tsid, in a process and an environment of its own."""

    def __init__(self, robot: RobotDescription, states: States, folder: Path) -> None:
        urdf, problem, rows = folder / "robot.urdf", folder / "problem.json", folder / "states.npz"
        urdf.write_text(robot.urdf, encoding="utf-8")
        problem.write_text(json.dumps(_problem(robot, str(urdf))), encoding="utf-8")
        np.savez(rows, **vars(states))
        command = [str(_environment()), str(PEER / "tick.py"), str(problem), str(rows)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_clean()
        )
        self._answer("ready")

    def block(self, first: int, last: int) -> list[float]:
        """Times [us] of the states from `first` to before `last`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{first} {last}\n")
        self._process.stdin.flush()
        times: list[float] = json.loads(self._answer("["))
        return times

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self, start: str) -> str:
        """The next line that starts so; tsid prints empty ones in between."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(start):
                return line
        raise HumanoidError("tsid ended early: its last words are above")


def _problem(robot: RobotDescription, urdf: str) -> dict[str, object]:
    """The common problem as tsid's side reads it."""
    model = pinocchio_model(robot)
    if robot.locked:
        raise HumanoidError(f"wbc-tick: {robot.name} has locked joints, which tsid does not merge")
    config = WholeBodyConfig()
    whole = WholeBody(robot, model, config)
    body = whole.update(standing_configuration(robot, model), np.zeros(model.nv))
    feet = [
        {"name": foot.name, "frame": foot.link, "points": (foot.points + foot.origin).tolist()}
        for foot in robot.feet
    ]
    gains = {
        f"{name}_{what}": value
        for name, values in GAINS.items()
        for what, value in zip(("stiffness", "damping", "weight"), values, strict=True)
    }
    return {
        "urdf": urdf,
        "effort": (config.effort_scale * robot.column("effort")).tolist(),
        "armature": robot.column("armature").tolist(),
        "feet": feet,
        "friction": config.friction,
        "force_min": config.force_min,
        "force_weight": config.force_weight,
        "contact_damping": config.contact_damping,
        "weight": body.mass * -float(body.gravity[2]),
        "supports": SUPPORTS,
        "torso": robot.frames["torso"],
        "posture": body.q[7:].tolist(),
        **gains,
    }


def _environment() -> Path:
    """The Python of tsid's environment, made on first use beside ours."""
    wanted = PEER / "requirements.txt"
    mark = hashlib.sha256(wanted.read_bytes()).hexdigest()[:12]
    place = Path(sys.prefix) / "peers" / f"tsid-{mark}"
    python = place / "bin" / "python"
    done = place / "complete"
    if not done.exists():
        console.say(f"wbc-tick: making tsid's environment in {place} (once)")
        install = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes"]
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(place)],
            [*install, "-r", str(wanted)],
        ):
            if subprocess.run(command, env=_clean()).returncode != 0:
                raise HumanoidError(f"wbc-tick: {' '.join(command)} failed; --alone runs without")
        done.touch()
    return python


def _clean() -> dict[str, str]:
    """Our environment variables without our packages, and with one thread for linear algebra."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "LD_LIBRARY_PATH")}
    return {**kept, "OMP_NUM_THREADS": "1"}
