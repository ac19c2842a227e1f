"""Contact-aided right-invariant extended Kalman filter.

R. Hartley, M. Ghaffari, R. M. Eustice, J. W. Grizzle: "Contact-aided invariant extended Kalman
filtering for robot state estimation", The International Journal of Robotics Research 39(4), 2020,
doi 10.1177/0278364919894385 ("Hartley" below).

Inertial prediction, leg kinematics as measurement. Added to the paper: soles are flat, so a contact
holds the foot's rotation besides its position (as in Rotella et al., "State estimation for a
humanoid robot", IROS 2014), which makes yaw and the gyroscope's bias observable on one foot; and a
foot may roll about its centre of pressure, which ties the noise of its position to that of its
rotation.

The error is right-invariant: with the estimate X, the true state is ``exp(delta) X`` and the true
bias ``b + delta_b``. The parts of delta, of three numbers each and in world axes, are in order

    velocity, position, rotation, (foot position, foot rotation) per foot,
    gyroscope bias, accelerometer bias (these two in sensor axes)

so that for two feet the covariance is 27 x 27. World frame: z up, gravity along -z.
"""

from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import NDArray

from humanoid_perception import lie

Array = NDArray[np.float64]

#: Standard gravity [m/s^2], ISO 80000-3.
GRAVITY = 9.80665

