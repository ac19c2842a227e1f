"""The arithmetic around the filter, compiled: soles, contacts and checks; functions over arrays."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from humanoid_runtime.compiled import INDEX, MATRIX, NUMBER, STACK, VECTOR, kernel

Array = NDArray[np.float64]


@kernel("b1", VECTOR, VECTOR, VECTOR)
def finite(a: Array, b: Array, c: Array) -> bool:
    """Whether all numbers of three vectors of one length are finite."""
    total = 0.0
    for i in range(len(a)):
        total += a[i] * a[i] + b[i] * b[i] + c[i] * c[i]
    return total < np.inf


@kernel("void", MATRIX, MATRIX, MATRIX, STACK, STACK, VECTOR, MATRIX, STACK, STACK)
def place_soles(
    rotation: Array, imu_rotation: Array, offsets: Array, rotations: Array, grams: Array, noise: Array,
    world_offsets: Array, world_rotations: Array, spreads: Array,
) -> None:  # fmt: skip
    """Turn k soles from base axes into world axes, relative to the sensor; the last three are results.

    Rotations (3, 3) of the sensor in the world and in the base; of the soles offsets (k, 3) [m],
    rotations (k, 3, 3), and J J' (k, 6, 6) of their Jacobians; `noise` (3,): variances of joint angles
    [rad^2] and, beyond them, of a sole's position [m^2] and rotation [rad^2]. `spreads` (k, 6, 6) are
    their sum.
    """
    base, half = np.zeros((3, 3)), np.empty((6, 6))
    for i in range(3):
        for j in range(3):
            for m in range(3):
                base[i, j] += rotation[i, m] * imu_rotation[j, m]
    for foot in range(len(offsets)):
        for i in range(3):
            world_offsets[foot, i] = 0.0
            for m in range(3):
                world_offsets[foot, i] += base[i, m] * offsets[foot, m]
            for j in range(3):
                world_rotations[foot, i, j] = 0.0
                for m in range(3):
                    world_rotations[foot, i, j] += base[i, m] * rotations[foot, m, j]
        for i in range(6):
            for j in range(6):
                at = 3 * (i // 3)
                half[i, j] = 0.0
                for m in range(3):
                    half[i, j] += base[i % 3, m] * grams[foot, at + m, j]
        for i in range(6):
            for j in range(6):
                at, total = 3 * (j // 3), 0.0
                for m in range(3):
                    total += half[i, at + m] * base[j % 3, m]
                spreads[foot, i, j] = noise[0] * total
            spreads[foot, i, i] += noise[1] if i < 3 else noise[2]


@kernel("void", STACK, VECTOR, STACK, NUMBER, NUMBER, MATRIX)
def wrenches_from_torques(
    jacobians: Array,
    missing: Array,
    rotations: Array,
    damping: float,
    share: float,
    wrenches: Array,
) -> None:
    """Move `wrenches` (k, 6) by `share` toward those that explain the torques `missing` (m,) [N m].

    `jacobians` (k, 6, m) of the soles in base axes, damped by `damping` [m^2] in the inversion (C. W.
    Wampler, "Manipulator inverse kinematic solutions based on vector formulations and damped
    least-squares methods", IEEE Transactions on Systems, Man, and Cybernetics 16(1), 1986);
    `rotations` (k, 3, 3) of the soles, in whose frames the wrenches are: force [N], torque [N m].
    """
    system = np.empty((6, 7))
    for foot in range(len(jacobians)):
        jacobian = jacobians[foot]
        for i in range(6):
            for j in range(6):
                system[i, j] = damping if i == j else 0.0
                for m in range(len(missing)):
                    system[i, j] += jacobian[i, m] * jacobian[j, m]
            system[i, 6] = 0.0
            for m in range(len(missing)):
                system[i, 6] += jacobian[i, m] * missing[m]
        # Elimination without exchange of rows: the matrix is symmetric and positive definite.
        for k in range(6):
            for i in range(6):
                if i != k:
                    factor = system[i, k] / system[k, k]
                    for j in range(k, 7):
                        system[i, j] -= factor * system[k, j]
        for half in range(0, 6, 3):
            for i in range(3):
                total = 0.0
                for m in range(3):
                    row = half + m
                    total += rotations[foot, m, i] * (system[row, 6] / system[row, row])
                wrenches[foot, half + i] += share * (total - wrenches[foot, half + i])


@kernel("b1", VECTOR, "b1", VECTOR, VECTOR, NUMBER, NUMBER, NUMBER)
def lean(
    up: Array, known: bool, angular_velocity: Array, acceleration: Array, gravity: float,
    constant: float, dt: float,
) -> bool:  # fmt: skip
    """Turn the unit vector `up` (3,) with the sensor, and toward what the accelerometer says is up.

    `known`: it had a value before; returns whether it has one now. `gravity` [m/s^2]; `constant` [s]:
    time in which it follows. The form for one vector of Mahony et al., see
    :class:`humanoid_perception.health.Vertical`.
    """
    x, y, z = up[0], up[1], up[2]
    wx, wy, wz = angular_velocity[0], angular_velocity[1], angular_velocity[2]
    ax, ay, az = acceleration[0], acceleration[1], acceleration[2]
    size = sqrt(ax * ax + ay * ay + az * az)
    # Far from gravity's magnitude the direction says nothing.
    trust = max(0.0, 1.0 - abs(size - gravity) / (0.2 * gravity))
    if known:
        trust *= dt / (constant * max(size, 1.0))
        x, y, z = (
            x + (y * wz - z * wy) * dt + trust * (ax - size * x),
            y + (z * wx - x * wz) * dt + trust * (ay - size * y),
            z + (x * wy - y * wx) * dt + trust * (az - size * z),
        )
    elif trust > 0.0:
        x, y, z = ax, ay, az
    else:
        return False
    norm = sqrt(x * x + y * y + z * z)
    up[0], up[1], up[2] = x / norm, y / norm, z / norm
    return True


@kernel("UniTuple(f8, 2)", VECTOR, VECTOR, VECTOR)
def magnitudes(a: Array, b: Array, c: Array) -> tuple[float, float]:
    """Lengths of ``a - b`` and of c, all of shape (3,)."""
    first = second = 0.0
    for i in range(3):
        first += (a[i] - b[i]) * (a[i] - b[i])
        second += c[i] * c[i]
    return sqrt(first), sqrt(second)


@kernel(VECTOR, MATRIX, NUMBER, NUMBER)
def lever(rotation: Array, x: float, y: float) -> Array:
    """From the point (x, y, 0) [m] of a sole to the sole's origin, in the axes of `rotation` (3, 3)."""
    result = np.empty(3)
    for i in range(3):
        result[i] = -rotation[i, 0] * x - rotation[i, 1] * y
    return result


@kernel("void", MATRIX, INDEX, VECTOR, NUMBER, NUMBER, NUMBER)
def loosen(covariance: Array, at: int, lever: Array, slip: float, roll: float, turn: float) -> None:
    """Let a foot, whose error begins at row `at`, slip and turn about its centre of pressure.

    `lever` (3,) [m] goes from there to the sole's origin, in world axes; variances of the slip [m^2],
    of the turn about horizontal axes and about the vertical [rad^2].
    """
    # Columns of motion: unit turns about the world's axes, w and w x lever.
    motion = np.zeros((6, 3))
    motion[0, 1], motion[0, 2] = lever[2], -lever[1]
    motion[1, 0], motion[1, 2] = -lever[2], lever[0]
    motion[2, 0], motion[2, 1] = lever[1], -lever[0]
    motion[3, 0] = motion[4, 1] = motion[5, 2] = 1.0
    for i in range(6):
        for j in range(6):
            flat = motion[i, 0] * motion[j, 0] + motion[i, 1] * motion[j, 1]
            covariance[at + i, at + j] += roll * flat + turn * motion[i, 2] * motion[j, 2]
    for i in range(3):
        covariance[at + i, at + i] += slip


@kernel("UniTuple(f8, 7)", MATRIX, MATRIX, MATRIX, VECTOR, VECTOR, MATRIX)
def squares(
    rotation: Array, vectors: Array, covariance: Array, gyroscope_bias: Array,
    accelerometer_bias: Array, before: Array,
) -> tuple[float, float, float, float, float, float, float]:  # fmt: skip
    """What tells a sound filter, as sums of squares; `before`: `vectors` before its corrections.

    Of everything (not finite if anything is not), of the rotation's elements, of velocity, both biases,
    and of the corrections of velocity and position.
    """
    total = unit = speed = gyroscope = accelerometer = faster = moved = 0.0
    for i in range(3):
        for j in range(3):
            unit += rotation[i, j] * rotation[i, j]
        speed += vectors[0, i] * vectors[0, i]
        gyroscope += gyroscope_bias[i] * gyroscope_bias[i]
        accelerometer += accelerometer_bias[i] * accelerometer_bias[i]
        step = vectors[0, i] - before[0, i]
        faster += step * step
        step = vectors[1, i] - before[1, i]
        moved += step * step
    for i in range(len(vectors)):
        for j in range(3):
            total += vectors[i, j] * vectors[i, j]
    for i in range(len(covariance)):
        for j in range(len(covariance)):
            total += covariance[i, j] * covariance[i, j]
    total += unit + gyroscope + accelerometer
    return total, unit, speed, gyroscope, accelerometer, faster, moved
