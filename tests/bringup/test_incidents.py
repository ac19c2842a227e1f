"""When a reaction is an incident, and which of them share a file. Times in seconds."""

from dataclasses import replace

import pytest

from humanoid_bringup.incidents import AFTER, SAME, Incident, Watch, default_directory, reasons

NONE, HOLD, SIT, DAMP, OFF = 0, 3, 4, 5, 6


def said(seconds, reaction, *why):
    return Incident(round(seconds * 1e9), 0, reaction, why)


def files(*steps):
    """The incidents that these states make, asked for after each of them and at the end."""
    watch, found = Watch(), []
    for step in steps:
        found.append(watch.due(step.time))
        watch.take(step)
    found.append(watch.due(steps[-1].time + round(AFTER * 1e9)))
    return [incident for incident in found if incident is not None]


@pytest.mark.parametrize("reaction", [NONE, HOLD, SIT])
def test_milder_reactions_are_no_incident(reaction):
    assert files(said(0, NONE), said(1, reaction, "stall: x")) == []


@pytest.mark.parametrize("reaction", [DAMP, OFF])
def test_damp_and_above_are_one_incident_however_often_it_is_said(reaction):
    (found,) = files(said(0, HOLD), *(said(1 + i / 10, reaction, "fall: x") for i in range(50)))
    assert (found.time, found.fault) == (1_000_000_000, "fall")


def test_an_incident_is_saved_only_when_its_consequences_have_been_seen():
    watch = Watch()
    watch.take(said(1, DAMP, "fall: x"))
    assert watch.due(round((1 + AFTER) * 1e9) - 1) is None
    assert watch.due(round((1 + AFTER) * 1e9)) is not None
    assert watch.due(round(100e9)) is None


def test_what_gets_worse_meanwhile_is_in_the_same_file_with_all_its_reasons():
    (found,) = files(
        said(1, DAMP, "fall: x"), said(1.5, OFF, "emergency_stop: y", "fall: x"), said(1.6, OFF)
    )
    assert found.reaction == OFF
    assert found.reasons == ("fall: x", "emergency_stop: y")
    assert found.time == 1_000_000_000


def test_a_reaction_that_comes_and_goes_does_not_fill_the_disk():
    flapping = [said(i / 2, DAMP if i % 2 else NONE, "fallen: x") for i in range(20)]
    assert len(files(*flapping)) == 1
    later = said(SAME + 1, DAMP, "fallen: x")
    assert len(files(said(0, DAMP, "fall: x"), said(3, NONE), later)) == 2


def test_a_stronger_reaction_soon_after_has_a_file_of_its_own():
    steps = said(0, DAMP, "fall: x"), said(3, DAMP, "fall: x"), said(4, OFF, "fallen: x")
    assert [found.reaction for found in files(*steps)] == [DAMP, OFF]


def test_what_is_pending_at_the_end_is_not_lost():
    watch = Watch()
    watch.take(said(1, DAMP, "fall: x"))
    assert watch.due(0, final=True) is not None


def test_the_name_of_an_incident_is_a_file_name():
    assert said(0, DAMP, "operator_stop: asked for").name == "operator_stop"
    assert said(0, DAMP).name == "damp"
    assert replace(said(0, DAMP), reasons=("../../etc: x",)).name == "_etc"


def test_latched_faults_are_named_once():
    assert reasons(["fall: tilt 30 deg"], ["fall", "bus_lost"]) == ("fall: tilt 30 deg", "bus_lost")


def test_incidents_are_beside_the_logs(monkeypatch, tmp_path):
    monkeypatch.setenv("HUMANOID_LOG_DIR", str(tmp_path))
    assert default_directory() == tmp_path / "incidents"
    monkeypatch.delenv("HUMANOID_LOG_DIR")
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    assert default_directory() == tmp_path / "log" / "humanoid" / "incidents"
