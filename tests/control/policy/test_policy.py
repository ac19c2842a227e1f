"""Promises of the policy controller, on a network that does as it is told."""

from collections.abc import Callable

import numpy as np
import pytest

from humanoid_control.controller import FALLING, HandOverError, JointTargets, References, State
from humanoid_control.policy.description import PolicyDescription
from humanoid_control.policy.policy import Policy, PolicyController
from humanoid_description.robot import RobotDescription

MakeState = Callable[..., State]
LAST = JointTargets(*np.zeros((5, 4)))
WALK = References(twist=np.array([1.0, 0.0, 0.0]))


class Network:
    """Keeps what it was shown; answers with `action`."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []
        self.action = np.array([1.0, -1.0, 0.0, 5.0])  # arm, leg, waist, wrist

    def __call__(self, values: np.ndarray) -> np.ndarray:
        self.shown.append(values.copy())
        return self.action.astype(np.float32)[None]


class Rig:
    """A policy at 50 Hz under samples at 500 Hz."""

    def __init__(self, robot: RobotDescription, description: PolicyDescription, make: MakeState):
        self.network = Network()
        self.controller = PolicyController(robot, Policy("learned", description, self.network))
        self.make = make
        self.controller.start(make(0), LAST)

    def run(self, first: int, last: int, references: References = WALK) -> JointTargets:
        for tick in range(first, last + 1):
            targets = self.controller.update(self.make(tick), references)
        return targets


@pytest.fixture
def rig(robot: RobotDescription, description: PolicyDescription, make_state: MakeState) -> Rig:
    return Rig(robot, description, make_state)


def test_the_network_is_asked_at_its_own_rate_counted_in_stamps(rig: Rig) -> None:
    rig.run(0, 9)
    assert len(rig.network.shown) == 1
    rig.run(10, 49)
    assert len(rig.network.shown) == 5


def test_a_skipped_sample_neither_loses_nor_doubles_a_question(rig: Rig) -> None:
    for tick in (0, 9, 11, 19, 20, 31, 40):
        rig.run(tick, tick)
    assert len(rig.network.shown) == 5  # at 0, 11, 20, 31 and 40: the grid stays


def test_answers_are_scaled_clipped_and_sorted_into_the_joint_table(rig: Rig) -> None:
    targets = rig.run(0, 0)
    # Table: leg, waist, arm, wrist. Wrist: -0.1 + 0.5 * min(5, limit of 2).
    assert targets.position == pytest.approx([0.2 - 0.5, 0.0, 0.1 + 0.5, -0.1 + 0.5 * 2.0])
    assert targets.stiffness == pytest.approx([40.0, 50.0, 30.0, 20.0])
    assert targets.damping == pytest.approx([4.0, 5.0, 3.0, 2.0])
    assert not targets.velocity.any()
    assert not targets.effort.any()


def test_targets_stay_inside_the_joints_ranges(rig: Rig) -> None:
    rig.network.action = np.array([0.0, -2.0, 0.0, 0.0])
    rig.controller._default = rig.controller._default - 1.5
    assert rig.run(0, 0).position[0] == -2.0


def test_it_is_shown_its_own_last_clipped_action(rig: Rig) -> None:
    rig.run(0, 10)
    assert rig.network.shown[0][0, :4] == pytest.approx(np.zeros(4))
    assert rig.network.shown[1][0, :4] == pytest.approx([1.0, -1.0, 0.0, 2.0])


def test_a_start_forgets_the_past(rig: Rig, make_state: MakeState) -> None:
    rig.run(0, 10)
    rig.controller.start(make_state(11), LAST)
    rig.run(11, 11)
    assert rig.network.shown[-1][0, :4] == pytest.approx(np.zeros(4))


def test_it_hands_over_when_the_state_is_older_than_two_periods(rig: Rig) -> None:
    rig.run(0, 0)
    rig.run(20, 20)  # 40 ms: just not
    with pytest.raises(HandOverError, match=r"no state for 42 ms \(limit 40 ms\)"):
        rig.run(41, 41)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_it_hands_over_when_an_answer_is_not_finite(rig: Rig, value: float) -> None:
    rig.network.action = np.array([0.0, value, 0.0, 0.0])
    with pytest.raises(HandOverError, match="not finite"):
        rig.run(0, 0)


def test_it_is_busy_while_it_is_told_to_walk(rig: Rig) -> None:
    rig.run(0, 0)
    assert rig.controller.busy() == "walking: it comes to stand first"
    rig.run(1, 10, References(twist=np.array([0.0, 0.009, 0.0])))
    assert rig.controller.busy() is None


def test_it_takes_over_only_upright_and_with_an_estimate(rig: Rig, make_state: MakeState) -> None:
    assert rig.controller.blocked(make_state(0)) is None
    assert "not valid" in str(rig.controller.blocked(make_state(0, valid=False)))
    assert "is falling" in str(rig.controller.blocked(make_state(0, fall=FALLING)))
    assert "tilted by 0.60 rad (limit 0.5)" in str(rig.controller.blocked(make_state(0, roll=0.6)))


def test_without_its_network_it_says_what_to_install(
    robot: RobotDescription, description: PolicyDescription, make_state: MakeState
) -> None:
    policy = Policy("learned", description, None, "onnxruntime is not there: install it")
    controller = PolicyController(robot, policy)
    assert controller.missing() == "onnxruntime is not there: install it"
    assert controller.blocked(make_state(0)) == "onnxruntime is not there: install it"
