"""The whole body under a walk: tasks of CoM, torso, swing foot and posture, and their torques."""

from dataclasses import replace
from math import sqrt, tan

import numpy as np
import pinocchio as pin

from humanoid_control.controller import Array, JointTargets, State
from humanoid_control.walking.config import WalkConfig
from humanoid_control.walking.planner import Foothold
from humanoid_control.whole_body import (
    Dynamics,
    MomentumTask,
    OrientationTask,
    PoseTask,
    WholeBody,
    WholeBodyConfig,
    WholeBodyError,
)
from humanoid_description.dynamics import pinocchio_model, standing_configuration
from humanoid_description.robot import RobotDescription

#: A sole that leans so much more than the ground [rad] stands on an edge.
_TIPPED = 0.08


class PivotMomentumTask(MomentumTask):
    """Rate of the momentum, with the horizontal rows those about a point on the ground.

    A pendulum does not know that legs swing. The momentum about the ground, divided by the height
    H, does: ``l_x + k_y / H`` and ``l_y - k_x / H`` (l linear, k angular about the CoM) change by
    gravity and the centre of pressure alone, whatever rotates inside; and the centre of pressure
    that belongs to a wanted rate is always the same (Gong and Grizzle, "Zero dynamics, pendulum
    models, and angular momentum in feedback control of bipedal locomotion", 2022).
    """

    def __init__(self, weight: Array, height: float) -> None:
        super().__init__(weight)
        self._pivot = np.eye(6)
        self._pivot[0, 4] = 1.0 / height
        self._pivot[1, 3] = -1.0 / height

    def pivot(self, momentum: Array) -> Array:
        """The task's rows of a momentum or of its rate, shape (6,)."""
        return self._pivot @ momentum

    def jacobian(self, body: Dynamics) -> Array:
        return self._pivot @ body.momentum_matrix

    def drift(self, body: Dynamics) -> Array:
        return self._pivot @ body.momentum_drift


