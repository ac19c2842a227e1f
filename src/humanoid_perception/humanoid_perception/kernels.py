"""The arithmetic of the base estimator, compiled: functions over arrays, which keep nothing.

First rotations, in closed forms: J. Sola, J. Deray, D. Atchuthan, "A micro Lie theory for state estimation
in robotics", arXiv 1812.01537, equations 132 to 146. Then the invariant filter: see
:mod:`humanoid_perception.inekf` for the papers and the order of the error.
"""

from math import atan2, cos, sin, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from humanoid_runtime.compiled import INDEX, MATRIX, NUMBER, STACK, VECTOR, kernel, part, tuple_of

Array = NDArray[np.float64]

#: Standard gravity [m/s^2], ISO 80000-3.
GRAVITY = 9.80665

# Below this squared angle [rad^2] the closed forms lose digits to cancellation; five terms of the
# Taylor series are exact to rounding there.
_SERIES_BELOW = 0.1

#: Where the feet begin in the error, and where position and rotation do.
FEET, POSE = 9, 3


class State(NamedTuple):
    """What the filter believes, for k feet and n = 15 + 6 k error components. Kernels change it."""

    rotation: Array  # shape (3, 3), of the sensor in the world
    vectors: Array  # shape (2 + k, 3): velocity [m/s], position [m], positions of the soles [m]
    soles: Array  # shape (k, 3, 3), rotation of each sole in the world
    gyroscope_bias: Array  # shape (3,), [rad/s] in the sensor frame
    accelerometer_bias: Array  # shape (3,), [m/s^2] in the sensor frame
    covariance: Array  # shape (n, n), of the error, symmetric


STATE = tuple_of(State, MATRIX, MATRIX, STACK, VECTOR, VECTOR, MATRIX)


@part
def coefficients(t: float) -> tuple[float, float, float]:
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


@part
def polynomial(phi: Array, p: float, q: float) -> Array:
    """``1 + p S + q S S`` with the skew matrix S of `phi`, shape (3,); shape (3, 3)."""
    x, y, z = phi[0], phi[1], phi[2]
    result = np.empty((3, 3))
    result[0, 0] = 1.0 - q * (y * y + z * z)
    result[1, 1] = 1.0 - q * (x * x + z * z)
    result[2, 2] = 1.0 - q * (x * x + y * y)
    result[0, 1], result[1, 0] = q * x * y - p * z, q * x * y + p * z
    result[2, 0], result[0, 2] = q * x * z - p * y, q * x * z + p * y
    result[1, 2], result[2, 1] = q * y * z - p * x, q * y * z + p * x
    return result


@part
def exp(phi: Array) -> Array:
    """Rotation matrix of the rotation vector `phi` [rad], shape (3,)."""
    t = phi[0] * phi[0] + phi[1] * phi[1] + phi[2] * phi[2]
    b, c, _ = coefficients(t)
    return polynomial(phi, 1.0 - t * c, b)


@part
def left_jacobian(phi: Array) -> Array:
    """Left Jacobian of SO(3) at `phi` [rad]: the integral of exp(s phi) over s in [0, 1].

    This is Gamma_1 of Hartley et al. 2020.
    """
    b, c, _ = coefficients(phi[0] * phi[0] + phi[1] * phi[1] + phi[2] * phi[2])
    return polynomial(phi, b, c)


@part
def quaternion(rotation: Array) -> Array:
    """Unit quaternion xyzw of a rotation matrix, shape (3, 3).

    S. W. Shepperd, "Quaternion from rotation matrix", Journal of Guidance and Control 1(3), 1978: the
    largest of trace and diagonal is divided by. With a positive trace w is positive.
    """
    result = np.empty(4)
    trace = rotation[0, 0] + rotation[1, 1] + rotation[2, 2]
    if trace > 0.0:
        root = sqrt(trace + 1.0)
        result[3] = 0.5 * root
        root = 0.5 / root
        result[0] = (rotation[2, 1] - rotation[1, 2]) * root
        result[1] = (rotation[0, 2] - rotation[2, 0]) * root
        result[2] = (rotation[1, 0] - rotation[0, 1]) * root
        return result
    i = 0
    if rotation[1, 1] > rotation[0, 0]:
        i = 1
    if rotation[2, 2] > rotation[i, i]:
        i = 2
    j, k = (i + 1) % 3, (i + 2) % 3
    root = sqrt(rotation[i, i] - rotation[j, j] - rotation[k, k] + 1.0)
    result[i] = 0.5 * root
    root = 0.5 / root
    result[3] = (rotation[k, j] - rotation[j, k]) * root
    result[j] = (rotation[j, i] + rotation[i, j]) * root
    result[k] = (rotation[k, i] + rotation[i, k]) * root
    return result


