"""A run of the real graph is recorded from its first sample on, and replays bit for bit."""

from pathlib import Path

import pytest

from humanoid_bringup.bags.bag import Bag

from .conftest import answer, humanoid

BAG = Path(__file__).parents[1] / "replay" / "bags" / "stand"


@pytest.fixture
def bag(start, tmp_path):
    """A robot that stood up, got two orders and was stopped."""
    path = tmp_path / "run"
    incidents = str(tmp_path / "incidents")
    graph = start("sim", "--record", str(path), "--incidents", incidents, "--free-running")
    graph.wait_for_output("standing after")
    assert humanoid("pose", "--lean", "0", "0.05", "0")[0] == 0
    assert humanoid("mode", "sit", "--wait", "60")[0] == 0
    assert humanoid("stop")[0] == 0
    graph.end()
    return path


def test_a_recorded_run_replays_bit_for_bit_orders_included_and_its_stop_is_explained(bag):
    assert humanoid("bag", "check", str(bag))[0] == 0
    with Bag(bag) as recorded:
        assert recorded.custom["robot"] == "g1"
        assert recorded.topics["/robot_description"].count == 1
        assert recorded.topics["/orders/set_mode"].count == 1
        assert recorded.topics["/orders/body_pose"].count >= 1
    for node in ("estimator", "controller"):
        code, verdict = answer("replay", str(bag), "--node", node, "--check")
        assert code == 0, verdict["first"]
        assert all(topic["compared"] > 100 for topic in verdict["topics"])
    code, said = answer("incident", "--directory", str(bag.with_name("incidents")))
    assert (code, said["fault"], said["reaction"]) == (0, "operator_stop", "DAMP")
    assert said["parameters"]["/humanoid_control"]["startup_mode"] == "stand"
    assert "order: mode sit" in [line["what"] for line in said["timeline"]]


def test_a_replay_does_not_run_beside_a_hal(standing):
    code, _, errors = humanoid("replay", str(BAG), "--live")
    assert code == 6
    assert "a replay is no robot" in errors
