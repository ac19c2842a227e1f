"""How a robot walks: speeds reached, pushes survived, uneven ground, errors of model and sensors.

The same protocol for every controller: `--mode` names one (walk, or a policy), `--peers` others
beside it, whose figures do not count for the verdict. On the estimate, with sensor noise. Speed:
the mean velocity of the base, in its own heading, after the first three seconds. Square: from
corner to corner as `walk-to` does, by odometry, and what odometry and truth differ by in the end.
Pushes: walking at 0.3 m/s, a constant horizontal force acts on the torso for 0.1 s at `--phases`
moments spread over one gait cycle; the impulse is bisected for each; survived: four seconds later
the robot still walks. 0 deg is a push to the front, 90 deg to the left. Where pushes are measured,
the least of the eight directions counts for the verdict. Terrain and robustness: walking at
0.3 m/s for `--seconds`. `--plots` writes PNGs.
"""

import argparse
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from math import cos, radians, sin
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from humanoid_bringup import console
from humanoid_bringup.arguments import not_negative, positive, whole
from humanoid_bringup.closed_loop import ClosedLoop, Tick
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.locate import find_robot, nearest
from humanoid_control.anatomy import ready_height
from humanoid_control.config import ControlConfig, load_control_config
from humanoid_control.registry import build_modes
from humanoid_control.walk_to import ARRIVED, Pose, WalkToPlanner
from humanoid_description import load_robot

