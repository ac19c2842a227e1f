"""The walk itself, on feet that meet what it does not know."""

import numpy as np
import pytest

from humanoid_control.controller import JointTargets, References, State
from humanoid_control.stand import StandConfig
from humanoid_control.walking.config import WalkConfig
from humanoid_control.walking.walk import SHIFTING, STEPPING, WalkController
from humanoid_control.whole_body import WholeBodyConfig
from humanoid_description.dynamics import pinocchio_model, standing_configuration
from humanoid_description.robot import RobotDescription

PERIOD = 2_000_000  # [ns]


@pytest.fixture
def walker(g1: RobotDescription) -> WalkController:
    return WalkController(g1, WalkConfig(), StandConfig(), WholeBodyConfig())


def stepped(
    g1: RobotDescription, walker: WalkController, seconds: float, pitch: float = 0.0
) -> None:
    """Step for so long with a body that does not move, both soles tipped by `pitch` [rad]."""
    model = pinocchio_model(g1)
    q, v = standing_configuration(g1, model), np.zeros(model.nv)
    for side in ("left", "right"):
        q[7 + list(g1.joint_names).index(f"{side}_ankle_pitch_joint")] += pitch
    rest = np.zeros(len(g1.joints))
    twist = np.array([0.6, 0.0, 0.0])
    air = np.array([True, True]), np.zeros((2, 6))
    walker.start(State(0, q, v, rest, *air), JointTargets(q[7:], rest, rest, rest, rest))
    walker._begin(References(twist=twist))
    assert walker.phase == SHIFTING
    walker._step_from(0, twist)
    for sample in range(1, round(seconds * 1e9 / PERIOD)):
        walker.update(State(sample * PERIOD, q, v, rest, *air), References(twist=twist))
    assert walker.phase == STEPPING


def test_a_swing_foot_that_is_held_back_is_not_pushed_on(
    g1: RobotDescription, walker: WalkController
) -> None:
    stepped(g1, walker, 0.2)
    ahead = walker._swing.motion[0, :2] - walker._body.sole(1).translation[:2]
    assert np.hypot(*ahead) < 0.03
    assert walker._swing.motion[0, 2] - walker._body.sole(1).translation[2] > 0.02


@pytest.mark.parametrize(("pitch", "grips"), [(0.0, False), (-0.12, True)])
def test_on_a_sole_that_tipped_over_an_edge_it_grips(
    g1: RobotDescription, walker: WalkController, pitch: float, grips: bool
) -> None:
    stepped(g1, walker, 0.05, pitch)
    assert walker._body.gripping is grips
