"""Promises of sitting down, with a balance controller that does as it is told."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from humanoid_control.controller import JointTargets, References, State
from humanoid_control.sit import LONGEST, SitConfig, SitController
from humanoid_description.robot import RobotDescription

MakeState = Callable[..., State]
CONFIG = SitConfig(crouch=1.0, height=0.75, release=0.5)
HEIGHT = 0.8


@pytest.fixture
def balance(make_stub: Any) -> Any:
    return make_stub("stand", 2.0)


@pytest.fixture
def last() -> JointTargets:
    return JointTargets(*(np.full(4, float(value)) for value in (0.1, 0.0, 3.0, 50.0, 1.0)))


def sit_down(
    sit: SitController, make_state: MakeState, seconds: float, first: int = 0
) -> list[Any]:
    answers = []
    for tick in range(first, first + round(seconds / 0.002)):
        answer = sit.update(make_state(tick, 0.2), References(height=HEIGHT))
        answers.append(np.concatenate([answer.effort, answer.stiffness, answer.damping]))
    return answers


def test_it_lowers_the_body_in_balance_and_then_damps(
    robot: RobotDescription, make_state: MakeState, balance: Any, last: JointTargets
) -> None:
    sit = SitController(robot, CONFIG, balance, HEIGHT)
    sit.start(make_state(0), last)
    sit_down(sit, make_state, 0.5)
    assert 0.75 * HEIGHT < balance.references.height < HEIGHT
    assert "crouching" in str(sit.busy())
    sit_down(sit, make_state, 0.5, 250)
    assert balance.references.height == pytest.approx(0.75 * HEIGHT, abs=1e-6)
    sit_down(sit, make_state, 0.25, 500)
    assert "letting go" in str(sit.busy())
    end = sit_down(sit, make_state, 0.5, 625)[-1]
    assert sit.busy() is None
    assert np.array_equal(end, np.concatenate([np.zeros(8), robot.column("damping")]))


def test_the_crouch_ends_upright_over_the_feet(
    robot: RobotDescription, make_state: MakeState, balance: Any, last: JointTargets
) -> None:
    sit = SitController(robot, CONFIG, balance, HEIGHT)
    sit.start(make_state(0), last)
    leaning = References(
        com_offset=np.array([0.03, -0.05]), height=0.7, torso=np.array([0.1, 0.2, 0.3])
    )
    sit.update(make_state(0), leaning)
    assert np.array_equal(balance.references.com_offset, leaning.com_offset)
    assert balance.references.height == 0.7
    for tick in range(1, 500):
        sit.update(make_state(tick), leaning)
    assert np.allclose(balance.references.com_offset, 0.0, atol=1e-6)
    assert np.allclose(balance.references.torso, 0.0, atol=1e-6)


def test_a_robot_that_is_lower_already_is_not_raised(
    robot: RobotDescription, make_state: MakeState, balance: Any, last: JointTargets
) -> None:
    sit = SitController(robot, CONFIG, balance, HEIGHT)
    sit.start(make_state(0), last)
    for tick in range(400):
        sit.update(make_state(tick), References(height=0.5))
    assert balance.references.height == 0.5


def test_where_it_cannot_balance_it_only_lets_go(
    robot: RobotDescription, make_state: MakeState, balance: Any, last: JointTargets
) -> None:
    balance.reason = "no foot on the ground"
    last.position[:] = 0.2
    sit = SitController(robot, CONFIG, balance, HEIGHT)
    sit.start(make_state(0), last)
    answers = np.array(sit_down(sit, make_state, 0.6))
    assert balance.updates == 0
    assert np.array_equal(answers[0], np.concatenate([last.effort, last.stiffness, last.damping]))
    assert np.array_equal(answers[-1], np.concatenate([np.zeros(8), robot.column("damping")]))
    assert sit.busy() is None


def test_letting_go_has_no_step_in_torque(
    robot: RobotDescription, make_state: MakeState, balance: Any, last: JointTargets
) -> None:
    sit = SitController(robot, CONFIG, balance, HEIGHT)
    sit.start(make_state(0), last)
    torques = []
    for tick in range(1000):
        answer = sit.update(make_state(tick, 0.2), References(height=HEIGHT))
        spring = answer.stiffness * (answer.position - 0.2) + answer.damping * answer.velocity
        torques.append(answer.effort + spring)
    whole = np.abs(torques[-1] - torques[0]).max()
    share = 1.5 * 0.002 / CONFIG.release
    assert np.abs(np.diff(torques, axis=0)).max() <= share * whole * (1 + 1e-9)


def test_it_can_sit_down_twice(
    robot: RobotDescription, make_state: MakeState, balance: Any, last: JointTargets
) -> None:
    sit = SitController(robot, CONFIG, balance, HEIGHT)
    sit.start(make_state(0), last)
    sit_down(sit, make_state, 2.0)
    sit.start(make_state(5000), last)
    sit_down(sit, make_state, 0.1, 5000)
    assert "crouching" in str(sit.busy())


def test_it_never_takes_longer_than_the_safety_supervisor_gives_it() -> None:
    with pytest.raises(ValueError, match="must not exceed 3 s"):
        SitConfig(crouch=2.0, release=1.01)
    default = SitConfig()
    assert default.crouch + default.release <= LONGEST
