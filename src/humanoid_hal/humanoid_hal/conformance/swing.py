"""A short motion of all joints at once that tells units, signs and mixed-up joints apart.

Each joint steps to and fro about where it stood, in a pattern of its own, so that what one joint
does cannot be taken for what another does.
"""

from dataclasses import dataclass

import numpy as np

from humanoid_hal.bench import NotOfferedError
from humanoid_hal.conformance.trial import Trial
from humanoid_hal.driver import Array

#: [rad] How far each joint steps, both ways.
STEP = 0.05
#: Steps of each joint, and how long each lasts [s].
STEPS, STEP_TIME = 16, 0.06


@dataclass(frozen=True)
class Swing:
    """What was asked and what was read, per cycle and joint; NaN where a reading was not fresh."""

    time: Array  # shape (m,), [s]
    target: Array  # shape (m, n), [rad]
    position: Array  # shape (m, n), [rad]
    velocity: Array  # shape (m, n), [rad/s]
    effort: Array  # shape (m, n), [N m]
    truth: Array | None  # shape (m, n), [rad]; None: the bench does not know
    step: int  # cycles of one step

    def answers(self) -> tuple[Array, Array]:
        """What the joints did about each step but the first. Shape (STEPS - 1, n), [rad].

        First how far each was from its target when the step began; then how far it went in half a
        step, without what it would have coasted at the speed it had.
        """
        begin = np.arange(1, STEPS) * self.step - 1
        half = begin + self.step // 2
        position, span = self.position, (self.time[half] - self.time[begin])[:, None]
        asked = self.target[begin + 1] - position[begin]
        return asked, position[half] - position[begin] - self.velocity[begin] * span


def swing(trial: Trial) -> Swing:
    """Arm and move."""
    step = max(10, round(STEP_TIME * 1e9 / trial.subject.period))
    n = len(trial.robot.joints)
    signs = np.random.default_rng(1).choice((-1.0, 1.0), (STEPS, n))
    signs[0], signs[1] = 1.0, -1.0  # no joint stands still
    trial.arm()
    time, rows, truth = [], [], []
    for sign in signs:
        command = trial.hold(STEP * sign)
        for _ in range(step):
            sample = trial.turn(command)
            time.append(sample.stamp * 1e-9)
            measured = np.array([sample.position, sample.velocity, sample.effort], dtype=float)
            measured[:, ~sample.fresh] = np.nan
            rows.append(np.vstack([command.position, measured]))
            truth.append(_truth(trial))
    target, position, velocity, effort = np.array(rows).swapaxes(0, 1)
    known = None if truth[0] is None else np.array(truth, dtype=float)
    return Swing(np.array(time), target, position, velocity, effort, known, step)


def slope(y: Array, x: Array) -> Array:
    """Least-squares b of y = b x for each column; NaN where x says nothing."""
    known = np.isfinite(y) & np.isfinite(x)
    x, y = np.where(known, x, 0.0), np.where(known, y, 0.0)
    power = np.sum(x * x, axis=0)
    return np.divide(
        np.sum(x * y, axis=0), power, out=np.full(power.shape, np.nan), where=power > 0.0
    )


def likeness(y: Array, x: Array) -> Array:
    """The correlation of both about 0, for each column, -1 … 1; NaN where either says nothing."""
    return slope(y, x) * np.sqrt(slope(x, x)) * _norm(x) / np.where(_norm(y) > 0, _norm(y), np.nan)


def _norm(values: Array) -> Array:
    return np.sqrt(np.nansum(values * values, axis=0))


def _truth(trial: Trial) -> Array | None:
    try:
        return None if trial.driver.bench is None else trial.driver.bench.position()
    except NotOfferedError:
        return None
