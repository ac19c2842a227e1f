"""The cross-fade between two joint control laws.

Linear blending of all five arrays alone would not blend torque linearly: stiffness times position
is a product. The difference does not depend on the measured state,

    (1-s) k0 (p0 - q) + s k1 (p1 - q) - k(s) (p(s) - q) = s (1-s) (k1 - k0) (p1 - p0)

(the same with damping and velocity), so it is added to the effort. What comes out is the convex
combination of the two laws *at every measured state*: torque(s) = (1-s) torque0 + s torque1. Hence
the bounds of a fade of duration T sampled every h: from one sample to the next, the fade changes
position by at most 1.5 h/T |p1 - p0| and torque by at most 1.5 h/T |torque1 - torque0| (1.5:
steepest slope of smoothstep).
"""

import numpy as np

from humanoid_control.controller import JointTargets
from humanoid_control.ramps import Stopwatch, smoothstep


class TargetsBuffer:
    """Five arrays of joint targets in one block of memory."""

    def __init__(self, joints: int) -> None:
        self._block = np.zeros((5, joints))
        self.targets = JointTargets(*self._block)

    def copy_from(self, source: JointTargets) -> None:
        """Take over the values of `source`. Raises ValueError on a wrong shape."""
        block = self._block
        block[0] = source.position
        block[1] = source.velocity
        block[2] = source.effort
        block[3] = source.stiffness
        block[4] = source.damping

    def fade(self, old: "TargetsBuffer", s: float) -> None:
        """Replace this law, taken as the new one, by the mixture (1-s) old + s new; s in [0, 1]."""
        new, before = self._block, old._block
        change = new - before
        new *= s
        new += (1.0 - s) * before
        new[2] += s * (1.0 - s) * (change[3] * change[0] + change[4] * change[1])

    def finite(self) -> bool:
        """Whether no value is NaN or infinite."""
        return bool(np.isfinite(self._block).all())


class Fade:
    """Fades from the targets sent last to those of the controller that takes over."""

    def __init__(self, joints: int) -> None:
        self._duration = 0.0  # [s]
        self._clock = Stopwatch()
        self._fading = False
        self._next = TargetsBuffer(joints)  # being made
        self._sent = TargetsBuffer(joints)  # the answer to the last sample
        self._before = TargetsBuffer(joints)  # what is faded from

    def begin(self, stamp: int, duration: float) -> JointTargets:
        """Fade from now, `stamp` [ns], for `duration` [s]. Returns what from, until the next one."""
        self._clock.start(stamp)
        self._duration = duration
        self._fading = True
        return self._keep()

    def skip(self) -> JointTargets:
        """Do not fade. Returns the targets sent last, valid until the next fade."""
        self._fading = False
        return self._keep()

    def prepare(self, targets: JointTargets) -> None:
        """Take what :meth:`send` will send. Raises ValueError on a wrong shape or value."""
        self._next.copy_from(targets)
        if not self._next.finite():
            raise ValueError("a joint target is not finite")

    def send(self, stamp: int) -> JointTargets:
        """The prepared targets, faded as is due at `stamp` [ns]; valid until the next call."""
        if self._fading:
            self._clock.advance(stamp)
            share = smoothstep(self._clock.elapsed / self._duration)
            self._next.fade(self._before, share)
            self._fading = share < 1.0
        self._sent, self._next = self._next, self._sent
        return self._sent.targets

    def _keep(self) -> JointTargets:
        self._before.copy_from(self._sent.targets)
        return self._before.targets
