"""Sit: lower the body in balance, then let the damped joints carry it down.

The balance controller lowers the base to a crouch, so that what is left to fall is short; then its
targets fade to damping. Where it cannot balance (the robot hangs, or stands stiff on one foot) only
the fade is left. Both together are shorter than the 3 s after which the safety supervisor cuts the
torque.
"""

from dataclasses import dataclass

import numpy as np

from humanoid_control.blend import TargetsBuffer
from humanoid_control.controller import Controller, JointTargets, References, State
from humanoid_control.damping import DampingController
from humanoid_control.ramps import Stopwatch, minimum_jerk, smoothstep
from humanoid_description.robot import RobotDescription
from humanoid_description.strict_yaml import key

#: [s] Crouch and release must end within this: reaction SIT of the fault table.
LONGEST = 3.0


@dataclass(frozen=True)
class SitConfig:
    """How the robot sits down."""

    crouch: float = key(2.0, above=0.0, unit="s", doc="time to lower the body in balance")
    height: float = key(
        0.55, above=0.0, max=1.0, doc="base height of the crouch, as a share of the ready pose's"
    )
    release: float = key(0.9, above=0.0, unit="s", doc="time to fade from balance to damping")

    def __post_init__(self) -> None:
        if self.crouch + self.release > LONGEST:
            raise ValueError(f"crouch + release must not exceed {LONGEST:g} s")


class SitController(Controller):
    """Crouches with `balance`, its own instance of the standing controller, then damps."""

    name = "sit"

    def __init__(
        self, robot: RobotDescription, config: SitConfig, balance: Controller, ready_height: float
    ) -> None:
        """`ready_height` [m] of base_link above the soles in the ready pose."""
        self._config = config
        self._balance = balance
        self._damping = DampingController(robot)
        self._ready_height = ready_height
        n = len(robot.joints)
        self._output, self._last = TargetsBuffer(n), TargetsBuffer(n)
        self._watch = Stopwatch()
        self._from: References | None = None
        self._crouching = False

    def blocked(self, state: State) -> str | None:
        return None

    def start(self, state: State, last: JointTargets) -> None:
        self._last.copy_from(last)
        self._damping.start(state, last)
        self._watch.start(state.stamp)
        self._from = None
        self._crouching = self._balance.blocked(state) is None
        if self._crouching:
            self._balance.start(state, last)

    def update(self, state: State, references: References) -> JointTargets:
        self._watch.advance(state.stamp)
        if self._crouching and self._watch.elapsed >= self._config.crouch:
            self._crouching = False
            self._watch.start(state.stamp)
        if self._crouching:
            self._last.copy_from(self._balance.update(state, self._lowered(references)))
            return self._last.targets
        self._output.copy_from(self._damping.update(state, references))
        self._output.fade(self._last, smoothstep(self._watch.elapsed / self._config.release))
        return self._output.targets

    def busy(self) -> str | None:
        if self._crouching:
            return f"crouching: {self._config.crouch - self._watch.elapsed:.1f} s left"
        left = self._config.release - self._watch.elapsed
        return f"letting go: {left:.1f} s left" if left > 0.0 else None

    def _lowered(self, references: References) -> References:
        """From the references at the start to an upright crouch over the middle of the feet."""
        if self._from is None:
            self._from = References(
                com_offset=np.array(references.com_offset),
                height=references.height or self._ready_height,
                torso=np.array(references.torso),
            )
        start = self._from
        assert start.height is not None
        share, _ = minimum_jerk(self._watch.elapsed / self._config.crouch)
        low = min(self._config.height * self._ready_height, start.height)
        return References(
            com_offset=(1.0 - share) * start.com_offset,
            height=start.height + share * (low - start.height),
            torso=(1.0 - share) * start.torso,
            position=references.position,
            velocity=references.velocity,
            tracked=references.tracked,
        )
