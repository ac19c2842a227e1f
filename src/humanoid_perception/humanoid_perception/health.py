"""Whether the estimator's input and output can be believed: rows 10 and 11 of the faults."""

from math import acos, isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from humanoid_perception import sense_kernels
from humanoid_perception.config import HealthConfig
from humanoid_perception.kernels import GRAVITY, State

Array = NDArray[np.float64]

# Time over which the IMU's rate is judged [s].
_RATE_WINDOW = 0.5
# Time constant of the attitude check [s]: the accelerometer is right on average over a few steps.
_GRAVITY_CONSTANT = 2.0
# Ages are sums of periods [s].
_ROUNDING = 1e-9
# |q|^2 of the rotation's quaternion may differ from 1 by this much; rounding alone stays below
# 1e-9.
_UNIT_TOLERANCE = 1e-6


class ImuWatch:
    """Row 11. Bridges a lost or frozen IMU with its last values, and says when that is over."""

    def __init__(self, config: HealthConfig) -> None:
        self._config = config
        self.angular_velocity: Array = np.zeros(3)  # the values to use, [rad/s] and [m/s^2]
        self.linear_acceleration: Array = np.zeros(3)
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self.seen = False  # there were any values
        self.age = 0.0  # [s] of the values; 0: new in this sample
        self._share = 1.0
        self._position: Array | None = None

    def update(
        self,
        angular_velocity: Array | None,
        linear_acceleration: Array | None,
        position: Array,
        dt: float,
    ) -> str:
        """Take one sample; return the reason of the fault, or "".

        Values equal to the last bit while the joints' `position` (n,) changes are those of a frozen
        sensor.
        """
        new = self._take(angular_velocity, linear_acceleration, position)
        self._position = position
        self.age = 0.0 if new else self.age + dt
        self._share += min(1.0, dt / _RATE_WINDOW) * (float(new) - self._share)
        return self._reason()

    def _take(self, rate: Array | None, force: Array | None, position: Array) -> bool:
        if rate is None or force is None or not isfinite(np.dot(rate, rate) + np.dot(force, force)):
            return False
        if (
            self.seen
            and rate.tolist() == self.angular_velocity.tolist()
            and force.tolist() == self.linear_acceleration.tolist()
            and self._position is not None
            and not np.array_equal(position, self._position)
        ):
            return False
        self.angular_velocity, self.linear_acceleration = rate, force
        self.seen = True
        return True

    @property
    def lost(self) -> bool:
        """The values are too old to be used."""
        return self.age > self._config.prediction + _ROUNDING

    def _reason(self) -> str:
        config = self._config
        if self.lost:
            limit = config.prediction * 1e3
            return f"no new IMU values for {self.age * 1e3:.0f} ms (limit {limit:.0f} ms)"
        if self._share < config.imu_rate:
            return (
                f"{self._share * 100:.0f} % of the samples have new IMU values "
                f"(limit {config.imu_rate * 100:.0f} %)"
            )
        return ""


class Vertical:
    """The vertical from the IMU alone, by a complementary filter: a second opinion.

    R. Mahony, T. Hamel, J.-M. Pflimlin, "Nonlinear complementary filters on the special orthogonal
    group", IEEE Transactions on Automatic Control 53(5), 2008, in its explicit form for one vector.
    """

    def __init__(self) -> None:
        #: Unit vector (3,) in the sensor frame; the sensor's z axis before the first value.
        self.up: Array = np.array([0.0, 0.0, 1.0])
        self._known = False

    def reset(self) -> None:
        """Start from the next accelerometer value."""
        self.up[:] = 0.0, 0.0, 1.0
        self._known = False

    def update(self, angular_velocity: Array, linear_acceleration: Array, dt: float) -> None:
        """One sample [rad/s], [m/s^2], `dt` [s] after the last."""
        readings = angular_velocity, linear_acceleration
        self._known = sense_kernels.lean(
            self.up, self._known, *readings, GRAVITY, _GRAVITY_CONSTANT, dt
        )


class DivergenceWatch:
    """Row 10: the first reason not to believe the filter, or ""."""

    def __init__(self, config: HealthConfig) -> None:
        self._config = config
        self._limits = (
            (config.speed, "speed is {:.2f} m/s (limit {:g} m/s)"),
            (config.gyroscope_bias, "gyroscope bias is {:.2f} rad/s (limit {:g} rad/s)"),
            (config.accelerometer_bias, "accelerometer bias is {:.2f} m/s^2 (limit {:g} m/s^2)"),
            (config.jump_velocity, "velocity jumped by {:.3f} m/s (limit {:g} m/s)"),
            (config.jump_position, "position jumped by {:.3f} m (limit {:g} m)"),
        )
        self._ignored = 0.0  # [s] leaking count of samples in which no foot was believed
        self._tilted = 0.0  # [s] for which the two attitudes have differed

    def reset(self) -> None:
        """Forget the past."""
        self._ignored = self._tilted = 0.0

    def update(self, state: State, before: Array, ignored: bool, up: Array, dt: float) -> str:
        """Judge the filter after a sample.

        `before`: ``state.vectors`` before the corrections; `ignored`: feet stand, and the gate
        refused all of them; `up` (3,): the vertical in the sensor frame, by another way.
        """
        return self._broken(state, before) or self._doubted(state, ignored, up, dt)

    def _broken(self, state: State, before: Array) -> str:
        total, unit, *squares = sense_kernels.squares(
            state.rotation, state.vectors, state.covariance, state.gyroscope_bias,
            state.accelerometer_bias, before,
        )  # fmt: skip
        if not isfinite(total):
            return "state is not finite"
        unit /= 3.0  # of a rotation's three rows; the same as for its quaternion
        if abs(unit - 1.0) > _UNIT_TOLERANCE:
            return f"norm of the orientation is {unit:.6f}"
        for square, (limit, text) in zip(squares, self._limits, strict=True):
            if square > limit * limit:
                return text.format(sqrt(square), limit)
        return ""

    def _doubted(self, state: State, ignored: bool, up: Array, dt: float) -> str:
        config = self._config
        self._ignored = max(0.0, self._ignored + (dt if ignored else -0.5 * dt))
        if self._ignored > config.gate_delay:
            limit = config.gate_delay * 1e3
            return f"the kinematics of every foot contradict the IMU for {limit:.0f} ms"
        angle = acos(min(1.0, max(-1.0, float(np.dot(state.rotation[2], up)))))
        self._tilted = self._tilted + dt if angle > config.gravity else 0.0
        if self._tilted > config.gravity_delay:
            limit = config.gravity
            return f"attitude and accelerometer differ by {angle:.2f} rad (limit {limit:.2f} rad)"
        return ""
