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

from humanoid_perception import kernels, sense_kernels
from humanoid_perception.kernels import FEET, POSE, State

Array = NDArray[np.float64]

VELOCITY, POSITION, ROTATION = slice(0, 3), slice(3, 6), slice(6, 9)


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
        #: What the kernels work on.
        self.state = State(
            rotation=np.eye(3),
            vectors=np.zeros((2 + feet, 3)),
            soles=np.tile(np.eye(3), (feet, 1, 1)),
            gyroscope_bias=np.zeros(3),
            accelerometer_bias=np.zeros(3),
            covariance=np.zeros((size, size)),
        )
        #: Which feet take part.
        self.contact: list[bool] = [False] * feet
        self.noise = noise

    @property
    def noise(self) -> Noise:
        """Process noise; may be exchanged at any time."""
        return self._noise

    @noise.setter
    def noise(self, noise: Noise) -> None:
        self._noise = noise
        density = (
            noise.gyroscope, noise.accelerometer, noise.gyroscope_bias, noise.accelerometer_bias,
        )  # fmt: skip
        self._density = np.square(np.array(density))

    @property
    def velocity(self) -> Array:
        """Of the sensor, shape (3,), [m/s]; a view."""
        return self.state.vectors[0]

    @property
    def position(self) -> Array:
        """Of the sensor, shape (3,), [m]; a view."""
        return self.state.vectors[1]

    def reset(self, rotation: Array, position: Array, spread: Spread) -> None:
        """Start at rest without contacts. Place and heading are known: they define the world frame.

        `rotation` (3, 3) and `position` (3,) [m] of the sensor. The bias estimates are kept.
        """
        state = self.state
        state.rotation[:] = rotation
        state.vectors[:] = 0.0
        state.vectors[1] = position
        state.soles[:] = np.eye(3)
        self.contact = [False] * len(self.contact)
        diagonal = np.zeros(len(state.covariance))
        diagonal[VELOCITY] = spread.velocity**2
        diagonal[ROTATION] = spread.tilt**2, spread.tilt**2, 0.0
        diagonal[-6:-3] = spread.gyroscope_bias**2
        diagonal[-3:] = spread.accelerometer_bias**2
        state.covariance[:] = np.diag(diagonal)

    def predict(self, angular_velocity: Array, acceleration: Array, dt: float) -> None:
        """Advance by `dt` [s] with the readings (3,): angular velocity, specific force [m/s^2].

        The mean is exact for readings constant over dt (Hartley). So is the transition
        of the error, which does not depend on the state, but for the biases: first order in dt.
        """
        kernels.predict(self.state, angular_velocity, acceleration, dt, self._density)

    def loosen_contact(self, foot: int, lever: Array, dt: float, scale: float = 1.0) -> None:
        """Let `foot` slip and roll about its centre of pressure for `dt` [s].

        `lever` (3,) [m] goes from the centre of pressure to the sole's origin, in world axes: a
        turn w of the foot moves its origin by w x lever. `scale` multiplies the standard
        deviations.
        """
        noise, growth = self._noise, scale * scale * dt
        sense_kernels.loosen(
            self.state.covariance, FEET + 6 * foot, lever, growth * noise.slip * noise.slip,
            growth * noise.roll * noise.roll, growth * noise.turn * noise.turn,
        )  # fmt: skip

    def add_contact(self, foot: int, offset: Array, rotation: Array, noise: Array) -> None:
        """Place `foot` where the kinematics see it (Hartley: augmentation).

        `offset` (3,) [m] from the sensor to the sole's origin and `rotation` (3, 3) of the sole,
        both in world axes; `noise` (6, 6) their covariance [m], [rad].
        """
        state = self.state
        state.vectors[2 + foot] = state.vectors[1] + offset
        state.soles[foot] = rotation
        own, pose, covariance = _foot(foot), slice(POSE, POSE + 6), state.covariance
        covariance[own] = covariance[pose]
        covariance[:, own] = covariance[:, pose]
        covariance[own, own] += noise
        self.contact[foot] = True

    def remove_contact(self, foot: int) -> None:
        """Forget where `foot` is (marginalise it)."""
        state, own = self.state, _foot(foot)
        state.vectors[2 + foot] = 0.0
        state.soles[foot] = np.eye(3)
        state.covariance[own] = 0.0
        state.covariance[:, own] = 0.0
        self.contact[foot] = False

    def correct_contacts(
        self, first: int, offsets: Array, rotations: Array, noise: Array, limit: float
    ) -> float:
        """Correct by the kinematics of k feet in contact, `first` and those that follow it.

        `offsets` (k, 3) and `rotations` (k, 3, 3) as in :meth:`add_contact`, `noise` (k, 6, 6).
        Returns the squared Mahalanobis distance of the innovation, which is chi-square with 6 k
        degrees of freedom; beyond `limit`, or if it is not a number, nothing is changed.
        """
        return kernels.correct_contacts(self.state, first, offsets, rotations, noise, limit)

    def hold_velocity(self, deviation: float) -> None:
        """Correct by rest: the sensor's velocity is zero, with this standard deviation [m/s]."""
        kernels.hold_velocity(self.state, deviation * deviation)


def _foot(foot: int) -> slice:
    return slice(FEET + 6 * foot, FEET + 6 * foot + 6)
