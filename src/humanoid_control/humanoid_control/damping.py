"""Damping: no stiffness, no feed-forward, the damping of the joint table. The safe mode."""

import numpy as np

from humanoid_control.controller import Controller, JointTargets, References, State
from humanoid_description.robot import RobotDescription


class DampingController(Controller):
    """Brakes every joint. Its position is the measured one, so that arming finds it where it is."""

    name = "damping"
    balances = False

    def __init__(self, robot: RobotDescription) -> None:
        n = len(robot.joints)
        self._last = np.zeros(n)
        self._zero = np.zeros(n)
        self._damping = robot.column("damping")

    def blocked(self, state: State) -> str | None:
        return None

    def start(self, state: State, last: JointTargets) -> None:
        self._last = last.position.copy()

    def update(self, state: State, references: References) -> JointTargets:
        measured = state.q[7:]
        # A joint that is not measured keeps its last target, which without stiffness moves nothing.
        self._last = np.where(np.isfinite(measured), measured, self._last)
        zero = self._zero
        return JointTargets(self._last, zero, zero, zero, self._damping)