class WalkingBody:
    """Knows the robot; what it should do is written in before each :meth:`solve`."""

    def __init__(
        self, robot: RobotDescription, config: WalkConfig, whole_body: WholeBodyConfig
    ) -> None:
        """Raises ValueError if the robot has not two feet, no pose `ready` or no frame `torso`."""
        if len(robot.feet) != 2:
            raise ValueError(f"walking needs two feet, '{robot.name}' has {len(robot.feet)}")
        model = pinocchio_model(robot)
        self._config = config
        self._soles = [model.getFrameId(foot.name) for foot in robot.feet]
        rate = np.full(len(robot.joints), whole_body.limit_rate)
        for sole in self._soles:
            rate[_ankle(model, sole)] = config.ankle_limit_rate
        self.dynamics = Dynamics(model)
        self.weight = -self.dynamics.mass * float(self.dynamics.gravity[2])  # [N]
        load = config.load * self.weight
        self._whole_body, self._gripping = (
            WholeBody(
                robot, model, replace(whole_body, friction=friction), self.dynamics, rate, load
            )
            for friction in (config.friction, whole_body.friction)
        )
        #: Whether to use all the friction of `whole_body`: rather slip than fall.
        self.gripping = False
        self._points = [foot.points for foot in robot.feet]
        self._centres = [_centre(foot.points) for foot in robot.feet]
        self.corners = [foot.points[:, :2] - _centre(foot.points)[:2] for foot in robot.feet]
        self._ready = robot.poses["ready"]
        self._at_rest = np.zeros(len(robot.joints))
        self._damping = config.joint_damping * robot.column("damping")
        self.dynamics.update(standing_configuration(robot, model), np.zeros(model.nv))
        height = float(self.dynamics.q[2] - self.sole(0).translation[2])
        self.ready_height = height
        self.pendulum_height = float(self.dynamics.com[2]) - (1.0 - config.height) * height
        #: Natural rate of the pendulum [1/s].
        self.rate = sqrt(-self.dynamics.gravity[2] / self.pendulum_height)
        #: See :class:`StepPlanner`.
        self.leg_share = self._leg_share(model)
        self.level_reach = self._level_reach(robot, model, whole_body.leg_margin)
        self._make_tasks(robot, model)

    def _make_tasks(self, robot: RobotDescription, model: pin.Model) -> None:
        config, mass = self._config, self.dynamics.mass
        com = np.array([config.com_weight, config.com_weight, config.height_weight]) / mass**2
        self._momentum = PivotMomentumTask(
            np.append(com, config.momentum_weight), self.pendulum_height
        )
        torso = model.getFrameId(robot.frames["torso"])
        self._torso = OrientationTask(
            torso, np.array(config.torso_weight), config.torso_stiffness, config.torso_damping
        )
        swing, level = config.swing_weight, config.level_weight
        weight = np.array([swing, swing, swing, level, level, swing])
        self._swings = [
            PoseTask(sole, weight, config.swing_stiffness, config.swing_damping)
            for sole in self._soles
        ]
        posture = np.full(len(robot.joints), config.limb_weight)
        posture[_chain(model, torso)] = config.posture_weight
        for sole in self._soles:
            posture[_chain(model, sole)] = config.leg_weight
        for whole_body in (self._whole_body, self._gripping):
            whole_body.posture_weight = posture
        self._double = (self._momentum, self._torso)
        self._single = [(*self._double, swing) for swing in self._swings]

    def _leg_share(self, model: pin.Model) -> float:
        """Angular momentum of a leg per velocity of its foot, over mass and height of the body."""
        dynamics, shares = self.dynamics, []
        for sole, foot in zip(self._soles, self._whole_body.feet, strict=True):
            leg = slice(6 + foot.legs.start, 6 + foot.legs.stop)
            velocity = np.zeros(model.nv)
            forward = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
            velocity[leg] = np.linalg.pinv(dynamics.frame(sole).jacobian[:, leg]) @ forward
            shares.append(-float(dynamics.momentum_matrix[4] @ velocity))
        return sum(shares) / len(shares) / (dynamics.mass * self.pendulum_height)

    def _level_reach(self, robot: RobotDescription, model: pin.Model, margin: float) -> float:
        """How far to the side of the centre of mass a foot may be with a level sole [m].

        The leg leans by as much as the ankle rolls, about a hip that is above the foot in the ready
        pose; `margin` is the share of its range that the ankle keeps to each stop.
        """
        lower, upper = robot.column("lower"), robot.column("upper")
        reaches = []
        for foot in (0, 1):
            *_, roll = _chain(model, self._soles[foot])
            angle = min(-lower[roll], upper[roll]) - margin * (upper[roll] - lower[roll])
            joints = model.supports[model.frames[self._soles[foot]].parentJoint]
            hip = self.dynamics.placement(model.getFrameId(model.names[joints[2]]))
            ankle = self.dynamics.placement(model.getFrameId(model.names[joints[-1]]))
            leg = hip.translation[2] - ankle.translation[2]
            reaches.append(abs(float(self.sole(foot).translation[1])) + leg * tan(angle))
        return float(min(reaches))

    def observe(self, state: State) -> None:
        """Take over the measured state."""
        self._whole_body.update(state.q, state.v)

    def sole(self, foot: int) -> pin.SE3:
        """Pose of a sole in the world."""
        return self.dynamics.placement(self._soles[foot])

    def foothold(self, foot: int) -> Foothold:
        """Where the middle of a sole is on the floor."""
        sole = self.sole(foot)
        point = sole.act(self._centres[foot])[:2]
        forward = sole.rotation[:, 0]
        return Foothold(point, float(np.arctan2(forward[1], forward[0])))

    def sole_at(self, foot: int, foothold: Foothold) -> Array:
        """Sole's origin, shape (2,), [m], that puts its middle on `foothold`."""
        return foothold.point - foothold.to_world(self._centres[foot][:2])

    def lowest(self, foot: int) -> float:
        """Height of the lowest contact point of a sole [m]: of the ground, if it stands."""
        sole = self.sole(foot)
        return float(sole.translation[2] + (self._points[foot] @ sole.rotation[2]).min())

    def tipped(self, foot: int, incline: Array) -> bool:
        """Whether a sole stands on an edge: leans more than the ground's normal, x and y `incline`.

        Its friction cone leans with it; what balance asks for may be outside of the careful one.
        """
        lean = self.sole(foot).rotation[:2, 2] - incline
        return float(np.hypot(*lean)) > _TIPPED

    @property
    def centre(self) -> Array:
        """The centre of mass, shape (2,), [m]."""
        return self.dynamics.com[:2]

    @property
    def capture(self) -> Array:
        """The capture point by the momentum about the ground, shape (2,), [m]."""
        body = self.dynamics
        momentum = self._momentum.pivot(body.momentum)[:2]
        return body.com[:2] + momentum / (body.mass * self.rate)

    def command_centre(self, pressure: Array, height: float, ground: float) -> None:
        """Accelerate the CoM away from `pressure`, shape (2,), [m]; base at `height` [m]."""
        config, body = self._config, self.dynamics
        linear, angular = self._momentum.linear, self._momentum.angular
        angular[:] = -config.momentum_damping * body.momentum[3:]
        linear[:2] = body.mass * self.rate**2 * (body.com[:2] - pressure)
        error = height - (float(body.q[2]) - ground)
        lift = config.height_stiffness * error - config.height_damping * body.com_velocity[2]
        linear[2] = body.mass * lift

    def command_torso(self, heading: float, torso: Array) -> None:
        """Turn the torso to `torso`, shape (3,), roll pitch yaw [rad] against `heading` [rad]."""
        self._torso.target = pin.rpy.rpyToMatrix(torso[0], torso[1], torso[2] + heading)

    def command_swing(self, foot: int, motion: Array, incline: Array) -> None:
        """Move a sole along `motion`, shape (3, 4), see :class:`SwingFoot`.

        `incline`, shape (2,): x and y of the ground's unit normal, to which the sole is parallel.
        """
        task = self._swings[foot]
        x, y = incline.tolist()
        leaning = pin.exp3(np.array([-y, x, 0.0]))
        task.target = pin.SE3(leaning @ pin.rpy.rpyToMatrix(0.0, 0.0, motion[0, 3]), motion[0, :3])
        back = self.sole(foot).rotation.T
        zero = np.zeros(2)
        for out, row in ((task.velocity, motion[1]), (task.acceleration, motion[2])):
            out[:3] = back @ row[:3]
            out[3:] = back @ np.append(zero, row[3])

    def command_posture(self, position: Array | None, velocity: Array | None) -> None:
        """Pull the joints to `position` [rad] and `velocity` [rad/s], shape (n,)."""
        config, body = self._config, self.dynamics
        position = self._ready if position is None else position
        velocity = self._at_rest if velocity is None else velocity
        error, slip = position - body.q[7:], velocity - body.v[6:]
        command = config.posture_stiffness * error + config.posture_damping * slip
        for whole_body in (self._whole_body, self._gripping):
            whole_body.posture_command = command

    def solve(self, feet: tuple[int, ...], swing: int | None, dt: float) -> JointTargets:
        """Joint targets with the soles `feet` on the ground, the first one surely."""
        tasks = self._double if swing is None else self._single[swing]
        now, other = self._whole_body, self._gripping
        if self.gripping:
            now, other = other, now
        try:
            solution = now.solve(feet, tasks)
        except WholeBodyError:
            if len(feet) == 1:
                raise
            solution = now.solve(feet[:1], tasks)  # the foot that comes down cannot be held yet
        if not solution.stale:
            other.take_over(solution)
        self.last = solution
        q, dq = self.dynamics.q[7:], self.dynamics.v[6:]
        velocity = dq + dt * solution.acceleration[6:]
        return JointTargets(
            q + dt * velocity, velocity, solution.torque, self._at_rest, self._damping
        )


def _chain(model: pin.Model, frame: int) -> list[int]:
    """Rows of the joints between the base and `frame`."""
    chain = model.supports[model.frames[frame].parentJoint]
    return [model.joints[joint].idx_v - 6 for joint in chain if joint > 1]


def _ankle(model: pin.Model, sole: int) -> list[int]:
    """Rows of the last two joints before `sole`: those that level it."""
    return _chain(model, sole)[-2:]


def _centre(points: Array) -> Array:
    """Middle of the sole's extent, shape (3,), [m] in the sole frame."""
    return 0.5 * (points.min(axis=0) + points.max(axis=0))
