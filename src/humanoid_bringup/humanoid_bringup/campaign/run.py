"""One scenario: the graph without ROS walks, is pushed, and what it did is measured."""

from math import cos, pi, radians, sin
from typing import Any

import numpy as np

from humanoid_bringup.campaign.definition import Push, Scenario, driver_options
from humanoid_bringup.closed_loop import ClosedLoop, Tick, tilt
from humanoid_control.controller import Array
from humanoid_control.walk_to import Pose

STANDING = 1.0  # [s] before it walks
ENTERING = 1.0  # [s] within which the mode must be entered
RENEWAL = 0.02  # [s] between two orders
DIGITS = 6  # of the figures kept


def run_scenario(scenario: Scenario) -> dict[str, Any]:
    """The figures, all JSON. Raises what the configuration raises, RuntimeError if it cannot walk.

    `walked`: up and in its mode until the end; `lasted_s`; `forward_m_s`, `left_m_s`,
    `turning_rad_s`: mean velocity in its own heading after `settle` (None: it fell before);
    `drift_m`: what odometry and truth differ by in the end; `tilt_rad`: the largest.
    """
    loop = _loop(scenario)
    try:
        _enter(loop, scenario.controller)
        walk = _Walk(loop, scenario)
        walk.run()
        return walk.figures()
    finally:
        loop.close()


def _loop(scenario: Scenario) -> ClosedLoop:
    from humanoid_bringup.locate import find_hardware, find_robot
    from humanoid_hal.hardware import load_hardware

    config, _ = load_hardware(find_hardware(find_robot(scenario.robot), scenario.hardware))
    options = driver_options(scenario, type(config.options))
    return ClosedLoop(scenario.robot, scenario.hardware, seed=scenario.seed, **options)


def _enter(loop: ClosedLoop, mode: str) -> None:
    """Stand, then take the mode. Raises RuntimeError."""
    loop.run(STANDING)
    accepted, why = loop.control.set_mode(mode)
    if not accepted:
        raise RuntimeError(why)
    for _ in range(round(ENTERING / RENEWAL)):
        if loop.control.mode_state.mode == mode:
            return
        loop.run(RENEWAL)
    waiting = loop.control.mode_state.waiting_for
    raise RuntimeError(f"mode '{mode}' was not entered in {ENTERING:g} s: {waiting}")


class _Walk:
    """A walk under way, and what was seen of it."""

    def __init__(self, loop: ClosedLoop, scenario: Scenario) -> None:
        self._loop, self._scenario = loop, scenario
        self._poses: list[Pose] = []  # the truth, every cycle
        self._tilt = 0.0
        self._last: Tick | None = None
        self._ended = ""

    def run(self) -> None:
        """Order, push, look, until the time is over or the mode ends."""
        loop, scenario = self._loop, self._scenario
        waiting = sorted(scenario.pushes, key=lambda push: push.at)
        order = np.array(scenario.command)
        for turn in range(round(scenario.seconds / RENEWAL)):
            while waiting and waiting[0].at <= turn * RENEWAL + 1e-9:
                _push(loop, waiting.pop(0))
            loop.control.on_velocity(order)
            loop.run(RENEWAL, self._look)
            if loop.control.mode_state.mode != scenario.controller:
                events = loop.control.take_events()
                self._ended = events[-1] if events else "the mode ended"
                return

    def _look(self, tick: Tick) -> None:
        pose = self._loop.driver.world.truth()[0]
        self._poses.append(Pose.of(pose))
        self._tilt = max(self._tilt, tilt(pose[3:]))
        self._last = tick

    def figures(self) -> dict[str, Any]:
        """See :func:`run_scenario`."""
        period, settle = self._loop.period, self._scenario.settle
        velocity = mean_velocity(self._poses[round(settle / period) :], period)
        end, last = self._poses[-1], self._last
        assert last is not None
        seen = last.estimate.position
        figures: dict[str, Any] = {
            "walked": not self._ended,
            "ended": self._ended,
            "lasted_s": len(self._poses) * period,
            "forward_m_s": None if velocity is None else float(velocity[0]),
            "left_m_s": None if velocity is None else float(velocity[1]),
            "turning_rad_s": None if velocity is None else float(velocity[2]),
            "drift_m": float(np.hypot(seen[0] - end.x, seen[1] - end.y)),
            "tilt_rad": self._tilt,
        }
        return {
            name: round(value, DIGITS) if isinstance(value, float) else value
            for name, value in figures.items()
        }


def mean_velocity(poses: list[Pose], period: float) -> Array | None:
    """Forward, left [m/s] and turning [rad/s] along `poses`, one each `period` [s], own heading."""
    if len(poses) < 2:
        return None
    x, y, yaw = np.array([(pose.x, pose.y, pose.yaw) for pose in poses]).T
    dx, dy = np.diff(x), np.diff(y)
    turn = (np.diff(yaw) + pi) % (2.0 * pi) - pi
    c, s = np.cos(yaw[:-1]), np.sin(yaw[:-1])
    moved = np.array([np.sum(c * dx + s * dy), np.sum(c * dy - s * dx), np.sum(turn)])
    return moved / (len(dx) * period)


def _push(loop: ClosedLoop, push: Push) -> None:
    force, angle = push.impulse / push.duration, radians(push.direction)
    loop.driver.world.push(
        "", np.array([force * cos(angle), force * sin(angle), 0.0]), push.duration
    )
