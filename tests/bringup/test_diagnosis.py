"""Each fault that the doctor knows is found, named once, and comes with a fix."""

from dataclasses import replace

import pytest

from humanoid_bringup.diagnosis import (
    ERROR,
    OK,
    WARNING,
    Finding,
    Graph,
    Host,
    Topic,
    exit_code,
    graph_findings,
    host_findings,
    verdict,
)
from humanoid_bringup.errors import Exit
from humanoid_bringup.progress import DAMP

HOST = Host(
    domain="0",
    discovery_range="LOCALHOST",
    rmw="rmw_fastrtps_cpp",
    rmw_available=("rmw_fastrtps_cpp",),
    shared_memory_free=1_000_000_000,
    governors=("performance",),
    realtime_limit=98,
)
UP = {"humanoid_hal": True, "humanoid_perception": True, "humanoid_control": True}
GRAPH = Graph(
    UP,
    "active",
    mode="stand",
    target="stand",
    armed=True,
    topics=(Topic("joint_states", ("/humanoid_hal",), 500.0, None),),
    command_publishers=("/humanoid_control",),
    clock_speed=1.0,
)


def wrong(findings):
    return [finding for finding in findings if finding.level != OK]


def test_a_healthy_machine_and_graph_have_nothing_wrong():
    findings = [*host_findings(HOST), *graph_findings(GRAPH)]
    assert wrong(findings) == []
    assert exit_code(findings) == Exit.OK


@pytest.mark.parametrize(
    ("change", "level", "subject", "code"),
    [
        ({"config_errors": ("robot.yaml:3: x",)}, ERROR, "configuration", Exit.CONFIGURATION),
        ({"missing_nodes": ("humanoid_hal/hal_node",)}, ERROR, "installation", Exit.ENVIRONMENT),
        ({"rmw": "rmw_zenoh_cpp"}, ERROR, "middleware", Exit.ENVIRONMENT),
        ({"domain": "1000"}, ERROR, "discovery", Exit.USAGE),
        ({"domain": "-1"}, ERROR, "discovery", Exit.USAGE),
        ({"discovery_range": "OFF"}, ERROR, "discovery", Exit.ENVIRONMENT),
        ({"discovery_range": "SUBNET"}, WARNING, "discovery", Exit.OK),
        ({"shared_memory_free": 1_000_000}, WARNING, "shared memory", Exit.OK),
        ({"governors": ("powersave",)}, WARNING, "cpu", Exit.OK),
        ({"realtime_limit": 0}, WARNING, "real time", Exit.OK),
    ],
)
def test_each_fault_of_the_machine_is_one_line_with_a_fix(change, level, subject, code):
    findings = list(host_findings(replace(HOST, **change)))
    (finding,) = wrong(findings)
    assert (finding.level, finding.subject) == (level, subject)
    assert finding.fix
    assert exit_code(findings) == code


@pytest.mark.parametrize(
    ("change", "level", "subject", "code"),
    [
        ({"nodes": {**UP, "humanoid_control": False}}, ERROR, "node", Exit.NODE_DIED),
        ({"hal_state": "inactive"}, ERROR, "HAL", Exit.FAILED),
        ({"hal_state": ""}, ERROR, "HAL", Exit.FAILED),
        ({"hal_state": "finalized"}, ERROR, "HAL", Exit.FAILED),
        ({"armed": None}, ERROR, "safety", Exit.FAILED),
        ({"armed": False}, ERROR, "armed", Exit.FAILED),
        ({"active": ("overrun: 5",), "reaction": 0}, WARNING, "fault", Exit.OK),
        ({"reaction": DAMP}, ERROR, "safety", Exit.FAILED),
        ({"reaction": 1}, WARNING, "safety", Exit.OK),
        ({"latched": ("fall: 50 deg",)}, ERROR, "latched", Exit.FAILED),
        ({"command_publishers": ("/a", "/b")}, ERROR, "joint_commands", Exit.FAILED),
        ({"target": "sit", "waiting_for": "rest"}, WARNING, "mode", Exit.OK),
        ({"clock_speed": 0.0}, ERROR, "clock", Exit.FAILED),
        ({"clock_speed": 0.5}, WARNING, "clock", Exit.OK),
        ({"topics": (Topic("odom", (), 0.0, None),)}, ERROR, "odom", Exit.FAILED),
        ({"topics": (Topic("odom", ("/p",), 0.0, None),)}, ERROR, "odom", Exit.FAILED),
        ({"topics": (Topic("odom", ("/p",), 70.0, 100.0),)}, WARNING, "odom", Exit.OK),
    ],
)
def test_each_fault_of_the_graph_is_one_line_with_a_fix(change, level, subject, code):
    findings = list(graph_findings(replace(GRAPH, **change)))
    (finding,) = wrong(findings)
    assert (finding.level, finding.subject) == (level, subject)
    assert finding.fix
    assert exit_code(findings) == code


def test_without_a_graph_only_that_is_said():
    (finding,) = graph_findings(Graph(dict.fromkeys(UP, False), ""))
    assert (finding.level, finding.code) == (ERROR, Exit.NO_GRAPH)


def test_an_unarmed_robot_shows_the_faults_that_keep_it_so_as_errors():
    unarmed = replace(GRAPH, hal_state="inactive", armed=False, active=("imu: 60 ms old",))
    found = {(f.level, f.subject) for f in wrong(graph_findings(unarmed))}
    assert found == {(ERROR, "HAL"), (ERROR, "fault")}


def test_the_worst_error_decides_the_exit_code():
    findings = list(host_findings(replace(HOST, domain="x", rmw="rmw_absent")))
    findings += graph_findings(replace(GRAPH, hal_state="inactive"))
    assert exit_code(findings) == Exit.ENVIRONMENT


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ((), "nothing is wrong"),
        ((OK, OK), "nothing is wrong"),
        ((WARNING,), "1 warning"),
        ((ERROR, WARNING, WARNING), "1 error, 2 warnings"),
    ],
)
def test_the_last_line_counts_what_is_wrong(levels, said):
    assert verdict([Finding(level, "subject", "text") for level in levels]) == said


@pytest.mark.parametrize(
    ("simulated", "gets_up", "fix"),
    [
        (True, False, "humanoid reset && humanoid rearm --mode stand"),
        (False, False, "set it on its feet or hang it up, then: humanoid rearm --mode ready"),
        (
            False,
            True,
            "let it get up: humanoid rearm --mode get_up; or set it on its feet or hang it up, "
            "then: humanoid rearm --mode ready",
        ),
    ],
)
def test_of_a_robot_that_lies_the_doctor_says_how_it_gets_up(simulated, gets_up, fix):
    graph = replace(
        GRAPH,
        armed=False,
        reaction=DAMP,
        active=("fallen: tilted by 88 deg",),
        latched=("fall",),
        simulated=simulated,
        gets_up=gets_up,
    )
    found = wrong(graph_findings(graph))
    assert {f.fix for f in found if f.subject in ("fault", "latched", "safety")} == {fix}
