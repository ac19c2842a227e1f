"""How a robot walks: speeds reached, and pushes survived while walking.

On the estimate, with sensor noise. Speed: the mean velocity of the base, in its own heading, after
the first three seconds. Pushes: walking at 0.3 m/s, a constant horizontal force acts on the torso
for 0.1 s at `--phases` moments spread over one gait cycle; the impulse is bisected for each;
survived: four seconds later the robot still walks. 0 deg is a push to the front, 90 deg to the
left.
"""

import argparse
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from math import cos, radians, sin
from statistics import median

import numpy as np

from humanoid_bringup import console
from humanoid_bringup.closed_loop import ClosedLoop, Tick

NAME = "locomotion"
SUMMARY = "speed tracking, and the largest push survived while walking, by direction and phase"
SPEEDS = {
    "forward_0.3": (0.3, 0.0, 0.0),
    "forward_0.6": (0.6, 0.0, 0.0),
    "forward_0.8": (0.8, 0.0, 0.0),
    "back_0.3": (-0.3, 0.0, 0.0),
    "left_0.25": (0.0, 0.25, 0.0),
    "turn_0.6": (0.0, 0.0, 0.6),
}
DIRECTIONS = (0, 45, 90, 180, 225, 270)  # [deg]
TRACKING = 0.1  # share of the command
BARS = {"tracking_error": f"<= {TRACKING:g}", "falls": "0"}

WALKING = (0.3, 0.0, 0.0)
CYCLE = 0.73  # [s] two steps
DURATION = 0.1  # [s]
ENTRY, SETTLED, AFTER = 1.0, 3.0, 4.0  # [s]
LARGEST = 40.0  # [N s]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1", help="robot (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="of the sensor noise (default: 3)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each walk (default: 30)")
    parser.add_argument("--phases", type=int, default=0, help="of pushes (default: 0, none)")
    parser.add_argument("--resolution", type=float, default=1.3, help="of the impulse [N s]")
    parser.add_argument("--truth", action="store_true", help="walk on the simulator's truth")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Speeds [m/s or rad/s], falls, and impulses survived [N s]."""
    figures: dict[str, object] = {}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        errors, falls = _speeds(pool, arguments, figures)
        _pushes(pool, arguments, figures)
    figures["tracking_error"] = max(errors, default=0.0)
    figures["falls"] = falls
    return {**figures, "ok": falls == 0 and max(errors, default=0.0) <= TRACKING}


def _speeds(
    pool: ProcessPoolExecutor, arguments: argparse.Namespace, figures: dict[str, object]
) -> tuple[list[float], int]:
    """The relative errors of the speeds, and the number of falls."""
    jobs = [(name, seed) for name in SPEEDS for seed in range(1, arguments.seeds + 1)]
    walk = partial(speed, arguments.robot, arguments.truth, arguments.seconds)
    orders = [SPEEDS[name] for name, _ in jobs]
    results = pool.map(walk, [seed for _, seed in jobs], orders)
    reached: dict[str, list[float]] = {name: [] for name in SPEEDS}
    falls = 0
    for (name, seed), velocity in zip(jobs, results, strict=True):
        console.live(f"locomotion: {name} seed {seed}: {velocity}")
        if velocity is None:
            falls += 1
        else:
            axis = int(np.argmax(np.abs(SPEEDS[name])))
            reached[name].append(velocity[axis])
    errors = []
    for name, values in reached.items():
        wanted = max(SPEEDS[name], key=abs)
        unit = "rad_s" if SPEEDS[name][2] else "m_s"
        if values:
            figures[f"{name}_{unit}"] = median(values)
            errors += [abs(value / wanted - 1.0) for value in values]
    return errors, falls


def _pushes(
    pool: ProcessPoolExecutor, arguments: argparse.Namespace, figures: dict[str, object]
) -> None:
    """Worst phase and median of the phases, by direction."""
    jobs = [(angle, phase) for angle in DIRECTIONS for phase in range(arguments.phases)]
    measure = partial(largest, arguments.robot, arguments.truth, arguments.resolution)
    moments = [CYCLE * phase / arguments.phases for _, phase in jobs]
    survived: dict[int, list[float]] = {}
    for (angle, _), value in zip(
        jobs, pool.map(measure, [angle for angle, _ in jobs], moments), strict=True
    ):
        survived.setdefault(angle, []).append(value)
        console.live(f"locomotion: push at {angle} deg: {value:.1f} N s")
    for angle, values in survived.items():
        figures[f"push_{angle}_worst_N_s"] = min(values)
        figures[f"push_{angle}_median_N_s"] = median(values)


def speed(
    robot: str, truth: bool, seconds: float, seed: int, order: tuple[float, float, float]
) -> list[float] | None:
    """Mean forward, left [m/s] and turning [rad/s] speed once settled; None: it fell."""
    loop = ClosedLoop(robot, seed=seed, on_truth=truth)
    poses: list[np.ndarray] = []
    try:
        if not walk(loop, order, seconds, lambda tick: poses.append(loop.driver.world.truth()[0])):
            return None
    finally:
        loop.close()
    way = np.array(poses[round(SETTLED / loop.period) :])
    x, y, z, w = way[:, 3:].T
    yaw = np.unwrap(np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)))
    step = np.diff(way[:, :2], axis=0)
    c, s = np.cos(yaw[:-1]), np.sin(yaw[:-1])
    total = len(step) * loop.period
    moved = np.sum(c * step[:, 0] + s * step[:, 1]), np.sum(c * step[:, 1] - s * step[:, 0])
    return [float(moved[0] / total), float(moved[1] / total), float((yaw[-1] - yaw[0]) / total)]


def largest(robot: str, truth: bool, resolution: float, direction: int, moment: float) -> float:
    """The largest impulse [N s] survived at `moment` [s] of the gait cycle, by bisection."""
    survived, fallen = 0.0, LARGEST
    while fallen - survived > resolution:
        impulse = 0.5 * (survived + fallen)
        if survives(robot, truth, direction, impulse, moment):
            survived = impulse
        else:
            fallen = impulse
    return survived


def survives(robot: str, truth: bool, direction: int, impulse: float, moment: float) -> bool:
    """Whether the robot still walks :data:`AFTER` seconds after the push."""
    loop = ClosedLoop(robot, seed=1, on_truth=truth)
    try:
        if not walk(loop, WALKING, SETTLED + moment):
            return False
        force, angle = impulse / DURATION, radians(direction)
        push = np.array([force * cos(angle), force * sin(angle), 0.0])
        loop.driver.world.push("", push, DURATION)
        return walk(loop, WALKING, AFTER)
    finally:
        loop.close()


def walk(
    loop: ClosedLoop,
    order: tuple[float, float, float],
    seconds: float,
    observe: Callable[[Tick], object] | None = None,
) -> bool:
    """Walk with `order` for `seconds`; returns whether the robot still walks."""
    if loop.control.mode_state.mode != "walk":
        loop.run(ENTRY)
        loop.control.set_mode("walk")
        loop.run(loop.period)
    for _ in range(max(1, round(seconds / 0.02))):
        if loop.control.mode_state.mode != "walk":
            return False
        loop.control.on_velocity(np.array(order))
        loop.run(0.02, observe)
    return loop.control.mode_state.mode == "walk"
