"""Rotations and the integrals of rotating vectors, as the inertial propagation needs them.

Exponential, logarithm and Jacobian of SO(3) are pinocchio's; only what it lacks is written here.
"""

from math import cos, sin, sqrt

import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Below this squared angle [rad^2] the closed forms lose digits to cancellation; six terms of the
# Taylor series are exact to rounding there.
_SERIES_BELOW = 0.1

# x times this, reshaped to (3, 3), is the skew matrix of x.
_ALTERNATOR = np.zeros((3, 9))
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    _ALTERNATOR[_k, 3 * _i + _j] = -1.0
    _ALTERNATOR[_k, 3 * _j + _i] = 1.0


def skew(vectors: Array) -> Array:
    """The skew matrices of the rows of `vectors`, shape (k, 3), as shape (k, 3, 3).

    Skew matrix of x times y is the cross product of x and y.
    """
    return np.dot(vectors, _ALTERNATOR).reshape(-1, 3, 3)


def exp(phi: Array) -> Array:
    """Rotation matrix of the rotation vector `phi` [rad], shape (3,)."""
    return pin.exp3(phi)


def log(rotation: Array) -> Array:
    """Rotation vector [rad] of a rotation matrix, shape (3, 3); its angle is at most pi."""
    return pin.log3(rotation)


def left_jacobian(phi: Array) -> Array:
    """Left Jacobian of SO(3) at `phi` [rad]: the integral of exp(s phi) over s in [0, 1].

    This is Gamma_1 of Hartley et al. 2020.
    """
    return pin.Jexp3(phi).T


def integrate_twice(phi: Array, a: Array) -> tuple[Array, Array]:
    """Gamma_1(phi) a and Gamma_2(phi) a of Hartley et al. 2020, shapes (3,).

    With ``phi = w dt`` they turn a constant `a` in a frame rotating at w into the changes of
    velocity (times dt) and of position (times dt^2) over dt, seen from the frame at the start.
    """
    x, y, z = phi.tolist()
    a0, a1, a2 = a.tolist()
    b, c, d = _coefficients(x * x + y * y + z * z)
    # First and second cross product of phi with a.
    p0, p1, p2 = y * a2 - z * a1, z * a0 - x * a2, x * a1 - y * a0
    r0, r1, r2 = y * p2 - z * p1, z * p0 - x * p2, x * p1 - y * p0
    once = np.array([a0 + b * p0 + c * r0, a1 + b * p1 + c * r1, a2 + b * p2 + c * r2])
    twice = np.array(
        [
            0.5 * a0 + c * p0 + d * r0,
            0.5 * a1 + c * p1 + d * r1,
            0.5 * a2 + c * p2 + d * r2,
        ]
    )
    return once, twice


def _coefficients(t: float) -> tuple[float, float, float]:
    """(1 - cos h)/h^2, (h - sin h)/h^3 and (h^2/2 - 1 + cos h)/h^4 for ``t = h^2``."""
    if t < _SERIES_BELOW:
        b = 1 / 2 - t * (1 / 24 - t * (1 / 720 - t * (1 / 40320 - t * (1 / 3628800))))
        c = 1 / 6 - t * (1 / 120 - t * (1 / 5040 - t * (1 / 362880 - t * (1 / 39916800))))
        d = 1 / 24 - t * (1 / 720 - t * (1 / 40320 - t * (1 / 3628800 - t * (1 / 479001600))))
        return b, c, d
    h = sqrt(t)
    b = (1 - cos(h)) / t
    c = (h - sin(h)) / (t * h)
    return b, c, (0.5 - b) / t
