"""What the whole-body problem needs of pinocchio, computed once per sample."""

import numpy as np
import pinocchio as pin

from humanoid_control.controller import Array

_WORLD, _LOCAL = pin.Convention.WORLD, pin.ReferenceFrame.LOCAL


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
    """

    def __init__(self, model: pin.Model) -> None:
        self.model = model
        self.mass: float = sum(inertia.mass for inertia in model.inertias)
        self.gravity: Array = model.gravity.linear.copy()  # [m/s^2]
        self.nv: int = model.nv
        self._data = model.createData()
        self._zero = np.zeros(model.nv)
        self.update(pin.neutral(model), self._zero)

    def update(self, q: Array, v: Array) -> None:
        """Compute all of the above at `q`, shape (nq,), and `v`, shape (nv,)."""
        model, data = self.model, self._data
        self.q, self.v = q, v
        pin.forwardKinematics(model, data, q, v, self._zero)
        self.mass_matrix: Array = pin.crba(model, data, q, _WORLD)
        self.bias: Array = pin.nonLinearEffects(model, data, q, v)
        self.momentum_matrix: Array = pin.ccrba(model, data, q, v)
        self.momentum_drift: Array = pin.computeCentroidalMomentumTimeVariation(model, data).vector
        self.momentum: Array = data.hg.vector
        self.com: Array = data.com[0]
        self.com_velocity: Array = self.momentum[:3] / self.mass
        self._base = data.oMi[1]

    @property
    def base_rotation(self) -> Array:
        """Base to world, shape (3, 3)."""
        return self._base.rotation

    def placement(self, frame: int) -> pin.SE3:
        """Pose of `frame` in the world."""
        return pin.updateFramePlacement(self.model, self._data, frame)

    def frame_to_base(self, frame: int) -> Array:
        """Action matrix, shape (6, 6): twists in `frame`'s axes to twists in the base's."""
        return self._base.actInv(self.placement(frame)).toActionMatrix()

    def jacobian(self, frame: int) -> Array:
        """Jacobian of `frame`'s twist (linear, angular) in its own axes, shape (6, nv)."""
        return pin.getFrameJacobian(self.model, self._data, frame, _LOCAL)

    def velocity(self, frame: int) -> Array:
        """Twist (linear [m/s], angular [rad/s]) of `frame` in its own axes, shape (6,)."""
        return pin.getFrameVelocity(self.model, self._data, frame, _LOCAL).vector

    def drift(self, frame: int) -> Array:
        """Spatial acceleration of `frame` in its own axes at zero `a`, shape (6,)."""
        return pin.getFrameAcceleration(self.model, self._data, frame, _LOCAL).vector
