"""What tasks want, compiled."""

from math import atan2, sqrt, tan

import numpy as np

from humanoid_control.controller import Array
from humanoid_runtime.compiled import MATRIX, NUMBER, VECTOR, kernel, part


@part
def _rotation_vector(rotation: Array, target: Array) -> tuple[float, float, float]:
    """The turn [rad] from `rotation` to `target`, both frame to world, in the frame's axes.

    By way of the quaternion of ``rotation' target``, each entry from the largest divisor (Shepperd,
    "Quaternion from rotation matrix", 1978): exact at every angle.
    """
    d = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            d[i, j] = rotation[0, i] * target[0, j]
            d[i, j] += rotation[1, i] * target[1, j] + rotation[2, i] * target[2, j]
    a, b, c = d[0, 0], d[1, 1], d[2, 2]
    best = max(a + b + c, a, b, c)
    p, q, r = d[2, 1] - d[1, 2], d[0, 2] - d[2, 0], d[1, 0] - d[0, 1]
    s, t, u = d[1, 0] + d[0, 1], d[2, 0] + d[0, 2], d[2, 1] + d[1, 2]
    if best == a + b + c:
        w, x, y, z = 1.0 + a + b + c, p, q, r
    elif best == a:
        w, x, y, z = p, 1.0 + a - b - c, s, t
    elif best == b:
        w, x, y, z = q, s, 1.0 - a + b - c, u
    else:
        w, x, y, z = r, t, u, 1.0 - a - b + c
    if w < 0.0:
        w, x, y, z = -w, -x, -y, -z
    length = sqrt(x * x + y * y + z * z)
    scale = 2.0 * atan2(length, w) / length if length > 1e-9 * w else 2.0 / w
    return scale * x, scale * y, scale * z


@kernel("void", MATRIX, MATRIX, VECTOR, NUMBER, NUMBER, VECTOR)
def turn_toward(
    rotation: Array,
    target: Array,
    velocity: Array,
    stiffness: float,
    damping: float,
    command: Array,
) -> None:
    """See :class:`OrientationTask`; `velocity` is the angular one, (3,), in the frame's axes."""
    turn = _rotation_vector(rotation, target)
    for i in range(3):
        command[i] = stiffness * turn[i] - damping * velocity[i]


@kernel("void", MATRIX, VECTOR, VECTOR, MATRIX, *3 * [VECTOR], NUMBER, NUMBER, VECTOR)
def move_toward(
    rotation: Array,
    position: Array,
    twist: Array,
    target_rotation: Array,
    target_position: Array,
    velocity: Array,
    acceleration: Array,
    stiffness: float,
    damping: float,
    command: Array,
) -> None:
    """See :class:`PoseTask`. The error is the logarithm of the pose of the target in the frame."""
    x, y, z = _rotation_vector(rotation, target_rotation)
    away = (
        target_position[0] - position[0],
        target_position[1] - position[1],
        target_position[2] - position[2],
    )
    a = rotation[0, 0] * away[0] + rotation[1, 0] * away[1] + rotation[2, 0] * away[2]
    b = rotation[0, 1] * away[0] + rotation[1, 1] * away[1] + rotation[2, 1] * away[2]
    c = rotation[0, 2] * away[0] + rotation[1, 2] * away[1] + rotation[2, 2] * away[2]
    # Inverse of the left Jacobian of SO(3): p - w x p / 2 + share w x (w x p).
    u, v, w = y * c - z * b, z * a - x * c, x * b - y * a
    square = x * x + y * y + z * z
    share = 1.0 / 12.0 + square / 720.0
    if square > 1e-4:
        half = 0.5 * sqrt(square)
        share = (1.0 - half / tan(half)) / square
    error = (
        a - 0.5 * u + share * (y * w - z * v),
        b - 0.5 * v + share * (z * u - x * w),
        c - 0.5 * w + share * (x * v - y * u),
        x,
        y,
        z,
    )
    for i in range(6):
        slip = velocity[i] - twist[i]
        command[i] = acceleration[i] + stiffness * error[i] + damping * slip
