"""Promises of the whole control cycle, on the real G1 description."""

from collections.abc import Callable, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest

from humanoid_control.config import ControlConfig
from humanoid_control.controller import (
    Controller,
    JointTargets,
    References,
    State,
)
from humanoid_control.core import ControlCore
from humanoid_control.damping import DampingController
from humanoid_control.modes import Mode
from humanoid_control.ready import ReadyController
from humanoid_control.references import BodyPoseError
from humanoid_control.supervisor import Reaction
from humanoid_control.trajectory import TrajectoryError, TrajectoryOrder
from humanoid_description.robot import RobotDescription

STEP = 2_000_000
ARM, WAIST, LEG = "left_elbow_joint", "waist_yaw_joint", "left_knee_joint"


class Balance(Controller):
    """Stiff joints that follow the posture reference; shows which references it was given."""

    name = "stand"

    def __init__(self, robot: RobotDescription) -> None:
        self._gains = robot.column("stiffness"), robot.column("damping")
        self.references = References()

    def blocked(self, state: State) -> str | None:
        return None

    def start(self, state: State, last: JointTargets) -> None:
        pass

    def update(self, state: State, references: References) -> JointTargets:
        self.references = references
        position, velocity = references.position, references.velocity
        assert position is not None
        assert velocity is not None
        return JointTargets(position, velocity, np.zeros_like(position), *self._gains)


class Sitting(Balance):
    name = "sit"


class Loop:
    """A core whose robot stands in the ready pose and follows exactly."""

    def __init__(
        self, robot: RobotDescription, startup: str = "stand", *, armed: bool = True
    ) -> None:
        self.robot = robot
        self.stand = Balance(robot)
        config = ControlConfig()
        modes: Sequence[Mode] = (
            Mode(DampingController(robot), down=True),
            Mode(ReadyController(robot, config.ready), after=("damping", "stand")),
            Mode(self.stand, after=("ready",)),
            Mode(Sitting(robot), after=("ready", "stand"), down=True),
        )
        self.core = ControlCore(robot, config, startup, modes)
        self.core.on_safety(Reaction.NONE, armed)
        self.tick = 0
        self.position = robot.poses["ready"].copy()

    def state(self, stamp: int | None = None, **more: Any) -> State:
        n = len(self.robot.joints)
        q = np.concatenate(([0.0, 0.0, 0.8, 0.0, 0.0, 0.0, 1.0], self.position))
        state = State(
            self.tick * STEP if stamp is None else stamp,
            q,
            np.zeros(6 + n),
            np.zeros(n),
            np.array([True, True]),
            np.zeros((2, 6)),
        )
        for name, value in more.items():
            setattr(state, name, value)
        return state

    def run(self, ticks: int = 1, **more: Any) -> list[bytes]:
        """The answers, as bytes."""
        answers = []
        for _ in range(ticks):
            self.tick += 1
            answers.append(packed(self.core.update(self.state(**more))))
        return answers

    @property
    def mode(self) -> str:
        return self.core.mode_state.mode

    def move(self, joint: str, angle: float, seconds: float = 1.0) -> None:
        self.core.on_trajectory(TrajectoryOrder((joint,), np.array([seconds]), np.array([[angle]])))

    def asked(self, joint: str) -> float:
        position = self.stand.references.position
        assert position is not None
        return float(position[self.robot.index[joint]])


def packed(targets: JointTargets) -> bytes:
    return np.concatenate(astuple(targets)).tobytes()


@pytest.fixture
def make_loop(g1: RobotDescription) -> Callable[..., Loop]:
    return lambda *arguments, **options: Loop(g1, *arguments, **options)


@pytest.fixture
def standing(make_loop: Callable[..., Loop]) -> Loop:
    loop = make_loop()
    loop.run(500)
    assert loop.mode == "stand"
    return loop


# -- one answer per sample -----------------------------------------------------------------------


def test_the_same_stamp_gets_the_same_bytes_and_changes_nothing(
    make_loop: Callable[..., Loop],
) -> None:
    once, often = make_loop(), make_loop()
    for tick in range(600):
        for loop, repeats in ((once, 1), (often, 1 + tick % 4)):
            loop.tick = tick
            answers = {packed(loop.core.update(loop.state())) for _ in range(repeats)}
            assert len(answers) == 1
            if tick == 400:
                loop.core.on_body_pose(np.array([0.02, 0.0]), 0.0, np.zeros(3))
                loop.move(ARM, 1.0)
        assert packed(once.core.update(once.state())) == answers.pop()


