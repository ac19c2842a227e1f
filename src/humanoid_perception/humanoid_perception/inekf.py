"""Contact-aided right-invariant extended Kalman filter.

R. Hartley, M. Ghaffari, R. M. Eustice, J. W. Grizzle: "Contact-aided invariant extended Kalman
filtering for robot state estimation", The International Journal of Robotics Research 39(4), 2020,
doi 10.1177/0278364919894385 ("Hartley" below).

Inertial prediction, leg kinematics as measurement. Added to the paper: the soles are flat, so each
contact holds the foot's rotation besides its position (as in Rotella et al., "State estimation for a
humanoid robot", IROS 2014), which makes yaw and gyroscope bias observable on one foot; and a foot
may roll about its centre of pressure, which ties the noise of its position to that of its rotation.

The error is right-invariant: with the estimate X, the true state is ``exp(delta) X`` and the true bias
``b + delta_b``. The components of delta, each in the world frame and of three numbers, are in order

    rotation, velocity, position, foot positions (n), foot rotations (n), gyroscope bias, accelerometer bias

so for two feet the covariance is 27 x 27. World frame: z up, gravity along -z.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from humanoid_perception import lie

Array = NDArray[np.float64]

#: Standard gravity [m/s^2], ISO 80000-3.
GRAVITY = 9.80665

ROTATION, VELOCITY, POSITION = slice(0, 3), slice(3, 6), slice(6, 9)


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the process: white noise per sqrt(Hz), or the growth per sqrt(s)."""

    gyroscope: float  # [rad/s/sqrt(Hz)]
    accelerometer: float  # [m/s^2/sqrt(Hz)]
    gyroscope_bias: float  # [rad/s/sqrt(s)]
    accelerometer_bias: float  # [m/s^2/sqrt(s)]
    contact_slip: float  # [m/sqrt(s)] the foot's centre of pressure, in each direction
    contact_tilt: (
        float  # [rad/sqrt(s)] the foot about horizontal axes through the centre of pressure
    )
    contact_turn: float  # [rad/sqrt(s)] the foot about the vertical through it


