"""From where the robot is to a goal: the walking velocity of the moment.

Far away it turns towards the goal and walks to it; near, it steps forward, back and sideways with
the heading it is to end with. Planar and pure: poses are x [m], y [m], yaw [rad] in one fixed frame.
"""

from dataclasses import dataclass
from math import atan2, cos, hypot, pi, sin

import numpy as np

from humanoid_control.controller import Array
from humanoid_description.strict_yaml import key

TURNING, WALKING, ALIGNING, ARRIVED = "turning", "walking", "aligning", "arrived"


@dataclass(frozen=True)
class WalkToConfig:
    """How a goal is approached: the key `walk_to` of ``control.yaml``."""

    speed: float = key(0.4, above=0.0, unit="m/s", doc="forward, far from the goal")
    sideways: float = key(0.15, above=0.0, unit="m/s", doc="back and to the sides, near the goal")
    turning: float = key(0.5, above=0.0, unit="rad/s")
    gain: float = key(1.0, above=0.0, unit="1/s", doc="speed per distance left")
    near: float = key(0.4, above=0.0, unit="m", doc="nearer than this it aligns itself")
    ahead: float = key(0.2, above=0.0, unit="rad", doc="turned so well it begins to walk")
    astray: float = key(0.7, above=0.0, unit="rad", doc="the goal so far aside, it turns again")
    tolerance: float = key(0.08, above=0.0, unit="m", doc="arrived when so near")
    heading: float = key(0.1, above=0.0, unit="rad", doc="... and turned so well")

    def __post_init__(self) -> None:
        if not (self.tolerance < self.near and self.ahead < self.astray):
            raise ValueError("tolerance must be below near, and ahead below astray")


@dataclass(frozen=True)
class Pose:
    """A place and a heading on the ground."""

    x: float  # [m]
    y: float  # [m]
    yaw: float  # [rad]

    @classmethod
    def of(cls, q: Array) -> "Pose":
        """The base of pinocchio's configuration `q`, projected on the ground."""
        x, y, z, w = q[3:7].tolist()
        yaw = atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
        return cls(float(q[0]), float(q[1]), yaw)

    def after(self, x: float, y: float, yaw: float) -> "Pose":
        """The pose x, y, yaw as seen from this one, in this one's frame."""
        c, s = cos(self.yaw), sin(self.yaw)
        return Pose(self.x + c * x - s * y, self.y + s * x + c * y, _wrap(self.yaw + yaw))


@dataclass(frozen=True)
class Progress:
    """What to do now, and what is left."""

    twist: Array  # shape (3,): forward and left [m/s], turning [rad/s]
    distance: float  # [m]
    turn: float  # [rad]
    phase: str


class WalkToPlanner:
    """One goal. Its phases have hysteresis, so that noise does not flip them."""

    def __init__(self, config: WalkToConfig, goal: Pose, *, any_heading: bool = False) -> None:
        self._config, self._goal, self._any_heading = config, goal, any_heading
        self._phase = ""

    def step(self, pose: Pose) -> Progress:
        """What to do at `pose`. Once arrived it stays so."""
        config, goal = self._config, self._goal
        x, y = goal.x - pose.x, goal.y - pose.y
        distance = hypot(x, y)
        bearing = _wrap(atan2(y, x) - pose.yaw)
        turn = 0.0 if self._any_heading else _wrap(goal.yaw - pose.yaw)
        self._phase = self._next(distance, bearing, turn)
        twist = np.zeros(3)
        if self._phase == TURNING:
            twist[2] = _limit(config.gain * bearing, config.turning)
        elif self._phase == WALKING:
            twist[0] = min(config.gain * distance, config.speed) * max(cos(bearing), 0.0)
            twist[2] = _limit(2.0 * config.gain * bearing, config.turning)
        elif self._phase == ALIGNING:
            speed = min(config.gain * distance, config.sideways)
            twist[:] = speed * cos(bearing), speed * sin(bearing), 0.0
            twist[2] = _limit(config.gain * turn, config.turning)
        return Progress(twist, distance, turn, self._phase)

    def _next(self, distance: float, bearing: float, turn: float) -> str:
        config, phase = self._config, self._phase
        if phase == ARRIVED or (distance <= config.tolerance and abs(turn) <= config.heading):
            return ARRIVED
        if distance <= config.near or (phase == ALIGNING and distance <= 2.0 * config.near):
            return ALIGNING
        turned = config.astray if phase == WALKING else config.ahead
        return WALKING if abs(bearing) <= turned else TURNING


def _limit(value: float, most: float) -> float:
    return min(max(value, -most), most)


def _wrap(angle: float) -> float:
    """In [-pi, pi)."""
    return (angle + pi) % (2.0 * pi) - pi
