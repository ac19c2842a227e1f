import pytest

from humanoid_hal.faults import FAULTS, MS, SECOND, Clears, Fault, Reaction, _table
from humanoid_hal.safety import SIT_TIME, SafetySupervisor

NONE, WARN, DERATE, HOLD = Reaction.NONE, Reaction.WARN, Reaction.DERATE, Reaction.HOLD
SIT, DAMP, OFF = Reaction.SIT, Reaction.DAMP, Reaction.TORQUE_OFF


def active_at(name: str) -> int:
    return FAULTS[name].after


def raise_fault(supervisor: SafetySupervisor, name: str, *, armed: bool = True) -> Reaction:
    """Hold the cause for as long as the table asks; ends at time `active_at(name)`."""
    supervisor.update(0, {name: "why"}, armed=armed)
    return supervisor.update(active_at(name), {name: "why"}, armed=armed)


def test_without_causes_nothing_happens() -> None:
    assert SafetySupervisor().update(0, {}, armed=True) is NONE


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_causes_its_reaction(name: str) -> None:
    supervisor = SafetySupervisor()
    assert raise_fault(supervisor, name) == FAULTS[name].reaction
    assert supervisor.active == (f"{name}: why",)


@pytest.mark.parametrize("name", [n for n, fault in FAULTS.items() if fault.after])
def test_a_cause_shorter_than_its_time_is_no_fault(name: str) -> None:
    supervisor, after = SafetySupervisor(), FAULTS[name].after
    supervisor.update(5, {name: ""}, armed=True)
    assert supervisor.update(5 + after - 1, {name: ""}, armed=True) is NONE
    assert supervisor.update(5 + after, {}, armed=True) is NONE
    # and the time starts again
    supervisor.update(5 + after + 1, {name: ""}, armed=True)
    assert supervisor.update(5 + 2 * after, {name: ""}, armed=True) is NONE
    assert supervisor.update(5 + 2 * after + 1, {name: ""}, armed=True) is not NONE


CLEARING = [
    n for n, f in FAULTS.items() if f.clears is Clears.ON_CLEAR and f.reaction < Reaction.SIT
]


@pytest.mark.parametrize("name", CLEARING)
def test_a_fault_that_clears_lingers_and_ends(name: str) -> None:
    supervisor, fault = SafetySupervisor(), FAULTS[name]
    raise_fault(supervisor, name)
    gone = active_at(name)
    if fault.linger:
        assert supervisor.update(gone + fault.linger - 1, {}, armed=True) == fault.reaction
    assert supervisor.update(gone + max(fault.linger, 1), {}, armed=True) is NONE
    assert not supervisor.needs_rearm


LATCHING = [n for n, f in FAULTS.items() if f.clears is Clears.ON_REARM]


@pytest.mark.parametrize("name", LATCHING)
def test_a_fault_that_needs_a_rearm_stays_until_then(name: str) -> None:
    supervisor = SafetySupervisor()
    reaction = raise_fault(supervisor, name)
    later = active_at(name) + SECOND
    assert supervisor.update(later, {}, armed=True) == reaction
    assert supervisor.latched == (name,)
    assert supervisor.active == ()
    assert supervisor.rearm() == ()
    assert supervisor.update(later + 1, {}, armed=True) is NONE


@pytest.mark.parametrize("name", [n for n in LATCHING if FAULTS[n].reaction >= HOLD])
def test_a_rearm_is_refused_while_the_cause_is_there(name: str) -> None:
    supervisor = SafetySupervisor()
    reaction = raise_fault(supervisor, name)
    assert supervisor.rearm() == (f"{name}: why",)
    assert supervisor.needs_rearm
    assert supervisor.update(active_at(name) + 1, {}, armed=True) == reaction


def test_a_rearm_passes_a_warning_that_is_still_there() -> None:
    supervisor = SafetySupervisor()
    supervisor.update(0, {"overrun": "slow", "fall": "45 deg"}, armed=True)
    supervisor.update(1, {"overrun": "slow"}, armed=True)
    assert supervisor.rearm() == ()
    assert supervisor.update(2, {"overrun": "slow"}, armed=True) is WARN


