"""Where the feet and the base are as the inertial sensor sees them, from joint angles."""

from dataclasses import dataclass

import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

from humanoid_description import RobotDescription, pinocchio_model

Array = NDArray[np.float64]

_AXES = pin.LOCAL_WORLD_ALIGNED


@dataclass(slots=True)
class FootPlacement:
    """One sole as the inertial sensor sees it."""

    position: Array  # shape (3,), [m] in the sensor frame
    rotation: Array  # shape (3, 3), sole to sensor
    #: d(position, rotation)/d(joints), shape (6, m), [m/rad], [rad/rad], in the axes of the sensor frame.
    jacobian: Array
    #: The sole's own Jacobian in the base frame, rows linear then angular, shape (6, m).
    base_jacobian: Array
    #: Sole to base, shape (3, 3).
    base_rotation: Array


class LegKinematics:
    """Kinematics of the joints between base, inertial sensor and feet; all others are left out.

    Joint vectors given to it are those of the whole table, shape (n,); its Jacobians have one column per
    joint of :attr:`rows`. The base frame is base_link.
    """

    def __init__(self, robot: RobotDescription) -> None:
        full = pinocchio_model(robot)
        frames = [full.getFrameId(name) for name in ("imu", *(foot.name for foot in robot.feet))]
        used = {
            joint for frame in frames for joint in full.supports[full.frames[frame].parentJoint]
        }
        left_out = [joint for joint in range(2, full.njoints) if joint not in used]
        self._model = pin.buildReducedModel(full, left_out, pin.neutral(full))
        self._data = self._model.createData()
        self._imu, *self._soles = (
            self._model.getFrameId(name) for name in ("imu", *(foot.name for foot in robot.feet))
        )
        #: Rows of the joint table that matter, in order, shape (m,).
        self.rows: NDArray[np.intp] = np.array(
            [robot.index[name] for name in list(self._model.names)[2:]], dtype=np.intp
        )
        #: Total mass [kg], all joints included.
        self.mass = float(pin.computeTotalMass(full))
        self._q = pin.neutral(self._model)
        self._v = np.zeros(self._model.nv)
        self._a = np.zeros(self._model.nv)
        self._rigid = self._model.frames[self._imu].parentJoint == 1  # the sensor sits on the base
        #: Sensor in the base: rotation (3, 3), position (3,) [m], and its Jacobian (6, m) in base axes.
        self.imu_rotation: Array = np.eye(3)
        self.imu_position: Array = np.zeros(3)
        self.imu_jacobian: Array = np.zeros((6, len(self.rows)))
        self.feet: list[FootPlacement] = []
        # Columns of the joints that move a foot: the rest of its Jacobian is zero.
        self._legs = [
            np.array(
                [self._model.joints[joint].idx_v - 6
                 for joint in self._model.supports[self._model.frames[sole].parentJoint]
                 if joint > 1],
                dtype=np.intp,
            )
            for sole in self._soles
        ]  # fmt: skip
        self.update(np.zeros(len(robot.joints)))

    def leg(self, foot: int) -> NDArray[np.intp]:
        """Columns, of those of :attr:`rows`, of the joints between the base and `foot`."""
        return self._legs[foot]

    def update(self, position: Array) -> None:
        """Compute everything at the joint angles `position`, shape (n,), [rad]."""
        model, data = self._model, self._data
        self._q[7:] = position[self.rows]
        pin.computeJointJacobians(model, data, self._q)
        imu = pin.updateFramePlacement(model, data, self._imu)
        self.imu_rotation, self.imu_position = imu.rotation, imu.translation
        if not self._rigid:
            self.imu_jacobian = pin.getFrameJacobian(model, data, self._imu, _AXES)[:, 6:]
        self.feet = [self._foot(sole) for sole in self._soles]

    def _foot(self, sole: int) -> FootPlacement:
        model, data = self._model, self._data
        to_sensor = self.imu_rotation.T
        placement = pin.updateFramePlacement(model, data, sole)
        own = pin.getFrameJacobian(model, data, sole, _AXES)[:, 6:]
        away = placement.translation - self.imu_position
        relative = own
        if not self._rigid:
            relative = own - self.imu_jacobian
            x, y, z = away.tolist()
            cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
            relative[:3] += np.dot(cross, self.imu_jacobian[3:])
        jacobian = np.empty_like(relative)
        np.dot(to_sensor, relative[:3], out=jacobian[:3])
        np.dot(to_sensor, relative[3:], out=jacobian[3:])
        rotation = placement.rotation
        return FootPlacement(
            np.dot(to_sensor, away), np.dot(to_sensor, rotation), jacobian, own, rotation
        )

    def inverse_dynamics(self, position: Array, velocity: Array, specific_force: Array) -> Array:
        """Joint torques, shape (m,), [N m], that hold the joints without ground forces.

        `position`, `velocity` (n,) [rad], [rad/s]; `specific_force` (3,) [m/s^2] of the base in its own
        axes (what an accelerometer there reads, +9.81 upward at rest): it carries gravity and the base's
        linear acceleration. Joint accelerations and the base's rotation rate are taken as zero.
        """
        self._q[7:] = position[self.rows]
        self._v[6:] = velocity[self.rows]
        self._model.gravity.linear = -specific_force
        return pin.rnea(self._model, self._data, self._q, self._v, self._a)[6:]
