"""What the whole-body problem needs of pinocchio, computed once per sample."""

import numpy as np
import pinocchio as pin

from humanoid_control.controller import Array
from humanoid_control.whole_body import dynamics_kernels as kernels

_WORLD = pin.Convention.WORLD


class Frame:
    """Placement and motion of one frame; arrays are written anew for each sample.

    - `rotation`, shape (3, 3), frame to world; `position`, shape (3,), [m] in the world
    - `twist`, shape (6,): linear [m/s], angular [rad/s], in the frame's own axes
    - `drift`, shape (6,): its spatial acceleration in its own axes at zero `a`
    - `jacobian`, shape (6, nv), of the twist
    """

    def __init__(self, model: pin.Model, data: pin.Data, frame: int) -> None:
        joint, fixed = model.frames[frame].parentJoint, model.frames[frame].placement
        chain = [model.joints[parent] for parent in model.supports[joint] if parent > 0]
        columns = [range(one.idx_v, one.idx_v + one.nv) for one in chain]
        placement = data.oMi[joint]
        self._joint = (  # views of pinocchio's memory
            placement.rotation,
            placement.translation,
            data.v[joint].vector,
            data.a_gf[joint].vector,
            data.J.T,
            np.concatenate(columns).astype(np.int64),
            np.ascontiguousarray(fixed.rotation),
            fixed.translation.copy(),
            model.gravity.linear.copy(),
        )
        self.rotation, self.position = np.eye(3), np.zeros(3)
        self.twist, self.drift = np.zeros(6), np.zeros(6)
        self.jacobian = np.zeros((6, model.nv))
        self.sample = 0  # of which it tells

    def update(self) -> None:
        """Take over what pinocchio computed."""
        kernels.frame_motion(
            *self._joint, self.rotation, self.position, self.twist, self.drift, self.jacobian
        )


class Dynamics:
    """Kinematics and dynamics of a free-flyer model at one state.

    After :meth:`update`, with nv = 6 + joints and the velocity of the base in the base frame:

    - `mass_matrix` M, shape (nv, nv), and `bias` h, shape (nv,): ``M a + h`` are the generalised
      forces
    - `com`, `com_velocity`, shape (3,), world, [m], [m/s]
    - `momentum`, shape (6,): linear [N s], and angular about the CoM [N m s], world axes
    - `momentum_matrix` A, shape (6, nv), and `momentum_drift`, shape (6,): the rate of the
      momentum is ``A a + momentum_drift`` (Orin, Goswami, Lee, "Centroidal dynamics of a humanoid
      robot", 2013)
    - `base_rotation`, shape (3, 3), base to world; `base_position`, shape (3,), [m]

    These arrays, and those of the frames, are written anew by the next update.
    """

    def __init__(self, model: pin.Model) -> None:
        self.model = model
        self.mass: float = sum(inertia.mass for inertia in model.inertias)
        self.gravity: Array = model.gravity.linear.copy()  # [m/s^2]
        self.nv: int = model.nv
        self._data = data = model.createData()
        # Views of pinocchio's memory; the matrix is symmetric.
        self.mass_matrix: Array = data.M.T
        self.bias: Array = data.nle
        self.base_rotation: Array = data.oMi[1].rotation
        self.base_position: Array = data.oMi[1].translation
        self.com, self.com_velocity = np.zeros(3), np.zeros(3)
        self.momentum, self.momentum_drift = np.zeros(6), np.zeros(6)
        self.momentum_matrix = np.zeros((6, model.nv))
        self._frames: dict[int, Frame] = {}
        self._sample = 0
        self.update(pin.neutral(model), np.zeros(model.nv))

    def update(self, q: Array, v: Array) -> None:
        """Compute all of the above at `q`, shape (nq,), and `v`, shape (nv,)."""
        model, data = self.model, self._data
        self.q, self.v = q, v
        self._sample += 1
        pin.crba(model, data, q, _WORLD)
        pin.nonLinearEffects(model, data, q, v)
        kernels.centroidal(
            self.mass_matrix,
            self.bias,
            self.base_rotation,
            self.base_position,
            np.ascontiguousarray(v),
            self.mass,
            self.gravity,
            self.com,
            self.momentum,
            self.momentum_drift,
            self.momentum_matrix,
        )
        np.divide(self.momentum[:3], self.mass, out=self.com_velocity)

    def frame(self, frame: int) -> Frame:
        """Placement and motion of the frame of that number in the model."""
        found = self._frames.get(frame)
        if found is None:
            found = self._frames[frame] = Frame(self.model, self._data, frame)
        if found.sample != self._sample:
            found.sample = self._sample
            found.update()
        return found

    def placement(self, frame: int) -> pin.SE3:
        """Pose of `frame` in the world, a copy."""
        found = self.frame(frame)
        return pin.SE3(found.rotation, found.position)
