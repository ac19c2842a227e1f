"""The base estimator's policy: when to start, which feet to believe, when to give up."""

from dataclasses import dataclass
from math import atan2, hypot

import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

from humanoid_description import RobotDescription
from humanoid_perception import sense_kernels
from humanoid_perception.config import FilterConfig, PerceptionConfig
from humanoid_perception.contact import ContactDetector
from humanoid_perception.health import DivergenceWatch
from humanoid_perception.inekf import InvariantFilter, Noise, Spread, gate
from humanoid_perception.kernels import GRAVITY
from humanoid_perception.kinematics import LegKinematics

Array = NDArray[np.float64]

# Without sensors, feet this close to the lowest one are taken as standing at the start [m].
_SAME_FLOOR = 0.02
# Load, as a share of the weight, from which on a foot is as firm as it gets.
_FIRM = 0.25
# Factor on the noise of the IMU while its values are missing.
_BLIND = 100.0
# At rest for so long [s], a robot without contact is taken as hanging or lying still ...
_REST = 0.2
# Time constant with which the accelerometer then levels a robot that lies [s].
_LEVEL = 0.5
# ... with this standard deviation of its velocity [m/s].
_REST_VELOCITY = 0.03


@dataclass(slots=True)
class Senses:
    """One sample as the base estimator takes it; the kinematics are up to date with it."""

    dt: float  # [s] since the sample before
    angular_velocity: Array  # shape (3,), [rad/s] in the sensor frame
    acceleration: Array  # shape (3,), [m/s^2] specific force in the sensor frame
    fresh: bool  # these two are new in this sample
    lost: bool  # these two are too old to be used
    up: Array  # shape (3,), the vertical in the sensor frame, by another way
    rest: float | None  # [s] at rest until now; None: moving
    readable: bool  # the joints' values are those of this sample
    wrenches: Array  # shape (feet, 6), ground on foot in the sole frame, [N], [N m]
    measured: bool  # the wrenches come from sensors
    lies: bool = False  # the robot has fallen, and is not upright again


