"""Axes and units: what a device says becomes REP-145 in the frame of the joint table's IMU.

Quaternions are xyzw, shape (4,), Hamilton, unit norm, and turn vectors of the sensor into the
world (x east, y north, z up, or any heading where the device has no compass).
"""

from dataclasses import dataclass
from math import cos, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: [m/s^2] standard gravity (ISO 80000-3), the g of all data sheets.
GRAVITY = 9.80665
DEGREE = radians(1.0)

#: Forward-right-down axes in forward-left-up axes: half a turn about x. Its own inverse.
FRD = np.array([1.0, 0.0, 0.0, 0.0])
#: North-east-down in east-north-up: half a turn about (1, 1, 0). Its own inverse.
NED = np.array([sqrt(0.5), sqrt(0.5), 0.0, 0.0])


@dataclass(slots=True)
class Reading:
    """One measurement in SI units, in a right-handed sensor frame with z up when level."""

    angular_velocity: Array | None  # shape (3,), [rad/s]; None: the device has no gyroscope
    linear_acceleration: Array  # shape (3,), [m/s^2] specific force: +9.81 upward at rest
    orientation: Array | None = None  # xyzw, sensor in world
    temperature: float | None = None  # [degC]


def multiply(a: Array, b: Array) -> Array:
    """The rotation `b` followed by `a`, both xyzw."""
    (x, y, z, w), (p, q, r, s) = a, b
    return np.array(
        [
            w * p + x * s + y * r - z * q,
            w * q - x * r + y * s + z * p,
            w * r + x * q - y * p + z * s,
            w * s - x * p - y * q - z * r,
        ]
    )


def rotate(rotation: Array, vector: Array) -> Array:
    """`vector`, shape (3,), turned by `rotation`."""
    axis, w = rotation[:3], rotation[3]
    twice = 2.0 * np.cross(axis, vector)
    turned: Array = vector + w * twice + np.cross(axis, twice)
    return turned


def about(axis: int, angle: float) -> Array:
    """The rotation by `angle` [rad] about axis 0 (x), 1 (y) or 2 (z)."""
    rotation = np.zeros(4)
    rotation[axis], rotation[3] = sin(angle / 2.0), cos(angle / 2.0)
    return rotation


def unit(quaternion: Array) -> Array | None:
    """`quaternion` with norm 1; None where it is no rotation (norm not within 1 % of 1, or NaN)."""
    norm = float(np.linalg.norm(quaternion))
    return quaternion / norm if abs(norm - 1.0) <= 0.01 else None


def from_frd(vector: Array) -> Array:
    """A vector of forward-right-down axes in forward-left-up axes."""
    return np.array([vector[0], -vector[1], -vector[2]])


def from_ned_frd(quaternion: Array) -> Array:
    """FRD body in NED as FLU body in ENU, both xyzw."""
    return multiply(NED, multiply(quaternion, FRD))


class Mounting:
    """How the device's case sits in the IMU frame of the joint table."""

    def __init__(self, rpy: Array) -> None:
        """`rpy` [rad], fixed axes x, y, z: orientation of the case in the joint table's frame."""
        roll, pitch, yaw = (float(angle) for angle in rpy)
        self._rotation = multiply(about(2, yaw), multiply(about(1, pitch), about(0, roll)))
        self._inverse = self._rotation * np.array([-1.0, -1.0, -1.0, 1.0])
        self._identity = not np.any(rpy)

    def __call__(self, reading: Reading) -> Reading:
        """`reading` in the joint table's frame."""
        if self._identity:
            return reading
        rate, orientation = reading.angular_velocity, reading.orientation
        return Reading(
            None if rate is None else rotate(self._rotation, rate),
            rotate(self._rotation, reading.linear_acceleration),
            None if orientation is None else multiply(orientation, self._inverse),
            reading.temperature,
        )