def test_a_fault_that_never_clears_survives_a_rearm() -> None:
    supervisor = SafetySupervisor()
    raise_fault(supervisor, "driver_error")
    supervisor.update(1, {}, armed=True)
    assert supervisor.rearm() == ("driver_error: why",)
    assert supervisor.update(2, {}, armed=False) is DAMP


@pytest.mark.parametrize("name", LATCHING)
def test_disarmed_only_the_operators_faults_latch(name: str) -> None:
    supervisor = SafetySupervisor()
    assert raise_fault(supervisor, name, armed=False) == FAULTS[name].reaction
    stays = FAULTS[name].always_latches
    reaction = supervisor.update(active_at(name) + 1, {}, armed=False)
    assert reaction == (FAULTS[name].reaction if stays else NONE)
    assert supervisor.needs_rearm is stays


def test_the_highest_active_reaction_wins_and_is_named_first() -> None:
    supervisor = SafetySupervisor()
    causes = {"overrun": "a", "arm_joint_silent": "b", "temperature_high": "c"}
    assert supervisor.update(0, causes, armed=True) is HOLD
    assert supervisor.active == ("arm_joint_silent: b", "temperature_high: c", "overrun: a")


def test_hold_of_a_lost_controller_becomes_damp_after_300_ms_and_latches() -> None:
    supervisor = SafetySupervisor()
    cause = {"command_timeout": "50 ms old"}
    assert supervisor.update(0, cause, armed=True) is HOLD
    assert supervisor.update(300 * MS - 1, cause, armed=True) is HOLD
    assert supervisor.update(300 * MS, cause, armed=True) is DAMP
    assert supervisor.update(301 * MS, {}, armed=True) is DAMP
    assert supervisor.latched == ("command_timeout",)


def test_a_controller_back_within_300_ms_starts_a_new_hold() -> None:
    supervisor = SafetySupervisor()
    cause = {"command_timeout": ""}
    supervisor.update(0, cause, armed=True)
    supervisor.update(299 * MS, cause, armed=True)
    assert supervisor.update(300 * MS, {}, armed=True) is NONE
    assert supervisor.update(301 * MS, cause, armed=True) is HOLD
    assert supervisor.update(600 * MS, cause, armed=True) is HOLD


def test_disarmed_nothing_escalates() -> None:
    supervisor = SafetySupervisor()
    supervisor.update(0, {"command_timeout": ""}, armed=False)
    assert supervisor.update(SECOND, {"command_timeout": ""}, armed=False) is HOLD


def test_sit_ends_in_torque_off_after_its_time_and_latches() -> None:
    supervisor = SafetySupervisor()
    cause = {"over_temperature": "91 degC"}
    assert supervisor.update(0, cause, armed=True) is SIT
    assert supervisor.update(SIT_TIME - 1, cause, armed=True) is SIT
    assert supervisor.update(SIT_TIME, cause, armed=True) is OFF
    assert supervisor.update(SIT_TIME + 1, {}, armed=False) is OFF
    assert supervisor.needs_rearm
    assert supervisor.rearm() == ()
    assert supervisor.update(SIT_TIME + 2, {}, armed=False) is NONE


def test_sit_ends_at_once_when_the_robot_is_seated() -> None:
    supervisor = SafetySupervisor()
    assert supervisor.update(0, {"over_temperature": ""}, armed=True) is SIT
    assert supervisor.update(1, {"over_temperature": ""}, armed=True, seated=True) is OFF


def test_a_second_sit_has_its_own_three_seconds() -> None:
    supervisor = SafetySupervisor()
    supervisor.update(0, {"over_temperature": ""}, armed=True)
    supervisor.update(1, {}, armed=True)
    supervisor.rearm()
    supervisor.update(SIT_TIME, {"over_temperature": ""}, armed=True)
    assert supervisor.update(SIT_TIME + 1, {}, armed=True) is SIT


def test_disarmed_sit_does_not_count_time() -> None:
    supervisor = SafetySupervisor()
    supervisor.update(0, {"over_temperature": ""}, armed=False)
    assert supervisor.update(SIT_TIME, {"over_temperature": ""}, armed=False) is SIT


