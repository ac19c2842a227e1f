"""One file tells all of an incident: a fall that was simulated, with the stop that followed."""

import json
from dataclasses import replace

import pytest
from mcap.reader import make_reader
from rcl_interfaces.msg import Log
from rosbags.highlevel import AnyReader

from humanoid_bringup.bags.bag import Bag
from humanoid_bringup.bags.check import check
from humanoid_bringup.bags.explain import NEXT, explain, text_of
from humanoid_bringup.bags.incident_file import (
    Circumstances,
    incident_files,
    read_incident,
    write_incident,
)
from humanoid_bringup.bags.outlet import serialise
from humanoid_bringup.cli import main
from humanoid_bringup.incidents import KEPT, Incident
from humanoid_hal.faults import FAULTS, Reaction
from humanoid_interfaces.msg import FaultReport, ModeState, SafetyState

from .conftest import ROOT, topic

FALL = ROOT / "tests" / "replay" / "bags" / "fall"
#: [ns] into the bag.
WHEN = 900_000_000
SAID = Circumstances(
    custom={"robot": "g1", "hardware": "mujoco", "startup_mode": "damping"},
    versions={"numpy": "1.2.3", "python": "3.11"},
    parameters={"/humanoid_hal": {"rate": 500.0, "robot": "/x/robot.yaml"}},
    files={"control.yaml": "modes: {blend: 0.2}\n"},
)


def safety(reaction, armed, *active):
    return serialise(SafetyState(reaction=reaction, armed=armed, active=list(active)))


@pytest.fixture(scope="module")
def incident(tmp_path_factory):
    """The file of a fall, with the reaction to it."""
    with Bag(FALL) as bag:
        rows = [
            (m.topic, m.time, m.data, None) for m in bag.messages() if m.topic != "/safety_state"
        ]
        known = [t for t in bag.topics.values() if t.name != "/safety_state"]
        when = bag.start + WHEN
    order = ModeState(target="sit")
    order.header.stamp.nanosec = 5_000_000
    fall = FaultReport(source="humanoid_perception", name=["fall"], reason=["tilt 31 deg"])
    rows += [
        ("/orders/set_mode", when - 850_000_000, serialise(order), None),
        ("/safety_state", when - 500_000_000, safety(0, True), None),
        ("/safety_state", when - 400_000_000, safety(1, True, "overrun: 4 ms"), None),
        ("/faults", when - 1_000_000, serialise(fall), None),
        ("/safety_state", when, safety(5, False, "fall: tilt 31 deg"), None),
        ("/rosout", when + 1, serialise(Log(level=40, name="humanoid_hal", msg="stopped")), None),
    ]
    known += [
        topic("/safety_state", "humanoid_interfaces/msg/SafetyState"),
        topic("/orders/set_mode", "humanoid_interfaces/msg/ModeState"),
        topic("/faults", "humanoid_interfaces/msg/FaultReport"),
        topic("/rosout", "rcl_interfaces/msg/Log"),
    ]
    rows.sort(key=lambda row: row[1])
    found = Incident(when, 123, int(Reaction.DAMP), ("fall: tilt 31 deg",))
    return write_incident(tmp_path_factory.mktemp("incidents"), found, SAID, known, rows)


def test_the_file_holds_reason_parameters_settings_and_versions(incident):
    found, said = read_incident(incident)
    assert found.reasons == ("fall: tilt 31 deg",)
    assert found.reaction == Reaction.DAMP
    assert said == SAID
    assert incident.name.endswith("-fall.mcap")


def test_it_is_an_ordinary_bag_for_everybody(incident):
    assert check(incident).messages > 1000
    with AnyReader([incident]) as reader:
        assert reader.message_count == check(incident).messages
    with incident.open("rb") as stream:
        names = {attachment.name for attachment in make_reader(stream).iter_attachments()}
    assert names == {"parameters.json", "control.yaml"}


def test_the_explanation_names_the_reason_what_came_before_and_the_next_step(incident):
    found = explain(incident)
    assert found.next_step == NEXT["fall"]
    assert found.facts["joint_states"].startswith("500 Hz") or "Hz" in found.facts["joint_states"]
    assert "tilt" in found.facts["base"]
    told = [text for _, text in found.timeline]
    assert "humanoid_perception reports fall: tilt 31 deg" in told
    assert "safety: DAMP, not armed: fall: tilt 31 deg" in told
    assert "humanoid_hal: stopped" in told
    assert "order: mode sit" in told
    assert not any("overrun" in text for text in told)  # a warning that came and went
    times = [seconds for seconds, _ in found.timeline]
    assert times == sorted(times)
    assert dict(zip(told, times, strict=True))["humanoid_hal: stopped"] == pytest.approx(1e-9)
    lines = "\n".join(text_of(found))
    assert "DAMP at" in lines
    assert "fall: tilt 31 deg (found by perception)" in lines


def test_the_command_explains_the_newest_in_text_json_and_a_page(incident, tmp_path, capsys):
    page = tmp_path / "page.html"
    words = ["incident", "--directory", str(incident.parent), "--html", str(page)]
    assert main(words) == 0
    assert "look at: what came before" in capsys.readouterr().out
    assert page.read_text().count("<svg") >= 4
    assert main([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["fault"], said["reaction"], said["versions"]["numpy"]) == ("fall", "DAMP", "1.2.3")
    assert main([*words[:3], "--list"]) == 0
    assert capsys.readouterr().out.strip() == str(incident)


def test_nodes_can_be_run_from_the_file(incident):
    assert main(["replay", str(incident), "--json"]) == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--directory", "{empty}"], 1, "no incident in"),
        (["{empty}/gone.mcap"], 7, "no such file"),
        ([str(FALL / "fall_0.mcap")], 7, "no incident"),
        (["{damaged}"], 7, "damaged.mcap"),
        (["{file}", "--html", "{empty}/no/where.html"], 6, "cannot write"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_one_line(
    incident, tmp_path, capsys, words, code, said
):
    damaged = tmp_path / "damaged.mcap"
    content = bytearray(incident.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    names = {"empty": tmp_path, "damaged": damaged, "file": incident}
    assert main(["incident", *(word.format(**names) for word in words)]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_only_the_newest_files_are_kept_and_none_is_overwritten(tmp_path):
    for number in range(KEPT + 3):
        found = Incident(number * 10**9, 0, 5, ("fall: x",))
        write_incident(tmp_path, found, SAID, [], [])
    assert len(incident_files(tmp_path)) == KEPT
    assert read_incident(incident_files(tmp_path)[0])[0].time == (KEPT + 2) * 10**9
    again = write_incident(tmp_path, found, SAID, [], [])
    assert again.name.endswith("-fall-2.mcap")
    assert not list(tmp_path.glob("*.part"))


def test_next_steps_are_of_faults_that_can_damp_and_others_point_to_the_table(incident):
    grave = {
        name for name, row in FAULTS.items() if max(row.reaction, row.escalates) >= Reaction.DAMP
    }
    assert set(NEXT) <= grave
    found = explain(incident)
    found.incident = replace(found.incident, reasons=("brand_new: x",))
    assert "docs/safety.md" in found.next_step