VELOCITY, POSITION, ROTATION = slice(0, 3), slice(3, 6), slice(6, 9)
_POSE = slice(3, 9)
_FEET = 9  # where the feet begin


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the process: white noise per sqrt(Hz), or growth per sqrt(s)."""

    gyroscope: float  # [rad/s/sqrt(Hz)]
    accelerometer: float  # [m/s^2/sqrt(Hz)]
    gyroscope_bias: float  # [rad/s/sqrt(s)]
    accelerometer_bias: float  # [m/s^2/sqrt(s)]
    slip: float  # [m/sqrt(s)] of a foot's centre of pressure, in each direction
    roll: float  # [rad/sqrt(s)] of a foot about horizontal axes through its centre of pressure
    turn: float  # [rad/sqrt(s)] of a foot about the vertical through its centre of pressure


@dataclass(frozen=True)
class Spread:
    """Standard deviations at the start."""

    tilt: float  # [rad]
    velocity: float  # [m/s]
    gyroscope_bias: float  # [rad/s]
    accelerometer_bias: float  # [m/s^2]


def gate(freedom: int, tail: float) -> float:
    """The chi-square value of `freedom` degrees (even) exceeded with probability `tail`.

    By bisection of the closed form for even degrees: Q(x) = exp(-x/2) sum_{i < n/2} (x/2)^i / i!.
    """
    low, high = 0.0, 1e4
    while high - low > 1e-9 * high:
        half = (low + high) / 4.0
        term = total = exp(-half)
        for i in range(1, freedom // 2):
            term *= half / i
            total += term
        low, high = (2.0 * half, high) if total > tail else (low, 2.0 * half)
    return high


class InvariantFilter:
    """State and covariance, propagated and corrected in place. Pure arithmetic, without policy.

    The state is that of the inertial sensor. Feet without contact take no part: their rows of the
    covariance are zero.
    """

    def __init__(self, feet: int, noise: Noise) -> None:
        size = 15 + 6 * feet
        #: Process noise; may be exchanged at any time.
        self.noise = noise
        #: Rotation of the sensor in the world, shape (3, 3).
        self.rotation: Array = np.eye(3)
        #: Rows: velocity [m/s] and position [m] of the sensor, positions of the soles [m].
        self.vectors: Array = np.zeros((2 + feet, 3))
        #: Rotation of each sole in the world, shape (feet, 3, 3).
        self.foot_rotations: Array = np.tile(np.eye(3), (feet, 1, 1))
        #: Biases in the sensor frame, shape (3,), [rad/s] and [m/s^2].
        self.gyroscope_bias: Array = np.zeros(3)
        self.accelerometer_bias: Array = np.zeros(3)
        #: Which feet take part.
        self.contact: list[bool] = [False] * feet
        #: Of the error, shape (size, size).
        self.covariance: Array = np.zeros((size, size))
        self._gyroscope = slice(size - 6, size - 3)
        self._accelerometer = slice(size - 3, size)
        # Kept between calls: the transition (its constant part is the identity), work space.
        self._transition = np.eye(size)
        self._work = np.empty((size, size))
        self._diagonal = np.zeros(size)
        # d(error)/d(rotation of the world), by which gyroscope errors enter; three rows per part.
        self._turned = np.zeros((size - 6, 3))
        self._turned[ROTATION] = np.eye(3)
        self._parts = np.array([0, 1, *range(3, 3 + 2 * feet, 2)])  # of the error, as in `vectors`

    @property
    def velocity(self) -> Array:
        """Of the sensor, shape (3,), [m/s]; a view."""
        return self.vectors[0]

    @property
    def position(self) -> Array:
        """Of the sensor, shape (3,), [m]; a view."""
        return self.vectors[1]

    @property
    def foot_positions(self) -> Array:
        """Of the soles, shape (feet, 3), [m]; a view."""
        return self.vectors[2:]

    def reset(self, rotation: Array, position: Array, spread: Spread) -> None:
        """Start at rest without contacts. Place and heading are known: they define the world frame.

        `rotation` (3, 3) and `position` (3,) [m] of the sensor. The bias estimates are kept.
        """
        self.rotation = np.array(rotation)
        self.vectors[:] = 0.0
        self.position[:] = position
        for foot in range(len(self.contact)):
            self.remove_contact(foot)
        diagonal = self._diagonal
        diagonal[:] = 0.0
        diagonal[VELOCITY] = spread.velocity**2
        diagonal[ROTATION] = spread.tilt**2, spread.tilt**2, 0.0
        diagonal[self._gyroscope] = spread.gyroscope_bias**2
        diagonal[self._accelerometer] = spread.accelerometer_bias**2
        self.covariance[:] = np.diag(diagonal)

    def predict(self, angular_velocity: Array, acceleration: Array, dt: float) -> None:
        """Advance by `dt` [s] with the readings (3,): angular velocity, specific force [m/s^2].

        The mean is exact for readings constant over dt (Hartley). So is the transition
        of the error, which does not depend on the state, but for the biases: first order in dt.
        """
        rotation, vectors, noise, diagonal = self.rotation, self.vectors, self.noise, self._diagonal
        turn = (angular_velocity - self.gyroscope_bias) * dt
        once, twice = lie.integrate_twice(turn, acceleration - self.accelerometer_bias)

        transition, turned = self._transition, self._turned
        turned.reshape(-1, 3, 3)[self._parts] = lie.skew(vectors)
        transition[:-6, self._gyroscope] = np.dot(turned, rotation * -dt)
        transition[VELOCITY, self._accelerometer] = rotation * -dt
        transition[POSITION, self._accelerometer] = rotation * (-0.5 * dt * dt)
        drop = GRAVITY * dt  # gravity x rotation, with gravity = (0, 0, -g)
        transition[0, 7], transition[1, 6] = drop, -drop
        transition[3, 7], transition[4, 6] = 0.5 * dt * drop, -0.5 * dt * drop
        transition[3, 0] = transition[4, 1] = transition[5, 2] = dt

        covariance = self.covariance
        np.dot(transition, covariance, out=self._work)
        np.dot(self._work, transition.T, out=covariance)
        covariance[:-6, :-6] += np.dot(turned, turned.T * (noise.gyroscope**2 * dt))
        diagonal[:] = 0.0
        diagonal[VELOCITY] = noise.accelerometer**2 * dt
        diagonal[self._gyroscope] = noise.gyroscope_bias**2 * dt
        diagonal[self._accelerometer] = noise.accelerometer_bias**2 * dt
        covariance.flat[:: len(diagonal) + 1] += diagonal

        velocity, position = self.velocity, self.position
        position += velocity * dt  # with the velocity of before
        position += np.dot(rotation, twice) * (dt * dt)
        position[2] -= 0.5 * dt * drop
        velocity += np.dot(rotation, once) * dt
        velocity[2] -= drop
        self.rotation = np.dot(rotation, lie.exp(turn))

    def loosen_contact(self, foot: int, lever: Array, dt: float, scale: float = 1.0) -> None:
        """Let `foot` slip and roll about its centre of pressure for `dt` [s].

        `lever` (3,) [m] goes from the centre of pressure to the sole's origin, in world axes: a
        turn w of the foot moves its origin by w x lever. `scale` multiplies the standard
        deviations.
        """
        x, y, z = lever.tolist()
        roll, turn = scale * self.noise.roll, scale * self.noise.turn
        # Rows: position, rotation. Columns: unit turns about the world's axes.
        motion = np.array(
            [
                [0.0, z * roll, -y * turn],
                [-z * roll, 0.0, x * turn],
                [y * roll, -x * roll, 0.0],
                [roll, 0.0, 0.0],
                [0.0, roll, 0.0],
                [0.0, 0.0, turn],
            ]
        )
        growth = np.dot(motion, motion.T * dt)
        growth.flat[0:21:7] += (scale * self.noise.slip) ** 2 * dt
        own = _foot(foot)
        self.covariance[own, own] += growth

    def add_contact(self, foot: int, offset: Array, rotation: Array, noise: Array) -> None:
        """Place `foot` where the kinematics see it (Hartley: augmentation).

        `offset` (3,) [m] from the sensor to the sole's origin and `rotation` (3, 3) of the sole,
        both in world axes; `noise` (6, 6) their covariance [m], [rad].
        """
        own, covariance = _foot(foot), self.covariance
        self.foot_positions[foot] = self.position + offset
        self.foot_rotations[foot] = rotation
        covariance[own] = covariance[_POSE]
        covariance[:, own] = covariance[:, _POSE]
        covariance[own, own] += noise
        self.contact[foot] = True

    def remove_contact(self, foot: int) -> None:
        """Forget where `foot` is (marginalise it)."""
        own = _foot(foot)
        self.foot_positions[foot] = 0.0
        self.foot_rotations[foot] = np.eye(3)
        self.covariance[own] = 0.0
        self.covariance[:, own] = 0.0
        self.contact[foot] = False

    def correct_contacts(
        self, first: int, offsets: Array, rotations: Array, noise: Array, limit: float
    ) -> float:
        """Correct by the kinematics of k feet in contact, `first` and those that follow it.

        `offsets` (k, 3) and `rotations` (k, 3, 3) as in :meth:`add_contact`, `noise` (k, 6, 6).
        Returns the squared Mahalanobis distance of the innovation, which is chi-square with 6 k
        degrees of freedom; beyond `limit` nothing is changed.
        """
        k = len(offsets)
        innovation = np.empty((k, 6))
        innovation[:, :3] = offsets
        innovation[:, :3] += self.position
        innovation[:, :3] -= self.foot_positions[first : first + k]
        for row in range(k):
            turn = np.dot(rotations[row], self.foot_rotations[first + row].T)
            innovation[row, 3:] = lie.log(turn)
        # H picks a foot's parts of the error minus those of the sensor's pose.
        own = slice(_FEET + 6 * first, _FEET + 6 * (first + k))
        cross = (self.covariance[own].reshape(k, 6, -1) - self.covariance[_POSE]).reshape(6 * k, -1)
        spread = (cross[:, own].reshape(-1, k, 6) - cross[:, None, _POSE]).reshape(6 * k, -1)
        for row in range(k):
            block = slice(6 * row, 6 * row + 6)
            spread[block, block] += noise[row]
        return self._correct(cross, spread, innovation.ravel(), limit)

    def correct_velocity(self, velocity: Array, noise: Array) -> None:
        """Correct by a known small velocity (3,) [m/s] of the sensor; `noise` (3, 3)."""
        cross = self.covariance[VELOCITY].copy()
        spread = cross[:, VELOCITY] + noise
        self._correct(cross, spread, velocity - self.velocity, np.inf)

    def _correct(self, cross: Array, spread: Array, innovation: Array, limit: float) -> float:
        """Kalman update with ``cross = H P`` and ``spread = H P H' + N``."""
        inverse = np.linalg.inv(spread)
        weighted = np.dot(inverse, innovation)
        distance = float(np.dot(weighted, innovation))
        if not distance <= limit:
            return distance
        covariance, work = self.covariance, self._work
        np.dot(cross.T, np.dot(inverse, cross), out=work)
        covariance -= work
        np.add(covariance, covariance.T, out=work)  # rounding must not make it asymmetric
        np.multiply(work, 0.5, out=covariance)
        self._retract(np.dot(weighted, cross))
        return distance

    def _retract(self, delta: Array) -> None:
        """Apply the estimated error: ``X <- exp(delta) X``, ``b <- b + delta_b``."""
        turn = delta[ROTATION]
        rotate = lie.exp(turn)
        self.rotation = np.dot(rotate, self.rotation)
        parts = delta.reshape(-1, 3)
        moved = np.dot(self.vectors, rotate.T)
        moved += np.dot(parts[self._parts], lie.left_jacobian(turn).T)
        self.vectors[:] = moved
        for foot, active in enumerate(self.contact):
            if active:
                own = lie.exp(parts[4 + 2 * foot])
                self.foot_rotations[foot] = np.dot(own, self.foot_rotations[foot])
        self.gyroscope_bias = self.gyroscope_bias + parts[-2]
        self.accelerometer_bias = self.accelerometer_bias + parts[-1]


def _foot(foot: int) -> slice:
    return slice(_FEET + 6 * foot, _FEET + 6 * foot + 6)
