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

Everything is rows of one stacked matrix, affine in x (last column: the constant part), in this
order:

    root wrench | tasks | base dynamics | torques | other feet | cones

Torques are hardly ever at their limits, and their rows are a third of the work of the solver: they
are left out until they matter. The result is the same, because a solution that breaks a limit is
thrown away and found again with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from humanoid_control.controller import Array
from humanoid_control.whole_body.dynamics import Dynamics
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
        self._free_others = (
            np.split(free[other - task :], len(self._others)) if self._others else []
        )
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
        self._costs = rows[:base]
        self._contacts, self._torques = rows[other:], rows[torque:other]
        self._weighted = np.zeros_like(self._costs)
        weights = np.concatenate([wrench_weight, *(task.weight for task in self._tasks)])
        self._root_weight = np.sqrt(weights)[:, None]
        self._torque_at = slice(torque, other)
        self.hessian, self.gradient = np.zeros((n, n)), np.zeros(n)
        self._diagonal = self.hessian.reshape(-1)[:: n + 1]
        self._posture = np.zeros(n)  # weights of joints and other wrenches
        self._posture[nj:] = np.tile(wrench_weight, len(self._others))

    def _limit(self, effort: Array) -> None:
        """Make the bounds: on x first, then on contacts, then on torques."""
        nj, m, n = self.joints, self._forces, self.size
        cones = np.concatenate([foot.limit for foot in (*self._others, self._root)])
        self._effort = effort
        self._with_torques = False
        contacts = n + m + len(cones)
        self._contact_limits = np.zeros((2, m + len(cones)))
        self._contact_limits[:, m:] = np.full(len(cones), -INFINITY), cones
        self._torque_limits = np.stack((-effort, effort))
        self._bounds = np.full((2, contacts + nj), INFINITY)
        self._bounds[0] *= -1.0
        self._contact_bounds = self._bounds[:, n:contacts]
        self._torque_bounds = self._bounds[:, contacts:]
        self._matrix = np.zeros((m + len(cones) + nj, n))
        self._contact_matrix, self._torque_matrix = np.split(self._matrix, [m + len(cones)])
        kind = [SOFT] * nj + [INEQUALITY] * m + [EQUALITY] * m + [INEQUALITY] * (len(cones) + nj)
        self._kind = np.array(kind, dtype=np.int32)

    def assemble(self, body: Dynamics, weight: Array, wanted: Array) -> None:
        """Write costs and constraints at the state of `body`.

        `weight` and `wanted`, each of shape (joints,), are the weight of the posture and the joint
        accelerations [rad/s^2] it wants.
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
        self._contact_matrix[:] = self._contacts[:, :n]
        np.subtract(self._contact_limits, self._contacts[:, n], out=self._contact_bounds)

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
        contacts = len(self._contact_matrix)
        rows = self.size + contacts
        x = solve_qp(
            self.hessian,
            self.gradient,
            self._contact_matrix,
            low[:rows],
            high[:rows],
            self._kind[:rows],
        )
        if x is None:
            return None
        solution = self._expand(x)
        if (np.abs(solution.torque) > self._effort).any():
            return self._solve_with_torques()
        return solution

    def _solve_with_torques(self) -> Solution | None:
        """Solve with the rows of the torques, and keep them as long as one is near its limit."""
        n, (low, high) = self.size, self._bounds
        self._torque_matrix[:] = self._torques[:, :n]
        np.subtract(self._torque_limits, self._torques[:, n], out=self._torque_bounds)
        x = solve_qp(self.hessian, self.gradient, self._matrix, low, high, self._kind)
        if x is None:
            return None
        solution = self._expand(x)
        self._with_torques = bool((np.abs(solution.torque) > _NEAR * self._effort).any())
        return solution

    def _expand(self, x: Array) -> Solution:
        """The whole motion of a solution `x`."""
        x1 = np.append(x, 1.0)
        values = self._values @ x1
        acceleration = np.concatenate((self._expansion[:6] @ x1, x[: self.joints]))
        wrenches = np.concatenate((values[:6], x[self.joints :])).reshape(-1, 6)
        return Solution(acceleration, values[self._torque_at], wrenches)
