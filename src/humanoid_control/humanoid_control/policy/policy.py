"""Walk as a network was trained to: its answers are targets for the joints' own stiffness."""

from dataclasses import dataclass

import numpy as np

from humanoid_control.controller import (
    FALLEN,
    UPRIGHT,
    Controller,
    HandOverError,
    JointTargets,
    References,
    State,
)
from humanoid_control.policy.description import PolicyDescription, PolicyEntry, load_description
from humanoid_control.policy.network import Network, UnavailableError, load_network
from humanoid_control.policy.observation import GaitClock, Observer, Sight
from humanoid_control.tilt import tilt
from humanoid_description.robot import RobotDescription

#: Policy periods after which the state that the last answer rests on is too old.
STALE = 2


@dataclass(frozen=True)
class Policy:
    """A description and its network, or why there is none on this machine."""

    name: str
    description: PolicyDescription
    network: Network | None
    missing: str = ""


def load_policy(name: str, entry: PolicyEntry, robot: RobotDescription) -> Policy:
    """The policy of the mode `name`. Raises ConfigError; what is not installed is no error."""
    description, source = load_description(entry.description, robot)
    try:
        return Policy(name, description, load_network(entry.model, description, source, robot))
    except UnavailableError as error:
        return Policy(name, description, None, str(error))


class PolicyController(Controller):
    """Asks the network at its own rate, counted in stamps, and holds its targets in between."""

    walks = True

    def __init__(self, robot: RobotDescription, policy: Policy) -> None:
        self.name = policy.name  # type: ignore[misc]  # one class, many modes
        description = policy.description
        self._policy, self._description = policy, description
        self._rows = np.array([robot.index[name] for name in description.joints], dtype=np.intp)
        self._default = description.column("default")
        self._lowest = np.array(description.command_lower)
        self._highest = np.array(description.command_upper)
        self.velocity_range = (self._lowest, self._highest)
        n = len(robot.joints)
        self._zero = np.zeros(n)
        self._stiffness, self._damping = np.zeros(n), np.zeros(n)
        self._stiffness[self._rows] = description.column("stiffness")
        self._damping[self._rows] = description.column("damping")
        self._lower, self._upper = robot.column("lower"), robot.column("upper")
        self._period = round(1e9 / description.rate)
        self._observer = Observer(description.observations, description.history, len(self._rows))
        self._clock = GaitClock(description.gait.period, 1.0 / description.rate)
        self._action = np.zeros(len(self._rows))
        self._position = self._zero
        self._moving = False
        self._seen = self._due = 0

    def missing(self) -> str:
        return self._policy.missing

    def blocked(self, state: State) -> str | None:
        if self._policy.network is None:
            return self._policy.missing
        if not state.valid:
            return "the base estimate is not valid: put the robot on its feet, wait for it"
        if state.fall != UPRIGHT:
            what = "has fallen" if state.fall == FALLEN else "is falling"
            return f"the robot {what}: set it on its feet and ask for 'stand' first"
        angle, limit = tilt(state.q), self._description.tilt
        if angle > limit:
            return f"the base is tilted by {angle:.2f} rad (limit {limit:g}): set it upright"
        return None

    def busy(self) -> str | None:
        return "walking: it comes to stand first" if self._moving else None

    def start(self, state: State, last: JointTargets) -> None:
        self._observer.reset()
        self._clock.reset()
        self._action = np.zeros(len(self._rows))
        self._position = state.q[7:].copy()
        self._moving = False
        self._seen = self._due = state.stamp

    def update(self, state: State, references: References) -> JointTargets:
        """Raises HandOverError when the state is too old or the network's answer is no number."""
        gap, self._seen = state.stamp - self._seen, state.stamp
        if gap > STALE * self._period:
            raise HandOverError(
                f"no state for {gap * 1e-6:.0f} ms (limit {STALE * self._period * 1e-6:.0f} ms)"
            )
        if state.stamp >= self._due:
            self._due = max(self._due + self._period, state.stamp)
            self._ask(state, references)
        zero = self._zero
        return JointTargets(self._position, zero, zero, self._stiffness, self._damping)

    def _ask(self, state: State, references: References) -> None:
        description, network = self._description, self._policy.network
        assert network is not None  # blocked() says so first
        command = np.clip(references.twist, self._lowest, self._highest)
        still = description.gait.still
        self._moving = bool(np.hypot(command[0], command[1]) >= still or abs(command[2]) >= still)
        sight = Sight(
            orientation=state.q[3:7],
            linear=state.v[:3],
            angular=state.v[3:6],
            position=state.q[7:][self._rows] - self._default,
            velocity=state.v[6:][self._rows],
            action=self._action,
            command=command,
            phase=self._clock.advance(self._moving),
        )
        action = network(self._observer.observe(sight))[0].astype(float)
        if not np.isfinite(action).all():
            raise HandOverError("the network's answer is not finite")
        limit = description.action.limit
        self._action = np.clip(action, -limit, limit)
        position = np.zeros(len(self._zero))
        position[self._rows] = self._default + description.action.scale * self._action
        self._position = np.clip(position, self._lower, self._upper)
