"""The whole of perception as one function of the measurements: base, contacts, falls, health."""

from math import degrees, sqrt

import numpy as np
from numpy.typing import NDArray

from humanoid_description import RobotDescription
from humanoid_perception import kernels, sense_kernels
from humanoid_perception.base import BaseEstimator, Senses
from humanoid_perception.config import PerceptionConfig
from humanoid_perception.contact import TorqueWrenches
from humanoid_perception.fall import FallDetector, tilt_and_rate
from humanoid_perception.health import ImuWatch, Vertical
from humanoid_perception.kernels import GRAVITY
from humanoid_perception.kinematics import LegKinematics
from humanoid_perception.types import FALLEN, FALLING, UPRIGHT, Estimate, Measurement

Array = NDArray[np.float64]

Fault = tuple[str, str]  # (name of the fault table, reason)

_RIGID = np.zeros(6)  # velocity of a sensor that sits on the base itself

_FALL_FAULTS = {FALLING: "fall", FALLEN: "fallen"}


class Perception:
    """Base state, contacts and falls from joints, IMU and, where there are any, force sensors.

    The odometry frame is placed at the start: between the feet on the floor, x ahead of base_link.
    """

    def __init__(self, robot: RobotDescription, config: PerceptionConfig | None = None) -> None:
        self._config = config = config or PerceptionConfig()
        self._kinematics = LegKinematics(robot)
        self._base = BaseEstimator(robot, config, self._kinematics)
        self._imu = ImuWatch(config.health)
        self._vertical = Vertical()
        self._fall = FallDetector(config.fall)
        self._torques = TorqueWrenches(self._kinematics, config.contact)
        self._position, self._velocity, self._effort = np.zeros((3, len(robot.joints)))
        self._last: Estimate | None = None
        self._restart()

    def update(self, m: Measurement) -> Estimate:
        """Return what is known after `m`.

        Measurements come in the order of their stamps. One with the stamp of the last is answered
        by the very same object and changes nothing.
        """
        last = self._last
        if last is not None and last.stamp == m.stamp:
            return last
        faults: list[Fault] = []
        dt = 0.0 if last is None else (m.stamp - last.stamp) * 1e-9
        if not 0.0 <= dt <= self._config.health.clock_jump:
            faults.append(
                ("clock_jump", f"the stamp moved by {dt:.3f} s; estimation started again")
            )
            self._restart()
            dt = 0.0
        readable = self._take_joints(m)
        reason = self._take_imu(m, dt)
        if reason:
            faults.append(("imu_dropout", reason))
        self._kinematics.update(self._position)
        measured = m.wrenches is not None and bool(np.isfinite(m.wrenches.sum()))
        wrenches = m.wrenches if measured else self._wrenches_from_torques(dt)
        assert wrenches is not None
        reason = self._base.update(self._senses(readable, wrenches, measured, dt))
        if reason:
            faults.append(("estimator_divergence", reason))
        self._last = self._conclude(m.stamp, wrenches, faults, dt)
        return self._last

    def _restart(self) -> None:
        """Forget everything but the sensor biases."""
        self._base.restart()
        self._imu.reset()
        self._vertical.reset()
        self._fall.reset()
        self._torques.reset()
        self._rest: float | None = None  # [s] at rest; None: moving

    def _take_joints(self, m: Measurement) -> bool:
        """Keep the joints' values; False, with the last ones kept, if they are not finite."""
        if not sense_kernels.finite(m.position, m.velocity, m.effort):
            return False
        self._position, self._velocity, self._effort = m.position, m.velocity, m.effort
        return True

    def _take_imu(self, m: Measurement, dt: float) -> str:
        """Keep the IMU's values and judge whether the robot rests; return row 11's reason or ""."""
        imu, health = self._imu, self._config.health
        reason = imu.update(m.angular_velocity, m.linear_acceleration, m.position, dt)
        if not imu.seen:
            return reason
        if imu.age == 0.0:
            self._vertical.update(imu.angular_velocity, imu.linear_acceleration, dt)
        bias = self._base.filter.state.gyroscope_bias
        rate, force = sense_kernels.magnitudes(imu.angular_velocity, bias, imu.linear_acceleration)
        resting = rate < health.still_rate and abs(force - GRAVITY) < health.still_acceleration
        self._rest = ((self._rest or 0.0) + dt) if resting else None
        return reason

    def _wrenches_from_torques(self, dt: float) -> Array:
        force = np.dot(self._kinematics.imu_rotation, self._imu.linear_acceleration)
        return self._torques.update(self._position, self._velocity, self._effort, force, dt)

    def _senses(self, readable: bool, wrenches: Array, measured: bool, dt: float) -> Senses:
        imu = self._imu
        return Senses(
            dt=dt,
            angular_velocity=imu.angular_velocity,
            acceleration=imu.linear_acceleration,
            fresh=imu.age == 0.0,
            lost=imu.lost,
            up=self._vertical.up,
            rest=self._rest,
            readable=readable,
            wrenches=wrenches,
            measured=measured,
            lies=self._fall.state == FALLEN,
        )

    def _conclude(self, stamp: int, wrenches: Array, faults: list[Fault], dt: float) -> Estimate:
        """The base from the sensor, and the fall."""
        state, kinematics = self._base.filter.state, self._kinematics
        joints = _RIGID
        if not kinematics.rigid:
            joints = np.dot(kinematics.imu_jacobian, self._velocity[kinematics.rows])
        base = kernels.base(
            state,
            kinematics.imu_rotation,
            kinematics.imu_position,
            self._imu.angular_velocity,
            joints,
        )
        turning = base[10:]
        up = state.rotation[2] if self._base.started else self._vertical.up
        up = np.dot(kinematics.imu_rotation, up)
        fall = self._judge_fall(up, turning, faults, dt)
        sound = all(name not in ("estimator_divergence", "imu_dropout") for name, _ in faults)
        return Estimate(
            stamp=stamp,
            position=base[:3],
            orientation=base[3:7],
            linear_velocity=base[7:10],
            angular_velocity=turning,
            gyroscope_bias=state.gyroscope_bias.copy(),
            accelerometer_bias=state.accelerometer_bias.copy(),
            contact=np.array(self._base.filter.contact),
            wrenches=wrenches,
            fall=fall,
            valid=sound and self._base.valid,
            faults=tuple(faults),
        )

    def _judge_fall(self, up: Array, turning: Array, faults: list[Fault], dt: float) -> int:
        if not self._imu.seen:
            return self._fall.state
        tilt, rate = tilt_and_rate(up, turning)
        fall = self._fall.update(tilt, rate, sqrt(np.dot(turning, turning)), dt)
        if fall != UPRIGHT:
            reason = f"tilt {degrees(tilt):.0f} deg, changing by {degrees(rate):.0f} deg/s"
            faults.append((_FALL_FAULTS[fall], reason))
        return fall
