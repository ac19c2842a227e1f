"""The numbers of a command brought within the robot's limits.

Takes finite numbers only: clamps let NaN through. The gate tests that first.
"""

import numpy as np
from numpy.typing import NDArray

from humanoid_description import RobotDescription
from humanoid_hal import kernels
from humanoid_hal.driver import Command
from humanoid_hal.hardware import LimitsConfig

Array = NDArray[np.float64]

#: Rows of a command matrix, in this order.
FIELDS = ("position", "velocity", "effort", "stiffness", "damping")
POSITION, VELOCITY, EFFORT, STIFFNESS, DAMPING = range(5)

#: What can be clamped.
CLAMPS = ("position", "velocity", "effort", "gain", "position_rate", "effort_rate", "torque")


class Limiter:
    """Clamps and counts. Arrays are in table order."""

    def __init__(self, robot: RobotDescription, limits: LimitsConfig) -> None:
        n = len(robot.joints)
        #: How often each joint was clamped, per kind; arrays of shape (n,).
        self.clamped = {kind: np.zeros(n, dtype=np.int64) for kind in CLAMPS}
        self._joints = robot.joint_names
        speed = robot.column("velocity") * limits.velocity_scale
        effort = robot.column("effort") * limits.effort_scale
        gains = np.full((2, n), limits.gain_max)
        self._upper = np.vstack([robot.column("upper"), speed, effort, gains])
        self._lower = np.vstack([robot.column("lower"), -speed, -effort, 0.0 * gains])
        self._rates = (
            (POSITION, "position_rate", speed * limits.position_rate),
            (EFFORT, "effort_rate", effort * limits.effort_rate),
        )
        self._margin_upper = robot.column("upper") + limits.margin
        self._margin_lower = robot.column("lower") - limits.margin
        self.derate(1.0)

    def derate(self, scale: float) -> None:
        """Scale velocity and torque limits by `scale` in (0, 1] from now on."""
        self._lower_now, self._upper_now = self._lower.copy(), self._upper.copy()
        self._lower_now[VELOCITY : EFFORT + 1] *= scale
        self._upper_now[VELOCITY : EFFORT + 1] *= scale

    def clamp(
        self,
        values: Array,
        previous: Array | None,
        seconds: float,
        position: Array,
        velocity: Array,
    ) -> str:
        """Bring `values` (5, n) within all limits in place; returns what was changed, or ''.

        `previous` is the matrix `seconds` [s] before, from which rates are limited; None: they are
        not. `position` [rad] and `velocity` [rad/s], shape (n,), are measured.
        """
        notes: list[str] = []
        if previous is not None:
            for row, kind, rates in self._rates:
                before = previous[row]
                if not kernels.slow(values[row], before, rates, seconds):
                    step = rates * seconds
                    notes.append(self._limit(kind, values[row], before - step, before + step))
        lower, upper = self._lower_now, self._upper_now
        if not kernels.within(values, lower, upper):
            for row, kind in enumerate(("position", "velocity", "effort", "gain", "gain")):
                notes.append(self._limit(kind, values[row], lower[row], upper[row]))
        notes.append(self._limit_torque(values, position, velocity))
        return "; ".join(filter(None, notes))

    def limit_torque(self, command: Command, position: Array, velocity: Array) -> Command:
        """A copy of `command` with the torque it causes at `position`, `velocity` within limits."""
        values = np.vstack([getattr(command, name) for name in FIELDS])
        self._limit_torque(values, position, velocity)
        return Command(*values)

    def _limit(self, kind: str, row: Array, lower: Array, upper: Array) -> str:
        """Clamp `row` in place, count, and say what the worst joint lost."""
        asked = row.copy()
        np.clip(asked, lower, upper, out=row)
        return self._note(kind, asked, row)

    def _limit_torque(self, values: Array, position: Array, velocity: Array) -> str:
        """Keep the torque that `values` cause at the measured state within the limits.

        Gains that alone exceed them are scaled down, then the feed-forward effort is shifted. A
        joint beyond its position limit may only be pushed back (row 15).
        """
        most = self._upper_now[EFFORT]
        reach = self._margin_lower, self._margin_upper
        if kernels.torque_within(values, position, velocity, most, *reach):
            return ""
        target, speed, effort, stiffness, damping = values
        feedback = stiffness * (target - position) + damping * (speed - velocity)
        size = np.abs(feedback)
        note = ""
        if np.count_nonzero(size > most):
            scale = most / np.maximum(size, most)
            values[STIFFNESS:] *= scale
            feedback *= scale
            note = self._note("torque", size, np.minimum(size, most))
        total = feedback + effort
        lower = -most
        above, below = position > self._margin_upper, position < self._margin_lower
        if np.count_nonzero(above) or np.count_nonzero(below):
            lower, most = np.where(below, 0.0, lower), np.where(above, 0.0, most)
        if np.count_nonzero(total < lower) or np.count_nonzero(total > most):
            allowed = np.clip(total, lower, most)
            effort += allowed - total
            note = note or self._note("torque", total, allowed)
        return note

    def _note(self, kind: str, asked: Array, given: Array) -> str:
        changed = asked != given
        if not changed.any():
            return ""
        self.clamped[kind] += changed
        worst = int(np.abs(asked - given).argmax())
        more = int(changed.sum()) - 1
        return (
            f"{kind} of {self._joints[worst]} {asked[worst]:.4g} -> {given[worst]:.4g}"
            f"{f' and {more} more' if more else ''}"
        )
