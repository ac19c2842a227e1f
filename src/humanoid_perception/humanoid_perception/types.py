"""Values in and out of perception. Joint arrays are in table order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

UPRIGHT, FALLING, FALLEN = 0, 1, 2


@dataclass(slots=True)
class Measurement:
    """Everything measured at one stamp. A missing sensor is None, never zero."""

    stamp: int  # [ns]
    position: Array  # shape (n,), [rad]
    velocity: Array  # shape (n,), [rad/s]
    effort: Array  # shape (n,), [N m]
    angular_velocity: Array | None  # shape (3,), [rad/s] in the IMU frame
    linear_acceleration: Array | None  # shape (3,), [m/s^2] in the IMU frame, +9.81 upward at rest
    wrenches: Array | None  # shape (feet, 6), ground on foot in the sole frame, [N], [N m]


@dataclass(slots=True)
class Estimate:
    """The base state and what else perception concluded from one measurement."""

    stamp: int  # [ns]
    position: Array  # shape (3,), [m] base_link in odom
    orientation: Array  # shape (4,), quaternion xyzw, base_link in odom
    linear_velocity: Array  # shape (3,), [m/s] of base_link, in base_link
    angular_velocity: Array  # shape (3,), [rad/s] of base_link, in base_link
    gyroscope_bias: Array  # shape (3,), [rad/s] in the IMU frame
    accelerometer_bias: Array  # shape (3,), [m/s^2] in the IMU frame
    contact: NDArray[np.bool_]  # shape (feet,)
    wrenches: Array  # shape (feet, 6), measured or estimated from torque
    fall: int
    valid: bool
    faults: tuple[tuple[str, str], ...] = ()  # (name of the fault table, reason)