def test_an_order_or_a_reaction_during_a_pause_acts_on_the_next_sample(standing: Loop) -> None:
    answer = packed(standing.core.update(standing.state()))
    assert standing.core.set_mode("damping") == (True, "on the way from stand to damping")
    standing.core.on_safety(Reaction.DAMP, True)
    assert packed(standing.core.update(standing.state())) == answer
    assert standing.mode == "stand"
    standing.run()
    assert standing.mode == "damping"


def test_a_request_says_that_it_waits_for_the_next_sample(standing: Loop) -> None:
    standing.core.set_mode("ready")
    assert standing.core.mode_state.waiting_for == "the next sample"
    standing.run()
    assert standing.core.mode_state.waiting_for == ""


def test_two_runs_with_the_same_orders_give_the_same_bytes(make_loop: Callable[..., Loop]) -> None:
    def run() -> list[bytes]:
        loop = make_loop()
        answers = loop.run(500)
        loop.move(ARM, 1.2)
        loop.core.on_body_pose(np.array([0.01, 0.02]), 0.7, np.array([0.0, 0.1, 0.0]))
        answers += loop.run(200)
        loop.core.on_safety(Reaction.HOLD, True)
        answers += loop.run(50)
        loop.core.on_safety(Reaction.NONE, True)
        loop.core.set_mode("ready")
        return answers + loop.run(200)

    assert run() == run()


def test_stamps_that_go_back_end_in_damping(standing: Loop) -> None:
    standing.tick = 0
    standing.run(300)
    assert standing.mode == "damping"
    assert any("stamps went back" in event for event in standing.core.take_events())


def test_the_word_of_safety_reaches_the_controllers(make_loop: Callable[..., Loop]) -> None:
    loop = make_loop(armed=False)
    loop.run(1000)
    assert loop.mode == "ready"
    assert "not armed" in loop.core.mode_state.waiting_for
    loop.core.on_safety(Reaction.NONE, True)
    loop.run(500)
    assert loop.mode == "stand"


def test_while_not_armed_the_command_is_the_measured_position(
    make_loop: Callable[..., Loop],
) -> None:
    loop = make_loop(armed=False)
    loop.position += 0.05
    targets = loop.core.update(loop.state())
    assert np.array_equal(targets.position, loop.position)
    assert targets.stiffness.all()


def test_without_a_word_of_safety_the_robot_counts_as_not_armed(g1: RobotDescription) -> None:
    core = ControlCore(g1, ControlConfig(), "ready", Loop(g1).core._supervisor._modes.values())
    state = Loop(g1).state()
    core.update(state)
    assert state.armed is False


# -- references ----------------------------------------------------------------------------------


def test_a_body_pose_reaches_the_controller_slowly(standing: Loop) -> None:
    assert standing.core.on_body_pose(np.array([0.02, -0.01]), 0.7, np.zeros(3)) == ()
    height = standing.stand.references.height
    standing.run()
    assert height is not None
    assert 0.0 < height - float(standing.stand.references.height or 0) < 1e-4
    standing.run(3000)
    assert standing.stand.references.height == 0.7
    assert np.array_equal(standing.stand.references.com_offset, [0.02, -0.01])


def test_arms_and_waist_follow_trajectories_and_legs_are_refused(standing: Loop) -> None:
    standing.move(ARM, 1.2)
    standing.run(600)
    assert standing.asked(ARM) == pytest.approx(1.2)
    standing.move(WAIST, 0.3)
    standing.run(600)
    assert standing.asked(WAIST) == pytest.approx(0.3)
    with pytest.raises(TrajectoryError, match="'left_knee_joint' carries the robot"):
        standing.move(LEG, 0.5)


def test_exactly_the_joints_between_base_and_soles_carry_the_robot(standing: Loop) -> None:
    for name in standing.robot.joint_names:
        is_leg = any(part in name for part in ("hip", "knee", "ankle"))
        row = standing.robot.index[name]
        try:
            standing.move(name, float(standing.position[row]))
            refused = False
        except TrajectoryError:
            refused = True
        assert refused == is_leg, name


