"""Where and when to set the next foot.

Two stages. The nominal step follows from the ordered velocity. What the pressure under the stance
foot cannot correct, the step does: its place and its duration are chosen so that the capture point,
as measured now, is where it has to be for the step after. The cost is that of Khadiv, Herzog,
Moosavian, Righetti, "Walking control based on step timing adaptation", IEEE T-RO 2020, equation 11,
with the capture-point offset eliminated. It is minimised over candidate durations: for each the
foothold has a closed form, and what a swing foot reaches may depend on the time it has.
"""

from dataclasses import dataclass
from math import cos, exp, log, pi, remainder, sin

import numpy as np

from humanoid_control.controller import Array
from humanoid_control.walking.config import WalkConfig
from humanoid_control.walking.pendulum import steady_offset

LEFT, RIGHT = 1.0, -1.0

#: Durations that are compared; between them the cost is close to a parabola.
_CANDIDATES = 24
#: Peak acceleration of a minimum-jerk way of length 1 in time 1, from rest to rest.
_MINIMUM_JERK_PEAK = 5.77


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


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of a step. Points and velocity are horizontal, in the world, shape (2,)."""

    elapsed: float  # [s] since the step began
    capture: Array  # capture point [m]
    centre: Array  # centre of mass [m]
    pressure: Array  # centre of pressure, taken as constant until touchdown [m]
    foot: Array  # the place below the swing foot's reference point [m]
    velocity: Array  # of the swing foot [m/s]


class StepPlanner:
    """Plans steps of a pendulum of `rate` [1/s].

    `leg_share` [-]: a leg that swings with a velocity v against the centre of mass moves the
    capture point by `leg_share` v, because its angular momentum is -`leg_share` v times mass times
    height. The stance leg swings back; both together give ``leg_share (v_foot - 2 v_centre)``.
    """

    def __init__(self, config: WalkConfig, rate: float, leg_share: float = 0.0) -> None:
        self._config = config
        self.rate = rate
        self._leg_share = leg_share

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

    def adapt(self, nominal: Step, stance: Foothold, side: float, now: Moment) -> Step:
        """The step nearest to `nominal` that catches the capture point."""
        axes = rotation(stance.yaw)
        offset = axes.T @ nominal.offset
        wanted = axes.T @ (nominal.foothold.point - stance.point)
        timely = exp(self.rate * nominal.duration)
        ahead = _Prediction(axes, stance.point, now, self.rate, self._leg_share)

        def evaluate(growth: Array) -> tuple[Array, Array, Array]:
            """Footholds and capture points there, shape (k, 2), and their costs, (k,)."""
            landing, share = ahead.landing(growth)
            steps = self._footholds(landing - offset, wanted, share, ahead, growth, side)
            miss = landing - (1.0 - share) * steps
            cost = np.sum((steps - wanted) ** 2, axis=1)
            cost += self._config.offset_weight * np.sum((miss - offset) ** 2, axis=1)
            return steps, miss, cost + self._config.time_weight * (growth - timely) ** 2

        growth = self._growths(now.elapsed)
        best = _lowest(growth, evaluate(growth)[2])
        steps, miss, _ = evaluate(np.array([best]))
        point = stance.point + axes @ steps[0]
        duration = log(best) / self.rate
        return Step(Foothold(point, nominal.foothold.yaw), duration, axes @ miss[0])

    def _growths(self, elapsed: float) -> Array:
        """Growth of the capture point over the candidate durations, shape (k,)."""
        soonest = max(self._config.step_shortest, elapsed)
        latest = max(self._config.step_longest, soonest)
        return np.linspace(exp(self.rate * soonest), exp(self.rate * latest), _CANDIDATES)

    def _footholds(
        self,
        ideal: Array,
        wanted: Array,
        share: Array,
        ahead: "_Prediction",
        growth: Array,
        side: float,
    ) -> Array:
        """The best steps of which the legs are capable, shape (k, 2), in the stance foot's axes.

        ``ideal + share * step`` would put the capture point where it should be after the step;
        `wanted` (2,) is the nominal step.
        """
        config = self._config
        rest = 1.0 - share
        weight = config.offset_weight * rest
        steps = (wanted + weight * ideal) / (1.0 + weight * rest)
        across = (-side * config.narrowest, -side * config.widest)
        steps[:, 0] = np.clip(steps[:, 0], -config.longest, config.longest)
        steps[:, 1] = np.clip(steps[:, 1], min(across), max(across))
        time = ahead.left(growth)
        resting = ahead.foot + 0.5 * time * ahead.velocity  # where it comes to rest by itself
        room = config.foot_acceleration / _MINIMUM_JERK_PEAK * time**2
        return np.clip(steps, resting - room, resting + room)


class _Prediction:
    """Where the capture point is at touchdown, in the stance foot's axes."""

    def __init__(
        self, axes: Array, origin: Array, now: Moment, rate: float, leg_share: float
    ) -> None:
        self._pressure = axes.T @ (now.pressure - origin)
        self._capture = axes.T @ (now.capture - now.pressure)
        self._centre = axes.T @ (now.centre - now.pressure)
        self.foot = axes.T @ (now.foot - origin)
        self.velocity = axes.T @ now.velocity
        self._decay = exp(-rate * now.elapsed)
        self._rate, self._leg_share = rate, leg_share

    def left(self, growth: Array) -> Array:
        """Time to touchdown [s], shape (k, 1); `growth`, (k,), is that over the whole step."""
        more = np.maximum(growth * self._decay, 1.0)[:, None]
        return np.log(more) / self._rate

    def landing(self, growth: Array) -> tuple[Array, Array]:
        """Capture points at touchdown for a foot at the origin, shape (k, 2), and their change.

        The change, (k, 1), is that per displacement of the foothold: what the legs' swing adds,
        taken as half way through, when the foot is fastest.
        """
        more = np.maximum(growth * self._decay, 1.0)[:, None]
        half = 0.5 * self._capture
        moved = half * (more - 1.0) + (self._centre - half) * (1.0 / more - 1.0)
        share = self._leg_share * np.sqrt(more)
        swung = share * (self.foot + 2.0 * moved)
        return self._pressure + self._capture * more - swung, share


def _lowest(x: Array, cost: Array) -> float:
    """Where the parabola through the lowest of evenly spaced points and its neighbours is least."""
    i = int(np.argmin(cost))
    if 0 < i < len(x) - 1:
        before, here, after = cost[i - 1 : i + 2].tolist()
        bend = before - 2.0 * here + after
        if bend > 0.0:
            return float(x[i] + 0.5 * (x[i] - x[i - 1]) * (before - after) / bend)
    return float(x[i])


def rotation(yaw: float) -> Array:
    """Rotation by `yaw` [rad] in the plane, shape (2, 2)."""
    c, s = cos(yaw), sin(yaw)
    return np.array(((c, -s), (s, c)))


def wrap(angle: float) -> float:
    """The same direction within -pi and pi [rad]."""
    return remainder(angle, 2.0 * pi)
