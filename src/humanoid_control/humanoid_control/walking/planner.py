"""Where and when to set the next foot.

Two stages. The nominal step follows from the ordered velocity. What the pressure under the stance
foot cannot correct, the step does: its place and its duration are chosen so that the capture point,
as measured now, is where it has to be for the step after. The cost is that of Khadiv, Herzog,
Moosavian, Righetti, "Walking control based on step timing adaptation", IEEE T-RO 2020, equation 11,
with the capture-point offset eliminated. It is minimised over candidate durations: for each the
foothold has a closed form, and what a swing foot reaches may depend on the time it has.
"""

from cmath import rect
from dataclasses import dataclass
from math import cos, exp, inf, log, pi, remainder, sin

import numpy as np

from humanoid_control.controller import Array
from humanoid_control.walking import kernels
from humanoid_control.walking.config import WalkConfig
from humanoid_control.walking.pendulum import steady_offset

LEFT, RIGHT = 1.0, -1.0

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

    `reach` [m]: so far to the side of the centre of mass a foot lands at most.
    """

    def __init__(
        self, config: WalkConfig, rate: float, leg_share: float = 0.0, reach: float = inf
    ) -> None:
        self._config = config
        self.rate = rate
        self._leg_share = leg_share
        self._reach = reach

    def nominal(self, stance: Foothold, side: float, twist: Array) -> Step:
        """The step that walking with `twist` takes from `stance`, the foot of `side`.

        `side` is LEFT or RIGHT. `twist`, shape (3,): forward and left speed [m/s] and turning
        [rad/s] of the point between the feet, whose heading is in the middle of the two feet's.
        """
        config = self._config
        duration = config.step_duration
        forward, left, turning = twist.tolist()
        turn = min(max(turning * duration, -config.turn), config.turn)
        # Points as complex numbers: a turn is a product.
        shift = complex(forward, left) * duration
        # Sideways, every other step is narrower: then the feet are set wider.
        width = max(config.width, config.narrowest + abs(shift.imag))
        half = 0.5j * side * width
        middle = complex(*stance.point.tolist()) - rect(1.0, stance.yaw) * half
        yaw = stance.yaw + turn
        turned = rect(1.0, yaw)
        point = middle + rect(1.0, stance.yaw + 0.5 * turn) * shift - turned * half
        growth = exp(self.rate * duration)
        steady = steady_offset(np.array((shift.real, shift.imag)), -side * width, growth)
        offset = turned * complex(*steady.tolist())
        return Step(
            Foothold(np.array((point.real, point.imag)), yaw),
            duration,
            np.array((offset.real, offset.imag)),
        )

    def adapt(self, nominal: Step, stance: Foothold, side: float, now: Moment) -> Step:
        """The step nearest to `nominal` that catches the capture point."""
        config, rate = self._config, self.rate
        axes = rotation(stance.yaw)
        soonest = max(config.step_shortest, now.elapsed)
        latest = max(config.step_longest, soonest)
        across = (-side * config.narrowest, -side * config.widest)
        # What the candidates are reckoned from, in the stance foot's axes.
        points = np.array(
            (
                now.pressure - stance.point,
                now.capture - now.pressure,
                now.centre - now.pressure,
                now.foot - stance.point,
                now.velocity,
                nominal.offset,
                nominal.foothold.point - stance.point,
                (0.0, 0.0),
                (0.0, 0.0),
            )
        )
        points = points @ axes
        points[-2] = -config.longest, min(across)
        points[-1] = config.longest, max(across)
        numbers = np.array(
            (
                rate,
                exp(-rate * now.elapsed),
                exp(rate * nominal.duration),
                self._leg_share,
                config.offset_weight,
                config.time_weight,
                config.foot_acceleration / _MINIMUM_JERK_PEAK,
                self._reach,
            )
        )
        best = np.zeros(4)
        growth = kernels.cheapest_step(
            exp(rate * soonest), exp(rate * latest), points, numbers, best
        )
        point = stance.point + axes @ best[:2]
        return Step(Foothold(point, nominal.foothold.yaw), log(growth) / rate, axes @ best[2:])


def rotation(yaw: float) -> Array:
    """Rotation by `yaw` [rad] in the plane, shape (2, 2)."""
    c, s = cos(yaw), sin(yaw)
    return np.array(((c, -s), (s, c)))


def wrap(angle: float) -> float:
    """The same direction within -pi and pi [rad]."""
    return remainder(angle, 2.0 * pi)
