"""The quadratic program of one set of supporting feet, in preallocated memory.

The textbook problem has accelerations a = (base, joints) and one wrench per foot as variables, and as
equalities the six base rows of the dynamics and six rows per foot that keeps still. Some of it goes away
without loss, because the *root* foot (the first one) keeps still whatever the joints do:

- its standing still gives the base acceleration, ``a_base = -X (J_leg a_leg + drift)``: the robot is
  rooted at that foot,
- the base rows of the dynamics give its wrench, ``f_root = X' (M_base a + h_base - J_base' f_others)``.

X takes twists in the foot's axes to the base's; it is invertible in every posture, straight knees
included. What remains are the variables x = (joint accelerations, wrenches of the other feet) and six
equalities per other foot; on one foot there are none. The same substitution turns the joint rows of the
dynamics into torques of the rooted robot, ``S' (M a + h - J' f_others)`` with a = S (a_joints, 1).

Everything is rows of one stacked matrix, affine in x (last column: the constant part), ordered so that
costs, products and constraints are each one block:

    root wrench | tasks | base dynamics | torques | other feet | cones
    ╰────── cost ─────╯                 ╰────── constraints ───────╯
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from humanoid_control.controller import Array
from humanoid_control.whole_body.dynamics import Dynamics
from humanoid_control.whole_body.solver import EQUALITY, INEQUALITY, INFINITY, SOFT, solve_qp
from humanoid_control.whole_body.tasks import Task


@dataclass(frozen=True)
class Support:
    """One foot as the problem sees it."""

    frame: int  # sole frame in the model
    legs: slice  # joints (from 0) that cover the chain from the base to the sole
    cone: Array  # shape (k, 6): cone @ wrench <= limit
    limit: Array  # shape (k,)


class Problem:
    """The problem for the feet `supports` (the root first) and `tasks`; `effort` are the torque limits
    [N m], shape (joints,), `wrench_weight` the cost of a foot's squared wrench, shape (6,), and
    `contact_damping` [1/s] slows a supporting foot that is measured to move.
    """

    def __init__(
        self,
        supports: Sequence[Support],
        tasks: Sequence[Task],
        effort: Array,
        wrench_weight: Array,
        contact_damping: float,
    ) -> None:
        self._root, *self._others = supports
        self._tasks = tasks
        self._contact_damping = contact_damping
        self.joints = len(effort)
        self._forces = 6 * len(self._others)
        self.size = self.joints + self._forces
        self._stack(wrench_weight)
        self._limit(effort)

    def _stack(self, wrench_weight: Array) -> None:
        """Make the stacked matrices and the views of their blocks."""
        nj, m, n, legs = self.joints, self._forces, self.size, self._root.legs
        tasks = [len(task.weight) for task in self._tasks]
        cones = [len(foot.cone) for foot in (*self._others, self._root)]
        *starts, end = np.cumsum([0, 6, sum(tasks), 6, nj, m, sum(cones)]).tolist()
        _, task, base, torque, other, cone = starts
        # On (a, wrenches of the others, 1), without the rows of root wrench and cones.
        free = np.zeros((cone - task, 6 + n + 1))
        self._free = free
        self._free_dynamics = free[base - task : other - task]
        self._free_others = np.split(free[other - task :], len(self._others)) if self._others else []
        self._free_tasks = np.split(free[: base - task], np.cumsum(tasks)[:-1])
        # From x to that.
        self._expansion = np.vstack((np.zeros((6, n + 1)), np.eye(n + 1)))
        self._leg_to_base = self._expansion[:6, legs]
        self._constant_to_base = self._expansion[:6, n]
        self._foot = np.zeros((6, legs.stop - legs.start))
        # On (x, 1).
        rows = np.zeros((end, n + 1))
        self._rows = rows
        self._wrench, self._affine, self._base = rows[:task], rows[task:cone], rows[base:torque]
        self._leg_torques = rows[torque:other][legs]
        self._values = rows[:other]
        self._root_cone = rows[end - cones[-1] :]
        for index, foot in enumerate(self._others):
            at = cone + sum(cones[:index])
            rows[at : at + cones[index], nj + 6 * index : nj + 6 * index + 6] = foot.cone
        self._costs, self._constraints = rows[:base], rows[torque:, :n]
        self._constants = rows[torque:, n]
        self._weighted = np.zeros_like(self._costs)
        weights = np.concatenate([wrench_weight, *(task.weight for task in self._tasks)])
        self._root_weight = np.sqrt(weights)[:, None]
        self._torque_at = slice(torque, other)
        self.hessian, self.gradient = np.zeros((n, n)), np.zeros(n)
        self._diagonal = self.hessian.reshape(-1)[:: n + 1]
        self._posture = np.zeros(n)  # weights of joints and other wrenches
        self._posture[nj:] = np.tile(wrench_weight, len(self._others))

    def _limit(self, effort: Array) -> None:
        """Make the bounds: on x first, then on the rows of the constraints."""
        nj, m, n = self.joints, self._forces, self.size
        cones = np.concatenate([foot.limit for foot in (*self._others, self._root)])
        lower = np.concatenate((-effort, np.zeros(m), np.full(len(cones), -INFINITY)))
        upper = np.concatenate((effort, np.zeros(m), cones))
        self._limits = np.stack((lower, upper))
        self._bounds = np.full((2, n + len(upper)), INFINITY)
        self._bounds[0] *= -1.0
        self._row_bounds = self._bounds[:, n:]
        self._matrix = np.zeros((len(upper), n))
        kind = [SOFT] * nj + [INEQUALITY] * (m + nj) + [EQUALITY] * m + [INEQUALITY] * len(cones)
        self._kind = np.array(kind, dtype=np.int32)

    def assemble(self, body: Dynamics, weight: Array, wanted: Array) -> None:
        """Write costs and constraints at the state of `body`. `weight` and `wanted`, shape (joints,), are
        the weight of the posture and the joint accelerations [rad/s^2] it wants.
        """
        self._write_free(body)
        self._root_at_foot(body)
        self._write_program(weight, wanted)

    def _write_free(self, body: Dynamics) -> None:
        nv = self.joints + 6
        dynamics = self._free_dynamics
        dynamics[:, :nv] = body.mass_matrix
        dynamics[:, -1] = body.bias
        for index, (foot, rows) in enumerate(zip(self._others, self._free_others, strict=True)):
            jacobian = body.jacobian(foot.frame)
            rows[:, :nv] = jacobian
            rows[:, -1] = self._slip(body, foot.frame)
            dynamics[:, nv + 6 * index : nv + 6 * index + 6] = -jacobian.T
        for task, rows in zip(self._tasks, self._free_tasks, strict=True):
            rows[:, :nv] = task.jacobian(body)
            rows[:, -1] = task.drift(body) - task.command(body)

    def _slip(self, body: Dynamics, frame: int) -> Array:
        """Acceleration of a supporting foot at zero `a`, beyond the one that is wanted."""
        slip = self._contact_damping * body.velocity(frame)
        slip += body.drift(frame)
        return slip

    def _root_at_foot(self, body: Dynamics) -> None:
        """Substitute base acceleration and root wrench; see the module docstring."""
        root = self._root
        to_base = body.frame_to_base(root.frame)
        self._foot[:] = body.jacobian(root.frame)[:, 6:][:, root.legs]
        leg = -to_base @ self._foot
        self._leg_to_base[:] = leg
        self._constant_to_base[:] = -to_base @ self._slip(body, root.frame)
        np.dot(self._free, self._expansion, out=self._affine)
        self._leg_torques += leg.T @ self._base
        np.dot(to_base.T, self._base, out=self._wrench)
        np.dot(root.cone, self._wrench, out=self._root_cone)

    def _write_program(self, weight: Array, wanted: Array) -> None:
        n, nj, posture = self.size, self.joints, self._posture
        weighted = np.multiply(self._costs, self._root_weight, out=self._weighted)
        jacobian = weighted[:, :n]
        np.dot(jacobian.T, jacobian, out=self.hessian)
        np.dot(weighted[:, n], jacobian, out=self.gradient)
        posture[:nj] = weight
        self._diagonal += posture
        self.gradient[:nj] -= weight * wanted
        self._matrix[:] = self._constraints
        np.subtract(self._limits, self._constants, out=self._row_bounds)

    def solve(self, lower: Array, upper: Array) -> Array | None:
        """Minimise with the joint accelerations softly within `lower` and `upper` [rad/s^2], each of
        shape (joints,). Returns x, shape (size,), or None if there is no solution.
        """
        low, high = self._bounds
        low[: self.joints] = lower
        high[: self.joints] = upper
        return solve_qp(self.hessian, self.gradient, self._matrix, low, high, self._kind)

    def expand(self, x: Array) -> tuple[Array, Array, Array]:
        """Return accelerations, shape (nv,), joint torques [N m], shape (joints,), and the wrenches of
        the feet in the order of `supports`, shape (feet, 6), of a solution `x`.
        """
        x1 = np.append(x, 1.0)
        values = self._values @ x1
        base = self._expansion[:6] @ x1
        acceleration = np.concatenate((base, x[: self.joints]))
        wrenches = np.concatenate((values[:6], x[self.joints :])).reshape(-1, 6)
        return acceleration, values[self._torque_at], wrenches