@part
def log(rotation: Array) -> Array:
    """Rotation vector [rad] of a rotation matrix, shape (3, 3); its angle is at most pi."""
    turn = quaternion(rotation)
    sine = sqrt(turn[0] * turn[0] + turn[1] * turn[1] + turn[2] * turn[2])
    cosine = turn[3]
    if cosine < 0.0:
        sine, cosine = -sine, -cosine
    scale = 2.0  # at the identity, where sine is zero
    if sine != 0.0:
        scale = 2.0 * atan2(abs(sine), cosine) / sine
    result = np.empty(3)
    for i in range(3):
        result[i] = scale * turn[i]
    return result


@part
def integrate_twice(phi: Array, a: Array) -> tuple[Array, Array]:
    """Gamma_1(phi) a and Gamma_2(phi) a of Hartley et al. 2020, shapes (3,).

    With ``phi = w dt`` they turn a constant `a` in a frame rotating at w into the changes of
    velocity (times dt) and of position (times dt^2) over dt, seen from the frame at the start.
    """
    x, y, z = phi[0], phi[1], phi[2]
    b, c, d = coefficients(x * x + y * y + z * z)
    # First and second cross product of phi with a.
    p0, p1, p2 = y * a[2] - z * a[1], z * a[0] - x * a[2], x * a[1] - y * a[0]
    r0, r1, r2 = y * p2 - z * p1, z * p0 - x * p2, x * p1 - y * p0
    once, twice = np.empty(3), np.empty(3)
    once[0], twice[0] = a[0] + b * p0 + c * r0, 0.5 * a[0] + c * p0 + d * r0
    once[1], twice[1] = a[1] + b * p1 + c * r1, 0.5 * a[1] + c * p1 + d * r1
    once[2], twice[2] = a[2] + b * p2 + c * r2, 0.5 * a[2] + c * p2 + d * r2
    return once, twice


@part
def assign(target: Array, source: Array) -> None:
    """Copy a matrix; numba's own way takes seconds to compile."""
    for i in range(target.shape[0]):
        for j in range(target.shape[1]):
            target[i, j] = source[i, j]


@part
def multiply(a: Array, b: Array) -> Array:
    """Product of two matrices, shapes (3, 3) and (3, m)."""
    result = np.zeros((3, b.shape[1]))
    for i in range(3):
        for k in range(3):
            for j in range(b.shape[1]):
                result[i, j] += a[i, k] * b[k, j]
    return result


@part
def transition(turned: Array, rotation: Array, source: Array, dt: float) -> Array:
    """The error's transition over `dt` [s], times `source`, shape (n, n).

    It is the identity but for few blocks: gravity turns rotation into velocity, velocity becomes
    position, and the biases enter everything that turns with the world. `turned` (n - 6, 3) is
    d(error)/d(rotation of the world).
    """
    size = len(source)
    gyroscope, accelerometer = size - 6, size - 3
    result = np.empty((size, size))
    assign(result, source)
    for i in range(gyroscope):
        for k in range(3):
            gain = 0.0
            for axis in range(3):
                gain -= turned[i, axis] * rotation[axis, k] * dt
            for j in range(size):
                result[i, j] += gain * source[gyroscope + k, j]
    drop = GRAVITY * dt  # gravity x rotation, with gravity = (0, 0, -g)
    for j in range(size):
        for i in range(3):
            force = 0.0
            for k in range(3):
                force -= rotation[i, k] * source[accelerometer + k, j]
            result[i, j] += dt * force
            result[3 + i, j] += dt * source[i, j] + 0.5 * dt * dt * force
        result[0, j] += drop * source[7, j]
        result[1, j] -= drop * source[6, j]
        result[3, j] += 0.5 * dt * drop * source[7, j]
        result[4, j] -= 0.5 * dt * drop * source[6, j]
    return result


