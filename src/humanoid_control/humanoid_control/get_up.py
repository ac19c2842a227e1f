"""Get up: from lying to a crouch on both feet, by the key poses of ``get_up.yaml``.

Only at the operator's request: asked for without torque, it commands the measured position until
the robot is armed (`humanoid rearm`), and moves from the first sample after that. At the end of
each phase the base must lie as the file says and the joints must have followed; if not, it gives
up, and damping takes over. In the end it waits for what `ready` and `stand` need: the robot is
upright, its state is valid again, both feet carry it.
"""

from math import acos

import numpy as np

from humanoid_control.controller import (
    UPRIGHT,
    Array,
    Controller,
    JointTargets,
    References,
    State,
)
from humanoid_control.get_up_motion import Motion, Phase
from humanoid_control.ramps import Stopwatch, minimum_jerk
from humanoid_description.robot import RobotDescription


class GetUpError(Exception):
    """The robot does not lie, follow or stand as the motion needs it."""


class GetUpController(Controller):
    """Plays the phases with the stiffness and damping of the joint table."""

    name = "get_up"
    balances = False
    lies = True

    def __init__(self, robot: RobotDescription, motion: Motion) -> None:
        self._robot, self._motion = robot, motion
        self._stiffness = np.where(motion.limp, 0.0, robot.column("stiffness"))
        self._damping = robot.column("damping")
        self._lower, self._upper = robot.column("lower"), robot.column("upper")
        self._zero = np.zeros(len(robot.joints))
        self._watch = Stopwatch()  # of the present phase; of the settling after the last one
        self._from = self._zero
        self._phases: tuple[Phase, ...] = ()
        self._index = 0
        self._started = self._done = False

    def blocked(self, state: State) -> str | None:
        if self._posture(state) is None:
            x, y, z = vertical(state.q)
            return (
                f"there is a motion from {', '.join(self._motion.postures)} only; the robot lies "
                f"otherwise (the vertical is {x:.1f} {y:.1f} {z:.1f} in base_link): "
                "turn it over, then try again"
            )
        return None

    def start(self, state: State, last: JointTargets) -> None:
        self._started = self._done = False

    def update(self, state: State, references: References) -> JointTargets:
        if not state.armed:
            self._started = False
            return self._targets(state.q[7:].copy(), self._zero)
        if not self._started:
            self._begin(state)
        self._watch.advance(state.stamp)
        while self._index < len(self._phases):
            phase = self._phases[self._index]
            if self._watch.elapsed < phase.move + phase.hold:
                value, slope = minimum_jerk(self._watch.elapsed / phase.move)
                way = phase.pose - self._from
                return self._targets(self._from + value * way, slope / phase.move * way)
            self._check(phase, state)
            self._from = phase.pose
            self._index += 1
            self._watch.start(state.stamp)
        self._settle(state)
        return self._targets(self._from, self._zero)

    def busy(self) -> str | None:
        if self._done:
            return None
        if not self._started:
            return "not armed: 'humanoid rearm'"
        if self._index < len(self._phases):
            return f"getting up: phase {self._phases[self._index].label}"
        return "up, waiting for the estimated state and both feet"

    def _begin(self, state: State) -> None:
        name = self._posture(state)
        if name is None:
            raise GetUpError(self.blocked(state))
        self._phases = self._motion.postures[name][2]
        self._from = np.clip(state.q[7:], self._lower, self._upper)
        self._index = 0
        self._watch.start(state.stamp)
        self._started = True

    def _posture(self, state: State) -> str | None:
        """The way the robot lies, by the name in the file."""
        up = vertical(state.q)
        for name, (expected, within, _) in self._motion.postures.items():
            if angle(up, expected) <= within:
                return name
        return None

    def _check(self, phase: Phase, state: State) -> None:
        """Raises GetUpError unless the robot is where `phase` should have brought it."""
        up = vertical(state.q)
        if phase.up is not None and not angle(up, phase.up) <= phase.within:
            raise GetUpError(
                f"after phase {phase.label} the base is {angle(up, phase.up):.2f} rad from how it "
                f"should lie (limit {phase.within:g})"
            )
        error = np.where(self._motion.limp, 0.0, np.abs(state.q[7:] - phase.pose))
        worst = int(np.argmax(error))  # NaN wins
        if not error[worst] <= self._motion.tracking:
            raise GetUpError(
                f"after phase {phase.label} joint '{self._robot.joint_names[worst]}' is "
                f"{error[worst]:.2f} rad from its angle (limit {self._motion.tracking:g})"
            )

    def _settle(self, state: State) -> None:
        """Done as soon as the robot can be taken over; raises GetUpError if that takes too long."""
        missing = ""
        if state.fall != UPRIGHT:
            missing = "the robot is not upright"
        elif not state.valid:
            missing = "the estimated state is not valid"
        elif not state.contact.all():
            missing = "not every foot carries the robot"
        self._done = not missing
        if missing and self._watch.elapsed > self._motion.settle:
            raise GetUpError(f"{self._motion.settle:g} s after the last phase {missing}")

    def _targets(self, position: Array, velocity: Array) -> JointTargets:
        return JointTargets(position, velocity, self._zero, self._stiffness, self._damping)


def vertical(q: Array) -> Array:
    """The vertical in base_link's axes, shape (3,), a unit vector.

    `q` is pinocchio's configuration, with the base quaternion xyzw (unit) at 3 to 7.
    """
    x, y, z, w = q[3:7].tolist()
    return np.array([2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)])


def angle(a: Array, b: Array) -> float:
    """Between two unit vectors, shape (3,) each [rad]."""
    return acos(min(1.0, max(-1.0, float(np.dot(a, b)))))
