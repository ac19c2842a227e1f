"""Promises of the mode that gets a lying robot up, and of the file with its motion."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from humanoid_control.controller import FALLEN, JointTargets, References, State
from humanoid_control.get_up import GetUpController, GetUpError, vertical
from humanoid_control.get_up_motion import FILE, load_get_up
from humanoid_control.ramps import MINIMUM_JERK_SLOPE
from humanoid_description.robot import RobotDescription
from humanoid_description.strict_yaml import ConfigError

MakeState = Callable[..., State]
MOTION = """
limp: [wrist]
tracking: 0.3
settle: 0.5
postures:
  left:  # the robot lies on its right side: the left one is up
    up: [0.0, 2.0, 0.0]
    phases:
      - {move: 0.2, hold: 0.1, up: [0.0, 1.0, 0.0], within: 0.4, joints: {leg: 1.0}}
    then: front
  front:
    up: [-1.0, 0.0, 0.0]
    phases:
      - {move: 0.4, joints: {leg: 0.5, wrist: 1.0}}
"""
LEFT = np.pi / 2  # roll that brings the left side up
REFERENCES = References()


@pytest.fixture
def lying(robot: RobotDescription, tmp_path: Path) -> RobotDescription:
    """The robot with the file above."""
    (tmp_path / FILE).write_text(MOTION)
    return replace(robot, directory=tmp_path)


@pytest.fixture
def controller(lying: RobotDescription) -> GetUpController:
    motion = load_get_up(lying)
    assert motion is not None
    return GetUpController(lying, motion)


def last() -> JointTargets:
    return JointTargets(*(np.zeros(4) for _ in range(5)))


class Play:
    """Feeds samples whose joints follow the targets of the sample before, but for `error`."""

    def __init__(self, controller: GetUpController, make_state: MakeState) -> None:
        self.controller, self.make_state = controller, make_state
        self.tick = 0
        self.position = np.array([-0.5, 0.1, 0.0, 0.0])
        controller.start(make_state(0), last())

    def run(self, seconds: float, error: object = 0.0, **state: object) -> JointTargets:
        for _ in range(round(seconds / 0.002)):
            sample = self.make_state(self.tick, self.position + error, **state)
            targets = self.controller.update(sample, REFERENCES)
            self.position = targets.position.copy()
            self.tick += 1
        return targets


@pytest.fixture
def play(controller: GetUpController, make_state: MakeState) -> Play:
    return Play(controller, make_state)


def test_the_vertical_is_seen_from_the_base(make_state: MakeState) -> None:
    assert vertical(make_state().q) == pytest.approx([0.0, 0.0, 1.0])
    assert vertical(make_state(roll=LEFT).q) == pytest.approx([0.0, 1.0, 0.0])


@pytest.mark.parametrize(("roll", "possible"), [(LEFT, True), (LEFT - 0.69, True), (-LEFT, False)])
def test_it_gets_up_only_from_the_postures_of_its_file(
    controller: GetUpController, make_state: MakeState, roll: float, possible: bool
) -> None:
    refusal = controller.blocked(make_state(roll=roll, fall=FALLEN, valid=False))
    assert (refusal is None) is possible
    if refusal:
        assert "from left, front only" in refusal
        assert "0.0 -1.0 0.0" in refusal


def test_without_torque_it_commands_the_measured_position(play: Play) -> None:
    for position in ([0.1, 0.2, 0.3, 0.4], [1.0, 0.0, 0.0, 0.0]):
        play.position = np.array(position)
        assert play.run(0.002, armed=False, roll=LEFT).position == pytest.approx(position)
    assert play.controller.busy() == "not armed: 'humanoid rearm'"


def test_it_plays_the_phases_of_the_posture_and_of_those_that_follow(play: Play) -> None:
    play.run(0.1, roll=LEFT)
    assert play.controller.busy() == "getting up: phase left 1"
    targets = play.run(0.15, roll=LEFT)
    assert targets.position == pytest.approx([1.0, 0.0, 0.0, 0.0])
    play.run(0.1, roll=LEFT)
    assert play.controller.busy() == "getting up: phase front 1"
    targets = play.run(0.5)
    assert targets.position == pytest.approx([0.5, 0.0, 0.0, 1.0])
    assert play.controller.busy() is None


def test_targets_are_smooth(play: Play, lying: RobotDescription) -> None:
    before = play.run(0.002, roll=LEFT)
    assert before.position == pytest.approx([-0.5, 0.1, 0.0, 0.0])
    for _ in range(350):
        targets = play.run(0.002, roll=LEFT if play.tick < 151 else 0.0)
        step = np.abs(targets.position - before.position).max()
        assert step <= 1.01 * 0.002 * MINIMUM_JERK_SLOPE * 1.5 / 0.2
        before = targets


def test_it_has_the_stiffness_of_the_table_but_weak_joints_are_limp(
    play: Play, lying: RobotDescription
) -> None:
    targets = play.run(0.002, roll=LEFT)
    assert targets.stiffness.tolist() == [*lying.column("stiffness")[:3], 0.0]
    assert np.array_equal(targets.damping, lying.column("damping"))
    assert not targets.effort.any()


def test_it_gives_up_when_the_base_lies_wrong_after_a_phase(play: Play) -> None:
    play.run(0.298, roll=LEFT)
    with pytest.raises(GetUpError, match=r"after phase left 1 the base is 0\.50 rad .*limit 0\.4"):
        play.run(0.1, roll=LEFT - 0.5)


@pytest.mark.parametrize("error", [0.31, -0.31, np.nan])
def test_it_gives_up_when_a_joint_did_not_follow(play: Play, error: float) -> None:
    play.run(0.298, roll=LEFT)
    with pytest.raises(GetUpError, match=r"joint 'waist' is .* from its angle"):
        play.run(0.1, np.array([0.0, error, 0.0, 0.0]), roll=LEFT)


def test_limp_joints_need_not_follow(play: Play) -> None:
    play.run(0.75, np.array([0.0, 0.0, 0.0, 1.0]), roll=LEFT)
    assert play.controller.busy() is None


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"fall": FALLEN}, "the robot is not upright"),
        ({"valid": False}, "the estimated state is not valid"),
        ({"contact": np.array([True, False])}, "not every foot carries"),
    ],
)
def test_it_waits_for_what_the_next_mode_needs_but_not_for_long(
    play: Play, state: dict[str, object], reason: str
) -> None:
    play.run(0.75, roll=LEFT)
    play.run(0.4, **state)
    assert play.controller.busy() == "up, waiting for the estimated state and both feet"
    play.run(0.002)
    assert play.controller.busy() is None
    with pytest.raises(GetUpError, match=f"0.5 s after the last phase {reason}"):
        play.run(0.4, **state)


def test_it_gives_up_when_the_robot_was_turned_over_before_it_was_armed(play: Play) -> None:
    play.run(0.1, armed=False, roll=LEFT)
    with pytest.raises(GetUpError, match="the robot lies otherwise"):
        play.run(0.1, roll=-LEFT)


def test_it_starts_again_from_the_beginning(play: Play, make_state: MakeState) -> None:
    play.run(0.75, roll=LEFT)
    play.controller.start(make_state(play.tick), last())
    assert play.controller.busy() == "not armed: 'humanoid rearm'"
    play.run(0.1, roll=LEFT)
    assert play.controller.busy() == "getting up: phase left 1"


def test_it_runs_while_the_robot_lies_and_does_not_balance(controller: GetUpController) -> None:
    assert (controller.lies, controller.balances, controller.walks) == (True, False, False)


# -- the file -----------------------------------------------------------------------------------


def test_a_robot_without_the_file_has_no_motion(robot: RobotDescription, tmp_path: Path) -> None:
    assert load_get_up(replace(robot, directory=tmp_path)) is None


BAD = {
    "joint": ("{leg: 1.0}", "{lg: 1.0}", r"phases\[0\].joints.lg.*not in the joint table.*'leg'"),
    "limp joint": ("[wrist]", "[writs]", r"limp.*'writs' is not in the joint table"),
    "range": ("{leg: 1.0}", "{leg: 1.6}", r"joints.leg.*inside its range \[-2, 1.5\] rad"),
    "duration": ("move: 0.4", "move: 0.0", "move.*at least 0.1 s"),
    "no direction": ("[0.0, 2.0, 0.0]", "[0.0, 0.0, 0.0]", "left.up.*must not be zero"),
    "no direction at the end": ("[0.0, 1.0, 0.0]", "[0.0, 0.0, 0.0]", r"\[0\].up.*not be zero"),
    "nowhere": ("then: front", "then: frnt", "left.then.*no such posture: 'frnt'.*'front'"),
    "circle": ("then: front", "then: left", "left.then.*leads back to 'left'"),
    "key": ("tracking", "trakcing", "trakcing"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_done_is_refused(lying: RobotDescription, name: str) -> None:
    old, new, message = BAD[name]
    (lying.directory / FILE).write_text(MOTION.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        load_get_up(lying)


def test_a_way_that_is_too_fast_is_refused(lying: RobotDescription) -> None:
    second = "\n      - {move: 0.1, joints: {leg: -1.0}}"
    (lying.directory / FILE).write_text(MOTION.rstrip() + second)
    with pytest.raises(ConfigError, match=r"'leg' would turn at 28\.1 rad/s, limit 8"):
        load_get_up(lying)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("postures: {}\n", "at least one posture"),
        ("postures: {a: {up: [1.0, 0.0, 0.0], phases: []}}\n", "at least one phase"),
    ],
)
def test_an_empty_file_is_refused(lying: RobotDescription, text: str, message: str) -> None:
    (lying.directory / FILE).write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_get_up(lying)
