"""The whole of perception as one pure function of the measurements: base, contacts, fall, health."""

from math import sqrt

import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

from humanoid_description import RobotDescription
from humanoid_perception.config import PerceptionConfig
from humanoid_perception.contact import ContactDetector, TorqueWrenches
from humanoid_perception.fall import FallDetector, tilt_and_rate
from humanoid_perception.health import DivergenceWatch, ImuWatch, Vertical
from humanoid_perception.inekf import GRAVITY, InvariantFilter, Noise
from humanoid_perception.kinematics import LegKinematics
from humanoid_perception.types import UPRIGHT, Estimate, Measurement

Array = NDArray[np.float64]

# Without sensors, feet this close to the lowest one are taken as standing at the start [m].
_SAME_FLOOR = 0.02
# Load, as a share of the weight, from which on a foot is as firm as it gets.
_FIRM = 0.25
# Factor on the process noise of the IMU while its values are missing.
_BLIND = 100.0
# At rest for so long [s], a robot without contact is taken as hanging or lying still.
_REST = 0.2
# Standard deviation of its velocity then [m/s].
_REST_VELOCITY = 0.03


class Perception:
    """Base state, contacts and falls from joints, IMU and, where there are any, foot force sensors.

    The odometry frame is placed at the start: between the feet on the floor, x ahead of base_link.
    """

    def __init__(self, robot: RobotDescription, config: PerceptionConfig | None = None) -> None:
        self._config = config = config or PerceptionConfig()
        self._feet = robot.feet
        self._kinematics = kinematics = LegKinematics(robot)
        self._weight = kinematics.mass * GRAVITY
        self._noise, self._blind = _noise(config, 1.0), _noise(config, _BLIND)
        self._filter = InvariantFilter(len(robot.feet), self._noise)
        self._imu = ImuWatch(config.health)
        self._vertical = Vertical()
        self._divergence = DivergenceWatch(config.health)
        self._fall = FallDetector(config.fall)
        self._contacts = _detectors(config, len(robot.feet), self._weight)
        self._torques = TorqueWrenches(kinematics, config.contact)
        self._encoder = config.filter.encoder**2
        self._sole = np.repeat([config.filter.sole_position**2, config.filter.sole_rotation**2], 3)
        self._boxes = [(foot.points.min(axis=0), foot.points.max(axis=0)) for foot in robot.feet]
        self._joints = (np.zeros(len(robot.joints)),) * 3
        self._wrenches: Array = np.zeros((len(robot.feet), 6))
        self._estimate: Estimate | None = None
        self._restart()

    def update(self, m: Measurement) -> Estimate:
        """Return what is known after `m`.

        Measurements come in the order of their stamps; one with the stamp of the last is answered by the
        very same object and changes nothing.
        """
        last = self._estimate
        if last is not None and last.stamp == m.stamp:
            return last
        faults: list[tuple[str, str]] = []
        dt = 0.0 if last is None else (m.stamp - last.stamp) * 1e-9
        if not 0.0 <= dt <= self._config.health.clock_jump:
            faults.append(
                ("clock_jump", f"the stamp moved by {dt:.3f} s; the estimator started again")
            )
            self._restart()
            dt = 0.0
        readable = self._take_joints(m)
        moved = self._moved
        reason = self._imu.update(m.angular_velocity, m.linear_acceleration, moved, dt)
        if reason:
            faults.append(("imu_dropout", reason))
        self._kinematics.update(self._joints[0])
        self._sense(m, dt)
        reason = self._estimate_base(m, readable, dt)
        if reason:
            faults.append(("estimator_divergence", reason))
        self._estimate = self._conclude(m.stamp, dt, faults)
        return self._estimate

    def _restart(self) -> None:
        """Forget everything but the sensor biases."""
        self._imu.reset()
        self._vertical.reset()
        self._divergence.reset()
        self._fall.reset()
        self._torques.reset()
        self._started = False
        self._lost = ""  # why the filter was given up
        self._coasting = 0.0  # [s] since contact or rest last told the velocity
        self._airborne = 0.0  # [s] since any foot stood
        self._rest = 0.0  # [s] at rest
        self._ignored = [0.0] * len(self._feet)  # [s] for which the gate has refused the foot
        self._footprint = np.zeros(3)  # where a start puts the robot: x, y, yaw

    def _take_joints(self, m: Measurement) -> bool:
        """Keep the joints' values; False, keeping the last ones, if they are not finite."""
        total = float(m.position.sum() + m.velocity.sum() + m.effort.sum())
        if total - total != 0.0:
            self._moved = True
            return False
        self._moved = not np.array_equal(m.position, self._joints[0])
        self._joints = (m.position, m.velocity, m.effort)
        return True

    def _sense(self, m: Measurement, dt: float) -> None:
        """Vertical, rest, and wrenches."""
        imu, health = self._imu, self._config.health
        if imu.age == 0.0:
            self._vertical.update(imu.angular_velocity, imu.linear_acceleration, dt)
        turning = imu.angular_velocity - self._filter.gyroscope_bias
        force = imu.linear_acceleration
        still = (
            imu.seen
            and sqrt(np.dot(turning, turning)) < health.still_rate
            and abs(sqrt(np.dot(force, force)) - GRAVITY) < health.still_acceleration
        )
        self._at_rest = still
        self._rest = self._rest + dt if still else 0.0
        self._sensed = m.wrenches is not None and bool(np.isfinite(m.wrenches.sum()))
        if self._sensed:
            assert m.wrenches is not None
            self._wrenches = m.wrenches
        elif imu.seen:
            own = np.dot(self._kinematics.imu_rotation, force)
            self._wrenches = self._torques.update(*self._joints, own, dt)

    def _estimate_base(self, m: Measurement, readable: bool, dt: float) -> str:
        """Start, or advance the filter; return why it cannot be believed, or ""."""
        if not self._started:
            ready = self._at_rest and readable and (not self._lost or self._rest >= _REST)
            if not ready:
                return f"{self._lost}; waiting to be at rest to start again" if self._lost else ""
            self._start()
            return ""
        self._predict(dt)
        before = self._filter.vectors.copy()
        if not readable:
            self._coasting += dt
            return "joint states are not finite"
        stands, believed = self._correct(dt)
        up = self._vertical.up
        reason = self._divergence.update(self._filter, before, stands and not believed, up, dt)
        if reason:
            self._give_up(reason)
        return reason

    def _start(self) -> None:
        """Place the filter at rest, upright by the accelerometer, on its feet."""
        kinematics, state = self._kinematics, self._filter
        up = np.dot(kinematics.imu_rotation, self._imu.linear_acceleration)
        x, y, yaw = self._footprint
        roll, pitch = np.arctan2(up[1], up[2]), np.arctan2(-up[0], sqrt(up[1] ** 2 + up[2] ** 2))
        rotation = np.dot(pin.rpy.rpyToMatrix(roll, pitch, yaw), kinematics.imu_rotation)
        heights = [self._height(foot, rotation) for foot in range(len(self._feet))]
        lowest = min(heights)
        middle = np.dot(rotation, np.mean([foot.position for foot in kinematics.feet], axis=0))
        config = self._config.filter
        state.reset(
            rotation,
            np.array([x - middle[0], y - middle[1], -lowest]),
            config.tilt,
            config.velocity,
            config.gyroscope_bias,
            config.accelerometer_bias,
        )
        if self._sensed:
            on = self._config.contact.on * self._weight
            standing = [bool(force >= on) for force in self._wrenches[:, 2]]
        else:
            standing = [height < lowest + _SAME_FLOOR for height in heights]
        for detector in self._contacts:
            detector.place(standing)
        for foot, stands in enumerate(standing):
            if stands:
                self._add(foot)
        self._divergence.reset()
        self._started, self._lost = True, ""
        self._coasting = self._airborne = 0.0

    def _height(self, foot: int, rotation: Array) -> float:
        """Lowest contact point of a foot above the sensor [m] when that has `rotation`."""
        placement = self._kinematics.feet[foot]
        points = np.dot(self._feet[foot].points, placement.rotation.T) + placement.position
        return float(np.dot(points, rotation[2]).min())

    def _predict(self, dt: float) -> None:
        imu, state = self._imu, self._filter
        state.noise = self._noise if imu.age == 0.0 else self._blind
        if imu.age <= self._config.health.prediction:
            state.predict(imu.angular_velocity, imu.linear_acceleration, dt)
        else:  # nothing is known: assume no change
            hold = state.rotation[2] * GRAVITY + state.accelerometer_bias
            state.predict(state.gyroscope_bias, hold, dt)

    def _correct(self, dt: float) -> tuple[bool, bool]:
        """Contacts and rest; return whether any foot stands, and whether any was believed."""
        detector = self._contacts[0 if self._sensed else 1]
        contact = detector.update(self._wrenches[:, 2].tolist(), dt)
        believed = False
        for foot, stands in enumerate(contact):
            if not stands:
                if self._filter.contact[foot]:
                    self._filter.remove_contact(foot)
            elif not self._filter.contact[foot]:
                if self._airborne > self._config.health.coast:
                    self._land(foot)
                self._add(foot)
            else:
                believed = self._correct_foot(foot, dt) or believed
        stands = any(contact)
        self._airborne = 0.0 if stands else self._airborne + dt
        told = believed
        if not stands and self._rest >= _REST:
            spread = np.eye(3) * _REST_VELOCITY**2
            self._filter.correct_velocity(np.zeros(3), spread, float("inf"))
            told = True
        self._coasting = 0.0 if told else self._coasting + dt
        return stands, believed

    def _correct_foot(self, foot: int, dt: float) -> bool:
        config, state = self._config.filter, self._filter
        load = self._wrenches[foot, 2] / (_FIRM * self._weight)
        looseness = 1.0 + (config.light - 1.0) * (1.0 - min(1.0, max(0.0, load)))
        state.loosen_contact(foot, self._lever(foot), dt, looseness)
        placement = self._kinematics.feet[foot]
        distance = state.correct_contact(
            foot, placement.position, placement.rotation, self._spread(foot), config.gate
        )
        if distance <= config.gate:
            self._ignored[foot] = 0.0
            return True
        self._ignored[foot] += dt
        if self._ignored[foot] > config.reanchor:
            self._ignored[foot] = 0.0
            state.remove_contact(foot)
            self._add(foot)
        return False

    def _add(self, foot: int) -> None:
        placement = self._kinematics.feet[foot]
        self._filter.add_contact(foot, placement.position, placement.rotation, self._spread(foot))

    def _land(self, foot: int) -> None:
        """After hanging or lying, height is unknown: a foot that comes to stand is on the floor."""
        height = self._filter.position[2] + self._height(foot, self._filter.rotation)
        self._filter.position[2] -= height

    def _spread(self, foot: int) -> Array:
        """Covariance of a sole's placement in world axes, shape (6, 6): encoders through the Jacobian."""
        jacobian = np.dot(
            self._filter.rotation, self._kinematics.feet[foot].jacobian.reshape(2, 3, -1)
        )
        rows = jacobian.transpose(1, 0, 2).reshape(6, -1)
        spread = np.dot(rows, rows.T * self._encoder)
        spread.flat[::7] += self._sole
        return spread

    def _lever(self, foot: int) -> Array:
        """From the centre of pressure to the sole's origin, in the world [m]."""
        _, _, force, moment_x, moment_y, _ = self._wrenches[foot].tolist()
        low, high = self._boxes[foot]
        force = max(force, 1e-3 * self._weight)
        x = min(max(-moment_y / force, low[0]), high[0])
        y = min(max(moment_x / force, low[1]), high[1])
        rotation = self._filter.foot_rotations[foot]
        return -(rotation[:, 0] * x + rotation[:, 1] * y)

    def _give_up(self, reason: str) -> None:
        """Invalid until the robot is at rest; keep place, heading and sound biases for the new start."""
        state, health = self._filter, self._config.health
        if np.isfinite(state.vectors.sum() + state.rotation.sum()):
            rotation = np.dot(state.rotation, self._kinematics.imu_rotation.T)
            self._footprint = np.array(
                [*state.position[:2], np.arctan2(rotation[1, 0], rotation[0, 0])]
            )
        if not np.dot(state.gyroscope_bias, state.gyroscope_bias) < health.gyroscope_bias**2:
            state.gyroscope_bias = np.zeros(3)
        if (
            not np.dot(state.accelerometer_bias, state.accelerometer_bias)
            < health.accelerometer_bias**2
        ):
            state.accelerometer_bias = np.zeros(3)
        self._started, self._lost = False, reason
        self._rest = 0.0

    def _conclude(self, stamp: int, dt: float, faults: list[tuple[str, str]]) -> Estimate:
        """The base from the sensor, and the fall."""
        state, kinematics = self._filter, self._kinematics
        sensor, lever = kinematics.imu_rotation, kinematics.imu_position
        rotation = np.dot(state.rotation, sensor.T)
        joints = np.dot(kinematics.imu_jacobian, self._joints[1][kinematics.rows])
        turning = np.dot(sensor, self._imu.angular_velocity - state.gyroscope_bias) - joints[3:]
        wx, wy, wz = turning.tolist()
        x, y, z = lever.tolist()
        velocity = np.dot(state.velocity, rotation)
        velocity -= (wy * z - wz * y, wz * x - wx * z, wx * y - wy * x)
        velocity -= joints[:3]
        up = rotation[2] if self._started else np.dot(sensor, self._vertical.up)
        fall = self._fall.state
        if self._imu.seen:
            tilt, rate = tilt_and_rate(up, turning)
            fall = self._fall.update(tilt, rate, sqrt(np.dot(turning, turning)), dt)
        if fall != UPRIGHT:
            name = "fall" if fall == 1 else "fallen"
            faults.append((name, f"tilt {np.degrees(tilt):.0f} deg, {np.degrees(rate):.0f} deg/s"))
        health = {"estimator_divergence", "imu_dropout"}
        valid = (
            self._started
            and self._coasting <= self._config.health.coast
            and not any(name in health for name, _ in faults)
        )
        return Estimate(
            stamp=stamp,
            position=state.position - np.dot(rotation, lever),
            orientation=np.array(pin.Quaternion(rotation).coeffs()),
            linear_velocity=velocity,
            angular_velocity=turning,
            gyroscope_bias=state.gyroscope_bias,
            accelerometer_bias=state.accelerometer_bias,
            contact=np.array(state.contact),
            wrenches=self._wrenches.copy(),
            fall=fall,
            valid=valid,
            faults=tuple(faults),
        )


def _noise(config: PerceptionConfig, blind: float) -> Noise:
    values = config.filter
    return Noise(
        gyroscope=values.gyroscope * blind,
        accelerometer=values.accelerometer * blind,
        gyroscope_bias=values.gyroscope_walk,
        accelerometer_bias=values.accelerometer_walk,
        contact_slip=values.slip,
        contact_tilt=values.roll,
        contact_turn=values.turn,
    )


def _detectors(
    config: PerceptionConfig, feet: int, weight: float
) -> tuple[ContactDetector, ContactDetector]:
    """For measured wrenches, and for those made from torques."""
    values = config.contact
    delays = values.on_delay, values.off_delay
    return (
        ContactDetector(feet, values.on * weight, values.off * weight, *delays),
        ContactDetector(feet, values.torque_on * weight, values.torque_off * weight, *delays),
    )