def test_a_fallen_robot_is_damped_until_it_lies_still() -> None:
    supervisor = SafetySupervisor()
    assert supervisor.update(0, {"fall": ""}, armed=True, still=True) is DAMP
    assert supervisor.update(1, {"fall": "", "fallen": ""}, armed=True) is DAMP
    assert supervisor.update(2, {"fallen": ""}, armed=True, still=True) is OFF
    assert supervisor.update(3, {}, armed=False) is OFF


def test_a_name_that_the_table_does_not_know_holds() -> None:
    supervisor = SafetySupervisor()
    assert supervisor.update(0, {"gremlins": "seen"}, armed=True) is HOLD
    assert supervisor.active == ("unknown_fault: 'gremlins' is not in the fault table: seen",)


def test_nothing_reenergises_by_itself() -> None:
    """Whatever was at SIT or above stays there over any sequence of causes without a rearm."""
    supervisor = SafetySupervisor()
    worst = NONE
    sequence = ["fall", "overrun", "emergency_stop", "command_timeout", "over_temperature", ""]
    for step, name in enumerate(sequence * 3):
        causes = {name: ""} if name else {}
        reaction = supervisor.update(step * SECOND, causes, armed=worst < OFF)
        assert reaction >= worst
        worst = max(worst, reaction)
    assert worst is OFF


def test_a_table_with_a_name_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="appears twice"):
        _table(*[Fault("a", 1, FAULTS["fall"].detector, WARN, Clears.ON_CLEAR)] * 2)


# -- getting up ---------------------------------------------------------------------------------

RECOVERABLE = [name for name, fault in FAULTS.items() if fault.recoverable]


def test_only_falls_are_excused() -> None:
    assert RECOVERABLE == ["fall", "fallen"]


def lying() -> SafetySupervisor:
    """A supervisor whose robot fell, lies, and has no torque."""
    supervisor = SafetySupervisor()
    supervisor.update(0, {"fall": ""}, armed=True)
    assert supervisor.update(1, {"fallen": ""}, armed=True, still=True) is OFF
    assert supervisor.update(2, {"fallen": ""}, armed=False, still=True) is OFF
    return supervisor


def test_a_rearm_to_get_up_is_possible_while_the_robot_lies() -> None:
    supervisor = lying()
    assert supervisor.rearm() == ("fallen: ",)
    assert supervisor.needs_rearm
    assert supervisor.rearm(getting_up=True) == ()
    assert not supervisor.needs_rearm
    assert supervisor.update(3, {"fallen": ""}, armed=True, getting_up=True) is WARN
    assert not supervisor.needs_rearm


def test_it_is_over_when_the_robot_is_up() -> None:
    supervisor = lying()
    supervisor.rearm(getting_up=True)
    supervisor.update(3, {"fallen": ""}, armed=True, getting_up=True)
    assert supervisor.update(4, {}, armed=True) is NONE
    assert not supervisor.needs_rearm


@pytest.mark.parametrize("name", RECOVERABLE)
def test_a_robot_that_does_not_get_up_any_more_has_fallen(name: str) -> None:
    supervisor = lying()
    supervisor.rearm(getting_up=True)
    assert supervisor.update(3, {name: ""}, armed=True, getting_up=True) is WARN
    assert supervisor.update(4, {name: ""}, armed=True) is DAMP
    assert supervisor.update(5, {}, armed=True, getting_up=True) is DAMP
    assert supervisor.latched == (name,)


OTHERS = [n for n, f in FAULTS.items() if f.reaction >= HOLD and not f.recoverable]


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_fault_is_excused(name: str) -> None:
    supervisor = lying()
    supervisor.update(3, {"fallen": "", name: "why"}, armed=False)
    supervisor.update(3 + FAULTS[name].after, {"fallen": "", name: "why"}, armed=False)
    assert supervisor.rearm(getting_up=True) == (f"{name}: why",)
    assert supervisor.needs_rearm

    getting_up = lying()
    getting_up.rearm(getting_up=True)
    for now in (3, 3 + FAULTS[name].after):
        reaction = getting_up.update(now, {"fallen": "", name: ""}, armed=True, getting_up=True)
    assert reaction is FAULTS[name].reaction
