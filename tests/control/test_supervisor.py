"""Promises of the mode supervisor, with controllers that do as they are told."""

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest

from humanoid_control.controller import (
    FALLEN,
    FALLING,
    HandOverError,
    JointTargets,
    References,
    State,
)
from humanoid_control.damping import DampingController
from humanoid_control.modes import Mode
from humanoid_control.ramps import SMOOTHSTEP_SLOPE
from humanoid_control.supervisor import ModeSupervisor, Reaction
from humanoid_description.robot import RobotDescription

MakeState = Callable[..., State]
BLEND, HANDOVER = 0.1, 0.02  # [s]
REFERENCES = References()


class Rig:
    """A supervisor over damping, ready, stand, walk and sit."""

    def __init__(
        self, robot: RobotDescription, make_state: MakeState, stub: Any, startup: str = "damping"
    ) -> None:
        self.make_state = make_state
        self.ready = stub("ready", 1.0, balances=False)
        self.stand, self.walk, self.sit = stub("stand", 2.0), stub("walk", 3.0), stub("sit", 0.5)
        self.sit.unfinished = "crouching"
        modes = (
            Mode(DampingController(robot), down=True),
            Mode(self.ready, after=("damping", "stand")),
            Mode(self.stand, after=("ready", "walk")),
            Mode(self.walk, after=("stand",)),
            Mode(self.sit, after=("ready", "stand"), down=True),
        )
        self.supervisor = ModeSupervisor(modes, len(robot.joints), blend=BLEND, startup=startup)
        self.tick = -1
        self.state = make_state(0)

    def step(self, ticks: int = 1, **state: Any) -> JointTargets:
        for _ in range(ticks):
            self.tick += 1
            self.state = self.make_state(self.tick, **state)
            targets = self.supervisor.step(self.state, REFERENCES)
        return JointTargets(*(np.array(array) for array in astuple(targets)))

    def ask(self, target: str) -> tuple[bool, str]:
        return self.supervisor.request(target, self.state)

    def go(self, target: str) -> None:
        self.step()
        assert self.ask(target)[0]
        self.step(100)
        assert self.mode == target

    @property
    def mode(self) -> str:
        return self.supervisor.status.mode

    @property
    def target(self) -> str:
        return self.supervisor.status.target

    @property
    def waiting_for(self) -> str:
        return self.supervisor.status.waiting_for


@pytest.fixture
def make_rig(robot: RobotDescription, make_state: MakeState, make_stub: Any) -> Callable[..., Rig]:
    return lambda startup="damping": Rig(robot, make_state, make_stub, startup)


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    return make_rig()


# -- the way up ----------------------------------------------------------------------------------


def test_it_starts_in_damping_and_stays_there(rig: Rig) -> None:
    rig.step(50)
    assert (rig.mode, rig.target, rig.waiting_for) == ("damping", "damping", "")
    assert rig.supervisor.status.available == ("damping", "ready", "stand", "walk", "sit")


def test_it_walks_to_the_target_one_mode_at_a_time(rig: Rig) -> None:
    rig.step()
    assert rig.ask("walk") == (True, "on the way from damping to ready to stand to walk")
    seen = []
    for _ in range(5):
        seen.append(rig.mode)
        rig.step()
    assert seen == ["damping", "ready", "stand", "walk", "walk"]
    assert rig.waiting_for == ""


def test_it_waits_for_a_busy_mode_and_says_so(rig: Rig) -> None:
    rig.ready.unfinished = "2.0 s left"
    rig.step()
    rig.ask("stand")
    rig.step(10)
    assert (rig.mode, rig.target, rig.waiting_for) == ("ready", "stand", "ready: 2.0 s left")
    rig.ready.unfinished = None
    rig.step()
    assert (rig.mode, rig.waiting_for) == ("stand", "")


