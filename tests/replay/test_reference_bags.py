"""Regression on recorded data: the stack's own estimator and controller against reference bags.

The tolerances leave room for another processor's arithmetic; test_determinism.py asks for equal
bits. After a change that is meant to change these results: ``python tests/replay/make_bags.py``.
"""

import pytest


@pytest.mark.parametrize("bag", ["bags/stand", "bags/fall"])
def test_the_estimator_is_as_recorded(humanoid_replay, bag):
    assert humanoid_replay(bag, tolerances=("*=1e-6,1e-6",))


@pytest.mark.parametrize("bag", ["bags/stand", "bags/fall"])
def test_the_fall_detector_is_as_recorded(humanoid_replay, bag):
    assert humanoid_replay(bag, node="fall")


@pytest.mark.parametrize("bag", ["bags/stand", "bags/fall"])
def test_the_controller_is_as_recorded(humanoid_replay, bag):
    assert humanoid_replay(bag, node="controller", tolerances=("*=1e-3,1e-3",))


def test_the_robot_falls_in_the_one_bag_and_not_in_the_other(humanoid_replay):
    from pathlib import Path

    from humanoid_bringup.bags.export import series

    bags = Path(__file__).parent / "bags"
    falls = {
        name: max(v for _, v in series(bags / name, ["robot_state.fall"])["robot_state.fall"])
        for name in ("stand", "fall")
    }
    assert falls["stand"] == 0.0
    assert falls["fall"] > 0.0
