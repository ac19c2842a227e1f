"""The simulated sensors: what they read from MuJoCo, and their errors."""

from math import sqrt

import mujoco
import numpy as np

from humanoid_description import RobotDescription
from humanoid_hal.driver import Array, DriverError, ImuSample, Sample
from humanoid_hal.drivers.mujoco.options import NoiseOptions


class SensorErrors:
    """Errors of all channels, drawn together once per sample: white noise, and walking IMU biases.

    Channels: gyroscope (3), accelerometer (3), position, velocity and effort (n each), then six per
    foot. An IMU sample is a mean over the period, so its noise is density / √period and its bias
    changes by walk · √period a sample (Trawny and Roumeliotis 2005, section 1.4).
    """

    def __init__(
        self, noise: NoiseOptions, joints: int, feet: int, period: float, seed: int
    ) -> None:
        self._random = np.random.default_rng(seed)
        imu = np.repeat([noise.gyroscope, noise.accelerometer], 3) / sqrt(period)
        joint = np.repeat([noise.position, noise.velocity, noise.effort], joints)
        wrench = np.tile(np.repeat([noise.force, noise.torque], 3), feet)
        self._white = np.concatenate([imu, joint, wrench])
        self._walk = np.repeat([noise.gyroscope_walk, noise.accelerometer_walk], 3) * sqrt(period)
        start = np.repeat([noise.gyroscope_bias, noise.accelerometer_bias], 3)
        self.bias = start * self._random.standard_normal(6)  # shape (6,), [rad/s] and [m/s^2]
        self._draws = np.empty(self._white.size + 6)

    def add(self, channels: Array) -> None:
        """Add one sample's errors to `channels` in place, and let the biases walk."""
        draws = self._random.standard_normal(out=self._draws)
        self.bias += self._walk * draws[-6:]
        channels += self._white * draws[:-6]
        channels[:6] += self.bias


class Sensors:
    """Reads all sensors of one model in the middle of its physics steps.

    The IMU gives the mean angular rate and specific force over the control period, as strap-down
    units do by integrating inside (Savage, "Strapdown inertial navigation integration algorithm
    design", JGCD 1998): with MuJoCo's semi-implicit Euler steps these means are the increments of
    angle and velocity. Torques and foot wrenches are those of the last physics step.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        robot: RobotDescription,
        errors: SensorErrors,
        force_sensors: bool,
    ) -> None:
        """Raises DriverError if the model and the table do not agree."""
        self._errors = errors
        self._force_sensors = force_sensors
        self._count = n = len(robot.joints)
        actuators = tuple(model.actuator(i).name for i in range(model.nu))
        joints = tuple(model.joint(i).name for i in range(1, model.njnt))
        if not actuators == joints == robot.joint_names or model.nq != 7 + n:
            raise DriverError(
                "the MuJoCo model's joints are not those of the joint table, in its order"
            )
        self._gyroscope, self._accelerometer = (
            data.sensordata[address : address + 3]
            for address in (int(model.sensor(s).adr[0]) for s in ("gyroscope", "accelerometer"))
        )
        self._feet = [
            # What mju_transformSpatial needs to carry a link's external force to its sole.
            (data.cfrc_ext[model.site_bodyid[sole]], data.site_xpos[sole], data.site_xmat[sole])
            for sole in (model.site(foot.name).id for foot in robot.feet)
        ]
        self._centre = data.subtree_com[1]
        self._position, self._velocity = data.qpos[7:], data.qvel[6:]
        self._torque = data.actuator_force
        self._channels = np.zeros(6 + 3 * n + 6 * len(robot.feet))
        self._imu = self._channels[:6]
        self._wrenches = self._channels[6 + 3 * n :].reshape(-1, 6)
        self._local = np.empty(6)
        self._fresh = np.ones(n, dtype=bool)

    def begin(self) -> None:
        """A control period starts."""
        self._imu[:] = 0.0

    def feel(self) -> None:
        """Forces of a physics step are known, its positions are still the old ones."""
        self._imu[3:] += self._accelerometer

    def turn(self) -> None:
        """A physics step is complete."""
        self._imu[:3] += self._gyroscope

    def feel_ground(self) -> None:
        """Measure the feet's wrenches; between `feel` and the update of positions.

        MuJoCo's `cfrc_ext` is the sum of a link's contact wrenches (torque, force) about the tree's
        centre of mass, along the world's axes.
        """
        local = self._local
        for wrench, (external, position, rotation) in zip(self._wrenches, self._feet, strict=True):
            mujoco.mju_transformSpatial(local, external, 1, position, self._centre, rotation)
            wrench[:3] = local[3:]
            wrench[3:] = local[:3]

    def sample(self, stamp: int, steps: int, torque: Array | None = None) -> Sample:
        """The sample of a control period of `steps` physics steps.

        `torque`, shape (n,), [N m], is measured in place of the actuators' own.
        """
        n = self._count
        values = self._channels
        self._imu /= steps
        values[6 : 6 + n] = self._position
        values[6 + n : 6 + 2 * n] = self._velocity
        values[6 + 2 * n : 6 + 3 * n] = self._torque if torque is None else torque
        values = values.copy()
        self._errors.add(values)
        return Sample(
            stamp=stamp,
            position=values[6 : 6 + n],
            velocity=values[6 + n : 6 + 2 * n],
            effort=values[6 + 2 * n : 6 + 3 * n],
            fresh=self._fresh.copy(),
            imu=ImuSample(values[:3], values[3:6]),
            wrenches=values[6 + 3 * n :].reshape(-1, 6) if self._force_sensors else None,
        )
