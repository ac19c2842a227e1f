"""Nodes of a user's own are fed through the same door."""

import itertools
from pathlib import Path

import pytest

from humanoid_bringup.bags.bag import Bag
from humanoid_bringup.bags.export import series
from humanoid_bringup.bags.session import Job, run
from humanoid_bringup.errors import HumanoidError

HERE = Path(__file__).parent
BAG = HERE / "bags" / "stand"


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))


def test_a_unit_of_ones_own_emits_to_a_bag(tmp_path):
    run(Job(BAG, ("own_nodes:Height",), output=tmp_path / "out"))
    heights = series(tmp_path / "out", ["height.data"])["height.data"]
    expected = series(BAG, ["robot_state.pose.position.z"])["robot_state.pose.position.z"]
    assert [value for _, value in heights] == [value for _, value in expected]


def test_a_plain_rclpy_node_runs_on_the_bags_time(tmp_path):
    outcome = run(Job(BAG, ("own_nodes:Turning",), output=tmp_path / "out")).outcome
    with Bag(BAG) as bag:
        assert outcome.emitted["rate"] == bag.topics["/imu/data"].count
    beats = [value for _, value in series(tmp_path / "out", ["beat.data"])["beat.data"]]
    assert len(beats) == 13
    steps = [b - a for a, b in itertools.pairwise(beats)]
    assert steps == pytest.approx([0.1] * 12)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("estimatr", "did you mean 'estimator'"),
        ("own_nodes:Nothing", "PYTHONPATH"),
        ("no_such_module:Thing", "PYTHONPATH"),
        ("own_nodes:Float64", "neither"),
        ("own_nodes:Broken", "no such sensor"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(name, said):
    with pytest.raises(HumanoidError, match=said):
        run(Job(BAG, (name,)))