def test_hold_freezes_the_references_while_the_balance_goes_on(standing: Loop) -> None:
    standing.core.on_body_pose(np.zeros(2), 0.65, np.zeros(3))
    standing.move(ARM, 1.4)
    standing.run(250)
    standing.core.on_safety(Reaction.HOLD, True)
    standing.run(500)
    height, angle = standing.stand.references.height, standing.asked(ARM)
    assert height is not None
    assert height > 0.66
    assert angle < 1.3
    assert len(set(standing.run(200))) == 1
    assert standing.mode == "stand"
    assert standing.stand.references.height == height
    for order in (
        lambda: standing.move(ARM, 0.5),
        lambda: standing.core.on_body_pose(np.zeros(2), 0.0, np.zeros(3)),
    ):
        with pytest.raises((TrajectoryError, BodyPoseError), match="HOLD: the references are"):
            order()
    standing.core.on_safety(Reaction.NONE, True)
    standing.run(500)
    assert standing.asked(ARM) == angle  # a frozen trajectory does not go on by itself
    standing.move(ARM, 0.5)


def test_a_held_arm_is_kept_from_ready_to_stand_and_dropped_by_damping(standing: Loop) -> None:
    standing.core.set_mode("ready")
    standing.run(1000)
    standing.move(ARM, 1.2)
    standing.run(600)
    standing.core.set_mode("stand")
    standing.run(200)
    assert standing.asked(ARM) == pytest.approx(1.2)
    standing.core.set_mode("damping")
    standing.run(10)
    standing.core.set_mode("stand")
    standing.run(1000)
    assert standing.mode == "stand"
    assert standing.asked(ARM) == standing.robot.poses["ready"][standing.robot.index[ARM]]


@pytest.mark.parametrize("mode", ["damping", "sit"])
def test_modes_without_references_refuse_orders_and_say_what_to_do(
    standing: Loop, mode: str
) -> None:
    standing.core.set_mode(mode)
    standing.run(10)
    with pytest.raises(TrajectoryError, match=f"mode {mode} follows no references.*'stand' first"):
        standing.move(ARM, 0.5)
    with pytest.raises(BodyPoseError, match="'stand' first"):
        standing.core.on_body_pose(np.zeros(2), 0.0, np.zeros(3))


def test_ready_follows_trajectories_when_its_ramp_is_over_but_no_body_pose(
    make_loop: Callable[..., Loop],
) -> None:
    loop = make_loop("ready")
    loop.run(5)
    with pytest.raises(TrajectoryError, match="mode ready is busy"):
        loop.move(ARM, 0.5)
    loop.run(500)
    loop.move(ARM, 1.2)
    loop.run(600)
    targets = loop.core.update(loop.state())
    assert targets.position[loop.robot.index[ARM]] == pytest.approx(1.2)
    with pytest.raises(BodyPoseError, match="mode ready does not balance"):
        loop.core.on_body_pose(np.zeros(2), 0.0, np.zeros(3))


def test_nothing_is_followed_before_the_first_sample(make_loop: Callable[..., Loop]) -> None:
    loop = make_loop("ready")
    with pytest.raises(TrajectoryError):
        loop.move(ARM, 0.5)


def test_a_gap_in_the_samples_makes_no_jump(standing: Loop) -> None:
    standing.move(ARM, 1.4, 2.0)
    standing.run(500)
    before = standing.asked(ARM)
    standing.tick += 500
    standing.run()
    assert abs(standing.asked(ARM) - before) < 0.02


# -- safety --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reaction", "mode"),
    [
        (Reaction.NONE, "stand"),
        (Reaction.WARN, "stand"),
        (Reaction.DERATE, "stand"),
        (Reaction.HOLD, "stand"),
        (Reaction.SIT, "sit"),
        (Reaction.DAMP, "damping"),
        (Reaction.TORQUE_OFF, "damping"),
    ],
)
def test_each_reaction_has_its_mode(standing: Loop, reaction: Reaction, mode: str) -> None:
    standing.core.on_safety(reaction, True)
    standing.run()
    assert standing.mode == mode


def test_the_robot_does_not_rise_after_a_rearm(standing: Loop) -> None:
    standing.core.on_safety(Reaction.DAMP, True)
    standing.run(100)
    standing.core.on_safety(Reaction.NONE, False)
    standing.run(100)
    standing.core.on_safety(Reaction.NONE, True)
    standing.run(500)
    assert (standing.mode, standing.core.mode_state.target) == ("damping", "damping")


def test_an_unknown_startup_mode_is_refused(g1: RobotDescription) -> None:
    with pytest.raises(ValueError, match="did you mean 'stand'"):
        Loop(g1, "stando")
