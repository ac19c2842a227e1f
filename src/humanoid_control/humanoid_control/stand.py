"""Stand: balance on two feet that stay where they are."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import pinocchio as pin

from humanoid_control.capture import SupportPolygon, pressure_and_excess
from humanoid_control.controller import UPRIGHT, Array, Controller, JointTargets, References, State
from humanoid_control.ramps import Stopwatch, smoothstep
from humanoid_control.tilt import tilt
from humanoid_control.whole_body import (
    MomentumTask,
    OrientationTask,
    WholeBody,
    WholeBodyConfig,
)
from humanoid_description.dynamics import pinocchio_model, standing_configuration
from humanoid_description.robot import RobotDescription
from humanoid_description.strict_yaml import key


@dataclass(frozen=True)
class StandConfig:
    """The balance: what it wants, and how much of each. Weights act on squared errors."""

    capture_gain: float = key(
        5.0, above=1.0, unit="-", doc="pressure under the feet per error of the capture point"
    )
    capture_integral: float = key(
        0.5, min=0.0, unit="1/s", doc="removes a lasting error of the capture point"
    )
    integral_limit: float = key(0.02, min=0.0, unit="m", doc="most that the integral may shift it")
    hip_gain: float = key(
        4.2, min=0.0, unit="-", doc="reach beyond the feet per excess of the capture point"
    )
    hip_margin: float = key(
        0.027, min=0.0, unit="m", doc="the hips help when the capture point is nearer to the edge"
    )
    hip_reach: float = key(0.02, min=0.0, unit="m", doc="most that the hips reach beyond the feet")
    height_stiffness: float = key(60.0, min=0.0, unit="1/s^2", doc="height of the base")
    height_damping: float = key(12.0, min=0.0, unit="1/s", doc="vertical speed of the CoM")
    com_weight: float = key(70.0, above=0.0, unit="s^4/m^2", doc="CoM acceleration, horizontal")
    height_weight: float = key(15.0, above=0.0, unit="s^4/m^2", doc="CoM acceleration, vertical")
    momentum_weight: float = key(
        2.4e-3, min=0.0, unit="1/(N m)^2", doc="rate of the angular momentum"
    )
    momentum_damping: float = key(3.0, min=0.0, unit="1/s", doc="slows the angular momentum")
    torso_weight: float = key(0.0085, min=0.0, unit="s^4/rad^2", doc="torso turning as asked for")
    torso_stiffness: float = key(112.0, min=0.0, unit="1/s^2")
    torso_damping: float = key(17.0, min=0.0, unit="1/s")
    posture_weight: float = key(1.0, above=0.0, unit="s^4/rad^2", doc="joints of the trunk")
    limb_weight: float = key(0.009, above=0.0, unit="s^4/rad^2", doc="joints of arms and head")
    leg_weight: float = key(1.0e-4, above=0.0, unit="s^4/rad^2", doc="joints of the legs")
    posture_stiffness: float = key(80.0, min=0.0, unit="1/s^2")
    posture_damping: float = key(16.0, min=0.0, unit="1/s")
    tracked_weight: float = key(
        5.0, above=0.0, unit="s^4/rad^2", doc="joints that follow a trajectory"
    )
    tracked_stiffness: float = key(400.0, min=0.0, unit="1/s^2")
    tracked_damping: float = key(40.0, min=0.0, unit="1/s")
    joint_damping: float = key(
        0.2, min=0.0, unit="-", doc="share of the table's damping on the drives' velocity error"
    )
    settle: float = key(
        1.0, above=0.0, unit="s", doc="from the pose found at the start to the references"
    )
    tilt: float = key(0.3, above=0.0, unit="rad", doc="refuse if the base is tilted more")
    load: float = key(
        0.6, min=0.0, max=1.0, unit="-", doc="refuse if the feet carry less of the weight"
    )


class StandController(Controller):
    """Keeps the capture point over the feet with whole-body torques.

    The references act on the middle of the feet and their mean heading (base_footprint). On taking
    over, what differs from them is kept and fades within `settle`.
    """

    name = "stand"

    def __init__(
        self, robot: RobotDescription, config: StandConfig, whole_body: WholeBodyConfig
    ) -> None:
        """Raises ValueError if the robot has no feet, no pose `ready` or no frame `torso`."""
        model = pinocchio_model(robot)
        self._config = config
        self._whole_body = WholeBody(robot, model, whole_body)
        self._body = self._whole_body.body
        self._gravity = -float(self._body.gravity[2])  # [m/s^2]
        self._weight_force = self._body.mass * self._gravity  # [N]
        self._feet = tuple(range(len(robot.feet)))
        self._soles = [model.getFrameId(foot.name) for foot in robot.feet]
        self._points = [foot.points for foot in robot.feet]
        self._ready = robot.poses["ready"]
        self._at_rest = np.zeros(len(robot.joints))
        self._damping = config.joint_damping * robot.column("damping")
        self._ready_height, self._ready_middle = self._ready_stance(robot, model)
        self._make_tasks(robot, model)
        self._watch = Stopwatch()
        self._polygon = SupportPolygon.of(self._corners())
        self._integral = 0j
        #: What is found at the start: CoM offset and height, torso, posture.
        self._begin_at = ((0j, 0.0), np.eye(3), self._ready)
        self._last_reference: tuple[complex, float] | None = None
        self._last_velocity: Array | None = None

    def _make_tasks(self, robot: RobotDescription, model: pin.Model) -> None:
        config, mass = self._config, self._body.mass
        com = np.array([config.com_weight, config.com_weight, config.height_weight]) / mass**2
        self._momentum = MomentumTask(np.append(com, np.full(3, config.momentum_weight)))
        torso = model.getFrameId(robot.frames["torso"])
        weight = np.full(3, config.torso_weight)
        self._torso = OrientationTask(torso, weight, config.torso_stiffness, config.torso_damping)
        self._tasks = (self._momentum, self._torso)
        self._weight = np.full(len(robot.joints), config.limb_weight)
        self._weight[_chain(model, torso)] = config.posture_weight
        for sole in self._soles:
            self._weight[_chain(model, sole)] = config.leg_weight

    def _ready_stance(self, robot: RobotDescription, model: pin.Model) -> tuple[float, complex]:
        """Base height above the soles, and CoM from the middle of the feet, in the ready pose."""
        self._body.update(standing_configuration(robot, model), np.zeros(model.nv))
        self._locate()
        return self._height(), self._in_footprint(self._com)

    def blocked(self, state: State) -> str | None:
        config = self._config
        if not state.valid:
            return "the base estimate is not valid: put the robot on its feet, wait for it"
        if state.fall != UPRIGHT:
            return "the robot is not upright: set it on its feet and ask for 'ready' first"
        angle = tilt(state.q)
        if angle > config.tilt:
            return f"the base is tilted by {angle:.2f} rad (limit {config.tilt:g}): set it upright"
        share = float(np.sum(state.wrenches[:, 2])) / self._weight_force
        if not share >= config.load or not np.all(state.contact):
            return (
                f"the feet carry {100 * share:.0f} % of the weight (of {100 * config.load:.0f} %"
                ", and every foot in contact): lower the robot until all feet stand"
            )
        self._observe(state)
        polygon = SupportPolygon.of(self._corners())
        outside = polygon.distance_outside(self._in_footprint(self._capture))
        if not outside <= 0.0:
            return f"the capture point is {outside:.3f} m beyond the feet: hold it still in 'ready'"
        return None

    def start(self, state: State, last: JointTargets) -> None:
        self._watch.start(state.stamp)
        self._observe(state)
        self._polygon = SupportPolygon.of(self._corners())
        self._integral = 0j
        com = self._in_footprint(self._com) - self._ready_middle
        torso = self._heading().T @ self._body.frame(self._torso.frame).rotation
        self._begin_at = ((com, self._height()), torso, state.q[7:].copy())
        self._last_reference = self._last_velocity = None

    def update(self, state: State, references: References) -> JointTargets:
        step = self._watch.advance(state.stamp)
        self._observe(state)
        fade = smoothstep(self._watch.elapsed / self._config.settle)
        self._command_momentum(references, fade, step)
        self._command_posture(references, fade, step)
        solution = self._whole_body.solve(self._feet, self._tasks)
        acceleration = solution.acceleration[6:]
        q, dq = state.q[7:], state.v[6:]
        velocity = dq + step * acceleration
        return JointTargets(
            q + step * velocity, velocity, solution.torque, self._at_rest, self._damping
        )

    def _observe(self, state: State) -> None:
        self._whole_body.update(state.q, state.v)
        self._locate()

    def _locate(self) -> None:
        """Middle of the feet, ground height and mean heading, from the soles as they are.

        And of the pendulum: centre of mass, capture point and natural rate [1/s].
        """
        middle, ground, forward = 0j, 0.0, 0j
        for sole in self._soles:
            frame = self._body.frame(sole)
            x, y, z = frame.position.tolist()
            middle += complex(x, y)
            ground += z
            forward += _planar(frame.rotation[:, 0])
        self._middle, self._ground = middle / len(self._soles), ground / len(self._soles)
        self._turn = forward / abs(forward)  # footprint to world
        x, y, z = self._body.com.tolist()
        self._com = complex(x, y)
        self._pole = sqrt(self._gravity / max(z - self._ground, 0.1))
        self._capture = self._com + _planar(self._body.com_velocity) / self._pole

    def _heading(self) -> Array:
        c, s = self._turn.real, self._turn.imag
        return np.array(((c, -s, 0.0), (s, c, 0.0), (0.0, 0.0, 1.0)))

    def _in_footprint(self, point: complex) -> complex:
        return (point - self._middle) * self._turn.conjugate()

    def _corners(self) -> Array:
        """Contact points of all feet in the footprint, shape (p, 2)."""
        corners = [
            self._in_footprint(_planar(frame.position + frame.rotation @ point))
            for frame, points in zip(map(self._body.frame, self._soles), self._points, strict=True)
            for point in points
        ]
        return np.array([(corner.real, corner.imag) for corner in corners])

    def _height(self) -> float:
        return float(self._body.q[2]) - self._ground

    def _body_reference(
        self, references: References, fade: float, step: float
    ) -> tuple[complex, float, complex, float]:
        """CoM offset and base height asked for [m], and their rates [m/s]."""
        height = self._ready_height if references.height is None else references.height
        (offset_found, height_found), *_ = self._begin_at
        offset = fade * _planar(references.com_offset) + (1.0 - fade) * offset_found
        height = fade * height + (1.0 - fade) * height_found
        before = self._last_reference
        self._last_reference = offset, height
        if before is None or step <= 0.0:
            return offset, height, 0j, 0.0
        return offset, height, (offset - before[0]) / step, (height - before[1]) / step

    def _command_momentum(self, references: References, fade: float, step: float) -> None:
        config, body, weight = self._config, self._body, self._weight_force
        offset, height, rate, climb = self._body_reference(references, fade, step)
        reference = self._ready_middle + offset + rate / self._pole
        pressure, beyond = self._balance(reference, step)
        roll, pitch, yaw = (-config.momentum_damping * body.momentum[3:]).tolist()
        roll -= weight * beyond.imag
        pitch += weight * beyond.real
        pivot = pressure + complex(pitch, -roll) / weight
        push = body.mass * self._pole**2 * (self._com - pivot)
        error, slip = height - self._height(), climb - float(body.com_velocity[2])
        lift = body.mass * (config.height_stiffness * error + config.height_damping * slip)
        self._momentum.angular[:] = roll, pitch, yaw
        self._momentum.linear[:] = push.real, push.imag, lift

    def _balance(self, reference: complex, step: float) -> tuple[complex, complex]:
        """Wanted centre of pressure, and the hips' reach beyond it, both in the world [m]."""
        config, polygon = self._config, self._polygon
        capture = self._in_footprint(self._capture)
        error = capture - reference
        if polygon.distance_outside(reference + config.capture_gain * error) < 0.0:
            limit = config.integral_limit
            total = self._integral + step * config.capture_integral * error
            self._integral = complex(
                min(max(total.real, -limit), limit), min(max(total.imag, -limit), limit)
            )
        goal = polygon.cut(self._ready_middle, reference - self._integral, config.hip_margin)
        pressure, excess = pressure_and_excess(
            capture, goal, polygon, config.capture_gain, config.hip_margin
        )
        reach = min(config.hip_gain, config.hip_reach / max(abs(excess), 1e-9))
        return self._middle + self._turn * pressure, reach * self._turn * excess

    def _command_posture(self, references: References, fade: float, step: float) -> None:
        config, whole_body = self._config, self._whole_body
        _, torso_start, posture_start = self._begin_at
        torso = pin.rpy.rpyToMatrix(references.torso)
        if fade < 1.0:
            torso = torso_start @ pin.exp3(fade * pin.log3(torso_start.T @ torso))
        self._torso.target = self._heading() @ torso
        position = self._ready if references.position is None else references.position
        velocity = self._at_rest if references.velocity is None else references.velocity
        if fade < 1.0:
            position = posture_start + fade * (position - posture_start)
        error, slip = position - self._body.q[7:], velocity - self._body.v[6:]
        wanted = config.posture_stiffness * error + config.posture_damping * slip
        weight = self._weight
        tracked = references.tracked
        if tracked is not None and tracked.any():
            tight = config.tracked_stiffness * error + config.tracked_damping * slip
            if self._last_velocity is not None and step > 0.0:
                tight += (velocity - self._last_velocity) / step
            wanted = np.where(tracked, tight, wanted)
            weight = np.where(tracked, config.tracked_weight, weight)
        self._last_velocity = velocity.copy()
        whole_body.posture_command = wanted
        whole_body.posture_weight = weight


def _planar(vector: Array) -> complex:
    """The horizontal part of `vector` as x + iy."""
    return complex(vector[0], vector[1])


def _chain(model: pin.Model, frame: int) -> list[int]:
    """Rows of the joints between the base and `frame`."""
    chain = model.supports[model.frames[frame].parentJoint]
    return [model.joints[joint].idx_v - 6 for joint in chain if joint > 1]