NAME = "locomotion"
SUMMARY = "speed tracking, a square, pushes by direction and phase, terrain, robustness"
SPEEDS = {
    "forward_0.2": (0.2, 0.0, 0.0),
    "forward_0.4": (0.4, 0.0, 0.0),
    "forward_0.6": (0.6, 0.0, 0.0),
    "forward_0.8": (0.8, 0.0, 0.0),
    "back_0.3": (-0.3, 0.0, 0.0),
    "left_0.25": (0.0, 0.25, 0.0),
    "right_0.25": (0.0, -0.25, 0.0),
    "turn_left_0.6": (0.0, 0.0, 0.6),
    "turn_right_0.6": (0.0, 0.0, -0.6),
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
#: What the peers' figures are known for: shown, without a bar.
BEYOND = {"forward_1.0": (1.0, 0.0, 0.0)}
TRACKING = 0.1  # share of the command
SQUARE = 0.3  # [m] that odometry and truth may differ by after the square
WORST, MEDIAN = 10.0, 20.0  # of the moments of the gait, in every direction [N s]
BARS = {
    "tracking_error": f"<= {TRACKING:g}",
    "square_drift_m": f"<= {SQUARE:g}",
    "falls": "0",
    "push_worst_N_s": f">= {WORST:g}",
    "push_median_N_s": f">= {MEDIAN:g}",
}
UNMEASURED = "not measured"

WALKING = (0.3, 0.0, 0.0)
CYCLE = 0.73  # [s] two steps
DURATION = 0.1  # [s]
ENTRY, SETTLED, AFTER, RENEWAL = 1.0, 3.0, 4.0, 0.02  # [s]
SLOWEST = 0.1  # [m/s] at which the square must be walked
LARGEST = 40.0  # [N s]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1", help="robot (default: %(default)s)")
    parser.add_argument("--mode", default="walk", help="controller (default: %(default)s)")
    parser.add_argument(
        "--peers", nargs="+", default=(), metavar="MODE", help="other controllers beside it"
    )
    parser.add_argument(
        "--seeds", type=whole(1), default=3, help="of the sensor noise (default: 3)"
    )
    parser.add_argument("--seconds", type=positive, default=30.0, help="of each walk (default: 30)")
    parser.add_argument(
        "--square", type=not_negative, default=10.0, help="its side [m] (default: 10; 0: none)"
    )
    parser.add_argument("--phases", type=whole(0), default=0, help="of pushes (default: 0, none)")
    parser.add_argument("--resolution", type=positive, default=1.3, help="of the impulse [N s]")
    parser.add_argument("--jobs", type=whole(1), default=os.cpu_count(), help="processes")
    parser.add_argument("--plots", type=Path, help="folder for the PNGs")
    parser.add_argument("--truth", action="store_true", help="walk on the simulator's truth")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Speeds [m/s or rad/s], falls, walks on bad ground, and impulses survived [N s].

    A peer's figures have its name before theirs. Raises HumanoidError when a mode cannot walk.
    """
    modes = tuple(dict.fromkeys((arguments.mode, *arguments.peers)))
    require(arguments.robot, modes)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        results = {mode: _measure(pool, arguments, mode) for mode in modes}
    if arguments.plots:
        _plot(arguments.plots, results)
    figures: dict[str, object] = {"mode": arguments.mode, **results[arguments.mode]}
    for peer in modes[1:]:
        figures |= {f"{peer}_{key}": value for key, value in results[peer].items() if key != "ok"}
    return figures


def require(robot: str, modes: Iterable[str]) -> None:
    """Raises HumanoidError unless `robot` has all `modes`, and they walk on this machine."""
    description = load_robot(find_robot(robot))
    built = build_modes(description, _config(robot), ready_height(description))
    known = {mode.name: mode.controller for mode in built if mode.controller.walks}
    for mode in modes:
        if mode not in known:
            guess = nearest(mode, known)
            hint = f"; did you mean '{guess}'?" if guess else ""
            raise HumanoidError(
                f"locomotion: no mode '{mode}' of {robot} walks; those that do: "
                f"{', '.join(known)}{hint}",
                Exit.CONFIGURATION,
            )
        if missing := known[mode].missing():
            raise HumanoidError(f"locomotion: {mode}: {missing}", Exit.ENVIRONMENT)


def _config(robot: str) -> ControlConfig:
    path = find_robot(robot).parent / "control.yaml"
    return load_control_config(path if path.is_file() else None)


def _measure(
    pool: ProcessPoolExecutor, arguments: argparse.Namespace, mode: str
) -> dict[str, object]:
    """All figures of one controller, and "ok"."""
    subject = arguments.robot, mode, arguments.truth
    figures: dict[str, object] = {}
    errors, falls = _speeds(pool, arguments, subject, figures)
    lost, square_held = _square(pool, arguments, subject, figures)
    falls += lost
    for conditions in (TERRAIN, ROBUSTNESS):
        falls += _conditions(pool, arguments, subject, conditions, figures)
    pushes_held = _pushes(pool, arguments, subject, figures)
    figures["tracking_error"] = max(errors, default=0.0)
    figures["falls"] = falls
    tracked = bool(errors) and max(errors) <= TRACKING
    return {**figures, "ok": falls == 0 and tracked and square_held and pushes_held}


def _speeds(
    pool: ProcessPoolExecutor,
    arguments: argparse.Namespace,
    subject: "Subject",
    figures: dict[str, object],
) -> tuple[list[float], int]:
    """The relative errors of the speeds that have a bar, and the number of their falls."""
    orders = {**SPEEDS, **BEYOND}
    jobs = [(name, seed) for name in orders for seed in range(1, arguments.seeds + 1)]
    walk = partial(speed, subject, arguments.seconds)
    results = pool.map(walk, [seed for _, seed in jobs], [orders[name] for name, _ in jobs])
    reached: dict[str, list[float]] = {name: [] for name in orders}
    for (name, seed), velocity in zip(jobs, results, strict=True):
        console.live(f"locomotion: {subject[1]}: {name} seed {seed}: {velocity}")
        if velocity is not None:
            reached[name].append(velocity[int(np.argmax(np.abs(orders[name])))])
    errors = []
    for name, values in reached.items():
        wanted = max(orders[name], key=abs)
        figures[_speed_key(name)] = median(values) if values else "falls"
        if name in SPEEDS:
            errors += [abs(value / wanted - 1.0) for value in values]
    return errors, sum(arguments.seeds - len(reached[name]) for name in SPEEDS)


def _speed_key(name: str) -> str:
    return f"{name}_{'rad_s' if name.startswith('turn') else 'm_s'}"


def _square(
    pool: ProcessPoolExecutor,
    arguments: argparse.Namespace,
    subject: "Subject",
    figures: dict[str, object],
) -> tuple[int, bool]:
    """How many seeds did not come round, and whether the others hold the bar."""
    figures["square_drift_m"] = UNMEASURED
    if not arguments.square:
        return 0, True
    seeds = range(1, arguments.seeds + 1)
    drifts = []
    for seed, drift in zip(
        seeds, pool.map(partial(square, subject, arguments.square), seeds), strict=True
    ):
        console.live(f"locomotion: {subject[1]}: square seed {seed}: {drift}")
        drifts += [] if drift is None else [drift]
    if drifts:
        figures["square_drift_m"] = max(drifts)
    figures["square_walked"] = f"{len(drifts)} of {arguments.seeds}"
    return arguments.seeds - len(drifts), all(drift <= SQUARE for drift in drifts)


def _conditions(
    pool: ProcessPoolExecutor,
    arguments: argparse.Namespace,
    subject: "Subject",
    conditions: dict[str, dict[str, Any]],
    figures: dict[str, object],
) -> int:
    """The number of falls; `figures` say how many of the seeds walked to the end."""
    seeds = range(1, arguments.seeds + 1)
    jobs = [
        (name, {**options, "seed": seed}) for name, options in conditions.items() for seed in seeds
    ]
    job = partial(lasts, subject, arguments.seconds)
    walked = dict.fromkeys(conditions, 0)
    for (name, options), good in zip(jobs, pool.map(job, [o for _, o in jobs]), strict=True):
        console.live(
            f"locomotion: {subject[1]}: {name} seed {options['seed']}: "
            f"{'walks' if good else 'falls'}"
        )
        walked[name] += good
    for name, count in walked.items():
        figures[f"{name}_walked"] = f"{count} of {arguments.seeds}"
    return len(jobs) - sum(walked.values())


def _pushes(
    pool: ProcessPoolExecutor,
    arguments: argparse.Namespace,
    subject: "Subject",
    figures: dict[str, object],
) -> bool:
    """Worst and median moment by direction, and the least of them; whether they hold the bars."""
    moments = [CYCLE * phase / arguments.phases for phase in range(arguments.phases)]
    if not moments:
        figures["push_worst_N_s"] = figures["push_median_N_s"] = UNMEASURED
        return True
    jobs = [(angle, moment) for angle in DIRECTIONS for moment in moments]
    measure = partial(largest, subject, arguments.resolution)
    survived: dict[int, list[float]] = {angle: [] for angle in DIRECTIONS}
    results = pool.map(measure, *zip(*jobs, strict=True))
    for done, ((angle, moment), value) in enumerate(zip(jobs, results, strict=True), 1):
        survived[angle].append(value)
        console.live(
            f"locomotion: {subject[1]}: push {done} of {len(jobs)}: {angle} deg at {moment:.2f} s: "
            f"{value:.1f} N s"
        )
        if len(survived[angle]) == len(moments):
            each = " ".join(f"{impulse:.1f}" for impulse in survived[angle])
            console.say(f"{subject[1]}: push at {angle} deg, by moment: {each} N s")
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


def _plot(folder: Path, results: dict[str, dict[str, object]]) -> None:
    """PNGs of speeds, of walks on bad ground, and of pushes where they were measured."""
    try:
        from _bars import bar_chart
    except ImportError as error:
        raise HumanoidError("locomotion: plots need Pillow: ./humanoid setup video") from error

    def rows(*keys: str) -> dict[str, list[float]]:
        return {mode: [_height(figures[key]) for key in keys] for mode, figures in results.items()}

    folder.mkdir(parents=True, exist_ok=True)
    orders = {**SPEEDS, **BEYOND}
    ordered = {"ordered": [max(order, key=abs) for order in orders.values()]}
    reached = rows(*map(_speed_key, orders))
    title = "speed [m/s, rad/s]"
    bar_chart(folder / "speed.png", title, list(orders), {**ordered, **reached}, None)
    names = [*TERRAIN, *ROBUSTNESS]
    walked = rows(*(f"{name}_walked" for name in names))
    bar_chart(folder / "conditions.png", "share of the seeds that walked", names, walked, None)
    if f"push_{DIRECTIONS[0]}_worst_N_s" not in next(iter(results.values())):
        return
    groups = [f"{angle} deg" for angle in DIRECTIONS]
    for what, bar in (("worst", WORST), ("median", MEDIAN)):
        survived = rows(*(f"push_{angle}_{what}_N_s" for angle in DIRECTIONS))
        title = f"largest push survived, {what} moment [N s]"
        bar_chart(folder / f"push_{what}.png", title, groups, survived, bar)


def _height(figure: object) -> float:
    """Of a figure's bar; "2 of 3" is its share, what is no number is nothing."""
    if isinstance(figure, float):
        return figure
    count, _, total = str(figure).partition(" of ")
    return int(count) / int(total) if total else 0.0


Subject = tuple[str, str, bool]  # robot, mode, whether on the truth


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


def square(subject: Subject, side: float, seed: int) -> float | None:
    """What odometry and truth differ by [m] after a square; None: it did not come round."""
    robot, mode, truth = subject
    loop = ClosedLoop(robot, seed=seed, on_truth=truth)
    try:
        tick, config = enter(loop, mode), _config(robot).walk_to
        for corner in ((side, 0.0), (side, side), (0.0, side), (0.0, 0.0)):
            planner = WalkToPlanner(config, Pose(*corner, 0.0), any_heading=True)
            for _ in range(round(side / SLOWEST / RENEWAL)):
                progress = planner.step(Pose.of(tick.state.q))
                if progress.phase == ARRIVED:
                    break
                tick = _follow(loop, mode, progress.twist)
                if tick is None:
                    return None
            else:
                return None
        return float(np.hypot(*(tick.estimate.position - loop.driver.world.truth()[0][:3])[:2]))
    finally:
        loop.close()


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
    if loop.control.mode_state.target != mode:
        enter(loop, mode)
    turns = range(max(1, round(seconds / RENEWAL)))
    return all(_follow(loop, mode, np.array(order), observe) is not None for _ in turns)


def enter(loop: ClosedLoop, mode: str) -> Tick:
    """Stand, then take the mode. Raises HumanoidError."""
    loop.run(ENTRY)
    accepted, why = loop.control.set_mode(mode)
    if not accepted:
        raise HumanoidError(f"locomotion: {why}")
    return loop.run(loop.period)


def _follow(
    loop: ClosedLoop,
    mode: str,
    twist: np.ndarray,
    observe: Callable[[Tick], object] | None = None,
) -> Tick | None:
    """Order once, and run until the order is to be renewed; None: the mode ended."""
    if loop.control.mode_state.mode != mode:
        return None
    loop.control.on_velocity(twist)
    tick = loop.run(RENEWAL, observe)
    return tick if loop.control.mode_state.mode == mode else None