def test_it_waits_in_ready_for_what_blocks_the_next_mode_and_says_so(rig: Rig) -> None:
    rig.stand.reason = "no foot on the ground: lower the robot"
    rig.step()
    rig.ask("stand")
    rig.step(10)
    assert rig.mode == "ready"
    assert rig.waiting_for == "stand: no foot on the ground: lower the robot"


def test_it_waits_for_a_valid_estimate_before_balancing(rig: Rig) -> None:
    rig.step(valid=False)
    assert rig.ask("stand")[0]
    rig.step(10, valid=False)
    assert rig.mode == "ready"
    assert "not valid" in rig.waiting_for
    rig.step()
    assert rig.mode == "stand"


def test_a_startup_target_is_reached_within_the_first_samples(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig("stand")
    rig.step(armed=False)
    assert rig.mode == "ready"


def test_the_first_answer_is_not_faded(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig("ready")
    assert np.array_equal(rig.step().stiffness, rig.ready.targets.stiffness)


def test_a_startup_target_survives_reactions_until_the_robot_is_armed(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig("ready")
    rig.supervisor.set_reaction(Reaction.DAMP)
    rig.step(5, armed=False)
    assert (rig.mode, rig.target, rig.waiting_for) == ("damping", "ready", "safety reaction DAMP")
    rig.supervisor.set_reaction(Reaction.NONE)
    rig.step(armed=False)
    assert rig.mode == "ready"


def test_a_startup_target_is_dropped_by_a_fall(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig("ready")
    rig.step(fall=FALLEN, armed=False)
    rig.step(5, armed=False)
    assert (rig.mode, rig.target) == ("damping", "damping")


def test_an_armed_robot_never_waits_in_damping(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig("ready")
    rig.ready.reason = "too far"
    rig.step(5, armed=False)
    assert (rig.target, rig.waiting_for) == ("ready", "ready: too far")
    rig.step(5)
    rig.ready.reason = None
    rig.step(5)
    assert (rig.mode, rig.target) == ("damping", "damping")


def test_asking_for_the_active_mode_ends_the_way_to_another(rig: Rig) -> None:
    rig.stand.reason = "no contact"
    rig.step()
    rig.ask("stand")
    rig.step(3)
    assert rig.ask("ready") == (True, "in mode ready")
    rig.stand.reason = None
    rig.step(3)
    assert (rig.mode, rig.target) == ("ready", "ready")


# -- refusals ------------------------------------------------------------------------------------


def test_an_unknown_mode_is_refused_with_the_nearest_name(rig: Rig) -> None:
    rig.step()
    accepted, message = rig.ask("stnad")
    assert not accepted
    assert "'stnad'" in message
    assert "did you mean 'stand'" in message
    assert rig.target == "damping"


def test_an_unknown_startup_mode_is_refused(make_rig: Callable[..., Rig]) -> None:
    with pytest.raises(ValueError, match="unknown mode 'stnd'; did you mean 'stand'"):
        make_rig("stnd")


@pytest.mark.parametrize("fall", [FALLING, FALLEN])
def test_a_robot_that_is_not_upright_is_refused_everything_but_damping(rig: Rig, fall: int) -> None:
    rig.step(fall=fall)
    for target in ("ready", "stand", "walk"):
        accepted, message = rig.ask(target)
        assert not accepted
        assert "not upright" in message
        assert "set it up" in message
    assert rig.ask("damping")[0]


def test_what_blocks_the_way_out_of_damping_is_a_refusal(rig: Rig) -> None:
    rig.ready.reason = "joint 'arm' is too far: move it"
    rig.step()
    assert rig.ask("stand") == (False, "stand: joint 'arm' is too far: move it")


def test_nothing_is_accepted_before_the_first_robot_state_but_the_way_down(rig: Rig) -> None:
    accepted, message = rig.supervisor.request("stand", None)
    assert not accepted
    assert "no robot_state" in message
    assert rig.supervisor.request("damping", None)[0]


def test_sitting_down_from_damping_is_refused(rig: Rig) -> None:
    rig.step()
    accepted, message = rig.ask("sit")
    assert not accepted
    assert "damping already" in message


@pytest.mark.parametrize("reaction", [Reaction.SIT, Reaction.DAMP, Reaction.TORQUE_OFF])
def test_a_reaction_refuses_the_way_up_and_names_the_command(rig: Rig, reaction: Reaction) -> None:
    rig.step()
    rig.supervisor.set_reaction(reaction)
    accepted, message = rig.ask("stand")
    assert not accepted
    assert reaction.name in message
    assert "humanoid rearm" in message


# -- bumpless ------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [("ready", "stand"), ("stand", "damping"), ("stand", "ready")])
def test_a_switch_keeps_the_stated_bound_on_torque_and_position_per_tick(
    rig: Rig, way: tuple[str, str]
) -> None:
    rig.go(way[0])
    q, dq = 0.07, -0.3
    rig.ask(way[1])
    answers = [rig.step(position=q, velocity=dq) for _ in range(60)]
    position = np.array([answer.position for answer in answers])
    torque = np.array(
        [a.effort + a.stiffness * (a.position - q) + a.damping * (a.velocity - dq) for a in answers]
    )
    share = SMOOTHSTEP_SLOPE * 0.002 / BLEND
    for values in (position, torque):
        whole = np.abs(values[-1] - values[0]).max()
        assert whole > 0.1
        assert np.abs(np.diff(values, axis=0)).max() <= share * whole * (1.0 + 1e-9)


def test_the_first_answer_of_a_new_mode_is_the_last_answer_of_the_old_one(rig: Rig) -> None:
    rig.go("ready")
    before = rig.step()
    rig.ask("stand")
    after = rig.step()
    for old, new in zip(astuple(before), astuple(after), strict=True):
        assert np.array_equal(old, new)


def test_a_controller_is_started_from_the_targets_that_were_sent_last(rig: Rig) -> None:
    rig.go("ready")
    rig.ask("stand")
    rig.step(20)
    halfway = rig.step()
    rig.ask("ready")
    rig.step()
    for sent, given in zip(astuple(halfway), astuple(rig.ready.started_from), strict=True):
        assert np.array_equal(sent, given)


def test_without_torque_there_is_nothing_to_fade(rig: Rig) -> None:
    rig.step(armed=False)
    rig.ask("ready")
    assert np.array_equal(rig.step(armed=False).stiffness, rig.ready.targets.stiffness)


# -- protection ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", [{"fall": FALLING}, {"fall": FALLEN}, {"valid": False}, {"armed": False}]
)
def test_what_ends_a_balance_ends_in_damping_and_never_leads_up_again(
    rig: Rig, state: dict[str, Any]
) -> None:
    rig.go("stand")
    rig.step(**state)
    assert (rig.mode, rig.target) == ("damping", "damping")
    rig.step(200)
    assert rig.mode == "damping"
    assert not rig.step().stiffness.any()


def test_an_invalid_estimate_does_not_disturb_a_mode_that_does_not_balance(rig: Rig) -> None:
    rig.go("ready")
    rig.step(10, valid=False)
    assert rig.mode == "ready"


def test_a_fall_on_the_way_up_ends_the_way(rig: Rig) -> None:
    rig.stand.reason = "no contact"
    rig.step()
    rig.ask("stand")
    rig.step(5)
    rig.step(fall=FALLING)
    rig.stand.reason = None
    rig.step(10)
    assert (rig.mode, rig.target) == ("damping", "damping")


def test_a_new_request_while_disarmed_is_possible(rig: Rig) -> None:
    rig.go("stand")
    rig.step(10, armed=False)
    assert rig.ask("ready")[0]
    rig.step(10, armed=False)
    assert rig.mode == "ready"


@pytest.mark.parametrize("where", ["error", "start_error", "nan"])
def test_a_failed_controller_hands_over_to_damping_and_is_reported(rig: Rig, where: str) -> None:
    rig.go("ready")
    before = rig.step()
    if where == "nan":
        rig.stand.targets.effort[2] = np.nan
    else:
        setattr(rig.stand, where, RuntimeError("no solution"))
    rig.ask("stand")
    after = rig.step()
    assert (rig.mode, rig.target) == ("damping", "damping")
    ((name, reason),) = rig.supervisor.faults
    assert name == "controller_failure"
    assert reason.startswith("stand: ")
    assert "no solution" in reason or "not finite" in reason
    for old, new in zip(astuple(before), astuple(after), strict=True):
        assert np.array_equal(old, new)
    later = rig.step(100)
    assert np.isfinite(np.concatenate(astuple(later))).all()
    assert not later.stiffness.any()


def test_a_failure_in_the_middle_of_a_fade_continues_from_what_was_sent(rig: Rig) -> None:
    rig.go("ready")
    rig.ask("stand")
    rig.step(20)
    before = rig.step()
    rig.stand.error = RuntimeError("no solution")
    after = rig.step()
    for old, new in zip(astuple(before), astuple(after), strict=True):
        assert np.array_equal(old, new)


def test_a_failure_is_reported_until_the_safety_supervisor_has_heard_it(rig: Rig) -> None:
    rig.go("stand")
    rig.stand.error = RuntimeError("no solution")
    rig.step(50)
    assert rig.supervisor.faults
    rig.supervisor.set_reaction(Reaction.DAMP)
    assert not rig.supervisor.faults


def test_a_failure_is_over_with_the_next_accepted_request(rig: Rig) -> None:
    rig.go("stand")
    rig.stand.error = RuntimeError("no solution")
    rig.step()
    rig.stand.error = None
    assert rig.ask("stand")[0]
    assert not rig.supervisor.faults


# -- the safety supervisor's word ----------------------------------------------------------------


def test_hold_keeps_the_mode_and_stops_the_way_up(rig: Rig) -> None:
    rig.go("ready")
    rig.ask("walk")
    rig.step()
    rig.supervisor.set_reaction(Reaction.HOLD)
    rig.step(10)
    assert rig.mode == "stand"
    assert rig.waiting_for == "walk: safety reaction HOLD"
    rig.supervisor.set_reaction(Reaction.NONE)
    rig.step()
    assert rig.mode == "walk"


@pytest.mark.parametrize("target", ["sit", "damping"])
def test_hold_does_not_stop_the_way_down(rig: Rig, target: str) -> None:
    rig.go("stand")
    rig.supervisor.set_reaction(Reaction.HOLD)
    assert rig.ask(target)[0]
    rig.step()
    assert rig.mode == target


@pytest.mark.parametrize("mode", ["ready", "stand"])
def test_sit_sits_down_and_does_not_wait(rig: Rig, mode: str) -> None:
    rig.go(mode)
    rig.ready.unfinished = rig.stand.unfinished = "busy"
    rig.supervisor.set_reaction(Reaction.SIT)
    rig.step()
    assert (rig.mode, rig.target) == ("sit", "sit")


def test_sit_takes_the_shortest_way_from_a_mode_that_cannot_sit(rig: Rig) -> None:
    rig.go("walk")
    rig.supervisor.set_reaction(Reaction.SIT)
    rig.step(2)
    assert rig.mode == "sit"


def test_sit_leaves_a_damped_robot_alone(rig: Rig) -> None:
    rig.step()
    rig.supervisor.set_reaction(Reaction.SIT)
    rig.step(10)
    assert (rig.mode, rig.target) == ("damping", "damping")


def test_the_robot_does_not_rise_when_sit_is_over(rig: Rig) -> None:
    rig.go("stand")
    rig.supervisor.set_reaction(Reaction.SIT)
    rig.step(10)
    rig.supervisor.set_reaction(Reaction.NONE)
    rig.step(100)
    assert (rig.mode, rig.target) == ("sit", "sit")


def test_it_reports_seated_when_sit_has_done_its_work(rig: Rig) -> None:
    rig.go("stand")
    rig.ask("sit")
    rig.step(10)
    assert rig.supervisor.faults == ()
    rig.sit.unfinished = None
    assert [name for name, _ in rig.supervisor.faults] == ["seated"]


@pytest.mark.parametrize("reaction", [Reaction.DAMP, Reaction.TORQUE_OFF])
@pytest.mark.parametrize("mode", ["ready", "stand", "walk", "sit"])
def test_damp_and_torque_off_damp_every_mode_for_good(
    rig: Rig, reaction: Reaction, mode: str
) -> None:
    if mode == "sit":
        rig.go("stand")
    rig.go(mode)
    rig.supervisor.set_reaction(reaction)
    rig.step()
    assert (rig.mode, rig.target) == ("damping", "damping")
    rig.supervisor.set_reaction(Reaction.NONE)
    rig.step(100)
    assert rig.mode == "damping"


@pytest.mark.parametrize("reaction", [Reaction.NONE, Reaction.WARN, Reaction.DERATE])
def test_lower_reactions_change_nothing(rig: Rig, reaction: Reaction) -> None:
    rig.go("stand")
    rig.supervisor.set_reaction(reaction)
    rig.step(10)
    assert rig.mode == "stand"
    assert rig.supervisor.deaf == ""


def test_a_reaction_above_those_known_counts_as_the_worst(rig: Rig) -> None:
    rig.go("stand")
    rig.supervisor.set_reaction(9)
    rig.step()
    assert rig.mode == "damping"
    assert rig.supervisor.reaction == Reaction.TORQUE_OFF


def test_a_failure_of_damping_itself_is_never_hidden(
    robot: RobotDescription, make_state: MakeState, make_stub: Any
) -> None:
    damping = make_stub("damping", 0.0, balances=False)
    supervisor = ModeSupervisor((Mode(damping, down=True),), len(robot.joints), blend=BLEND)
    supervisor.step(make_state(0), REFERENCES)
    damping.error = RuntimeError("broken")
    with pytest.raises(RuntimeError, match="broken"):
        supervisor.step(make_state(1), REFERENCES)


def test_a_mode_that_the_graph_does_not_reach_is_an_error_of_the_registry(
    robot: RobotDescription, make_state: MakeState, make_stub: Any
) -> None:
    modes = (Mode(DampingController(robot), down=True), Mode(make_stub("island", 1.0)))
    supervisor = ModeSupervisor(modes, len(robot.joints), blend=BLEND)
    supervisor.step(make_state(0), REFERENCES)
    with pytest.raises(ValueError, match="'island' cannot be reached from 'damping'"):
        supervisor.request("island", make_state(0))


def test_every_switch_is_told_to_the_log_with_its_reason(rig: Rig) -> None:
    rig.go("stand")
    rig.step(fall=FALLING)
    assert list(rig.supervisor.events) == [
        "damping -> ready",
        "ready -> stand",
        "stand -> damping: the robot is falling",
    ]


def test_the_log_of_a_nobody_who_reads_stays_small(rig: Rig) -> None:
    for _ in range(100):
        rig.go("ready")
        rig.go("damping")
    assert len(rig.supervisor.events) <= 20


# -- modes that walk -----------------------------------------------------------------------------


class LearnedRig(Rig):
    """With a mode `learned` that takes over in motion and falls back to `walk`, then `stand`."""

    def __init__(self, robot: RobotDescription, make_state: MakeState, stub: Any) -> None:
        super().__init__(robot, make_state, stub)
        self.learned = stub("learned", 4.0)
        self.learned.walks = self.walk.walks = True
        modes = (
            Mode(DampingController(robot), down=True),
            Mode(self.ready, after=("damping", "stand")),
            Mode(self.stand, after=("ready", "walk", "learned")),
            Mode(self.walk, after=("stand", "learned")),
            Mode(self.learned, after=("stand", "walk"), in_motion=True, fallback=("walk", "stand")),
            Mode(self.sit, after=("ready", "stand"), down=True),
        )
        self.supervisor = ModeSupervisor(modes, len(robot.joints), blend=BLEND, handover=HANDOVER)


@pytest.fixture
def learned_rig(robot: RobotDescription, make_state: MakeState, make_stub: Any) -> LearnedRig:
    return LearnedRig(robot, make_state, make_stub)


def test_a_mode_that_may_takes_over_from_a_walk_in_motion(learned_rig: LearnedRig) -> None:
    rig = learned_rig
    rig.go("walk")
    rig.walk.unfinished = "walking"
    assert rig.ask("learned")[0]
    rig.step()
    assert rig.mode == "learned"
    rig.learned.unfinished = "walking"
    assert rig.ask("walk")[0]
    rig.step(10)
    assert (rig.mode, rig.waiting_for) == ("learned", "learned: walking")
    rig.learned.unfinished = None
    rig.step()
    assert rig.mode == "walk"


def test_a_mode_that_this_machine_cannot_run_is_refused_at_once(learned_rig: LearnedRig) -> None:
    rig = learned_rig
    rig.go("stand")
    rig.learned.missing = lambda: "onnxruntime is not there: install it"
    assert rig.ask("learned") == (False, "learned: onnxruntime is not there: install it")
    rig.step(5)
    assert (rig.mode, rig.target) == ("stand", "stand")


def test_a_controller_that_gives_up_hands_over_and_stands(learned_rig: LearnedRig) -> None:
    rig = learned_rig
    rig.go("learned")
    before = rig.step()
    rig.learned.error = HandOverError("too old")
    rig.walk.reason = "a foot is in the air"  # what asks for nobody's permission
    rig.walk.unfinished = "recovering"
    after = rig.step()
    assert (rig.mode, rig.target) == ("walk", "stand")
    reason = "learned handed over to walk: too old"
    assert rig.supervisor.faults == (("controller_handover", reason),)
    assert np.array_equal(after.position, before.position)  # the fade starts where it was
    rig.walk.unfinished = None
    rig.step()
    assert rig.mode == "stand"
    assert rig.ask("walk")[0]
    assert rig.supervisor.faults == ()


def test_a_hand_over_fades_in_its_own_time_and_the_next_switch_in_the_ordinary_one(
    learned_rig: LearnedRig,
) -> None:
    rig = learned_rig
    rig.go("learned")
    rig.learned.error = HandOverError("too old")
    rig.walk.unfinished = "recovering"
    old = rig.step()
    new = rig.walk.update(rig.state, REFERENCES).position
    ticks = round(HANDOVER / 0.002)
    assert not np.array_equal(rig.step(ticks - 1).position, new)
    assert np.array_equal(rig.step().position, new)
    assert not np.array_equal(old.position, new)
    rig.walk.unfinished = None
    rig.step(ticks)
    assert rig.mode == "stand"
    assert not np.array_equal(rig.step().position, rig.stand.update(rig.state, REFERENCES).position)


def test_a_fallback_that_fails_too_ends_in_damping(learned_rig: LearnedRig) -> None:
    rig = learned_rig
    rig.go("learned")
    rig.learned.error = HandOverError("too old")
    rig.walk.error = ValueError("no solution")
    rig.step()
    assert (rig.mode, rig.target) == ("damping", "damping")
    assert rig.supervisor.faults[0][0] == "controller_failure"


def test_giving_up_without_a_fallback_is_a_failure(rig: Rig) -> None:
    rig.go("walk")
    rig.walk.error = HandOverError("too old")
    rig.step()
    assert rig.mode == "damping"
    assert rig.supervisor.faults[0][0] == "controller_failure"


# -- falls foreseen ------------------------------------------------------------------------------


def test_a_fall_that_is_foreseen_is_answered_with_damping_and_reported_until_heard(
    rig: Rig, robot: RobotDescription
) -> None:
    asked: list[bool] = []
    verdict = ""

    def foresee(state: State, steps: bool) -> str:
        asked.append(steps)
        return verdict

    rig.supervisor._foresee = foresee
    rig.go("stand")
    assert asked
    assert not any(asked)  # never while ready, which does not balance; stand does not step
    verdict = "out of reach"
    rig.step()
    assert (rig.mode, rig.target) == ("damping", "damping")
    assert rig.supervisor.faults == (("fall_foreseen", "out of reach"),)
    assert rig.supervisor.events[-1] == "stand -> damping: a fall is certain: out of reach"
    verdict = ""
    rig.step()
    assert rig.supervisor.faults == (("fall_foreseen", "out of reach"),)
    rig.supervisor.set_reaction(Reaction.DAMP)
    assert rig.supervisor.faults == ()


def test_nothing_is_foreseen_for_a_robot_without_torque(rig: Rig) -> None:
    rig.go("stand")
    rig.supervisor._foresee = lambda state, steps: "out of reach"
    rig.step(armed=False)
    assert rig.supervisor.faults == ()


# -- getting up ----------------------------------------------------------------------------------

LIES = {"fall": FALLEN, "valid": False}
WITHOUT_TORQUE = {**LIES, "armed": False}


class LyingRig(Rig):
    """With a mode that gets a robot up; it lies, without torque, after a fall."""

    def __init__(self, robot: RobotDescription, make_state: MakeState, stub: Any) -> None:
        super().__init__(robot, make_state, stub)
        self.get_up = stub("get_up", 4.0, balances=False)
        self.get_up.lies = True
        self.get_up.unfinished = "phase 1"
        modes = (
            Mode(DampingController(robot), down=True),
            Mode(self.ready, after=("damping", "stand", "get_up")),
            Mode(self.stand, after=("ready",)),
            Mode(self.get_up, after=("damping",), then="stand"),
        )
        self.supervisor = ModeSupervisor(modes, len(robot.joints), blend=BLEND)
        self.supervisor.set_reaction(Reaction.TORQUE_OFF)
        self.step(**WITHOUT_TORQUE)

    def rise(self) -> None:
        """Asked for and armed."""
        assert self.ask("get_up") == (True, "on the way from damping to get_up")
        self.step(5, **WITHOUT_TORQUE)
        self.supervisor.set_reaction(Reaction.WARN)
        self.step(5, **LIES)
        assert self.mode == "get_up"


@pytest.fixture
def lying_rig(robot: RobotDescription, make_state: MakeState, make_stub: Any) -> LyingRig:
    return LyingRig(robot, make_state, make_stub)


def test_a_robot_that_lies_gets_up_at_a_request_and_then_stands(lying_rig: LyingRig) -> None:
    rig = lying_rig
    rig.rise()
    assert (rig.target, rig.waiting_for) == ("get_up", "phase 1")
    rig.get_up.unfinished = None
    rig.supervisor.set_reaction(Reaction.NONE)
    rig.step()
    assert (rig.mode, rig.target) == ("ready", "stand")
    rig.step(2)
    assert rig.mode == "stand"


def test_it_waits_for_torque_and_reports_that_it_may_be_armed(lying_rig: LyingRig) -> None:
    rig = lying_rig
    assert rig.supervisor.faults == ()
    rig.ask("get_up")
    rig.step(2, **WITHOUT_TORQUE)
    assert rig.mode == "get_up"
    assert dict(rig.supervisor.faults) == {"getting_up": "at the operator's request"}


def test_a_request_that_is_not_followed_by_torque_is_given_up(lying_rig: LyingRig) -> None:
    rig = lying_rig
    rig.ask("get_up")
    rig.step(4999, **WITHOUT_TORQUE)
    assert rig.mode == "get_up"
    rig.step(5, **WITHOUT_TORQUE)
    assert (rig.mode, rig.target) == ("damping", "damping")
    assert rig.supervisor.faults == ()
    assert "not armed for 10 s" in rig.supervisor.events[-1]
    rig.ask("get_up")  # and the time starts again
    rig.step(4999, **WITHOUT_TORQUE)
    assert rig.mode == "get_up"


@pytest.mark.parametrize("reaction", [r for r in Reaction if r >= Reaction.HOLD])
def test_from_hold_on_every_reaction_ends_it_in_damping(
    lying_rig: LyingRig, reaction: Reaction
) -> None:
    rig = lying_rig
    rig.rise()
    rig.supervisor.set_reaction(reaction)
    rig.step(**LIES)
    assert (rig.mode, rig.target) == ("damping", "damping")
    assert rig.supervisor.faults == ()


def test_a_robot_disarmed_while_it_gets_up_does_not_go_on(lying_rig: LyingRig) -> None:
    rig = lying_rig
    rig.rise()
    rig.step(**WITHOUT_TORQUE)
    assert (rig.mode, rig.target) == ("damping", "damping")
    assert rig.supervisor.events[-1] == "get_up -> damping: the robot was disarmed"


def test_a_failure_while_it_gets_up_is_reported_and_damped(lying_rig: LyingRig) -> None:
    rig = lying_rig
    rig.rise()
    rig.get_up.error = ValueError("after phase 1 the base lies wrong")
    rig.step(**LIES)
    assert rig.mode == "damping"
    assert dict(rig.supervisor.faults)["controller_failure"].endswith("the base lies wrong")


def test_it_does_not_wait_with_torque_for_what_keeps_the_next_mode(lying_rig: LyingRig) -> None:
    rig = lying_rig
    rig.rise()
    rig.get_up.unfinished = None
    rig.ready.reason = "the base is tilted"
    rig.step()
    assert (rig.mode, rig.target) == ("damping", "damping")
    assert "stand given up: ready: the base is tilted" in rig.supervisor.events


def test_another_request_waits_until_it_is_up(lying_rig: LyingRig) -> None:
    rig = lying_rig
    rig.rise()
    assert rig.ask("ready")[1].startswith("ready: the robot is not upright")
    rig.step()
    assert rig.ask("ready")[0]
    rig.step()
    assert (rig.mode, rig.waiting_for) == ("get_up", "get_up: phase 1")
    rig.get_up.unfinished = None
    rig.step(10)
    assert (rig.mode, rig.target) == ("ready", "ready")


def test_damping_ends_it_at_once(lying_rig: LyingRig) -> None:
    rig = lying_rig
    rig.rise()
    assert rig.ask("damping")[0]
    rig.step(**LIES)
    assert (rig.mode, rig.target) == ("damping", "damping")


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"armed": False}, "the robot is upright: ask for 'ready' or 'stand'"),
        (LIES, "only a robot that lies without torque gets up"),
    ],
)
def test_only_a_robot_that_lies_without_torque_gets_up(
    lying_rig: LyingRig, state: dict[str, Any], reason: str
) -> None:
    lying_rig.step(**state)
    accepted, why = lying_rig.ask("get_up")
    assert not accepted
    assert reason in why


def test_a_posture_without_a_motion_is_refused(lying_rig: LyingRig) -> None:
    lying_rig.get_up.reason = "it lies on its side: turn it over"
    assert lying_rig.ask("get_up") == (False, "get_up: it lies on its side: turn it over")


def test_without_a_state_nothing_gets_up(lying_rig: LyingRig) -> None:
    accepted, why = lying_rig.supervisor.request("get_up", None)
    assert not accepted
    assert "no robot_state has arrived yet" in why


def test_a_robot_that_lies_is_told_of_the_way_up_it_has(rig: Rig, lying_rig: LyingRig) -> None:
    lying_rig.supervisor.set_reaction(Reaction.NONE)
    assert "or let it get up ('humanoid rearm --mode get_up')" in lying_rig.ask("stand")[1]
    rig.step(**WITHOUT_TORQUE)
    assert "set it up or hang it up, then try again" in rig.ask("stand")[1]
