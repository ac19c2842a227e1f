"""Start and end of the graph: nothing runs on silently."""

import json
import os
import signal

import pytest

from humanoid_bringup.errors import Exit
from humanoid_bringup.graph import CONTROL, HAL, PERCEPTION

from .conftest import alive, answer, healthcheck, humanoid, wait_for

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("robot", ["g1", "talos"])
def test_the_robot_stands_and_the_exit_code_says_so(domain, robot):
    code, said = answer("sim", "--robot", robot, "--free-running", "--seconds", "3")
    assert code == Exit.OK, said
    assert said["ok"]
    assert (said["mode"], said["armed"]) == ("stand", True)
    assert said["lasted_s"] >= 3.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_graph_in_order_and_leaves_no_process(start, number):
    graph = start("sim", "--mode", "ready")
    graph.wait_for_output("in mode ready after")
    nodes = graph.nodes()
    assert set(nodes) == {HAL, PERCEPTION, CONTROL}
    assert graph.end(number) == Exit.OK, graph.output()
    assert not [pid for pid in nodes.values() if alive(pid)]
    assert f"stopping ({number.name})" in graph.output()


def test_an_interrupted_run_with_seconds_says_that_it_was_interrupted(start):
    graph = start("sim", "--mode", "ready", "--seconds", "1000")
    graph.wait_for_output("in mode ready after")
    assert graph.end(signal.SIGINT) == 128 + signal.SIGINT
    assert "interrupted before the 1000 s were over" in graph.output()


def test_a_signal_during_the_start_leaves_no_process(start):
    graph = start("sim")
    nodes = wait_for(graph.nodes, "a first node")
    assert graph.end() == Exit.OK, graph.output()
    assert not [pid for pid in nodes.values() if alive(pid)]


@pytest.mark.parametrize("victim", [HAL, PERCEPTION, CONTROL])
def test_a_killed_node_ends_the_graph_with_one_clear_line(start, victim):
    graph = start("sim", "--mode", "ready")
    graph.wait_for_output("in mode ready after")
    nodes = graph.nodes()
    os.kill(nodes[victim], signal.SIGKILL)
    wait_for(lambda: graph.process.poll() is not None, "the end of the command")
    assert graph.process.returncode == Exit.NODE_DIED
    assert not [pid for pid in nodes.values() if alive(pid)]
    last = graph.output().splitlines()[-1]
    assert f"{victim} was killed by SIGKILL" in last
    assert str(graph.logs) in last


def test_no_node_outlives_a_command_that_is_killed(start):
    graph = start("sim", "--mode", "ready")
    graph.wait_for_output("in mode ready after")
    nodes = graph.nodes()
    assert graph.end(signal.SIGKILL) == -signal.SIGKILL
    wait_for(lambda: not [pid for pid in nodes.values() if alive(pid)], "the end of the nodes")


def test_a_second_graph_in_the_same_domain_is_refused_and_the_first_runs_on(start):
    graph = start("sim", "--mode", "ready")
    graph.wait_for_output("in mode ready after")
    code, _, errors = humanoid("sim")
    assert code == Exit.ENVIRONMENT
    assert "already runs in ROS_DOMAIN_ID" in errors
    assert graph.process.poll() is None


def test_two_graphs_in_two_namespaces_share_a_domain(start):
    first = start("sim", "--mode", "ready", "--namespace", "one")
    first.wait_for_output("in mode ready after")
    code, said = answer(
        *("sim", "--mode", "ready", "--namespace", "two", "--free-running", "--seconds", "0.5")
    )
    assert code == Exit.OK, said
    assert first.process.poll() is None


def test_a_node_that_cannot_start_is_reported_with_what_it_said(start, tmp_path):
    graph = start("sim", "--cpus", "9999,0,0")
    wait_for(lambda: graph.process.poll() is not None, "the end of the command")
    assert graph.process.returncode == Exit.NODE_DIED
    assert "9999" in graph.output()
    assert "Traceback" not in graph.output()


def test_with_json_a_run_prints_one_object_and_nothing_else(domain):
    code, shown, errors = humanoid(
        *("sim", "--mode", "ready", "--free-running", "--seconds", "0.5", "--json")
    )
    assert code == Exit.OK, errors
    (line,) = shown.splitlines()
    assert json.loads(line)["mode"] == "ready"
    assert not errors


def test_a_container_without_a_graph_is_not_ill(domain):
    assert healthcheck() == 0


def test_verbs_without_a_graph_say_so(domain):
    for verb in (["status"], ["mode"], ["push"], ["pose"], ["rearm"], ["reset"], ["stop"]):
        code, _, errors = humanoid(*verb)
        assert code == Exit.NO_GRAPH, verb
        assert "Traceback" not in errors
