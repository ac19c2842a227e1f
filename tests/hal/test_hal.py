"""In every cycle an enabled driver gets a fresh limited command or a safe one."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from humanoid_description import RobotDescription
from humanoid_hal.driver import Capabilities, Sample
from humanoid_hal.faults import GETTING_UP, Reaction
from humanoid_hal.gate import Rejection, Request
from humanoid_hal.hal import GET_UP_TIME, HalCore, Output, Phase
from humanoid_hal.hardware import ArmingConfig, HardwareConfig, LimitsConfig, SafetyConfig

MS = 1_000_000
PERIOD = 2 * MS
NAN = [math.nan] * 3


class Rig:
    """A core with a robot that rests in its pose and a controller that holds it there."""

    def __init__(
        self, core: HalCore, sample: Callable[..., Sample], request: Callable[..., Request]
    ) -> None:
        self.core, self.sample, self.request = core, sample, request
        self.stamp = self.sequence = 0
        core.publishers = 1

    def cycle(self, command: dict[str, object] | None, **reading: object) -> Output:
        """One period: a sample, its answer (None: none comes), the output."""
        self.stamp += PERIOD
        self.core.on_sample(self.sample(self.stamp, **reading))
        if command is not None:
            self.sequence += 1
            self.core.on_command(self.request(self.stamp, self.sequence, **command))
        return self.core.output(self.stamp)

    def cycles(self, count: int, command: dict[str, object] | None, **reading: object) -> Output:
        for _ in range(count):
            output = self.cycle(command, **reading)
        return output

    def arm(self) -> Output:
        self.core.activate()
        output = self.cycles(2, {})
        assert output.enable, self.core.blockers()
        return output


MakeRig = Callable[..., Rig]


@pytest.fixture
def make_rig(
    robot: RobotDescription,
    config: HardwareConfig,
    simulated: Capabilities,
    make_sample: Callable[..., Sample],
    make_request: Callable[..., Request],
) -> MakeRig:
    def make(capabilities: Capabilities = simulated, **changes: object) -> Rig:
        core = HalCore(robot, replace(config, **changes), capabilities)
        return Rig(core, make_sample, make_request)

    return make


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    return make_rig()


@pytest.fixture
def armed(rig: Rig) -> Rig:
    rig.arm()
    return rig


# -- arming -------------------------------------------------------------------------------------


def test_inactive_nothing_is_written(rig: Rig) -> None:
    assert rig.cycles(100, {}) == Output(False, None, "off")
    assert rig.core.phase is Phase.INACTIVE


def test_it_arms_when_nothing_forbids_it(rig: Rig) -> None:
    output = rig.arm()
    assert output.source == "command"
    assert rig.core.phase is Phase.ARMED
    assert rig.core.blockers() == []


def test_too_few_complete_samples_forbid_arming(rig: Rig) -> None:
    rig.core.activate()
    rig.cycle({})
    assert rig.core.blockers() == ["1 of 2 samples with every joint fresh"]
    rig.cycle({}, fresh=np.array([True, False, True]))
    assert rig.core.blockers() == ["0 of 2 samples with every joint fresh"]
    assert rig.core.phase is Phase.ARMING


def test_no_command_forbids_arming(rig: Rig) -> None:
    rig.core.activate()
    rig.cycles(5, None)
    assert rig.core.blockers() == ["no fresh command; is the controller running?"]


def test_an_old_command_forbids_arming(rig: Rig) -> None:
    rig.cycles(5, {})
    rig.cycles(20, None)
    assert rig.core.blockers() == []
    rig.cycle(None)
    assert rig.core.blockers() == ["no fresh command; is the controller running?"]


def test_a_rejected_command_does_not_arm(rig: Rig) -> None:
    rig.core.activate()
    assert not rig.cycles(2, {"position": NAN}).enable


@pytest.mark.parametrize(("error", "arms"), [(0.0999, True), (0.1001, False)])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_command_away_from_the_measured_pose_forbids_arming(
    rig: Rig, error: float, sign: float, arms: bool
) -> None:
    rig.core.activate()
    wanted = {"position": [0.1, 0.2 + sign * error, 0.3], "stiffness": [0.0] * 3}
    assert rig.cycles(3, wanted).enable is arms
    if not arms:
        (reason,) = rig.core.blockers()
        assert reason.endswith("more than 0.1 rad from the measured position: knee by 0.10 rad")


@pytest.mark.parametrize("publishers", [0, 2, 3])
def test_any_other_number_of_publishers_than_one_forbids_arming(rig: Rig, publishers: int) -> None:
    rig.core.publishers = publishers
    rig.core.activate()
    assert not rig.cycles(3, {}).enable
    assert rig.core.blockers() == [f"{publishers} publishers of commands, must be one"]


def test_a_replay_that_publishes_commands_forbids_arming(rig: Rig) -> None:
    rig.core.replayed = "rosbag2_player"
    rig.core.activate()
    assert not rig.cycles(3, {}).enable
    (blocker,) = rig.core.blockers()
    assert blocker == "rosbag2_player replays a recording: commands must come from control"


def test_a_replay_beside_an_armed_robot_is_a_second_publisher(armed: Rig) -> None:
    armed.core.replayed = "humanoid_replay_7"
    assert armed.cycle({}).source == "command"
    active = armed.core.supervisor.active
    assert active == ("second_publisher: humanoid_replay_7 replays a recording",)


def test_arming_waits_for_the_recorder_where_there_is_one(rig: Rig) -> None:
    rig.core.awaited = "the recorder"
    rig.core.activate()
    assert not rig.cycles(3, {}).enable
    assert rig.core.blockers() == ["waiting for the recorder"]
    rig.core.awaited = ""
    assert rig.cycles(1, {}).enable


def test_an_unknown_number_of_publishers_does_not(rig: Rig) -> None:
    rig.core.publishers = None
    rig.arm()


def test_a_fault_that_holds_forbids_arming_and_is_named(rig: Rig) -> None:
    rig.core.activate()
    rig.core.on_report("perception", {"estimator_divergence": "not started"})
    assert not rig.cycles(3, {}).enable
    assert rig.core.blockers() == ["fault estimator_divergence: not started (perception)"]
    rig.core.on_report("perception", {})
    assert rig.cycle({}).enable


def test_a_warning_does_not_forbid_arming(rig: Rig) -> None:
    rig.core.activate()
    rig.core.on_event("overrun", "3 ms")
    rig.cycle({})
    assert rig.core.supervisor.reaction is Reaction.WARN
    assert rig.cycle({}).enable


@pytest.mark.parametrize("simulated", [True, False])
@pytest.mark.parametrize("watchdog", [True, False])
@pytest.mark.parametrize("accepted", [True, False])
def test_boards_without_a_watchdog_must_be_accepted(
    make_rig: MakeRig, on_hardware: Capabilities, simulated: bool, watchdog: bool, accepted: bool
) -> None:
    arming = ArmingConfig(samples=1, ramp=0.0, accept_no_board_watchdog=accepted)
    capabilities = replace(on_hardware, simulated=simulated, board_watchdog=watchdog)
    rig = make_rig(capabilities, arming=arming)
    rig.core.activate()
    arms = simulated or watchdog or accepted
    assert rig.cycle({}).enable is arms
    if not arms:
        assert "accept_no_board_watchdog" in rig.core.blockers()[0]


def test_torque_is_ramped_up(make_rig: MakeRig) -> None:
    rig = make_rig(arming=ArmingConfig(samples=1, ramp=0.01))
    rig.core.activate()
    scales = []
    for _ in range(7):
        command = rig.cycle({"effort": [10.0, 0.0, 0.0]}).command
        assert command is not None
        np.testing.assert_allclose(command.position, [0.1, 0.2, 0.3])
        assert command.stiffness[0] == pytest.approx(10.0 * command.effort[0])
        assert command.damping[0] == pytest.approx(0.5 * command.effort[0])
        scales.append(float(command.effort[0] / 10.0))
    np.testing.assert_allclose(scales, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.0])


def test_giving_up_arming_waits_for_the_next_rearm(rig: Rig) -> None:
    rig.core.activate()
    rig.core.give_up_arming()
    assert not rig.cycles(5, {}).enable
    assert rig.core.rearm() == ()
    assert rig.cycle({}).enable
    rig.core.give_up_arming()
    assert rig.core.phase is Phase.ARMED


# -- armed --------------------------------------------------------------------------------------


def test_the_accepted_command_is_what_is_written(armed: Rig) -> None:
    output = armed.cycle({"effort": [1.0, 2.0, 3.0]})
    assert output.source == "command"
    assert output.command is not None
    assert output.command.effort.tolist() == [1.0, 2.0, 3.0]


def test_a_missing_command_is_bridged_by_the_last_one(armed: Rig) -> None:
    armed.cycle({"effort": [1.0, 2.0, 3.0]})
    output = armed.cycles(20, None)
    assert output.source == "command"
    assert output.command is not None
    assert output.command.effort.tolist() == [1.0, 2.0, 3.0]


def test_a_silent_controller_is_held_after_40_ms_and_damped_300_ms_later(armed: Rig) -> None:
    armed.cycle({"effort": [1.0, 2.0, 3.0], "stiffness": [7.0] * 3, "velocity": [0.1] * 3})
    armed.cycles(20, None)
    held = armed.cycle(None)
    assert held.source == "hold"
    assert held.command is not None
    assert held.command.position.tolist() == [0.1, 0.2, 0.3]
    assert held.command.velocity.tolist() == [0.0] * 3
    assert held.command.effort.tolist() == [1.0, 2.0, 3.0]
    assert held.command.stiffness.tolist() == [100.0] * 3
    assert held.command.damping.tolist() == [5.0] * 3
    assert armed.core.supervisor.reaction is Reaction.HOLD
    assert armed.cycles(149, None).source == "hold"
    assert armed.cycle(None).source == "damp"
    assert armed.core.phase is Phase.STOPPED
    assert armed.cycles(1000, {}).source == "damp"


def test_a_controller_back_in_time_is_obeyed_again(armed: Rig) -> None:
    assert armed.cycles(100, None).source == "hold"
    assert armed.cycle({}).source == "command"
    assert armed.core.supervisor.reaction is Reaction.NONE


@pytest.mark.parametrize("timeout", [0.02, 0.1])
def test_the_timeout_is_the_files(make_rig: MakeRig, timeout: float) -> None:
    rig = make_rig(safety=SafetyConfig(command_timeout=timeout))
    rig.arm()
    cycles = round(timeout * 500)
    assert rig.cycles(cycles, None).source == "command"
    assert rig.cycle(None).source == "hold"


def test_on_hardware_time_passes_within_a_cycle(armed: Rig) -> None:
    armed.cycles(18, None)
    assert armed.core.output(armed.stamp + 4 * MS).source == "command"
    assert armed.core.output(armed.stamp + 4 * MS + 1).source == "hold"


def test_hold_keeps_within_the_torque_limits(armed: Rig) -> None:
    armed.cycles(20, None)
    away = np.array([1.1, 0.2, 0.3])
    held = armed.cycles(2, None, position=away)
    assert held.source == "hold"
    assert held.command is not None
    torque = held.command.effort + held.command.stiffness * (held.command.position - away)
    assert torque[0] == pytest.approx(-50.0)


def test_damp_brakes_with_the_tables_damping_up_to_its_torque(armed: Rig) -> None:
    armed.core.stop("test")
    velocity = np.array([0.0, 4.0, -100.0])
    output = armed.cycle({}, velocity=velocity)
    assert output.source == "damp"
    command = output.command
    assert command is not None
    assert command.velocity.tolist() == command.effort.tolist() == [0.0] * 3
    assert command.stiffness.tolist() == [0.0] * 3
    torque = command.damping * (command.velocity - velocity)
    np.testing.assert_allclose(torque, [0.0, -20.0, 10.0])


@pytest.mark.parametrize(
    "bad",
    [
        {"position": NAN},
        {"effort": [0.0, math.inf, 0.0]},
        {"velocity": [0.0] * 2},
        {"stiffness": [-1.0] * 3},
        {"names": ["hip", "knee", "elbow"]},
    ],
)
def test_a_bad_command_is_never_written(armed: Rig, bad: dict[str, object]) -> None:
    armed.cycle({"effort": [1.0] * 3})
    for _ in range(400):
        output = armed.cycle(bad)
        assert output.command is not None
        values = np.vstack([output.command.position, output.command.effort])
        assert np.isfinite(values).all()
        assert output.command.effort.tolist() in ([1.0] * 3, [0.0] * 3)
    assert output.source == "damp"


def test_three_commands_that_are_not_finite_in_a_row_hold(armed: Rig) -> None:
    armed.cycles(2, {"position": NAN})
    armed.cycle({})
    armed.cycles(2, {"position": NAN})
    assert armed.core.supervisor.reaction is Reaction.WARN
    armed.cycle({"position": NAN})
    assert armed.core.supervisor.reaction is Reaction.HOLD
    armed.cycle({})
    assert armed.core.supervisor.reaction is Reaction.WARN


def test_other_rejections_break_the_row(armed: Rig) -> None:
    for _ in range(3):
        armed.cycles(2, {"position": NAN})
        armed.cycle({"damping": [-1.0] * 3})
    assert armed.core.supervisor.reaction is Reaction.WARN


def test_a_clamped_command_is_a_warning_with_its_reason(armed: Rig) -> None:
    armed.cycle({"velocity": [11.0, 0.0, 0.0], "damping": [0.0] * 3})
    assert armed.core.supervisor.active == ("command_limit: velocity of hip 11 -> 10",)


def test_armed_the_first_publisher_is_kept(armed: Rig) -> None:
    foreign = armed.request(armed.stamp + PERIOD, 5000, effort=[9.0] * 3)
    armed.stamp += PERIOD
    armed.core.on_sample(armed.sample(armed.stamp))
    assert armed.core.on_command(foreign).rejection is Rejection.SECOND_PUBLISHER
    output = armed.core.output(armed.stamp)
    assert output.command is not None
    assert output.command.effort.tolist() == [0.0] * 3
    assert armed.core.supervisor.active[0].startswith("second_publisher: ")
    assert armed.cycle({}).source == "command"


def test_a_second_publisher_that_is_silent_is_a_warning_too(armed: Rig) -> None:
    armed.core.publishers = 2
    assert armed.cycle({}).source == "command"
    assert armed.core.supervisor.active == ("second_publisher: 2 publishers of commands",)


def test_derating_narrows_the_gate_and_ends_with_its_cause(make_rig: MakeRig) -> None:
    rig = make_rig(limits=LimitsConfig(derate=0.5))
    rig.arm()
    fast: dict[str, object] = {"velocity": [10.0] * 3, "damping": [0.0] * 3}
    beyond = np.array([0.1, 2.1, 0.3])
    free = {**fast, "stiffness": [0.0] * 3}
    rig.cycle(free, position=beyond)
    assert rig.core.supervisor.reaction is Reaction.DERATE
    output = rig.cycle(free, position=beyond)
    assert output.command is not None
    assert output.command.velocity.tolist() == [5.0] * 3
    rig.cycles(251, free)
    output = rig.cycle(free)
    assert output.command is not None
    assert output.command.velocity.tolist() == [10.0] * 3


# -- what goes wrong below and beside -----------------------------------------------------------


def test_a_silent_leg_damps_and_a_silent_arm_holds(make_rig: MakeRig) -> None:
    for joint, source in ((0, "damp"), (2, "command")):
        rig = make_rig()
        rig.arm()
        fresh = np.ones(3, dtype=bool)
        fresh[joint] = False
        assert rig.cycles(2, {}, fresh=fresh).source == "command"
        assert rig.cycle({}, fresh=fresh).source == source
        assert rig.core.supervisor.reaction >= Reaction.HOLD


def test_a_diverged_simulator_damps_in_the_same_step(armed: Rig) -> None:
    output = armed.cycle({}, faults=("simulator_divergence: NaN in qpos",))
    assert output.source == "damp"
    assert armed.core.supervisor.active[0] == "simulator_divergence: NaN in qpos"


def test_stale_samples_damp(make_rig: MakeRig, on_hardware: Capabilities) -> None:
    rig = make_rig(on_hardware)
    rig.arm()
    assert rig.core.output(rig.stamp + 5 * PERIOD).source == "command"
    assert rig.core.output(rig.stamp + 5 * PERIOD + 1).source == "damp"


@pytest.mark.parametrize("on_real_time", [True, False])
def test_five_overruns_in_a_row_hold_on_hardware_only(
    make_rig: MakeRig, on_hardware: Capabilities, simulated: Capabilities, on_real_time: bool
) -> None:
    rig = make_rig(on_hardware if on_real_time else simulated)
    rig.arm()
    rig.core.on_cycle(3 * MS)
    rig.cycle({})
    assert rig.core.overruns == 0
    for _ in range(4):
        rig.core.on_cycle(3 * MS + 1)
        rig.cycle({})
        assert rig.core.supervisor.reaction is Reaction.WARN
    rig.core.on_cycle(3 * MS + 1)
    rig.cycle({})
    expected = Reaction.HOLD if on_real_time else Reaction.WARN
    assert rig.core.supervisor.reaction is expected
    assert (rig.core.overruns, rig.core.cycles) == (5, 6)
    rig.core.on_cycle(2 * MS)
    rig.cycle({})
    rig.core.on_cycle(4 * MS)
    rig.cycle({})
    assert not any("6 in a row" in text for text in rig.core.supervisor.active)


def test_reports_of_other_nodes_count_until_they_change(armed: Rig) -> None:
    armed.core.on_report("perception", {"overrun_repeated": "late itself"})
    armed.cycle({})
    assert armed.core.supervisor.reaction is Reaction.HOLD
    armed.core.on_report("perception", {})
    armed.cycles(249, {})
    assert armed.core.supervisor.reaction is Reaction.HOLD
    armed.core.on_report("perception", {})
    armed.cycles(2, {})
    assert armed.core.supervisor.reaction is Reaction.NONE


@pytest.mark.parametrize(("cycles", "silent"), [(250, False), (251, True)])
def test_a_reporter_not_heard_for_half_a_second_holds(
    armed: Rig, cycles: int, silent: bool
) -> None:
    armed.core.on_report("perception", {})
    armed.cycles(cycles, {})
    assert (armed.core.supervisor.reaction is Reaction.HOLD) is silent
    if silent:
        assert "reporter_silent: perception" in armed.core.supervisor.active[0]


@pytest.mark.parametrize(
    ("sample_time", "real_time", "silent"),
    [(501, 501, True), (501, 500, False), (500, 501, False), (9000, 100, False)],
)
def test_a_reporter_is_silent_only_in_sample_time_and_in_real_time(
    armed: Rig, sample_time: int, real_time: int, silent: bool
) -> None:
    armed.core.on_report("perception", {}, heard=7 * MS)
    start = armed.stamp
    while armed.stamp < start + (sample_time - 2) * MS:
        armed.cycle({})
    armed.core.on_sample(armed.sample(start + sample_time * MS))
    armed.core.output(start + sample_time * MS, real=(7 + real_time) * MS)
    reported = [text for text in armed.core.supervisor.active if "reporter_silent" in text]
    assert bool(reported) is silent


def test_a_fall_damps_until_the_robot_lies_still_then_torque_goes_off(armed: Rig) -> None:
    armed.core.on_report("perception", {"fall": "41 deg for 40 ms"})
    moving = np.full(3, 0.5)
    assert armed.cycle({}, velocity=moving).source == "damp"
    armed.core.on_report("perception", {"fall": "", "fallen": "80 deg"})
    assert armed.cycle({}, velocity=moving).source == "damp"
    for _ in range(499):
        armed.core.on_report("perception", {"fallen": "80 deg"})
        assert armed.cycle({}).source == "damp"
    assert armed.cycle({}) == Output(False, None, "off")  # still for a second


def test_sit_obeys_the_controller_for_three_seconds_then_torque_is_off(armed: Rig) -> None:
    armed.core.on_report("driver", {"over_temperature": "95 degC"})
    assert armed.cycle({}).source == "command"
    assert armed.core.supervisor.reaction is Reaction.SIT
    for _ in range(1499):
        armed.core.on_report("driver", {"over_temperature": "95 degC"})
        assert armed.cycle({}).source == "command"
    armed.core.on_report("driver", {})
    assert armed.cycle({}) == Output(False, None, "off")
    assert armed.core.phase is Phase.STOPPED


def test_sit_ends_when_control_says_it_is_seated(armed: Rig) -> None:
    armed.core.on_report("driver", {"over_temperature": ""})
    armed.cycle({})
    armed.core.on_report("control", {"seated": ""})
    assert not armed.cycle({}).enable


# -- the operator -------------------------------------------------------------------------------


def test_stop_damps_until_a_rearm(armed: Rig) -> None:
    armed.core.stop("by hand")
    assert armed.cycle({}).source == "damp"
    assert armed.cycles(500, {}).source == "damp"
    assert armed.core.rearm() == ()
    assert armed.cycle({}).source == "command"


def test_emergency_stop_takes_torque_off_in_the_same_cycle_and_latches(armed: Rig) -> None:
    armed.core.emergency_stop("button")
    assert armed.cycle({}) == Output(False, None, "off")
    assert not armed.cycles(500, {}).enable
    assert "emergency_stop" in armed.core.blockers()[0]
    assert armed.core.rearm() == ()
    assert armed.cycle({}).enable


def test_a_pressed_emergency_stop_refuses_the_rearm(armed: Rig) -> None:
    pressed = ("emergency_stop: button",)
    armed.cycle({}, faults=pressed)
    armed.cycle({}, faults=pressed)
    assert armed.core.rearm() == ("emergency_stop: button",)
    assert not armed.cycle({}).enable
    assert armed.core.rearm() == ()
    assert armed.cycle({}).enable


def test_a_stop_before_arming_needs_a_rearm_too(rig: Rig) -> None:
    rig.core.activate()
    rig.core.stop("by hand")
    assert not rig.cycles(10, {}).enable
    assert rig.core.phase is Phase.STOPPED
    rig.core.deactivate()
    rig.core.activate()
    assert rig.core.phase is Phase.STOPPED


def test_rearming_while_armed_changes_nothing(armed: Rig) -> None:
    assert armed.core.rearm() == ()
    assert armed.cycle({}).source == "command"
    assert armed.core.phase is Phase.ARMED


def test_while_arming_again_the_robot_stays_damped(armed: Rig) -> None:
    armed.core.stop("by hand")
    armed.cycles(2, {})
    assert armed.core.rearm() == ()
    wrong = {"position": [0.5] * 3, "stiffness": [0.0] * 3}
    assert armed.cycle(wrong).source == "damp"
    assert armed.core.phase is Phase.ARMING


def test_deactivation_takes_torque_off(armed: Rig) -> None:
    armed.core.deactivate()
    assert armed.cycles(10, {}) == Output(False, None, "off")
    armed.core.activate()
    assert armed.cycle({}).enable


def test_off_and_damp_commands_are_safe_even_before_the_first_sample(rig: Rig) -> None:
    for command in (rig.core.off(), rig.core.damp()):
        assert command.effort.tolist() == command.stiffness.tolist() == [0.0] * 3
    assert rig.core.off().damping.tolist() == [0.0] * 3


def test_a_reset_world_waits_for_a_rearm_from_its_start_pose(armed: Rig) -> None:
    armed.core.on_report("perception", {"fallen": "90 deg"})
    armed.cycle({})
    armed.core.on_reset()
    assert not armed.cycles(5, {}).enable
    assert armed.core.rearm() == ()
    assert armed.cycle({}).enable


def test_a_reset_of_an_inactive_robot_leaves_it_inactive(rig: Rig) -> None:
    rig.core.on_reset()
    assert rig.core.phase is Phase.INACTIVE


def test_a_driver_opened_again_starts_its_clock_anew_and_no_earlier_command_arms(
    armed: Rig,
) -> None:
    armed.cycles(100, {})
    armed.core.deactivate()
    armed.core.on_opened()
    armed.stamp = 0
    armed.core.activate()
    assert not armed.cycles(20, None).enable
    assert "no fresh command; is the controller running?" in armed.core.blockers()
    assert armed.cycle({}).enable


# -- getting up ---------------------------------------------------------------------------------


@pytest.fixture
def lying(armed: Rig) -> Rig:
    """It fell, lies still, and has no torque."""
    armed.core.on_report("perception", {"fallen": "90 deg"})
    for _ in range(600):
        armed.core.on_report("perception", {"fallen": "90 deg"})
        armed.cycle({})
    assert armed.core.phase is Phase.STOPPED
    assert not armed.core.enabled
    return armed


def reports(rig: Rig, perception: dict[str, str], control: dict[str, str]) -> None:
    rig.core.on_report("perception", perception)
    rig.core.on_report("control", control)


LIES, ASKED = {"fallen": "90 deg"}, {GETTING_UP: "at the operator's request"}


def get_up(rig: Rig) -> Output:
    reports(rig, LIES, ASKED)
    assert rig.core.rearm() == ()
    return rig.cycle({})


def test_a_robot_that_lies_is_not_armed_by_a_rearm_alone(lying: Rig) -> None:
    reports(lying, LIES, {})
    assert lying.core.rearm() == ("fallen: 90 deg (perception)",)
    assert not lying.cycles(10, {}).enable


def test_a_robot_that_lies_is_not_armed_by_a_request_alone(lying: Rig) -> None:
    reports(lying, LIES, ASKED)
    assert not lying.cycles(10, {}).enable


def test_a_robot_that_lies_is_armed_to_get_up_on_both(lying: Rig) -> None:
    assert get_up(lying).source == "command"
    assert lying.core.supervisor.reaction is Reaction.WARN
    assert lying.cycles(100, {}).source == "command"


def test_a_robot_that_was_never_armed_gets_up_too(rig: Rig) -> None:
    rig.core.activate()
    reports(rig, LIES, ASKED)
    assert not rig.cycles(5, {}).enable
    assert rig.core.phase is Phase.ARMING
    assert rig.core.rearm() == ()
    assert rig.cycle({}).source == "command"


def test_another_fault_keeps_a_robot_that_lies_from_being_armed(lying: Rig) -> None:
    reports(lying, {**LIES, "estimator_divergence": "why"}, ASKED)
    lying.cycle({})
    assert lying.core.rearm() == ("estimator_divergence: why (perception)",)
    assert not lying.cycles(10, {}).enable


def test_once_up_a_fall_is_a_fall_again(lying: Rig) -> None:
    get_up(lying)
    reports(lying, {}, ASKED)
    assert lying.cycle({}).source == "command"
    assert lying.core.supervisor.reaction is Reaction.NONE
    reports(lying, {"fall": "41 deg"}, ASKED)
    assert lying.cycle({}).source == "damp"
    assert lying.core.phase is Phase.STOPPED


def test_when_control_gives_up_the_robot_is_damped(lying: Rig) -> None:
    get_up(lying)
    reports(lying, LIES, {})
    assert lying.cycle({}, velocity=np.full(3, 0.5)).source == "damp"
    reports(lying, LIES, ASKED)  # nothing re-energises by itself
    assert lying.cycles(10, {}, velocity=np.full(3, 0.5)).source == "damp"


def test_a_stop_ends_it(lying: Rig) -> None:
    get_up(lying)
    lying.core.stop("enough")
    assert lying.cycle({}, velocity=np.full(3, 0.5)).source == "damp"
    assert lying.cycle({}, velocity=np.full(3, 0.5)).source == "damp"
    assert "fallen: 90 deg (perception)" in lying.core.supervisor.active
    assert lying.core.supervisor.reaction is Reaction.DAMP


def test_a_robot_that_takes_too_long_has_fallen(lying: Rig) -> None:
    get_up(lying)
    for _ in range(GET_UP_TIME // PERIOD - 2):
        reports(lying, LIES, ASKED)
        output = lying.cycle({})
    assert output.source == "command"
    reports(lying, LIES, ASKED)
    assert lying.cycle({}).source == "off"  # still: damping has done its work
    assert lying.core.phase is Phase.STOPPED
