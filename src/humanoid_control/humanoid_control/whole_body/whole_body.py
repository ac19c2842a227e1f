"""Whole-body control: joint torques from tasks, one quadratic program per sample."""

import numpy as np
import pinocchio as pin

from humanoid_control.controller import Array
from humanoid_control.whole_body.config import WholeBodyConfig
from humanoid_control.whole_body.contact import wrench_cone
from humanoid_control.whole_body.dynamics import Dynamics
from humanoid_control.whole_body.problem import Problem, Solution, Support
from humanoid_control.whole_body.solver import INFINITY
from humanoid_control.whole_body.tasks import Task
from humanoid_description import RobotDescription


class WholeBodyError(Exception):
    """No torques could be found for more samples in a row than are allowed; balance is lost."""

    def __init__(self, samples: int) -> None:
        super().__init__(
            f"the whole-body problem had no solution for {samples} samples in a row: "
            "go to 'damping'; if it happens while standing still, check contacts and torque limits"
        )
        self.samples = samples


class WholeBody:
    """Minimises the weighted errors of tasks and posture under the robot's physics.

    Inverse dynamics as in Herzog et al., "Momentum control with hierarchical inverse dynamics",
    2016, with weights in the place of the hierarchy. Constraints: equations of motion, feet that
    stand keep still and press within their wrench cones, torques within limits; softly, joint
    positions within limits.

    Call :meth:`update`, set the tasks and the posture, call :meth:`solve`.
    """

    def __init__(
        self,
        robot: RobotDescription,
        model: pin.Model,
        config: WholeBodyConfig,
        body: Dynamics | None = None,
        limit_rate: Array | None = None,
        force_max: float = INFINITY,
    ) -> None:
        """`body`: the dynamics of `model`, where others have them too and update them.

        `limit_rate` [1/s]: of every joint, shape (joints,), in the place of that of `config`.
        `force_max` [N]: largest normal force of a foot.
        """
        self.body = Dynamics(model) if body is None else body
        forces = config.force_min, force_max
        self.feet = tuple(
            _support(model, foot.name, foot.points, config.friction, forces) for foot in robot.feet
        )
        joints = model.nv - 6
        #: Of every joint, shape (joints,): weight [s^4/rad^2] and wanted acceleration [rad/s^2].
        self.posture_weight = np.full(joints, 1e-3)
        self.posture_command = np.zeros(joints)
        self._config = config
        self._effort = config.effort_scale * robot.column("effort")
        f, t = config.force_weight, config.torque_weight
        self._wrench_weight = np.array([f, f, f, t, t, t])
        rate = np.full(joints, config.limit_rate) if limit_rate is None else limit_rate
        self._limit_rates = (rate * rate, 2.0 * rate)
        lower, upper = robot.column("lower"), robot.column("upper")
        legs = np.zeros(joints, dtype=bool)
        for foot in self.feet:
            legs[foot.legs] = True
        margin = np.where(legs, config.leg_margin * (upper - lower), 0.0)
        self._limit_lower = rate * rate * (lower + margin)
        self._limit_upper = rate * rate * (upper - margin)
        self._problems: dict[tuple[tuple[int, ...], tuple[Task, ...]], Problem] = {}
        self._last: Solution | None = None
        self._stale = 0

    def update(self, q: Array, v: Array) -> Dynamics:
        """Take over the state `q`, shape (nq,), `v`, shape (nv,); returns the dynamics there."""
        self.body.update(q, v)
        return self.body

    def solve(self, feet: tuple[int, ...], tasks: tuple[Task, ...]) -> Solution:
        """Return the optimum with the soles `feet` on the ground.

        `feet` are rows of the joint table's feet, at least one. The memory of each combination of
        feet and tasks is kept for the next sample.

        Where there is no solution, the last one is returned again, marked `stale`; after
        ``stale_limit`` samples in a row :class:`WholeBodyError` is raised.
        """
        problem = self._problems.get((feet, tasks))
        if problem is None:
            problem = self._problems[feet, tasks] = self._problem(feet, tasks)
        problem.assemble(self.body, self.posture_weight, self.posture_command)
        solution = problem.solve(*self._joint_bounds())
        if solution is None:
            return self._again(feet)
        self.take_over(solution)
        return solution

    def take_over(self, solution: Solution) -> None:
        """`solution` is what was done last, whoever found it."""
        self._stale = 0
        self._last = solution

    def _problem(self, feet: tuple[int, ...], tasks: tuple[Task, ...]) -> Problem:
        if not feet or len(set(feet)) != len(feet):
            raise ValueError(f"feet must be one or more different rows of the feet (got {feet})")
        supports = [self.feet[foot] for foot in feet]
        damping = self._config.contact_damping
        return Problem(supports, tasks, self._effort, self._wrench_weight, damping)

    def _joint_bounds(self) -> tuple[Array, Array]:
        """Accelerations that let no joint run into its limit.

        Exponential barrier with a double pole at `limit_rate` (Nguyen and Sreenath, "Exponential
        control barrier functions for enforcing high relative-degree safety-critical constraints",
        ACC 2016).
        """
        k0, k1 = self._limit_rates
        pull = k0 * self.body.q[7:]
        pull += k1 * self.body.v[6:]
        return self._limit_lower - pull, self._limit_upper - pull

    def _again(self, feet: tuple[int, ...]) -> Solution:
        self._stale += 1
        last = self._last
        if (
            last is None
            or self._stale > self._config.stale_limit
            or len(last.wrenches) != len(feet)
        ):
            raise WholeBodyError(self._stale)
        return Solution(last.acceleration, last.torque, last.wrenches, self._stale)


def _support(
    model: pin.Model, name: str, points: Array, friction: float, forces: tuple[float, float]
) -> Support:
    """`forces` [N]: least and largest normal force; without a largest one there is no row for it."""
    frame = model.getFrameId(name)
    chain = model.supports[model.frames[frame].parentJoint]
    legs = [model.joints[joint].idx_v - 6 for joint in chain if joint > 1]
    least, most = forces
    cone = wrench_cone(points, friction)
    limit = np.zeros(len(cone))
    limit[-1] = -least
    if most < INFINITY:
        cone = np.vstack((cone, [[0.0, 0.0, 1.0, 0.0, 0.0, 0.0]]))
        limit = np.append(limit, most)
    return Support(frame, slice(min(legs), max(legs) + 1), cone, limit)