class BaseEstimator:
    """An :class:`InvariantFilter` that starts, stops and chooses its measurements by itself."""

    def __init__(
        self, robot: RobotDescription, config: PerceptionConfig, kinematics: LegKinematics
    ) -> None:
        self._config, self._kinematics = config, kinematics
        values, feet = config.filter, len(robot.feet)
        self._points = [foot.points for foot in robot.feet]
        self._boxes = [
            (*foot.points.min(axis=0).tolist(), *foot.points.max(axis=0).tolist())
            for foot in robot.feet
        ]
        self._weight = kinematics.mass * GRAVITY
        self._noise, self._blind = _noise(values, 1.0), _noise(values, _BLIND)
        self._gates = [gate(6 * (k + 1), values.gate) for k in range(feet)]
        self._spread = np.square([values.encoder, values.sole_position, values.sole_rotation])
        # The soles relative to the sensor, in world axes, and what their places are worth.
        self._offsets: Array = np.zeros((feet, 3))
        self._rotations: Array = np.zeros((feet, 3, 3))
        self._spreads: Array = np.zeros((feet, 6, 6))
        self._from_sensors, self._from_torques = _detectors(config, feet, self._weight)
        self._watch = DivergenceWatch(config.health)
        self.filter = InvariantFilter(feet, self._noise)
        self.restart()

    def restart(self) -> None:
        """Forget everything but the biases."""
        #: The filter runs.
        self.started = False
        self._lost = ""  # why it was given up
        self._coasting = 0.0  # [s] since feet or rest last told the velocity
        self._airborne = 0.0  # [s] since any foot stood
        self._refused = [0.0] * len(self._points)  # [s] for which the gate has refused each foot
        # Where the next start puts the middle of the feet and heading: x, y [m], yaw [rad].
        self._place = (0.0, 0.0, 0.0)

    @property
    def valid(self) -> bool:
        """The state can be used to balance."""
        return self.started and self._coasting <= self._config.health.coast

    def update(self, senses: Senses) -> str:
        """Take one sample; return why the state cannot be believed, or ""."""
        if senses.lies:
            self._lie(senses)
            return ""
        if not self.started:
            rest = senses.rest if senses.readable else None
            if rest is not None and (not self._lost or rest >= _REST):
                self._start(senses)
                return ""
            return f"{self._lost}; waiting to be at rest to start again" if self._lost else ""
        self._predict(senses)
        if not senses.readable:
            self._coasting += senses.dt
            return "joint states are not finite"
        before = self.filter.state.vectors.copy()
        self._look()
        standing, believed = self._correct(senses)
        told = believed or (not standing and self._settle(senses.rest))
        self._coasting = 0.0 if told else self._coasting + senses.dt
        refused = standing and not believed
        reason = self._watch.update(self.filter.state, before, refused, senses.up, senses.dt)
        if reason:
            self._give_up(reason)
        else:
            self._keep()
        return reason

    def _lie(self, senses: Senses) -> None:
        """Invalid until it is upright and at rest; meanwhile the IMU alone keeps the attitude.

        What feet and legs touch while a robot lies or gets up does not tell where it is.
        """
        if self.started:
            self._give_up("")
        for foot, held in enumerate(self.filter.contact):
            if held:
                self.filter.remove_contact(foot)
        self._predict(senses)
        self.filter.velocity[:] = 0.0
        rotation = self.filter.state.rotation
        if senses.rest is not None and senses.rest >= _REST:
            to_up = pin.Quaternion.FromTwoVectors(senses.acceleration, rotation[2])
            share = pin.Quaternion.Identity().slerp(senses.dt / _LEVEL, to_up)
            rotation[:] = np.dot(rotation, share.toRotationMatrix())
        x, y, _ = self._place
        ahead = np.dot(rotation, self._kinematics.imu_rotation.T)[:, 0]
        self._place = x, y, atan2(ahead[1], ahead[0])

    def _start(self, senses: Senses) -> None:
        """At rest, upright by the accelerometer, on the feet."""
        kinematics, values = self._kinematics, self._config.filter
        x, y, yaw = self._place
        up = np.dot(kinematics.imu_rotation, senses.acceleration).tolist()
        tilt = atan2(up[1], up[2]), atan2(-up[0], hypot(up[1], up[2]))
        base = pin.rpy.rpyToMatrix(*tilt, yaw)
        self.filter.state.rotation[:] = np.dot(base, kinematics.imu_rotation)
        self._look()
        soles = [self._lowest(foot) for foot in range(len(self._points))]
        middle = self._offsets.mean(axis=0)
        position = np.array([x - middle[0], y - middle[1], -min(soles)])
        spread = Spread(
            values.tilt, values.velocity, values.gyroscope_bias, values.accelerometer_bias
        )
        self.filter.reset(self.filter.state.rotation, position, spread)
        if senses.measured:
            least = self._config.contact.touch * self._weight
            standing = [force >= least for force in senses.wrenches[:, 2].tolist()]
        else:
            standing = [sole < min(soles) + _SAME_FLOOR for sole in soles]
        self._from_sensors.place(standing)
        self._from_torques.place(standing)
        for foot, stands in enumerate(standing):
            if stands:
                self._add(foot)
        self._watch.reset()
        self._keep()
        self.started, self._lost = True, ""
        self._coasting = self._airborne = 0.0

    def _predict(self, senses: Senses) -> None:
        state = self.filter.state
        noise = self._noise if senses.fresh else self._blind
        if self.filter.noise is not noise:
            self.filter.noise = noise
        if senses.lost:  # nothing is known: assume no change
            hold = state.rotation[2] * GRAVITY + state.accelerometer_bias
            self.filter.predict(state.gyroscope_bias, hold, senses.dt)
        else:
            self.filter.predict(senses.angular_velocity, senses.acceleration, senses.dt)

    def _look(self) -> None:
        """Place the soles in world axes, relative to the sensor."""
        kinematics = self._kinematics
        sense_kernels.place_soles(
            self.filter.state.rotation, kinematics.imu_rotation, kinematics.offsets,
            kinematics.rotations, kinematics.grams, self._spread,
            self._offsets, self._rotations, self._spreads,
        )  # fmt: skip

    def _correct(self, senses: Senses) -> tuple[bool, bool]:
        """Follow the contacts; return whether any foot stands, and whether any was believed."""
        state, dt = self.filter, senses.dt
        load = senses.wrenches[:, 2].tolist()
        detector = self._from_sensors if senses.measured else self._from_torques
        contact = detector.update(load, dt)
        held = []
        for foot, stands in enumerate(contact):
            if stands and state.contact[foot]:
                held.append(foot)
                firm = min(1.0, max(0.0, load[foot] / (_FIRM * self._weight)))
                scale = 1.0 + (self._config.filter.light - 1.0) * (1.0 - firm)
                state.loosen_contact(foot, self._lever(foot, senses.wrenches[foot]), dt, scale)
            elif state.contact[foot]:
                state.remove_contact(foot)
        held.sort(key=load.__getitem__, reverse=True)  # the firmest first
        believed = self._believe(held, dt)
        landed = [foot for foot, stands in enumerate(contact) if stands and not state.contact[foot]]
        if landed:
            self._look()  # from the corrected attitude
        for foot in landed:
            if self._airborne > self._config.health.coast:
                self._land(foot)
            self._add(foot)
        self._airborne = 0.0 if any(contact) else self._airborne + dt
        return bool(held), believed

    def _believe(self, held: list[int], dt: float) -> bool:
        """Correct by all feet at once, or, if they contradict, by each that does not."""
        state, feet = self.filter, len(self._points)
        if len(held) == feet:
            limit = self._gates[feet - 1]
            seen = self._offsets, self._rotations, self._spreads
            if state.correct_contacts(0, *seen, limit) <= limit:
                self._refused = [0.0] * feet
                return True
        believed = False
        limit = self._gates[0]
        for foot in held:
            if believed:
                self._look()  # from the corrected attitude
            one = slice(foot, foot + 1)
            seen = self._offsets[one], self._rotations[one], self._spreads[one]
            if state.correct_contacts(foot, *seen, limit) <= limit:
                self._refused[foot] = 0.0
                believed = True
                continue
            self._refused[foot] += dt
            if self._refused[foot] > self._config.filter.reanchor:  # it slipped
                self._refused[foot] = 0.0
                state.remove_contact(foot)
        return believed

    def _settle(self, rest: float | None) -> bool:
        """Hanging or lying still: without feet, rest tells the velocity."""
        if rest is None or rest < _REST:
            return False
        self.filter.hold_velocity(_REST_VELOCITY)
        return True

    def _add(self, foot: int) -> None:
        self.filter.add_contact(
            foot, self._offsets[foot], self._rotations[foot], self._spreads[foot]
        )

    def _land(self, foot: int) -> None:
        """After hanging or lying: the height is unknown, and a foot that comes to stand is at 0."""
        self.filter.position[2] = -self._lowest(foot)

    def _lowest(self, foot: int) -> float:
        """Height of the lowest contact point of `foot` above the sensor [m]."""
        points = np.dot(self._points[foot], self._rotations[foot][2])
        return float(self._offsets[foot, 2] + points.min())

    def _lever(self, foot: int, wrench: Array) -> Array:
        """From the centre of pressure to the sole's origin, in the world [m]."""
        _, _, force, moment_x, moment_y, _ = wrench.tolist()
        low_x, low_y, _, high_x, high_y, _ = self._boxes[foot]
        force = max(force, 1e-3 * self._weight)
        x = min(max(-moment_y / force, low_x), high_x)
        y = min(max(moment_x / force, low_y), high_y)
        return sense_kernels.lever(self._rotations[foot], x, y)

    def _keep(self) -> None:
        """Remember the pose while it is sound."""
        self._sound = self.filter.position.copy(), self.filter.state.rotation.copy()

    def _give_up(self, reason: str) -> None:
        """Invalid until the robot is at rest; keep place, heading and sound biases for then."""
        state, health = self.filter.state, self._config.health
        position, rotation = self._sound
        base = np.dot(rotation, self._kinematics.imu_rotation.T)
        middle = position + np.dot(base, self._kinematics.offsets.mean(axis=0))
        self._place = float(middle[0]), float(middle[1]), atan2(base[1, 0], base[0, 0])
        if not np.linalg.norm(state.gyroscope_bias) < health.gyroscope_bias:
            state.gyroscope_bias[:] = 0.0
        if not np.linalg.norm(state.accelerometer_bias) < health.accelerometer_bias:
            state.accelerometer_bias[:] = 0.0
        self.started, self._lost = False, reason


def _noise(values: FilterConfig, factor: float) -> Noise:
    return Noise(
        gyroscope=values.gyroscope * factor,
        accelerometer=values.accelerometer * factor,
        gyroscope_bias=values.gyroscope_walk,
        accelerometer_bias=values.accelerometer_walk,
        slip=values.slip,
        roll=values.roll,
        turn=values.turn,
    )


def _detectors(
    config: PerceptionConfig, feet: int, weight: float
) -> tuple[ContactDetector, ContactDetector]:
    """For measured wrenches, and for those made from torques."""
    values = config.contact
    delays = values.touch_delay, values.lift_delay
    return (
        ContactDetector(feet, values.touch * weight, values.lift * weight, *delays),
        ContactDetector(feet, values.torque_touch * weight, values.torque_lift * weight, *delays),
    )
