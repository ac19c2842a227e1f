"""How far the base estimate is from the simulator's truth.

A standing robot squats, shifts its weight and leans for a minute, balanced on the estimate itself,
with the noise and bias of the simulated IMU, encoders and force sensors (docs/hardware.md).
"""

import argparse
from math import pi, sin

import numpy as np

from humanoid_bringup import console
from humanoid_bringup.arguments import positive, whole
from humanoid_bringup.closed_loop import ClosedLoop, Tick

NAME = "estimator"
SUMMARY = "base estimate against the simulator's truth: standing, squatting, shifting weight"
BARS = {"drift_cm": "< 3", "tilt_rms_deg": "< 0.5", "velocity_rmse_cm_s": "< 3"}

SQUAT = 0.12  # [m] depth, every 8 s
SHIFT = 0.03  # [m] sideways, every 5 s
LEAN = 0.08  # [rad] of the torso, every 6 s


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1", help="robot (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=positive, default=60.0, help="length (default: %(default)s)"
    )
    parser.add_argument("--seeds", type=whole(1), default=3, help="runs, worst counts (default: 3)")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """The worst figures over the seeds, and whether they hold their bars."""
    runs = []
    for seed in range(1, arguments.seeds + 1):
        console.live(f"estimator: run {seed} of {arguments.seeds}, {arguments.seconds:g} s each")
        runs.append(_measure(arguments.robot, arguments.seconds, seed))
    drift, tilt, velocity = (float(max(column)) for column in zip(*runs, strict=True))
    return {
        "drift_cm": drift,
        "tilt_rms_deg": tilt,
        "velocity_rmse_cm_s": velocity,
        "seconds": arguments.seconds,
        "seeds": arguments.seeds,
        "ok": drift < 3.0 and tilt < 0.5 and velocity < 3.0,
    }


class _Errors:
    """Collects the errors of one run, and moves the references."""

    def __init__(self, loop: ClosedLoop) -> None:
        self._loop = loop
        self._height = 0.0
        self._origin: np.ndarray | None = None
        self.position: list[float] = []
        self.tilt: list[float] = []
        self.velocity: list[float] = []

    def __call__(self, tick: Tick) -> None:
        self._move(tick)
        pose, twist = self._loop.driver.world.truth()
        estimate = tick.estimate
        error = estimate.position - pose[:3]
        if self._origin is None:
            self._origin = error
        self.position.append(float(np.linalg.norm(error - self._origin)))
        down, true_down = _vertical(estimate.orientation), _vertical(pose[3:])
        self.tilt.append(float(np.linalg.norm(np.cross(down, true_down))))
        self.velocity.append(float(np.linalg.norm(estimate.linear_velocity - twist[:3])))

    def _move(self, tick: Tick) -> None:
        control = self._loop.control
        if control.mode_state.mode != "stand":
            return
        if not self._height:
            self._height = float(tick.estimate.position[2])
        t = tick.time
        down = SQUAT * 0.5 * (1.0 - np.cos(2 * pi * t / 8.0))
        torso = np.array([0.0, LEAN * sin(2 * pi * t / 6.0), 0.0])
        shift = np.array([0.0, SHIFT * sin(2 * pi * t / 5.0)])
        control.on_body_pose(shift, self._height - down, torso)


def _measure(robot: str, seconds: float, seed: int) -> tuple[float, float, float]:
    loop = ClosedLoop(robot, seed=seed)
    try:
        errors = _Errors(loop)
        last = loop.run(seconds, errors)
    finally:
        loop.close()
    if loop.control.mode_state.mode != "stand" or last.estimate.fall:
        raise RuntimeError(f"seed {seed}: the robot did not stand to the end")
    return (
        100.0 * max(errors.position),
        float(np.degrees(np.sqrt(np.mean(np.square(errors.tilt))))),
        float(100.0 * np.sqrt(np.mean(np.square(errors.velocity)))),
    )


def _vertical(orientation: np.ndarray) -> np.ndarray:
    """The world's z axis in the base frame; `orientation` is xyzw."""
    x, y, z, w = orientation
    return np.array([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)])
