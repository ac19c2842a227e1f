"""Promises of the control cycle about walking orders."""

import numpy as np
import pytest

from humanoid_control.config import ControlConfig
from humanoid_control.controller import Controller, JointTargets, References, State
from humanoid_control.core import ControlCore
from humanoid_control.damping import DampingController
from humanoid_control.modes import Mode
from humanoid_control.supervisor import Reaction
from humanoid_control.velocity import VelocityError
from humanoid_description.robot import RobotDescription

STEP = 2_000_000
ORDER = np.array([0.3, 0.0, 0.2])


class Walker(Controller):
    """Shows the velocity it is given; busy while there is one, as a walker is."""

    def __init__(self, name: str, joints: int, *, walks: bool) -> None:
        self.name = name  # type: ignore[misc]  # a class variable in real controllers
        self.walks = walks  # type: ignore[misc]
        self.twist = np.zeros(3)
        self._targets = JointTargets(*np.zeros((5, joints)))

    def blocked(self, state: State) -> str | None:
        return None

    def start(self, state: State, last: JointTargets) -> None:
        self.twist = np.zeros(3)

    def update(self, state: State, references: References) -> JointTargets:
        self.twist = references.twist
        return self._targets

    def busy(self) -> str | None:
        return "walking" if self.twist.any() else None


class Rig:
    """A core in mode walk."""

    def __init__(self, robot: RobotDescription) -> None:
        n = len(robot.joints)
        self.stand = Walker("stand", n, walks=False)
        self.walk = Walker("walk", n, walks=True)
        modes = (
            Mode(DampingController(robot), down=True),
            Mode(self.stand, after=("damping", "walk")),
            Mode(self.walk, after=("stand",)),
        )
        self.core = ControlCore(robot, ControlConfig(), "walk", modes)
        self.core.on_safety(Reaction.NONE, True)
        self._q = np.concatenate(([0, 0, 0.8, 0, 0, 0, 1.0], robot.poses["ready"]))
        self._n, self._tick = n, 0
        self.run(3)

    def run(self, ticks: int, order: np.ndarray | None = None) -> None:
        for _ in range(ticks):
            self._tick += 1
            zero = np.zeros(self._n)
            state = State(
                self._tick * STEP, self._q, np.zeros(6 + self._n), zero,
                np.array([True, True]), np.zeros((2, 6)),
            )  # fmt: skip
            self.core.update(state)
            if order is not None:
                self.core.on_velocity(order)

    @property
    def mode(self) -> str:
        return self.core.mode_state.mode


@pytest.fixture
def rig(g1: RobotDescription) -> Rig:
    rig = Rig(g1)
    assert rig.mode == "walk"
    return rig


def test_a_walking_order_reaches_the_controller_smoothly(rig: Rig) -> None:
    rig.run(1, ORDER)
    rig.run(1, ORDER)
    assert 0.0 < rig.walk.twist[0] < 0.01
    rig.run(500, ORDER)
    assert np.allclose(rig.walk.twist, ORDER)


def test_without_renewal_the_robot_stops(rig: Rig) -> None:
    rig.run(500, ORDER)
    rig.run(800)
    assert not rig.walk.twist.any()


def test_another_mode_is_entered_once_the_walk_has_come_to_rest(rig: Rig) -> None:
    rig.run(500, ORDER)
    assert rig.core.set_mode("stand")[0]
    rig.run(10)
    assert rig.mode == "walk"
    with pytest.raises(VelocityError, match="does not walk"):
        rig.core.on_velocity(ORDER)
    rig.run(500)
    assert rig.mode == "stand"


def test_a_mode_that_does_not_walk_refuses_walking_orders(rig: Rig) -> None:
    rig.core.set_mode("stand")
    rig.run(3)
    with pytest.raises(VelocityError, match="mode stand does not walk: ask for 'walk' first"):
        rig.core.on_velocity(ORDER)
    rig.core.set_mode("walk")
    rig.run(3)
    assert not rig.walk.twist.any()


def test_hold_stops_the_walk_and_refuses_orders(rig: Rig) -> None:
    rig.run(500, ORDER)
    rig.core.on_safety(Reaction.HOLD, True)
    with pytest.raises(VelocityError, match="the safety reaction is HOLD"):
        rig.core.on_velocity(ORDER)
    rig.run(500)
    assert rig.mode == "walk"
    assert not rig.walk.twist.any()
    rig.core.on_safety(Reaction.NONE, True)
    rig.run(500)
    assert not rig.walk.twist.any()


def test_damping_forgets_the_walking_order(rig: Rig) -> None:
    rig.run(500, ORDER)
    rig.core.set_mode("damping")
    rig.run(3)
    assert rig.mode == "damping"
    rig.core.set_mode("walk")
    rig.run(5)
    assert rig.mode == "walk"
    assert not rig.walk.twist.any()
