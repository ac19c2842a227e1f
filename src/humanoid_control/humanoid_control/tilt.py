"""The tilt of the base."""

import math

from humanoid_control.controller import Array


def tilt(q: Array) -> float:
    """Angle [rad], 0 to pi, between the base's z axis and the vertical.

    `q` is pinocchio's configuration, shape (nq,), with the base quaternion xyzw (unit) at 3 to 7.
    """
    x, y = float(q[3]), float(q[4])
    return 2.0 * math.asin(min(1.0, math.hypot(x, y)))
