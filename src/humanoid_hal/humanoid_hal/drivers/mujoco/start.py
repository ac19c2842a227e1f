"""The start pose: the robot stands on the floor at rest, every force in balance.

MuJoCo's inverse dynamics with zero velocity and acceleration give the contact forces of a posture
and what must act on the floating base besides them (Todorov, "Convex and analytically-invertible
dynamics with contacts and constraints", ICRA 2014). Newton's method moves the base by micrometres
until that rest is zero; the same call leaves consistent sensor readings and joint torques behind.
"""

import mujoco
import numpy as np

from humanoid_description import RobotDescription
from humanoid_hal.driver import Array, DriverError

_DEPTH = 5e-4  # [m] first guess of how deep the soles sink in
_PROBE = 1e-7  # [m], [rad] finite difference
_STRIDE = 5e-4  # [m], [rad] longest Newton step: the contact stiffness is not constant
_ITERATIONS = 100
_TOLERANCE = 1e-6  # of the weight [N], and of the weight times 1 m [N m]


class StartPose:
    """Puts a model at rest in one posture."""

    def __init__(self, model: mujoco.MjModel, robot: RobotDescription, normal: Array) -> None:
        self._model = model
        self._soles = [model.site(foot.name).id for foot in robot.feet]
        self._normal = normal  # shape (3,), of the floor, world frame; the floor holds the origin

    def place(self, data: mujoco.MjData, posture: Array, clearance: float) -> None:
        """Reset `data` to `posture`, shape (n,), [rad], with the soles `clearance` [m] high.

        The middle of the soles is at x = y = 0. Afterwards `data` holds the sensors, contact forces
        and torques (`qfrc_inverse`) of rest. Raises DriverError if the feet cannot balance it.
        """
        model = self._model
        mujoco.mj_resetData(model, data)
        data.qpos[7:] = posture
        mujoco.mj_kinematics(model, data)
        upright = data.site_xmat[self._soles].reshape(-1, 3, 3)[:, :, 2].mean(axis=0)
        data.qpos[3:7] = _rotation_between(upright, self._normal)
        mujoco.mj_kinematics(model, data)
        soles = data.site_xpos[self._soles]
        data.qpos[:2] = -soles[:, :2].mean(axis=0)
        depth = -clearance if clearance > 0 else _DEPTH
        lowest = ((soles + data.qpos[:3]) @ self._normal).min()
        data.qpos[2] -= (lowest + depth) / self._normal[2]
        if clearance > 0:
            mujoco.mj_inverse(model, data)
        else:
            self._balance(data)

    def _balance(self, data: mujoco.MjData) -> None:
        weight = -self._model.opt.gravity[2] * self._model.body_subtreemass[0]
        rest = self._rest(data)
        for _ in range(_ITERATIONS):
            if np.abs(rest).max() < _TOLERANCE * weight:
                return
            slope = np.empty((3, 3))
            pose = data.qpos[:7].copy()
            for axis in range(3):
                self._move(data, _PROBE * np.eye(3)[axis])
                slope[:, axis] = (self._rest(data) - rest) / _PROBE
                data.qpos[:7] = pose
            step = -np.linalg.lstsq(slope, rest, rcond=1e-9)[0]
            self._move(data, step * min(1.0, _STRIDE / (np.abs(step).max() + 1e-12)))
            rest = self._rest(data)
        raise DriverError(
            "the robot cannot stand in its start pose: no contact forces of the feet balance its"
            f" weight (left over: {rest[0]:.1f} N, {rest[1]:.1f} and {rest[2]:.1f} N m); correct"
            " the pose in robot.yaml: the centre of mass must be above the feet; or set `clearance`"
        )

    def _rest(self, data: mujoco.MjData) -> Array:
        """Vertical force [N] and horizontal torques [N m] on the base that balance still lacks."""
        mujoco.mj_inverse(self._model, data)
        torque = data.xmat[1].reshape(3, 3) @ data.qfrc_inverse[3:6]
        return np.array([data.qfrc_inverse[2], torque[0], torque[1]])

    def _move(self, data: mujoco.MjData, step: Array) -> None:
        """Raise the base by step[0] [m] and turn it by step[1:] [rad] about the world's x and y."""
        data.qpos[2] += step[0]
        local = data.xmat[1].reshape(3, 3).T @ np.array([step[1], step[2], 0.0])
        mujoco.mju_quatIntegrate(data.qpos[3:7], local, 1.0)


def _rotation_between(start: Array, end: Array) -> Array:
    """Quaternion (w x y z) of the shortest rotation from one unit vector to another."""
    quaternion = np.append(1.0 + start @ end, np.cross(start, end))
    return quaternion / np.linalg.norm(quaternion)