@kernel("void", STATE, VECTOR, VECTOR, NUMBER, VECTOR)
def predict(
    state: State, angular_velocity: Array, acceleration: Array, dt: float, density: Array
) -> None:
    """Advance by `dt` [s] with the readings (3,): angular velocity, specific force [m/s^2].

    `density` (4,): variances per second of gyroscope, accelerometer and their biases.
    """
    rotation, vectors, covariance = state.rotation, state.vectors, state.covariance
    size = len(covariance)
    turned = np.zeros((size - 6, 3))
    turned[6, 0] = turned[7, 1] = turned[8, 2] = 1.0
    for row in range(len(vectors)):
        at = 3 * row if row < 2 else FEET + 6 * (row - 2)
        x, y, z = vectors[row, 0], vectors[row, 1], vectors[row, 2]
        turned[at, 1], turned[at, 2] = -z, y
        turned[at + 1, 0], turned[at + 1, 2] = z, -x
        turned[at + 2, 0], turned[at + 2, 1] = -y, x
    half = transition(turned, rotation, covariance, dt)
    assign(covariance, half.T)
    assign(covariance, transition(turned, rotation, covariance, dt))
    for i in range(size - 6):
        for j in range(size - 6):
            both = turned[i, 0] * turned[j, 0] + turned[i, 1] * turned[j, 1]
            covariance[i, j] += density[0] * dt * (both + turned[i, 2] * turned[j, 2])
    for axis in range(3):
        covariance[axis, axis] += density[1] * dt
        covariance[size - 6 + axis, size - 6 + axis] += density[2] * dt
        covariance[size - 3 + axis, size - 3 + axis] += density[3] * dt

    turn, force = np.empty(3), np.empty(3)
    for i in range(3):
        turn[i] = (angular_velocity[i] - state.gyroscope_bias[i]) * dt
        force[i] = acceleration[i] - state.accelerometer_bias[i]
    once, twice = integrate_twice(turn, force)
    for i in range(3):
        change = rotation[i, 0] * twice[0] + rotation[i, 1] * twice[1] + rotation[i, 2] * twice[2]
        vectors[1, i] += vectors[0, i] * dt + change * dt * dt
        change = rotation[i, 0] * once[0] + rotation[i, 1] * once[1] + rotation[i, 2] * once[2]
        vectors[0, i] += change * dt
    vectors[0, 2] -= GRAVITY * dt
    vectors[1, 2] -= 0.5 * GRAVITY * dt * dt
    assign(rotation, multiply(rotation, exp(turn)))


@part
def cholesky(matrix: Array) -> bool:
    """Put the factor L of a symmetric `matrix` = L L' in place of its lower half.

    False if it is not positive definite (Golub, Van Loan: Matrix Computations, 4.2).
    """
    for i in range(len(matrix)):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            if i > j:
                matrix[i, j] = total / matrix[j, j]
            elif total > 0.0:
                matrix[i, i] = sqrt(total)
            else:  # also if it is not a number
                return False
    return True


@part
def substitute(factor: Array, right: Array) -> None:
    """Solve L x = `right`, shape (m, k), in place; L: lower half of `factor`, shape (m, m)."""
    for i in range(len(factor)):
        for k in range(i):
            for j in range(right.shape[1]):
                right[i, j] -= factor[i, k] * right[k, j]
        for j in range(right.shape[1]):
            right[i, j] /= factor[i, i]


@part
def retract(state: State, delta: Array) -> None:
    """Apply the error `delta`, shape (n,): ``X <- exp(delta) X``, ``b <- b + delta_b``."""
    turn = delta[6:9]
    rotate, jacobian = exp(turn), left_jacobian(turn)
    assign(state.rotation, multiply(rotate, state.rotation))
    for row in range(len(state.vectors)):
        at = 3 * row if row < 2 else FEET + 6 * (row - 2)
        x, y, z = state.vectors[row, 0], state.vectors[row, 1], state.vectors[row, 2]
        for i in range(3):
            moved = rotate[i, 0] * x + rotate[i, 1] * y + rotate[i, 2] * z
            for k in range(3):
                moved += jacobian[i, k] * delta[at + k]
            state.vectors[row, i] = moved
    for foot in range(len(state.soles)):
        at = FEET + 6 * foot + 3
        assign(state.soles[foot], multiply(exp(delta[at : at + 3]), state.soles[foot]))
    size = len(delta)
    for i in range(3):
        state.gyroscope_bias[i] += delta[size - 6 + i]
        state.accelerometer_bias[i] += delta[size - 3 + i]


