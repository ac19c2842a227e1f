"""One whole-body tick against tsid, a C++ library, on the same recorded states.

A standing robot is pushed, squats, and shifts and turns its body, on its own estimate; its states
are recorded. Ours and tsid's then solve the same problem on each of them: model update, assembly
and quadratic program, with two 6-D contacts with friction, torque limits, CoM, torso orientation
and posture. They run in turn, block by block, each in its own process and tsid in its own
environment, which is made on first use.
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

import numpy as np

from humanoid_bringup import console
from humanoid_bringup.arguments import positive
from humanoid_bringup.closed_loop import ClosedLoop, Tick
from humanoid_bringup.errors import HumanoidError
from humanoid_control.anatomy import ready_height
from humanoid_control.whole_body import MomentumTask, OrientationTask, WholeBody, WholeBodyConfig
from humanoid_description.dynamics import pinocchio_model, standing_configuration
from humanoid_description.robot import RobotDescription

NAME = "wbc-tick"
SUMMARY = "whole-body tick: update, assembly, QP; median, and ratio to tsid (C++)"
BARS = {"ratio": "<= 1 (goal 0.75) of tsid's median"}

PEER = Path(__file__).parent / "peers" / "tsid"
BLOCK = 50  # states solved by one before it is the other's turn: both see the same machine
#: Gains and weights of the common problem: [1/s^2], [1/s], and the cost of squared errors.
GAINS = {"com": (30.0, 10.0, 10.0), "torso": (100.0, 20.0, 1.0), "posture": (50.0, 10.0, 0.1)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1", help="robot (default: %(default)s)")
    parser.add_argument("--rounds", type=positive, default=4.0, help="over all states (default: 4)")
    parser.add_argument("--alone", action="store_true", help="without tsid: no ratio, no bar")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Medians and 99th percentiles of both, and their ratio."""
    robot, states = record(arguments.robot)
    ours = Ours(robot, states)
    times: dict[str, list[float]] = {"": [], "tsid_": []}
    with tempfile.TemporaryDirectory() as folder:
        peer = None if arguments.alone else Peer(robot, states, Path(folder))
        for number in range(int(arguments.rounds)):
            for first in range(0, len(states), BLOCK):
                last = min(first + BLOCK, len(states))
                times[""] += ours.block(first, last)
                if peer is not None:
                    times["tsid_"] += peer.block(first, last)
            console.live(f"wbc-tick: round {number + 1}")
        if peer is not None:
            peer.close()
    figures: dict[str, object] = {"states": len(states)}
    for name, values in times.items():
        if values:
            figures[f"{name}median_us"] = float(np.median(values))
            figures[f"{name}p99_us"] = float(np.percentile(values, 99))
    if arguments.alone:
        return {**figures, "ok": True}
    ratio = float(np.median(times[""]) / np.median(times["tsid_"]))
    return {**figures, "ratio": ratio, "ok": ratio <= 1.0}


def record(name: str) -> tuple[RobotDescription, np.ndarray]:
    """The robot, and rows of q and v at every second sample of 8 s."""
    loop = ClosedLoop(name, seed=1)
    rows: list[np.ndarray] = []

    def observe(tick: Tick) -> None:
        rows.append(np.concatenate((tick.state.q, tick.state.v)))

    try:
        loop.run(1.5)
        for impulse in ((4.0, 0.0, 0.0), (0.0, 6.0, 0.0)):
            loop.driver.world.push("", np.array(impulse) / 0.1, 0.1)
            loop.run(1.5, observe)
        height = 0.9 * ready_height(loop.robot)
        loop.control.on_body_pose(np.array([0.0, 0.04]), height, np.array([0.0, 0.15, 0.2]))
        loop.run(2.5, observe)
        loop.control.on_body_pose(np.array([0.01, -0.04]), 0.0, np.zeros(3))
        loop.run(2.5, observe)
        if loop.control.mode_state.mode != "stand":
            raise HumanoidError("the robot did not keep standing while its states were recorded")
    finally:
        loop.close()
    return loop.robot, np.array(rows[::2])


class Ours:
    """Our side of the common problem."""

    def __init__(self, robot: RobotDescription, states: np.ndarray) -> None:
        model = pinocchio_model(robot)
        self._rows = [(row[: model.nq].copy(), row[model.nq :].copy()) for row in states]
        whole = self._whole = WholeBody(robot, model, WholeBodyConfig())
        body = whole.update(standing_configuration(robot, model), np.zeros(model.nv))
        self._com, self._posture = body.com.copy(), body.q[7:].copy()
        weight = np.full(3, GAINS["com"][2]) / body.mass**2
        self._momentum = MomentumTask(np.concatenate((weight, np.zeros(3))))
        stiffness, damping, cost = GAINS["torso"]
        frame = model.getFrameId(robot.frames["torso"])
        torso = OrientationTask(frame, np.full(3, cost), stiffness, damping)
        torso.target = body.placement(frame).rotation.copy()
        self._tasks = (self._momentum, torso)
        whole.posture_weight = np.full(len(robot.joints), GAINS["posture"][2])

    def tick(self, q: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Joint torques, shape (joints,), [N m]."""
        whole = self._whole
        body = whole.update(q, v)
        stiffness, damping, _ = GAINS["com"]
        pull = stiffness * (self._com - body.com) - damping * body.com_velocity
        self._momentum.linear[:] = body.mass * pull
        stiffness, damping, _ = GAINS["posture"]
        whole.posture_command = stiffness * (self._posture - q[7:]) - damping * v[6:]
        return whole.solve((0, 1), self._tasks).torque

    def block(self, first: int, last: int) -> list[float]:
        """Times [us] of the states from `first` to before `last`."""
        times = []
        for q, v in self._rows[first:last]:
            start = time.perf_counter_ns()
            self.tick(q, v)
            times.append((time.perf_counter_ns() - start) * 1e-3)
        return times


class Peer:
    """tsid, in a process and an environment of its own."""

    def __init__(self, robot: RobotDescription, states: np.ndarray, folder: Path) -> None:
        urdf, problem, rows = folder / "robot.urdf", folder / "problem.json", folder / "states.npy"
        urdf.write_text(robot.urdf, encoding="utf-8")
        problem.write_text(json.dumps(_problem(robot, str(urdf))), encoding="utf-8")
        np.save(rows, states)
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
        "nq": model.nq,
        "effort": (config.effort_scale * robot.column("effort")).tolist(),
        "armature": robot.column("armature").tolist(),
        "feet": feet,
        "friction": config.friction,
        "force_min": config.force_min,
        "force_weight": config.force_weight,
        "contact_damping": config.contact_damping,
        "weight": body.mass * -float(body.gravity[2]),
        "com": body.com.tolist(),
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
