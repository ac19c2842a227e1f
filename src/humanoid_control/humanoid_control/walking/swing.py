"""The way of a swing foot to a foothold that may move, at a time that may change."""

import numpy as np

from humanoid_control.controller import Array
from humanoid_control.walking.kernels import follow
from humanoid_control.walking.planner import wrap

#: The horizontal way is planned at least this long before the touchdown [s]: later changes of the
#: foothold are followed no more sharply than that.
_LAST = 0.04
#: Phase of the bump in which the foot meets the ground: late enough to be slow, early enough not to
#: creep, so that the ground, a little higher or lower than thought, is met about in time.
_TOUCH = 0.9
#: A foot so far from its horizontal way [m] is held back, as by the riser of a step: pushed on
#: against it, it is kept by friction from rising.
_HELD = 0.02
#: Time constant of lowering the bump [s].
_LOWER = 0.02


class SwingFoot:
    """Sole position, velocity and acceleration along one swing; the heading likewise.

    Horizontally the minimum-jerk way (a quintic) from where the reference is to the foothold,
    planned anew for every sample, continuous in acceleration. Vertically a bump over a phase that
    runs from 0 at lift-off; after its end the foot sinks until it finds the ground.
    """

    def __init__(self, height: float, sinking: float, duration: float) -> None:
        """`height` [m] of the bump of a swing of `duration` [s] or more; a hastier one is lower.

        `sinking` [m/s] is the speed downward when the ground is late.
        """
        self._full, self._pace = height, _TOUCH / duration
        self._sinking = sinking
        self.start(np.zeros(3), 0.0)

    def start(self, position: Array, yaw: float) -> None:
        """Lift off at rest from `position`, shape (3,), and heading `yaw` [rad]."""
        #: Rows position, velocity, acceleration; columns x, y, z, yaw. [m], [rad], [s].
        self.motion = np.zeros((3, 4))
        self.motion[0, :3] = position
        self.motion[0, 3] = yaw
        self._phase = self._speed = 0.0
        self._lift = float(position[2])
        self._sunk = 0.0
        self._height = self._full

    @property
    def phase(self) -> float:
        """From 0 at lift-off to 1 at the planned touchdown."""
        return min(self._phase / _TOUCH, 1.0)

    def yield_to(self, point: Array) -> None:
        """If the foot, at `point`, shape (2,), [m], is held back: go on from there, at rest."""
        if float(np.hypot(*(self.motion[0, :2] - point))) > _HELD:
            self.motion[0, :2] = point
            self.motion[1:, :2] = 0.0

    def advance(self, goal: Array, yaw: float, ground: float, remaining: float, dt: float) -> None:
        """Move on by `dt` [s]; touchdown at `goal`, shape (2,), [m], in `remaining` [s]."""
        turned = float(self.motion[0, 3])
        target = np.array([goal[0], goal[1], ground, turned + wrap(yaw - turned)])
        follow(self.motion, target, max(remaining + dt, _LAST), dt)
        self._advance_height(ground, remaining, dt)

    def _advance_height(self, ground: float, remaining: float, dt: float) -> None:
        left = _TOUCH - self._phase
        if remaining > 0.0 and left > 0.0:  # afterwards it goes on as fast as it was
            self._speed = left / (remaining + dt)
            self._hasten(dt)
        s = self._phase = min(1.0, self._phase + self._speed * dt)
        share, slope, bend = minimum_jerk(s)
        speed, h, w = self._speed, 64.0 * self._height, s * (1.0 - s)
        fall = ground - h * (_TOUCH * (1.0 - _TOUCH)) ** 3 - self._lift
        z = self._lift + fall * share + h * w**3
        velocity = (fall * slope + 3.0 * h * w * w * (1.0 - 2.0 * s)) * speed
        lean = 6.0 * h * w * ((1.0 - 2.0 * s) ** 2 - w)
        acceleration = (fall * bend + lean) * speed**2
        if s >= 1.0:
            self._sunk += self._sinking * dt
            z, velocity, acceleration = z - self._sunk, -self._sinking, 0.0
        self.motion[:, 2] = z, velocity, acceleration

    def _hasten(self, dt: float) -> None:
        """Lower the bump so that the foot accelerates upward and down no more than unhurried.

        A leg that is thrown up and down takes the load off the other foot, which balances.
        """
        height = self._full * min(1.0, self._pace / self._speed) ** 2
        if height < self._height:
            self._height += min(dt / _LOWER, 1.0) * (height - self._height)


def minimum_jerk(s: float) -> tuple[float, float, float]:
    """Minimum-jerk ramp from 0 to 1 over s in [0, 1]: value, slope, and slope of the slope."""
    w = s * (1.0 - s)
    value = s**3 * (10.0 + s * (6.0 * s - 15.0))
    return value, 30.0 * w * w, 60.0 * w * (1.0 - 2.0 * s)