@part
def correct(state: State, cross: Array, spread: Array, innovation: Array, limit: float) -> float:
    """Kalman update with ``cross = H P`` (m, n), ``spread = H P H' + N`` (m, m); both are used up.

    Returns the squared Mahalanobis distance of the `innovation` (m, 1); unless it is within `limit`
    nothing is changed. With S = L L' the gain's two factors are L^-1 H P and L^-1.
    """
    if not cholesky(spread):
        return np.nan
    substitute(spread, innovation)
    distance = 0.0
    for i in range(len(innovation)):
        distance += innovation[i, 0] * innovation[i, 0]
    if not distance <= limit:
        return distance
    substitute(spread, cross)
    covariance, size = state.covariance, cross.shape[1]
    delta = np.zeros(size)
    for k in range(len(cross)):
        for i in range(size):
            delta[i] += cross[k, i] * innovation[k, 0]
            for j in range(i, size):
                covariance[i, j] -= cross[k, i] * cross[k, j]
    for i in range(size):
        for j in range(i):
            covariance[i, j] = covariance[j, i]
    retract(state, delta)
    return distance


@kernel(NUMBER, STATE, INDEX, MATRIX, STACK, STACK, NUMBER)
def correct_contacts(
    state: State, first: int, offsets: Array, rotations: Array, noise: Array, limit: float
) -> float:
    """Correct by m feet in contact, `first` and those that follow it; see :func:`correct`.

    Seen from the sensor, in world axes: `offsets` (m, 3) [m] and `rotations` (m, 3, 3) of the soles,
    with the covariances `noise` (m, 6, 6).
    """
    covariance, vectors = state.covariance, state.vectors
    rows, size = 6 * len(offsets), len(covariance)
    innovation, cross, spread = np.empty((rows, 1)), np.empty((rows, size)), np.empty((rows, rows))
    for row in range(len(offsets)):
        foot = first + row
        turn = log(multiply(rotations[row], state.soles[foot].T))
        for i in range(3):
            offset = offsets[row, i] + vectors[1, i] - vectors[2 + foot, i]
            innovation[6 * row + i, 0], innovation[6 * row + 3 + i, 0] = offset, turn[i]
    # H picks a foot's parts of the error minus those of the sensor's pose.
    at = FEET + 6 * first
    for i in range(rows):
        for j in range(size):
            cross[i, j] = covariance[at + i, j] - covariance[POSE + i % 6, j]
        for j in range(rows):
            spread[i, j] = cross[i, at + j] - cross[i, POSE + j % 6]
            if i // 6 == j // 6:
                spread[i, j] += noise[i // 6, i % 6, j % 6]
    return correct(state, cross, spread, innovation, limit)


@kernel("void", STATE, NUMBER)
def hold_velocity(state: State, variance: float) -> None:
    """Correct by rest: the velocity is zero, with `variance` [m^2/s^2] in each direction."""
    innovation, cross = np.empty((3, 1)), np.empty((3, len(state.covariance)))
    spread = np.empty((3, 3))
    assign(cross, state.covariance)
    assign(spread, state.covariance)
    for i in range(3):
        innovation[i, 0] = -state.vectors[0, i]
        spread[i, i] += variance
    correct(state, cross, spread, innovation, np.inf)


@kernel(VECTOR, STATE, MATRIX, VECTOR, VECTOR, VECTOR)
def base(
    state: State, imu_rotation: Array, imu_position: Array, angular_velocity: Array, joints: Array
) -> Array:
    """The base from the sensor: pose and twist of base_link, shape (13,), as in an odometry message.

    Position [m] and quaternion xyzw in the world; linear and angular velocity [m/s], [rad/s] in
    base_link. The sensor in the base: rotation (3, 3), position (3,) [m], and the linear and angular
    velocity (6,) that joints between them give it.
    """
    rotation = multiply(state.rotation, imu_rotation.T)
    turning, velocity, result = np.empty(3), np.empty(3), np.empty(13)
    for i in range(3):
        turning[i], velocity[i], result[i] = -joints[3 + i], -joints[i], state.vectors[1, i]
        for k in range(3):
            rate = angular_velocity[k] - state.gyroscope_bias[k]
            turning[i] += imu_rotation[i, k] * rate
            velocity[i] += rotation[k, i] * state.vectors[0, k]
            result[i] -= rotation[i, k] * imu_position[k]
    attitude = quaternion(rotation)
    for i in range(4):
        result[3 + i] = attitude[i]
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        result[7 + i] = velocity[i] - (turning[j] * imu_position[k] - turning[k] * imu_position[j])
        result[10 + i] = turning[i]
    return result