class InvariantFilter:
    """State and covariance, propagated and corrected in place. Pure arithmetic: no time, no gating policy.

    The state is that of the inertial sensor. Feet without contact take no part: their rows of the
    covariance are zero.
    """

    def __init__(self, feet: int, noise: Noise) -> None:
        self._feet = feet
        self.noise = noise
        size = 15 + 6 * feet
        self._turning = (
            9 + 3 * feet
        )  # components that rotate with the world: all before the foot rotations
        self._gyroscope = slice(size - 6, size - 3)
        self._accelerometer = slice(size - 3, size)
        #: Rotation of the sensor in the world, shape (3, 3).
        self.rotation: Array = np.eye(3)
        #: Velocity and position of the sensor [m/s], [m], and the feet's positions [m]: rows of one array.
        self.vectors: Array = np.zeros((2 + feet, 3))
        self.velocity: Array = self.vectors[0]
        self.position: Array = self.vectors[1]
        self.foot_positions: Array = self.vectors[2:]
        #: Rotation of each sole in the world, shape (feet, 3, 3).
        self.foot_rotations: Array = np.tile(np.eye(3), (feet, 1, 1))
        #: Gyroscope bias [rad/s] and accelerometer bias [m/s^2] in the sensor frame, shape (3,).
        self.gyroscope_bias: Array = np.zeros(3)
        self.accelerometer_bias: Array = np.zeros(3)
        self.covariance: Array = np.zeros((size, size))
        self.contact: list[bool] = [False] * feet
        # Rows of the error that a foot's measurement compares: the foot's and the sensor's.
        self._own = [np.r_[9 + 3 * i : 12 + 3 * i, self._turning + 3 * i : self._turning + 3 * i + 3]
                     for i in range(feet)]  # fmt: skip
        self._base = np.r_[6:9, 0:3]
        self._blocks = [np.ix_(own, own) for own in self._own]
        # Kept between calls: the transition matrix (identity off the parts that change), work space.
        self._transition = np.eye(size)
        self._skews = np.zeros((self._turning, 3))
        self._skews[ROTATION] = np.eye(3)
        self._work = np.empty((size, size))
        self._diagonal = np.zeros(size)
        #: Last applied correction, shape (size,), in the order of the error.
        self.correction: Array = np.zeros(size)

    @property
    def size(self) -> int:
        """Number of error components."""
        return len(self.covariance)

    def reset(
        self, rotation: Array, position: Array, tilt: float, velocity: float,
        gyroscope_bias: float, accelerometer_bias: float,
    ) -> None:  # fmt: skip
        """Start again at rest: no contacts, heading and position known (they define the odometry frame).

        `rotation` (3, 3) and `position` (3,) [m] of the sensor in the world. The others are standard
        deviations: `tilt` [rad], `velocity` [m/s], biases [rad/s] and [m/s^2]. Bias estimates are kept.
        """
        self.rotation = np.array(rotation)
        self.vectors[:] = 0.0
        self.position[:] = position
        self.foot_rotations[:] = np.eye(3)
        self.contact = [False] * self._feet
        self._diagonal[:] = 0.0
        self._diagonal[:2] = tilt**2
        self._diagonal[VELOCITY] = velocity**2
        self._diagonal[self._gyroscope] = gyroscope_bias**2
        self._diagonal[self._accelerometer] = accelerometer_bias**2
        self.covariance[:] = np.diag(self._diagonal)

    def predict(self, angular_velocity: Array, acceleration: Array, dt: float) -> None:
        """Advance by `dt` [s] with the readings (3,) [rad/s] and specific force (3,) [m/s^2], constant meanwhile.

        The mean is exact for constant readings (Hartley, section 5.2), and so is the transition of the
        error but for the biases, whose columns are of first order in dt.
        """
        rotation, vectors, noise = self.rotation, self.vectors, self.noise
        turn = (angular_velocity - self.gyroscope_bias) * dt
        once, twice = lie.integrate_twice(turn, acceleration - self.accelerometer_bias)

        transition, skews, gyroscope = self._transition, self._skews, self._gyroscope
        skews[3:] = lie.skew(vectors)
        transition[: self._turning, gyroscope] = np.dot(skews, rotation * -dt)
        transition[VELOCITY, self._accelerometer] = rotation * -dt
        transition[POSITION, self._accelerometer] = rotation * (-0.5 * dt * dt)
        # gravity x rotation, where gravity = (0, 0, -g)
        fall = GRAVITY * dt
        transition[3, 1], transition[4, 0] = fall, -fall
        transition[6, 1], transition[7, 0] = 0.5 * dt * fall, -0.5 * dt * fall
        transition[6, 3] = transition[7, 4] = transition[8, 5] = dt

        covariance = self.covariance
        np.dot(transition, covariance, out=self._work)
        np.dot(self._work, transition.T, out=covariance)
        turning = self._turning
        covariance[:turning, :turning] += np.dot(skews, skews.T * (noise.gyroscope**2 * dt))
        diagonal = self._diagonal
        diagonal[:] = 0.0
        diagonal[VELOCITY] = noise.accelerometer**2 * dt
        diagonal[gyroscope] = noise.gyroscope_bias**2 * dt
        diagonal[self._accelerometer] = noise.accelerometer_bias**2 * dt
        covariance.flat[:: len(diagonal) + 1] += diagonal

        # One position update needs the old velocity.
        velocity, position = self.velocity, self.position
        position += velocity * dt
        position += np.dot(rotation, twice) * (dt * dt)
        position[2] -= 0.5 * dt * fall
        velocity += np.dot(rotation, once) * dt
        velocity[2] -= fall
        self.rotation = np.dot(rotation, lie.exp(turn))

    def loosen_contact(self, foot: int, lever: Array, dt: float, scale: float = 1.0) -> None:
        """Let a foot in contact slip, and roll about its centre of pressure, for `dt` [s].

        `lever` (3,) [m] goes from the centre of pressure to the sole's origin, in the world frame: a
        rotation w of the foot moves the origin by w x lever. `scale` multiplies the deviations.
        """
        noise = self.noise
        tilt = scale * noise.contact_tilt
        turn = scale * noise.contact_turn
        x, y, z = lever.tolist()
        # Rows: position, rotation; columns: unit noise about the world's axes.
        roll = np.array(
            [
                [0.0, z * tilt, -y * turn],
                [-z * tilt, 0.0, x * turn],
                [y * tilt, -x * tilt, 0.0],
                [tilt, 0.0, 0.0],
                [0.0, tilt, 0.0],
                [0.0, 0.0, turn],
            ]
        )
        growth = np.dot(roll, roll.T * dt)
        slip = (scale * noise.contact_slip) ** 2 * dt
        growth[0, 0] += slip
        growth[1, 1] += slip
        growth[2, 2] += slip
        self.covariance[self._blocks[foot]] += growth

    def add_contact(self, foot: int, position: Array, rotation: Array, noise: Array) -> None:
        """Place `foot` where the kinematics put it (Hartley, section 6.2).

        `position` (3,) [m] and `rotation` (3, 3) of the sole in the sensor frame, `noise` (6, 6) their
        covariance in world axes, [m] and [rad].
        """
        own, covariance = self._own[foot], self.covariance
        self.foot_positions[foot] = self.position + np.dot(self.rotation, position)
        self.foot_rotations[foot] = np.dot(self.rotation, rotation)
        covariance[own] = covariance[self._base]
        covariance[:, own] = covariance[:, self._base]
        covariance[self._blocks[foot]] += noise
        self.contact[foot] = True

    def remove_contact(self, foot: int) -> None:
        """Forget where `foot` is (marginalise it)."""
        own = self._own[foot]
        self.foot_positions[foot] = 0.0
        self.foot_rotations[foot] = np.eye(3)
        self.covariance[own] = 0.0
        self.covariance[:, own] = 0.0
        self.contact[foot] = False

    def correct_contact(
        self, foot: int, position: Array, rotation: Array, noise: Array, gate: float
    ) -> float:
        """Correct by the kinematics of a foot in contact; arguments as :meth:`add_contact`.

        Returns the squared Mahalanobis distance of the innovation (chi-square, 6 degrees of freedom).
        Beyond `gate` nothing is changed.
        """
        own = self._own[foot]
        innovation = np.empty(6)
        innovation[:3] = np.dot(self.rotation, position)
        innovation[:3] += self.position
        innovation[:3] -= self.foot_positions[foot]
        measured = np.dot(self.rotation, rotation)
        innovation[3:] = lie.log(np.dot(measured, self.foot_rotations[foot].T))
        return self._correct(own, self._base, innovation, noise, gate)

    def correct_velocity(self, velocity: Array, noise: Array, gate: float) -> float:
        """Correct by the sensor's velocity (3,) [m/s] in the world, small (as at rest); as above with 3 degrees.

        `noise` is its covariance (3, 3).
        """
        return self._correct(_VELOCITY_ROWS, None, velocity - self.velocity, noise, gate)

    def _correct(
        self, own: NDArray[np.intp], base: NDArray[np.intp] | None, innovation: Array, noise: Array,
        gate: float,
    ) -> float:  # fmt: skip
        """Measurement ``innovation = delta[own] - delta[base] + noise``."""
        covariance = self.covariance
        cross = covariance.take(own, axis=0)  # H P, as P is symmetric
        if base is not None:
            cross -= covariance.take(base, axis=0)
        spread = cross.take(own, axis=1)
        if base is not None:
            spread -= cross.take(base, axis=1)
        spread += noise
        inverse = np.linalg.inv(spread)
        weighted = np.dot(inverse, innovation)
        distance = float(np.dot(weighted, innovation))
        if not distance <= gate:
            return distance
        delta = np.dot(weighted, cross)
        np.dot(cross.T, np.dot(inverse, cross), out=self._work)
        covariance -= self._work
        covariance += covariance.T.copy()
        covariance *= 0.5
        self._retract(delta)
        return distance

    def _retract(self, delta: Array) -> None:
        """Apply the estimated error: ``X <- exp(delta) X``, ``b <- b + delta_b``."""
        turning = self._turning
        turn = delta[ROTATION]
        rotate = lie.exp(turn)
        self.rotation = np.dot(rotate, self.rotation)
        moved = np.dot(self.vectors, rotate.T)
        moved += np.dot(delta[3:turning].reshape(-1, 3), lie.left_jacobian(turn).T)
        self.vectors[:] = moved
        for foot, active in enumerate(self.contact):
            if active:
                own = delta[turning + 3 * foot : turning + 3 * foot + 3]
                self.foot_rotations[foot] = np.dot(lie.exp(own), self.foot_rotations[foot])
        self.gyroscope_bias = self.gyroscope_bias + delta[self._gyroscope]
        self.accelerometer_bias = self.accelerometer_bias + delta[self._accelerometer]
        self.correction = delta


_VELOCITY_ROWS = np.r_[3:6]
