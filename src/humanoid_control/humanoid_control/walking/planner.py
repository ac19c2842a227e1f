"""Where and when to set the next foot.

Two stages, each closed or a quadratic program of three variables. The nominal step follows from the
ordered velocity. What the pressure under the stance foot cannot correct, the step does: its place
and its duration are chosen so that the capture point, as measured now, is where it has to be for
the step after (Khadiv, Herzog, Moosavian, Righetti, "Walking control based on step timing
adaptation", IEEE T-RO 2020, equation 11, with the capture-point offset eliminated).
"""

from dataclasses import dataclass
from math import cos, exp, log, pi, remainder, sin

import numpy as np

from humanoid_control.controller import Array
from humanoid_control.walking.config import WalkConfig
from humanoid_control.walking.pendulum import steady_offset
from humanoid_control.whole_body.solver import solve_qp

LEFT, RIGHT = 1.0, -1.0


@dataclass(frozen=True, slots=True)
class Foothold:
    """A sole on the ground: its reference point, shape (2,), [m], and heading [rad]."""

    point: Array
    yaw: float

    def to_world(self, vector: Array) -> Array:
        """A horizontal vector from the sole's axes."""
        return rotation(self.yaw) @ vector


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the next foothold, its duration [s], and the capture point there.

    `offset`, shape (2,), [m]: from the new foothold to the capture point at touchdown, in the
    world.
    """

    foothold: Foothold
    duration: float
    offset: Array

    @property
    def goal(self) -> Array:
        """Where the capture point should be at touchdown, shape (2,), [m]."""
        return self.foothold.point + self.offset


class StepPlanner:
    """Plans steps of a pendulum of `rate` [1/s]."""

    def __init__(self, config: WalkConfig, rate: float) -> None:
        self._config = config
        self.rate = rate
        self._hessian = np.zeros((3, 3))
        self._rows = np.zeros((0, 3))
        self._kind = np.zeros(3, dtype=np.int32)

    def nominal(self, stance: Foothold, side: float, twist: Array) -> Step:
        """The step that walking with `twist` takes from `stance`, the foot of `side`.

        `side` is LEFT or RIGHT. `twist`, shape (3,): forward and left speed [m/s] and turning
        [rad/s] of the point between the feet, whose heading is in the middle of the two feet's.
        """
        config = self._config
        duration = config.step_duration
        turn = float(np.clip(twist[2] * duration, -config.turn, config.turn))
        shift = twist[:2] * duration
        # Sideways, every other step is narrower: then the feet are set wider.
        width = max(config.width, config.narrowest + abs(float(shift[1])))
        half = np.array([0.0, 0.5 * side * width])
        middle = stance.point - stance.to_world(half)
        ahead = rotation(stance.yaw + 0.5 * turn) @ shift
        yaw = stance.yaw + turn
        turned = rotation(yaw)
        foothold = Foothold(middle + ahead - turned @ half, yaw)
        growth = exp(self.rate * duration)
        offset = turned @ steady_offset(shift.copy(), -side * width, growth)
        return Step(foothold, duration, offset)

    def adapt(
        self,
        nominal: Step,
        stance: Foothold,
        side: float,
        capture: Array,
        pressure: Array,
        elapsed: float,
        reach: tuple[Array, float],
    ) -> Step:
        """The step nearest to `nominal` that catches the capture point.

        `capture` and `pressure` (constant until touchdown), shape (2,), are of now, `elapsed` [s]
        into the step; `reach`: where the swing foot is, shape (2,), and how far it gets [m].
        """
        config = self._config
        axes = rotation(stance.yaw)
        lower, upper = self._bounds(axes, stance, side, elapsed, reach)
        decay = exp(-self.rate * elapsed)
        # In the stance foot's axes: step + offset = start + way * growth.
        start = axes.T @ (pressure - stance.point)
        way = axes.T @ (capture - pressure) * decay
        wanted = axes.T @ (nominal.foothold.point - stance.point)
        offset = axes.T @ nominal.offset
        timely = exp(self.rate * nominal.duration)
        a = config.offset_weight
        H, miss = self._hessian, start - offset
        H[0, 0] = H[1, 1] = 1.0 + a
        H[:2, 2] = H[2, :2] = -a * way
        H[2, 2] = config.time_weight + a * way @ way
        gradient = np.empty(3)
        gradient[:2] = -wanted - a * miss
        gradient[2] = -config.time_weight * timely + a * way @ miss
        x = solve_qp(H, gradient, self._rows, lower, upper, self._kind)
        if x is None:
            return nominal
        point = stance.point + axes @ x[:2]
        landing = axes @ (start + way * x[2] - x[:2])
        duration = log(x[2]) / self.rate
        return Step(Foothold(point, nominal.foothold.yaw), duration, landing)

    def _bounds(
        self,
        axes: Array,
        stance: Foothold,
        side: float,
        elapsed: float,
        reach: tuple[Array, float],
    ) -> tuple[Array, Array]:
        """Of the step in the stance foot's axes, and of the growth over it."""
        config = self._config
        across = np.sort((-side * config.narrowest, -side * config.widest))
        lower = np.array([-config.longest, across[0]])
        upper = np.array([config.longest, across[1]])
        foot = np.clip(axes.T @ (reach[0] - stance.point), lower, upper)
        lower, upper = np.maximum(lower, foot - reach[1]), np.minimum(upper, foot + reach[1])
        soonest = max(config.step_shortest, elapsed)
        latest = max(config.step_longest, soonest)
        growth = exp(self.rate * soonest), exp(self.rate * latest)
        return np.append(lower, growth[0]), np.append(upper, growth[1])


def rotation(yaw: float) -> Array:
    """Rotation by `yaw` [rad] in the plane, shape (2, 2)."""
    c, s = cos(yaw), sin(yaw)
    return np.array(((c, -s), (s, c)))


def wrap(angle: float) -> float:
    """The same direction within -pi and pi [rad]."""
    return remainder(angle, 2.0 * pi)
