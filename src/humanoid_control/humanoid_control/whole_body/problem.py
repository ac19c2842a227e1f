"""The quadratic program of one set of supporting feet, in preallocated memory.

The textbook problem has accelerations a = (base, joints) and one wrench per foot as variables, and
as equalities the six base rows of the dynamics and six rows per foot that keeps still. Some of it
goes away without loss, because the *root* foot (the first one) keeps still whatever the joints do:

- its standing still gives the base acceleration, ``a_base = -X (J_leg a_leg + drift)``: the robot
  is rooted at that foot,
- the base rows of the dynamics give its wrench, ``f_root = X' (M_base a + h_base - J_base'
  f_others)``.

X takes twists in the foot's axes to the base's; it is invertible in every posture, straight knees
included. What remains are the variables x = (joint accelerations, wrenches of the other feet) and
six equalities per other foot; on one foot there are none. The same substitution turns the joint
rows of the dynamics into torques of the rooted robot, ``S' (M a + h - J' f_others)`` with a = S
(a_joints, 1).

Everything is rows on (x, 1): the last column is the constant part.

The feet press on the same edges for many samples, mostly on none. So the program is first solved
with the constraints that were active before, which takes one factorisation, and then by the solver
if that is not the optimum.

Torques are hardly ever at their limits, and their rows are a third of the work of the solver: they
are left out until they matter. The result is the same, because a solution that breaks a limit is
thrown away and found again with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from humanoid_control.controller import Array
from humanoid_control.whole_body import kernels
from humanoid_control.whole_body.dynamics import Dynamics, Frame
from humanoid_control.whole_body.qp_kernels import optimum
from humanoid_control.whole_body.solver import EQUALITY, INEQUALITY, INFINITY, SOFT, solve_qp
from humanoid_control.whole_body.tasks import Task

#: Share of a torque limit beyond which the limits are part of the next problem from the start.
_NEAR = 0.9


@dataclass(slots=True)
class Solution:
    """One answer of the whole-body problem."""

    acceleration: Array  # shape (nv,), base (in the base frame) then joints, [m/s^2], [rad/s^2]
    torque: Array  # shape (joints,), [N m]
    wrenches: Array  # shape (feet in contact, 6), ground on sole, sole frame, [N], [N m]
    stale: int = 0  # samples since the problem was last solved; 0: this is the solution of now


@dataclass(frozen=True)
class Support:
    """One foot as the problem sees it."""

    frame: int  # sole frame in the model
    legs: slice  # joints (from 0) that cover the chain from the base to the sole
    cone: Array  # shape (k, 6): cone @ wrench <= limit
    limit: Array  # shape (k,)


class Problem:
    """The problem for the feet `supports` (the root first) and `tasks`.

    `effort` are the torque limits [N m], shape (joints,); `wrench_weight` is the cost of a foot's
    squared wrench, shape (6,); `contact_damping` [1/s] slows a foot that is measured to move.
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
        self._first = self._root.legs.start
        self._tasks = tasks
        self._contact_damping = contact_damping
        self.joints = len(effort)
        self._forces = 6 * len(self._others)
        self.size = self.joints + self._forces
        self._stack(wrench_weight)
        self._limit(effort)

    def _stack(self, wrench_weight: Array) -> None:
        """Make the rows on (x, 1), and the views of their blocks."""
        nj, n, others, legs = self.joints, self.size, self._forces, self._root.legs
        tasks = [len(task.weight) for task in self._tasks]
        self._leg, self._constant = np.zeros((6, legs.stop - legs.start)), np.zeros(6)
        self._to_base = np.zeros((6, 6))
        self._jacobians = np.zeros((others, nj + 6))  # of the other feet
        self._base = np.zeros((6, n + 1))
        self._costs = np.zeros((6 + sum(tasks), n + 1))
        self._wrench, *self._task_rows = np.split(self._costs, np.cumsum([6, *tasks])[:-1])
        self._still = np.zeros((others, n + 1))
        self._weight = np.concatenate([wrench_weight, *(task.weight for task in self._tasks)])
        self._posture, self._wanted = np.zeros(n), np.zeros(n)
        self._posture[nj:] = np.tile(wrench_weight, len(self._others))
        self.hessian, self.gradient = np.zeros((n, n)), np.zeros(n)

    def _limit(self, effort: Array) -> None:
        """Make the bounds: on x first, then on contacts, then on torques."""
        nj, m, n = self.joints, self._forces, self.size
        feet = (*self._others, self._root)
        self._effort = effort
        self._with_torques = False
        contacts = m + sum(len(foot.cone) for foot in feet)
        self._matrix = np.zeros((contacts + nj, n))
        self._bounds = np.full((2, n + contacts + nj), INFINITY)
        self._bounds[0] *= -1.0
        self._contact_matrix, self._torque_matrix = np.split(self._matrix, [contacts])
        _, self._contact_bounds, self._torque_bounds = np.split(self._bounds, [n, n + contacts], 1)
        self._root_cone = contacts - len(self._root.cone)
        at = m
        for index, foot in enumerate(self._others):
            rows = slice(at, at + len(foot.cone))
            self._matrix[rows, nj + 6 * index : nj + 6 * index + 6] = foot.cone
            self._contact_bounds[1, rows] = foot.limit
            at = rows.stop
        kind = [SOFT] * nj + [INEQUALITY] * m + [EQUALITY] * m
        kind += [INEQUALITY] * (contacts - m + nj)
        self._kind = np.array(kind, dtype=np.int32)
        self._expect(np.zeros(n + contacts))

    def assemble(self, body: Dynamics, weight: Array, wanted: Array) -> None:
        """Write costs and constraints at the state of `body`.

        `weight` and `wanted`, each of shape (joints,), are the weight of the posture and the joint
        accelerations [rad/s^2] it wants.
        """
        self._body = body
        self._stand_on_root(body)
        rooting = self._leg, self._constant, self._first
        for task, rows in zip(self._tasks, self._task_rows, strict=True):
            jacobian = np.ascontiguousarray(task.jacobian(body))
            kernels.rooted(jacobian, task.drift(body) - task.command(body), *rooting, rows)
        self._posture[: self.joints] = weight
        self._wanted[: self.joints] = wanted
        kernels.costs(
            self._costs, self._weight, self._posture, self._wanted, self.hessian, self.gradient
        )
        kernels.contacts(
            self._still,
            self._root.cone,
            self._wrench,
            self._root.limit,
            self._root_cone,
            self._contact_matrix,
            *self._contact_bounds,
        )

    def _stand_on_root(self, body: Dynamics) -> None:
        """Substitute base acceleration and root wrench; see the module docstring."""
        foot = body.frame(self._root.frame)
        kernels.root_at_foot(
            body.base_rotation,
            body.base_position,
            foot.rotation,
            foot.position,
            foot.jacobian,
            self._slip(foot),
            self._first,
            self._to_base,
            self._leg,
            self._constant,
        )
        rooting = self._leg, self._constant, self._first
        for index, support in enumerate(self._others):
            foot, rows = body.frame(support.frame), slice(6 * index, 6 * index + 6)
            self._jacobians[rows] = foot.jacobian
            kernels.rooted(foot.jacobian, self._slip(foot), *rooting, self._still[rows])
        kernels.root_wrench(
            body.mass_matrix,
            body.bias,
            self._jacobians,
            *rooting,
            self._to_base,
            self._base,
            self._wrench,
        )

    def _slip(self, foot: Frame) -> Array:
        """Acceleration of a supporting foot at zero `a`, beyond the one that is wanted."""
        return foot.drift + self._contact_damping * foot.twist

    def solve(self, lower: Array, upper: Array) -> Solution | None:
        """Return the optimum, or None if there is none.

        The joint accelerations stay softly within `lower` and `upper` [rad/s^2], each of shape
        (joints,).
        """
        low, high = self._bounds
        low[: self.joints] = lower
        high[: self.joints] = upper
        if self._with_torques:
            return self._solve_with_torques()
        x = self._solve_without_torques()
        if x is None:
            return None
        solution = self._expand(x)
        if (np.abs(solution.torque) > self._effort).any():
            return self._solve_with_torques()
        return solution

    def _solve_without_torques(self) -> Array | None:
        rows, (low, high) = self.size + len(self._contact_matrix), self._bounds
        program = self.hessian, self.gradient, self._contact_matrix, low[:rows], high[:rows]
        x = np.empty(self.size)
        if optimum(*program, self._forces, self._active, self._work, x):
            return x
        found = solve_qp(*program, self._kind[:rows])
        if found is None:
            return None
        self._expect(found[1])
        # Once more, so that the last bits do not depend on what was expected.
        again = optimum(*program, self._forces, self._active, self._work, x)
        return x if again else found[0]

    def _expect(self, forces: Array) -> None:
        """Expect the constraints with `forces` to be active in the next sample too."""
        first = self.size + self._forces
        bounds = np.concatenate((forces[: self.size], np.zeros(self._forces), forces[first:]))
        pressed = np.flatnonzero(bounds)
        signed = np.where(bounds[pressed] > 0.0, pressed + 1, -pressed - 1)
        self._active = np.concatenate((np.arange(self.size, first) + 1, signed))
        self._work = np.zeros((self.size, self.size + 1 + len(self._active)))

    def _solve_with_torques(self) -> Solution | None:
        """Solve with the rows of the torques, and keep them as long as one is near its limit."""
        self._write_torques()
        low, high = self._bounds
        found = solve_qp(self.hessian, self.gradient, self._matrix, low, high, self._kind)
        if found is None:
            return None
        solution = self._expand(found[0])
        self._with_torques = bool((np.abs(solution.torque) > _NEAR * self._effort).any())
        return solution

    def _write_torques(self) -> None:
        """The joint rows of the dynamics of the rooted robot."""
        body, n, nj = self._body, self.size, self.joints
        rows = np.zeros((nj, n + 1))
        rooting = self._leg, self._constant, self._first
        kernels.rooted(body.mass_matrix[6:], body.bias[6:], *rooting, rows)
        rows[:, nj:n] = -self._jacobians[:, 6:].T
        rows[self._root.legs] += self._leg.T @ self._base
        self._torque_matrix[:] = rows[:, :n]
        self._torque_bounds[:] = np.stack((-self._effort, self._effort)) - rows[:, n]

    def _expand(self, x: Array) -> Solution:
        """The whole motion of a solution `x`."""
        body, nj = self._body, self.joints
        solution = Solution(np.empty(nj + 6), np.empty(nj), np.empty((1 + len(self._others), 6)))
        kernels.motion(
            x,
            body.mass_matrix,
            body.bias,
            self._leg,
            self._constant,
            self._first,
            self._wrench,
            body.frame(self._root.frame).jacobian,
            self._jacobians,
            solution.acceleration,
            solution.torque,
            solution.wrenches,
        )
        return solution
