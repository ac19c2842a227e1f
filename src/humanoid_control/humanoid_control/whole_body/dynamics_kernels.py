"""Momentum and motion of frames from what pinocchio computed, compiled.

Matrices of this size cost less than the calls that numpy would make on them. Each kernel is one
step of a tick; its last arguments are what it writes.
"""

import numpy as np
from numpy.typing import NDArray

from humanoid_control.controller import Array
from humanoid_runtime.compiled import MATRIX, NUMBER, VECTOR, kernel

_ROTATION = "f8[::1,:]"  # of pinocchio's: Fortran order
_INDICES = "i8[::1]"


@kernel("void", MATRIX, VECTOR, _ROTATION, VECTOR, VECTOR, NUMBER, *4 * [VECTOR], MATRIX)
def centroidal(
    mass_matrix: Array,
    bias: Array,
    rotation: Array,
    position: Array,
    v: Array,
    mass: float,
    gravity: Array,
    com: Array,
    momentum: Array,
    drift: Array,
    matrix: Array,
) -> None:
    """Centre of mass and momentum from the base rows of the dynamics, ``mass_matrix a + bias``.

    These are the rate of the whole momentum about the base's origin, in its axes (Wensing and
    Orin, "Improved computation of the humanoid centroidal dynamics", IJHR 2016). `rotation` and
    `position` are those of the base in the world; what is written: see :class:`Dynamics`.
    """
    a, b, c = mass_matrix[1, 5] / mass, mass_matrix[2, 3] / mass, mass_matrix[0, 4] / mass
    x = rotation[0, 0] * a + rotation[0, 1] * b + rotation[0, 2] * c
    y = rotation[1, 0] * a + rotation[1, 1] * b + rotation[1, 2] * c
    z = rotation[2, 0] * a + rotation[2, 1] * b + rotation[2, 2] * c
    com[0], com[1], com[2] = position[0] + x, position[1] + y, position[2] + z
    momentum[:] = 0.0
    columns = len(bias)
    for column in range(columns + 1):  # the last one is the bias
        for i in range(3):
            linear = angular = 0.0
            for j in range(3):
                turn = rotation[i, j]
                linear += turn * (mass_matrix[j, column] if column < columns else bias[j])
                angular += turn * (mass_matrix[3 + j, column] if column < columns else bias[3 + j])
            drift[i], drift[3 + i] = linear, angular
        drift[3] -= y * drift[2] - z * drift[1]
        drift[4] -= z * drift[0] - x * drift[2]
        drift[5] -= x * drift[1] - y * drift[0]
        if column < columns:
            for i in range(6):
                matrix[i, column] = drift[i]
                momentum[i] += drift[i] * v[column]
    for i in range(3):
        drift[i] += mass * gravity[i]


@kernel(
    "void",
    _ROTATION,
    *3 * [VECTOR],
    MATRIX,
    _INDICES,
    MATRIX,
    VECTOR,
    VECTOR,
    MATRIX,
    *3 * [VECTOR],
    MATRIX,
)
def frame_motion(
    joint_rotation: Array,
    joint_position: Array,
    joint_twist: Array,
    joint_acceleration: Array,
    joint_jacobians: Array,
    columns: NDArray[np.int64],
    fixed_rotation: Array,
    fixed_position: Array,
    gravity: Array,
    rotation: Array,
    position: Array,
    twist: Array,
    drift: Array,
    jacobian: Array,
) -> None:
    """Placement and motion of a frame that is fixed to a joint, from pinocchio's of the joint.

    Twist and acceleration of the joint are in its axes, the latter at zero joint accelerations in
    a world that falls with `gravity`; `joint_jacobians`, shape (nv, 6), are twists at the world's
    origin in its axes, of which those of the rows `columns` move the frame. `fixed_rotation` and
    `fixed_position` place the frame in the joint; what is written: see :class:`Frame`.
    """
    for i in range(3):
        position[i] = joint_position[i]
        for j in range(3):
            position[i] += joint_rotation[i, j] * fixed_position[j]
            rotation[i, j] = 0.0
            for k in range(3):
                rotation[i, j] += joint_rotation[i, k] * fixed_rotation[k, j]
    x, y, z = fixed_position[0], fixed_position[1], fixed_position[2]
    for i in range(3):
        p, q, r = fixed_rotation[0, i], fixed_rotation[1, i], fixed_rotation[2, i]
        u, v, w = joint_twist[3], joint_twist[4], joint_twist[5]
        twist[i] = p * (joint_twist[0] + v * z - w * y)
        twist[i] += q * (joint_twist[1] + w * x - u * z)
        twist[i] += r * (joint_twist[2] + u * y - v * x)
        twist[3 + i] = p * u + q * v + r * w
        u, v, w = joint_acceleration[3], joint_acceleration[4], joint_acceleration[5]
        drift[i] = p * (joint_acceleration[0] + v * z - w * y)
        drift[i] += q * (joint_acceleration[1] + w * x - u * z)
        drift[i] += r * (joint_acceleration[2] + u * y - v * x)
        drift[3 + i] = p * u + q * v + r * w
        for j in range(3):
            drift[i] += rotation[j, i] * gravity[j]
    x, y, z = position[0], position[1], position[2]
    for column in columns:
        one = joint_jacobians[column]
        u, v, w = one[3], one[4], one[5]
        a, b, c = one[0] + v * z - w * y, one[1] + w * x - u * z, one[2] + u * y - v * x
        for i in range(3):
            p, q, r = rotation[0, i], rotation[1, i], rotation[2, i]
            jacobian[i, column] = p * a + q * b + r * c
            jacobian[3 + i, column] = p * u + q * v + r * w
