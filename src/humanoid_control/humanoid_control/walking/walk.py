"""Walk: steps that catch the capture point, between two stands."""

import numpy as np

from humanoid_control.capture import SupportPolygon
from humanoid_control.controller import Array, Controller, JointTargets, References, State
from humanoid_control.ramps import Stopwatch
from humanoid_control.stand import StandConfig, StandController
from humanoid_control.walking.body import WalkingBody
from humanoid_control.walking.config import WalkConfig
from humanoid_control.walking.pendulum import steering_pressure
from humanoid_control.walking.planner import (
    LEFT,
    RIGHT,
    Foothold,
    Moment,
    Step,
    StepPlanner,
    rotation,
    wrap,
)
from humanoid_control.walking.swing import SwingFoot
from humanoid_control.whole_body import WholeBodyConfig
from humanoid_description.robot import RobotDescription

#: The inclination of the ground is felt from so long after a touchdown on [s], with this time
#: constant [s], up to this sine.
_SETTLED, _FEEL, _STEEPEST = 0.1, 0.4, 0.2

STANDING, SHIFTING, STEPPING = "standing", "shifting", "stepping"


class WalkController(Controller):
    """Walks as the reference `twist` says; stands while it is zero, and steps when pushed."""

    name = "walk"
    walks = True

    def __init__(
        self,
        robot: RobotDescription,
        config: WalkConfig,
        stand: StandConfig,
        whole_body: WholeBodyConfig,
    ) -> None:
        """Raises ValueError as :class:`WalkingBody`; the first foot is the left one."""
        self._config = config
        self._stand = StandController(robot, stand, whole_body)
        self._body = WalkingBody(robot, config, whole_body)
        body = self._body
        self._planner = StepPlanner(config, body.rate, body.leg_share, body.level_reach)
        self._swing = SwingFoot(config.step_height, config.touchdown_speed, config.step_duration)
        self._watch = Stopwatch()
        self._soles = [
            SupportPolygon.of(corners * _shrink(corners, config.pressure_margin))
            for corners in body.corners
        ]
        self._incline = np.zeros(2)  # of the ground: x and y of its unit normal
        self._light = config.touch * body.weight
        self.phase = STANDING

    def blocked(self, state: State) -> str | None:
        return self._stand.blocked(state)

    def busy(self) -> str | None:
        return None if self.phase == STANDING else "walking: it comes to stand first"

    def start(self, state: State, last: JointTargets) -> None:
        self._watch.start(state.stamp)
        self._last = last
        self._stand_still(state, last)

    def update(self, state: State, references: References) -> JointTargets:
        dt = self._watch.advance(state.stamp)
        if self.phase == STANDING:
            self._body.observe(state)
            if self._falling():
                self._recover(references)
            elif self._wanted(references.twist):
                self._begin(references)
            else:
                return self._stand.update(state, references)
        else:
            self._body.observe(state)
        if self.phase == STEPPING and self._touchdown(state):
            if self._may_stand(state, references.twist):
                self._stand_still(state, self._last)
                return self._stand.update(state, references)
            self._step_from(1 - self._stance, references.twist)
        self._lower(references, dt)
        self._body.command_posture(references.position, references.velocity)
        if self.phase == SHIFTING:
            targets = self._shift(references, dt)
        else:
            targets = self._step(state, references, dt)
        self._last = targets
        return targets

    # -- between standing and stepping -------------------------------------------------------

    def _stand_still(self, state: State, last: JointTargets) -> None:
        self.phase = STANDING
        self._stand.start(state, last)

    def _wanted(self, twist: Array) -> bool:
        return bool(np.abs(twist).max() > self._config.still)

    def _falling(self) -> bool:
        """Whether the capture point is leaving the feet: only a step helps."""
        body = self._body
        holds = (body.foothold(0), body.foothold(1))
        corners = [
            hold.point + corners @ rotation(hold.yaw).T
            for hold, corners in zip(holds, body.corners, strict=True)
        ]
        outside = SupportPolygon.of(np.vstack(corners)).distance_outside(complex(*body.capture))
        return outside > self._config.recovery

    def _recover(self, references: References) -> None:
        """Step at once, with the foot that catches the capture point better."""
        self._lift_off()
        body, planner = self._body, self._planner
        misses = []
        for stance in (0, 1):
            hold, side, swing = body.foothold(stance), _side(stance), body.foothold(1 - stance)
            nominal = planner.nominal(hold, side, np.zeros(3))
            now = Moment(0.0, body.capture, body.centre, hold.point, swing.point, np.zeros(2))
            step = planner.adapt(nominal, hold, side, now)
            misses.append(float(np.linalg.norm(step.offset - nominal.offset)))
        self._step_from(int(misses[1] < misses[0]), references.twist)

    def _begin(self, references: References) -> None:
        """Both feet on the ground: shift the weight, then step."""
        self._lift_off()
        self.phase = SHIFTING
        _, left, turn = references.twist
        if abs(left) > self._config.still:
            self._stance = 1 if left > 0.0 else 0  # the foot on the side it goes to swings
        elif abs(turn) > self._config.still:
            self._stance = 1 if turn > 0.0 else 0
        else:
            here = [self._body.capture - self._body.foothold(foot).point for foot in (0, 1)]
            self._stance = int(np.hypot(*here[1]) < np.hypot(*here[0]))

    def _lift_off(self) -> None:
        """Take over height and heading from standing."""
        body = self._body
        body.gripping = False
        self._stance = 0
        self._incline = np.zeros(2)
        self._height = float(body.dynamics.q[2]) - self._ground()
        self._heading = _mean_angle(body.foothold(0).yaw, body.foothold(1).yaw)
        self._heading_from = self._heading

    def _shift(self, references: References, dt: float) -> JointTargets:
        """Press on the coming swing foot until the capture point is where a step begins."""
        body = self._body
        stance = body.foothold(self._stance)
        swing = body.foothold(1 - self._stance)
        side = _side(self._stance)
        capture = body.capture
        here = rotation(stance.yaw).T @ (capture - stance.point)
        nominal = self._planner.nominal(swing, -side, np.zeros(3))
        begin = rotation(stance.yaw).T @ nominal.offset
        if side * (here[1] - begin[1]) >= 0.0:
            self._step_from(self._stance, references.twist)
            return self._step(None, references, dt)
        pressure = stance.point + 0.9 * (swing.point - stance.point)
        body.command_centre(pressure, self._height, self._ground())
        body.command_torso(self._heading, references.torso)
        return body.solve((0, 1), None, dt)

    def _may_stand(self, state: State, twist: Array) -> bool:
        if self._wanted(twist):
            return False
        body, config = self._body, self._config
        stance, side = body.foothold(self._stance), _side(self._stance)
        other = rotation(stance.yaw).T @ (body.foothold(1 - self._stance).point - stance.point)
        square = abs(other[0]) < config.square and abs(other[1] + side * config.width) < (
            2.0 * config.square
        )
        return square and self._stand.blocked(state) is None

    # -- stepping ---------------------------------------------------------------------------

    def _step_from(self, stance: int, twist: Array) -> None:
        """`stance` carries now, the other foot swings."""
        body = self._body
        self.phase = STEPPING
        self._stance = stance
        self._elapsed = 0.0
        sole = body.sole(1 - stance)
        hold = body.foothold(1 - stance)
        self._swing.start(sole.translation, hold.yaw)
        self._heading_from = self._heading
        nominal = self._planner.nominal(body.foothold(stance), _side(stance), twist)
        self._plan = nominal
        self._airborne = False

    def _touchdown(self, state: State) -> bool:
        """Whether the swing foot stands. When it is due, a light touch is enough."""
        swing = 1 - self._stance
        if not self._airborne:
            self._airborne = not state.contact[swing]
            return False
        if self._swing.phase >= 1.0:
            return bool(state.contact[swing] or state.wrenches[swing, 2] > self._light)
        return bool(state.contact[swing]) and self._swing.phase >= self._config.early

    def _step(self, state: State | None, references: References, dt: float) -> JointTargets:
        body, planner, config = self._body, self._planner, self._config
        swing, side = 1 - self._stance, _side(self._stance)
        self._elapsed += dt
        stance = body.foothold(self._stance)
        nominal = planner.nominal(stance, side, references.twist)
        pressure = self._pressure(stance, nominal)
        remaining = self._plan.duration - self._elapsed
        self._swing.yield_to(body.sole(swing).translation[:2])
        if remaining > 0.03:
            now = Moment(
                self._elapsed,
                body.capture,
                body.centre,
                pressure,
                body.foothold(swing).point,
                self._swing.motion[1, :2],
            )
            self._plan = planner.adapt(nominal, stance, side, now)
            miss = np.abs(self._plan.offset - nominal.offset).max()
            tipped = body.tipped(self._stance, self._incline)
            body.gripping = tipped or bool(miss > config.off_balance)
            remaining = self._plan.duration - self._elapsed
        body.command_centre(pressure, self._height, self._ground())
        self._turn(stance, references)
        foothold = self._plan.foothold
        if self._elapsed <= config.double_support:
            return body.solve((self._stance, swing), None, dt)
        goal = body.sole_at(swing, foothold)
        self._feel_ground(dt)
        ahead = float(self._incline @ (goal - stance.point))
        ground = self._ground() - ahead
        self._swing.advance(goal, foothold.yaw, ground, max(remaining, 0.0), dt)
        body.command_swing(swing, self._swing.motion, self._incline)
        return body.solve((self._stance,), swing, dt)

    def _pressure(self, stance: Foothold, nominal: Step) -> Array:
        """Centre of pressure inside the stance foot that favours the nominal step."""
        body, config = self._body, self._config
        remaining = max(self._plan.duration - self._elapsed, 0.0)
        wanted = steering_pressure(
            body.capture, nominal.goal, stance.point, body.rate, remaining, config.capture_gain
        )
        axes = rotation(stance.yaw)
        local = complex(*(axes.T @ (wanted - stance.point)))
        cut = self._soles[self._stance].cut(0j, local)
        return stance.point + axes @ (cut.real, cut.imag)

    def _turn(self, stance: Foothold, references: References) -> None:
        """The torso heads for the middle of the two feet's headings."""
        ahead = _mean_angle(stance.yaw, self._plan.foothold.yaw)
        share = self._swing.phase
        turn = wrap(ahead - self._heading_from)
        self._heading = self._heading_from + share * turn
        self._body.command_torso(self._heading, references.torso)

    def _feel_ground(self, dt: float) -> None:
        """The ground is inclined as the stance feet of the last steps were, once they had settled."""
        if self._elapsed > _SETTLED:
            lean = np.clip(self._body.sole(self._stance).rotation[:2, 2], -_STEEPEST, _STEEPEST)
            self._incline += min(dt / _FEEL, 1.0) * (lean - self._incline)

    def _ground(self) -> float:
        return self._body.lowest(self._stance)

    def _lower(self, references: References, dt: float) -> None:
        """Move the body to the height of walking."""
        wanted = self._config.height * self._body.ready_height
        change = self._config.height_speed * dt
        self._height += float(np.clip(wanted - self._height, -change, change))


def _side(foot: int) -> float:
    return LEFT if foot == 0 else RIGHT


def _mean_angle(a: float, b: float) -> float:
    return a + 0.5 * wrap(b - a)


def _shrink(corners: Array, margin: float) -> Array:
    """Factors that bring the extent of `corners`, centred, in by `margin` [m]."""
    extent = np.abs(corners).max(axis=0)
    return np.maximum(1.0 - margin / extent, 0.1)
