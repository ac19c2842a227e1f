"""The largest push a standing robot survives with its feet where they are.

Balanced on the estimate, with sensor noise. A constant horizontal force acts on the torso for
0.1 s; the impulse is bisected for each direction. Survived: four seconds later the robot still
balances, upright, and no foot has left its place. 0 deg is a push to the front, 90 deg to the left.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from math import cos, radians, sin

import numpy as np

from humanoid_bringup import console
from humanoid_bringup.arguments import positive, whole
from humanoid_bringup.closed_loop import ClosedLoop

NAME = "push-stand"
SUMMARY = "largest push survived standing on fixed feet, torso, 0.1 s, 8 directions"
DIRECTIONS = (0, 45, 90, 135, 180, 225, 270, 315)  # [deg]
BAR = 9.0  # [N s]
BARS = {"worst_N_s": f">= {BAR:g}"}

DURATION = 0.1  # [s]
BEFORE, AFTER = 2.0, 4.0  # [s] of standing
LARGEST = 32.0  # [N s]
FIXED = 0.02  # [m] that a sole's centre may slide


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1", help="robot (default: %(default)s)")
    parser.add_argument("--seed", type=whole(0), default=1, help="of the sensor noise (default: 1)")
    parser.add_argument("--resolution", type=positive, default=1.0, help="of the impulse [N s]")
    parser.add_argument("--truth", action="store_true", help="balance on the simulator's truth")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """The largest impulse survived in each direction [N s], and the worst of them."""
    figures: dict[str, object] = {}
    measure = partial(
        largest, arguments.robot, arguments.seed, arguments.resolution, arguments.truth
    )
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for direction, impulse in zip(DIRECTIONS, pool.map(measure, DIRECTIONS), strict=True):
            figures[f"deg_{direction}_N_s"] = impulse
            console.live(f"push-stand: {direction} deg {impulse:.1f} N s")
    worst = min(float(str(value)) for value in figures.values())
    return {**figures, "worst_N_s": worst, "ok": worst >= BAR}


def largest(robot: str, seed: int, resolution: float, truth: bool, direction: int) -> float:
    """The largest impulse [N s] survived, to `resolution`, by bisection."""
    survived, fallen = 0.0, LARGEST
    while fallen - survived > resolution:
        impulse = 0.5 * (survived + fallen)
        if survives(robot, seed, truth, direction, impulse):
            survived = impulse
        else:
            fallen = impulse
    return survived


def survives(robot: str, seed: int, truth: bool, direction: int, impulse: float) -> bool:
    """Whether the robot still balances :data:`AFTER` seconds after the push."""
    loop = ClosedLoop(robot, seed=seed, on_truth=truth)
    try:
        loop.run(BEFORE)
        if loop.control.mode_state.mode != "stand":
            raise RuntimeError(f"the robot did not stand within {BEFORE} s")
        feet = _feet(loop)
        force = impulse / DURATION
        angle = radians(direction)
        world = loop.driver.world
        world.push("", np.array([force * cos(angle), force * sin(angle), 0.0]), DURATION)
        for _ in range(round(AFTER / 0.1)):
            loop.run(0.1)
            if loop.control.mode_state.mode != "stand":
                return False
        return bool(np.abs(_feet(loop) - feet).max() < FIXED)
    finally:
        loop.close()


def _feet(loop: ClosedLoop) -> np.ndarray:
    """Where the soles truly are, shape (feet, 3), [m]."""
    return np.array([loop.driver.data.site(foot.name).xpos for foot in loop.robot.feet])
