"""Tasks: what the accelerations should do, each as weighted rows ``jacobian a + drift = command``.

The posture is no such task: its jacobian is the identity on the joints, so the problem takes it as
a diagonal (see ``WholeBody.posture_weight``).
"""

from abc import ABC, abstractmethod

import numpy as np
import pinocchio as pin

from humanoid_control.controller import Array
from humanoid_control.whole_body import task_kernels as kernels
from humanoid_control.whole_body.dynamics import Dynamics


class Task(ABC):
    """A wish of a few rows. `weight`, shape (rows,), multiplies the squared error of each row."""

    def __init__(self, weight: Array) -> None:
        self.weight = np.asarray(weight, dtype=float)

    @abstractmethod
    def jacobian(self, body: Dynamics) -> Array:
        """Shape (rows, nv)."""

    @abstractmethod
    def drift(self, body: Dynamics) -> Array:
        """What the task accelerates at zero `a`, shape (rows,)."""

    @abstractmethod
    def command(self, body: Dynamics) -> Array:
        """The acceleration that the task wants, shape (rows,)."""


class MomentumTask(Task):
    """Rate of the momentum: linear [N], and angular about the CoM [N m], both in world axes.

    Write the wanted rates into `linear` and `angular`, each of shape (3,), before every solution.
    The linear rate is the mass times the acceleration of the CoM: the sum of contact forces and
    weight.
    """

    def __init__(self, weight: Array) -> None:
        super().__init__(weight)
        self._command = np.zeros(6)
        self.linear = self._command[:3]
        self.angular = self._command[3:]

    def jacobian(self, body: Dynamics) -> Array:
        return body.momentum_matrix

    def drift(self, body: Dynamics) -> Array:
        return body.momentum_drift

    def command(self, body: Dynamics) -> Array:
        return self._command


class OrientationTask(Task):
    """Angular acceleration [rad/s^2] of a frame, in its own axes, toward `target`.

    `target` is a rotation frame to world, shape (3, 3); `stiffness` [1/s^2] and `damping` [1/s]
    act on the rotation error and on the angular velocity.
    """

    def __init__(self, frame: int, weight: Array, stiffness: float, damping: float) -> None:
        super().__init__(weight)
        self.frame = frame
        self.stiffness = stiffness
        self.damping = damping
        self.target: Array = np.eye(3)
        self._command = np.zeros(3)

    def jacobian(self, body: Dynamics) -> Array:
        return body.frame(self.frame).jacobian[3:]

    def drift(self, body: Dynamics) -> Array:
        return body.frame(self.frame).drift[3:]

    def command(self, body: Dynamics) -> Array:
        frame = body.frame(self.frame)
        kernels.turn_toward(
            frame.rotation,
            np.ascontiguousarray(self.target),
            frame.twist[3:],
            self.stiffness,
            self.damping,
            self._command,
        )
        return self._command


class PoseTask(Task):
    """Acceleration of a frame (linear [m/s^2], angular [rad/s^2], in its own axes) along a motion.

    `target` is the pose frame to world, `velocity` and `acceleration`, shape (6,), the motion's
    twist and spatial acceleration in the frame's axes; `stiffness` [1/s^2] and `damping` [1/s]
    pull it back. For swing feet and hands.
    """

    def __init__(self, frame: int, weight: Array, stiffness: float, damping: float) -> None:
        super().__init__(weight)
        self.frame = frame
        self.stiffness = stiffness
        self.damping = damping
        self.target = pin.SE3.Identity()
        self.velocity = np.zeros(6)
        self.acceleration = np.zeros(6)
        self._command = np.zeros(6)

    def jacobian(self, body: Dynamics) -> Array:
        return body.frame(self.frame).jacobian

    def drift(self, body: Dynamics) -> Array:
        return body.frame(self.frame).drift

    def command(self, body: Dynamics) -> Array:
        frame, target = body.frame(self.frame), self.target
        kernels.move_toward(
            frame.rotation,
            frame.position,
            frame.twist,
            np.ascontiguousarray(target.rotation),
            target.translation,
            self.velocity,
            self.acceleration,
            self.stiffness,
            self.damping,
            self._command,
        )
        return self._command
