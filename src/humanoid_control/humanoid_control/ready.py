"""Ready: a stiff, slow joint-space ramp to the named pose `ready`, and then holding it."""

from dataclasses import dataclass

import numpy as np

from humanoid_control.controller import FALLEN, UPRIGHT, Controller, JointTargets, References, State
from humanoid_control.ramps import MINIMUM_JERK_SLOPE, Stopwatch, minimum_jerk
from humanoid_control.tilt import tilt
from humanoid_description.robot import RobotDescription
from humanoid_description.strict_yaml import key


@dataclass(frozen=True)
class ReadyConfig:
    """How the ready pose is approached."""

    speed: float = key(0.6, above=0.0, unit="rad/s", doc="fastest joint during the ramp")
    shortest: float = key(0.5, above=0.0, unit="s", doc="shortest ramp, however near the pose is")
    farthest: float = key(2.0, above=0.0, unit="rad", doc="refuse if a joint is farther away")
    tilt: float = key(0.4, above=0.0, unit="rad", doc="refuse if the base is tilted more")
    tolerance: float = key(
        0.25, above=0.0, unit="rad", doc="the pose is reached when every joint is this near to it"
    )


class ReadyController(Controller):
    """Holds joints with the stiffness and damping of the joint table.

    While the robot is not armed it commands the measured position, which is what arming asks for;
    its ramp starts with the first sample after arming. It starts from the position at which its
    stiffness gives the torque that the last targets gave, so that even a loaded leg does not sag
    when it takes over.
    """

    name = "ready"
    balances = False

    def __init__(self, robot: RobotDescription, config: ReadyConfig) -> None:
        self._robot = robot
        self._config = config
        self._pose = robot.poses["ready"]
        self._stiffness = robot.column("stiffness")
        self._damping = robot.column("damping")
        self._lower, self._upper = robot.column("lower"), robot.column("upper")
        self._zero = np.zeros(len(robot.joints))
        self._from = self._pose
        self._duration = config.shortest
        self._watch = Stopwatch()
        self._started = False
        self._unfinished: str | None = None

    def blocked(self, state: State) -> str | None:
        if state.fall != UPRIGHT:
            what = "has fallen" if state.fall == FALLEN else "is falling"
            return f"the robot {what}: set it up on its feet or hang it up, then try again"
        angle = tilt(state.q)
        if state.valid and angle > self._config.tilt:
            return (
                f"the base is tilted by {angle:.2f} rad (limit {self._config.tilt:g}): "
                "set the robot upright, then try again"
            )
        return self._too_far(state, self._config.farthest)

    def start(self, state: State, last: JointTargets) -> None:
        q, dq = state.q[7:], state.v[6:]
        torque = (
            last.effort + last.stiffness * (last.position - q) + last.damping * (last.velocity - dq)
        )
        offset = np.divide(
            torque, self._stiffness, out=np.zeros_like(q), where=self._stiffness > 0.0
        )
        self._from = np.clip(q + offset, self._lower, self._upper) if state.armed else q.copy()
        self._started = False
        self._unfinished = "the ramp to the ready pose has not started"

    def update(self, state: State, references: References) -> JointTargets:
        if not state.armed:
            self._from = state.q[7:].copy()
            self._started = False
            self._unfinished = "the robot is not armed: arm it with 'humanoid rearm'"
            return self._targets(self._from, self._zero)
        if not self._started:
            self._begin(state.stamp)
        self._watch.advance(state.stamp)
        left = self._duration - self._watch.elapsed
        if left > 0.0:
            self._unfinished = f"on the way to the ready pose: {left:.1f} s left"
            value, slope = minimum_jerk(self._watch.elapsed / self._duration)
            way = self._pose - self._from
            return self._targets(self._from + value * way, slope / self._duration * way)
        self._unfinished = self._too_far(state, self._config.tolerance)
        if references.position is None or references.velocity is None:
            return self._targets(self._pose, self._zero)
        return self._targets(references.position, references.velocity)

    def busy(self) -> str | None:
        return self._unfinished

    def _begin(self, stamp: int) -> None:
        farthest = float(np.max(np.abs(self._pose - self._from)))
        self._duration = max(
            self._config.shortest, MINIMUM_JERK_SLOPE * farthest / self._config.speed
        )
        self._watch.start(stamp)
        self._started = True

    def _targets(self, position: np.ndarray, velocity: np.ndarray) -> JointTargets:
        return JointTargets(position, velocity, self._zero, self._stiffness, self._damping)

    def _too_far(self, state: State, limit: float) -> str | None:
        distance = np.abs(state.q[7:] - self._pose)
        worst = int(np.argmax(distance))  # NaN wins
        if distance[worst] <= limit:
            return None
        return (
            f"joint '{self._robot.joint_names[worst]}' is {distance[worst]:.2f} rad from the ready "
            f"pose (limit {limit:g}): move it nearer by hand"
        )
