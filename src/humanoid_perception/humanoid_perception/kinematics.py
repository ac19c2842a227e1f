"""Where the feet and the base are as the inertial sensor sees them, from joint angles."""

import numpy as np
import pinocchio as pin
from numpy.typing import NDArray

from humanoid_description import RobotDescription, pinocchio_model

Array = NDArray[np.float64]

_AXES = pin.LOCAL_WORLD_ALIGNED


class LegKinematics:
    """Kinematics of the joints between base, inertial sensor and feet; all others are left out.

    Everything is expressed in the axes of base_link. Joint vectors given are those of the whole
    table, shape (n,); Jacobians have one column for each of the m joints in :attr:`rows`. The
    arrays are overwritten by the next :meth:`update`.
    """

    def __init__(self, robot: RobotDescription) -> None:
        full = pinocchio_model(robot)
        names = ["imu", *(foot.name for foot in robot.feet)]
        ends = [full.frames[full.getFrameId(name)].parentJoint for name in names]
        used = {joint for end in ends for joint in full.supports[end]}
        left_out = [joint for joint in range(2, full.njoints) if joint not in used]
        self._model = model = pin.buildReducedModel(full, left_out, pin.neutral(full))
        self._data = model.createData()
        self._imu, *self._soles = (model.getFrameId(name) for name in names)
        joints = list(model.names)[2:]
        feet, m = len(robot.feet), len(joints)
        #: Rows of the joint table that matter, shape (m,).
        self.rows: NDArray[np.intp] = np.array(
            [robot.index[name] for name in joints], dtype=np.intp
        )
        #: Total mass [kg], all joints included.
        self.mass = float(pin.computeTotalMass(full))
        #: The sensor sits on the base itself, no joint between.
        self.rigid: bool = model.frames[self._imu].parentJoint == 1
        #: Sensor in the base: rotation (3, 3), position (3,) [m], Jacobian (linear, angular).
        self.imu_rotation: Array = np.eye(3)
        self.imu_position: Array = np.zeros(3)
        self.imu_jacobian: Array = np.zeros((6, m))
        #: From the sensor to each sole's origin [m].
        self.offsets: Array = np.zeros((feet, 3))
        #: Each sole's rotation to the base.
        self.rotations: Array = np.zeros((feet, 3, 3))
        #: Jacobian of each sole in the base (linear, angular).
        self.jacobians: Array = np.zeros((feet, 6, m))
        #: G = J J' with J = d(offset, rotation)/d(joints): joint noise s spreads a sole by s^2 G.
        self.grams: Array = np.zeros((feet, 6, 6))
        self._q, self._v, self._a = pin.neutral(model), np.zeros(model.nv), np.zeros(model.nv)
        pin.forwardKinematics(model, self._data, self._q)
        self._place_imu()  # for good, if it is rigid
        self.update(np.zeros(len(robot.joints)))

    def update(self, position: Array) -> None:
        """Compute all arrays at the joint angles `position`, shape (n,), [rad]."""
        model, data = self._model, self._data
        self._q[7:] = position[self.rows]
        pin.computeJointJacobians(model, data, self._q)
        if not self.rigid:
            self._place_imu()
            self.imu_jacobian = pin.getFrameJacobian(model, data, self._imu, _AXES)[:, 6:]
        for foot, sole in enumerate(self._soles):
            placement = pin.updateFramePlacement(model, data, sole)
            jacobian = pin.getFrameJacobian(model, data, sole, _AXES)[:, 6:]
            self.offsets[foot] = offset = placement.translation - self.imu_position
            self.rotations[foot] = placement.rotation
            self.jacobians[foot] = jacobian
            if not self.rigid:
                jacobian = self._seen_from_sensor(jacobian, offset)
            np.dot(jacobian, jacobian.T, out=self.grams[foot])

    def _place_imu(self) -> None:
        imu = pin.updateFramePlacement(self._model, self._data, self._imu)
        self.imu_rotation[:], self.imu_position[:] = imu.rotation, imu.translation

    def _seen_from_sensor(self, jacobian: Array, offset: Array) -> Array:
        """The Jacobian of a sole relative to a sensor that moves with joints, too."""
        x, y, z = offset.tolist()
        relative = jacobian - self.imu_jacobian
        relative[:3] += np.dot([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]], self.imu_jacobian[3:])
        return relative

    def inverse_dynamics(self, position: Array, velocity: Array, specific_force: Array) -> Array:
        """Joint torques (m,) [N m] that would move the joints so without ground forces.

        `position`, `velocity` (n,) [rad], [rad/s]; `specific_force` (3,) [m/s^2] of the base in its
        own axes (what an accelerometer there reads: +9.81 upward at rest) carries gravity and the
        base's linear acceleration. Joint accelerations and the base's turning are taken as zero.
        """
        self._q[7:] = position[self.rows]
        self._v[6:] = velocity[self.rows]
        self._model.gravity.linear = -specific_force
        return pin.rnea(self._model, self._data, self._q, self._v, self._a)[6:]
