"""How a robot walks: speeds reached, pushes survived, uneven ground, errors of model and sensors.

The same protocol for every controller: `--mode` names one (walk, or a policy). On the estimate, with
sensor noise. Speed: the mean velocity of the base, in its own heading, after the first three
seconds. Pushes: walking at 0.3 m/s, a constant horizontal force acts on the torso for 0.1 s at
`--phases` moments spread over one gait cycle; the impulse is bisected for each; survived: four
seconds later the robot still walks. 0 deg is a push to the front, 90 deg to the left. Where pushes
are measured, the least of the eight directions counts for the verdict. Terrain and
robustness: walking at 0.3 m/s for `--seconds`. `--plots` writes a PNG of each.
"""

import argparse
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from math import cos, radians, sin
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from humanoid_bringup import console
from humanoid_bringup.arguments import positive, whole
from humanoid_bringup.closed_loop import ClosedLoop, Tick
from humanoid_bringup.errors import HumanoidError

NAME = "locomotion"
SUMMARY = "speed tracking, pushes by direction and phase, terrain, robustness, of one controller"
SPEEDS = {
    "forward_0.3": (0.3, 0.0, 0.0),
    "forward_0.6": (0.6, 0.0, 0.0),
    "forward_0.8": (0.8, 0.0, 0.0),
    "back_0.3": (-0.3, 0.0, 0.0),
    "left_0.25": (0.0, 0.25, 0.0),
    "turn_0.6": (0.0, 0.0, 0.6),
}
#: Options of the simulator, one fall or success each.
TERRAIN: dict[str, dict[str, Any]] = {
    "ramp_up_6_deg": {"ramp": 0.105},
    "ramp_down_6_deg": {"ramp": -0.105},
    "steps_2_cm": {"steps": 0.02},
}
ROBUSTNESS: dict[str, dict[str, Any]] = {
    "friction_0.3": {"friction": 0.3},
    "friction_1.0": {"friction": 1.0},
    "mass_0.9": {"mass_scale": 0.9},
    "mass_1.1": {"mass_scale": 1.1},
    "latency_1_tick": {"latency": 1},
}
DIRECTIONS = tuple(range(0, 360, 45))  # [deg]
TRACKING = 0.1  # share of the command
WORST, MEDIAN = 10.0, 20.0  # of the moments of the gait, in every direction [N s]
BARS = {
    "tracking_error": f"<= {TRACKING:g}",
    "falls": "0",
    "push_worst_N_s": f">= {WORST:g}",
    "push_median_N_s": f">= {MEDIAN:g}",
}

WALKING = (0.3, 0.0, 0.0)
CYCLE = 0.73  # [s] two steps
DURATION = 0.1  # [s]
ENTRY, SETTLED, AFTER = 1.0, 3.0, 4.0  # [s]
LARGEST = 40.0  # [N s]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1", help="robot (default: %(default)s)")
    parser.add_argument("--mode", default="walk", help="controller (default: %(default)s)")
    parser.add_argument(
        "--seeds", type=whole(1), default=3, help="of the sensor noise (default: 3)"
    )
    parser.add_argument("--seconds", type=positive, default=30.0, help="of each walk (default: 30)")
    parser.add_argument("--phases", type=whole(0), default=0, help="of pushes (default: 0, none)")
    parser.add_argument("--resolution", type=positive, default=1.3, help="of the impulse [N s]")
    parser.add_argument("--jobs", type=whole(1), default=os.cpu_count(), help="processes")
    parser.add_argument("--plots", type=Path, help="folder for the PNGs")
    parser.add_argument("--truth", action="store_true", help="walk on the simulator's truth")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Speeds [m/s or rad/s], falls, walks on bad ground, and impulses survived [N s]."""
    figures: dict[str, object] = {"mode": arguments.mode}
    with ProcessPoolExecutor(arguments.jobs) as pool:
        errors, falls = _speeds(pool, arguments, figures)
        for conditions in (TERRAIN, ROBUSTNESS):
            falls += _conditions(pool, arguments, conditions, figures)
        pushes_held = _pushes(pool, arguments, figures)
    figures["tracking_error"] = max(errors, default=0.0)
    figures["falls"] = falls
    if arguments.plots:
        _plot(arguments.plots, figures)
    held = falls == 0 and max(errors, default=0.0) <= TRACKING and pushes_held
    return {**figures, "ok": held}


def _speeds(
    pool: ProcessPoolExecutor, arguments: argparse.Namespace, figures: dict[str, object]
) -> tuple[list[float], int]:
    """The relative errors of the speeds, and the number of falls."""
    jobs = [(name, seed) for name in SPEEDS for seed in range(1, arguments.seeds + 1)]
    walk = partial(speed, _subject(arguments), arguments.seconds)
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


def _conditions(
    pool: ProcessPoolExecutor,
    arguments: argparse.Namespace,
    conditions: dict[str, dict[str, Any]],
    figures: dict[str, object],
) -> int:
    """The number of falls; `figures` say how many of the seeds walked to the end."""
    seeds = range(1, arguments.seeds + 1)
    jobs = [
        (name, {**options, "seed": seed}) for name, options in conditions.items() for seed in seeds
    ]
    job = partial(lasts, _subject(arguments), arguments.seconds)
    walked = dict.fromkeys(conditions, 0)
    for (name, options), good in zip(jobs, pool.map(job, [o for _, o in jobs]), strict=True):
        console.live(f"locomotion: {name} seed {options['seed']}: {'walks' if good else 'falls'}")
        walked[name] += good
    for name, count in walked.items():
        figures[f"{name}_walked"] = f"{count} of {arguments.seeds}"
    return len(jobs) - sum(walked.values())


def _pushes(
    pool: ProcessPoolExecutor, arguments: argparse.Namespace, figures: dict[str, object]
) -> bool:
    """Worst and median moment by direction, and the least of them; whether they hold the bars."""
    moments = [CYCLE * phase / arguments.phases for phase in range(arguments.phases)]
    if not moments:
        figures["push_worst_N_s"] = figures["push_median_N_s"] = "not measured"
        return True
    jobs = [(angle, moment) for angle in DIRECTIONS for moment in moments]
    measure = partial(largest, _subject(arguments), arguments.resolution)
    survived: dict[int, list[float]] = {angle: [] for angle in DIRECTIONS}
    results = pool.map(measure, *zip(*jobs, strict=True))
    for done, ((angle, moment), value) in enumerate(zip(jobs, results, strict=True), 1):
        survived[angle].append(value)
        console.live(
            f"locomotion: push {done} of {len(jobs)}: {angle} deg at {moment:.2f} s: {value:.1f} N s"
        )
        if len(survived[angle]) == len(moments):
            each = " ".join(f"{impulse:.1f}" for impulse in survived[angle])
            console.say(f"push at {angle} deg, by moment: {each} N s")
    return push_figures(survived, figures)


def push_figures(survived: dict[int, list[float]], figures: dict[str, object]) -> bool:
    """Write the figures of the impulses `survived` [N s] by direction; whether the bars hold."""
    worst = {angle: min(values) for angle, values in survived.items()}
    middle = {angle: median(values) for angle, values in survived.items()}
    for angle in survived:
        figures[f"push_{angle}_worst_N_s"] = worst[angle]
        figures[f"push_{angle}_median_N_s"] = middle[angle]
    least = min(worst.values()), min(middle.values())
    figures["push_worst_N_s"], figures["push_median_N_s"] = least
    return least[0] >= WORST and least[1] >= MEDIAN


def _plot(folder: Path, figures: dict[str, object]) -> None:
    """PNGs of speeds, and of pushes where they were measured."""
    try:
        from _bars import bar_chart
    except ImportError as error:
        raise HumanoidError("locomotion: plots need Pillow: ./humanoid setup video") from error

    def value(key: str) -> float:
        number = figures.get(key, 0.0)
        return number if isinstance(number, float) else 0.0

    folder.mkdir(parents=True, exist_ok=True)
    names = list(SPEEDS)
    ordered = [max(SPEEDS[name], key=abs) for name in names]
    reached = [value(f"{name}_{'rad_s' if SPEEDS[name][2] else 'm_s'}") for name in names]
    title = f"{figures['mode']}: speed [m/s, rad/s]"
    bar_chart(folder / "speed.png", title, names, {"ordered": ordered, "reached": reached}, None)
    if f"push_{DIRECTIONS[0]}_worst_N_s" in figures:
        rows = {
            what: [value(f"push_{angle}_{what}_N_s") for angle in DIRECTIONS]
            for what in ("worst", "median")
        }
        title = f"{figures['mode']}: largest push survived [N s] by direction"
        groups = [f"{angle} deg" for angle in DIRECTIONS]
        bar_chart(folder / "push.png", title, groups, rows, 10.0)


Subject = tuple[str, str, bool]  # robot, mode, whether on the truth


def _subject(arguments: argparse.Namespace) -> Subject:
    return arguments.robot, arguments.mode, arguments.truth


def lasts(subject: Subject, seconds: float, options: dict[str, Any]) -> bool:
    """Whether it walks for `seconds` in a world of these options."""
    robot, mode, truth = subject
    loop = ClosedLoop(robot, on_truth=truth, **options)
    try:
        return walk(loop, mode, WALKING, seconds)
    finally:
        loop.close()


def speed(
    subject: Subject, seconds: float, seed: int, order: tuple[float, float, float]
) -> list[float] | None:
    """Mean forward, left [m/s] and turning [rad/s] speed once settled; None: it fell."""
    robot, mode, truth = subject
    loop = ClosedLoop(robot, seed=seed, on_truth=truth)
    poses: list[np.ndarray] = []

    def observe(tick: Tick) -> None:
        poses.append(loop.driver.world.truth()[0])

    try:
        if not walk(loop, mode, order, seconds, observe):
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


def largest(subject: Subject, resolution: float, direction: int, moment: float) -> float:
    """The largest impulse [N s] survived at `moment` [s] of the gait cycle, by bisection."""
    survived, fallen = 0.0, LARGEST
    while fallen - survived > resolution:
        impulse = 0.5 * (survived + fallen)
        if survives(subject, direction, impulse, moment):
            survived = impulse
        else:
            fallen = impulse
    return survived


def survives(subject: Subject, direction: int, impulse: float, moment: float) -> bool:
    """Whether the robot still walks :data:`AFTER` seconds after the push."""
    robot, mode, truth = subject
    loop = ClosedLoop(robot, seed=1, on_truth=truth)
    try:
        if not walk(loop, mode, WALKING, SETTLED + moment):
            return False
        force, angle = impulse / DURATION, radians(direction)
        push = np.array([force * cos(angle), force * sin(angle), 0.0])
        loop.driver.world.push("", push, DURATION)
        return walk(loop, mode, WALKING, AFTER)
    finally:
        loop.close()


def walk(
    loop: ClosedLoop,
    mode: str,
    order: tuple[float, float, float],
    seconds: float,
    observe: Callable[[Tick], object] | None = None,
) -> bool:
    """Walk with `order` for `seconds`; returns whether the robot still walks.

    Raises HumanoidError if `mode` cannot be entered.
    """
    control = loop.control
    if control.mode_state.target != mode:
        loop.run(ENTRY)
        accepted, why = control.set_mode(mode)
        if not accepted:
            raise HumanoidError(f"locomotion: {why}")
        loop.run(loop.period)
    for _ in range(max(1, round(seconds / 0.02))):
        if control.mode_state.mode != mode:
            return False
        control.on_velocity(np.array(order))
        loop.run(0.02, observe)
    return control.mode_state.mode == mode
