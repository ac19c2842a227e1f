"""The benchmark of determinism: what counts as a difference of two runs."""

from types import ModuleType
from typing import Any

import pytest

from humanoid_bringup.commands import benchmark

Run = dict[tuple[int, str], bytes]


@pytest.fixture(scope="module")
def determinism() -> ModuleType:
    return benchmark.load(benchmark.files()["determinism"])


def run(samples: int) -> Run:
    topics = ("/joint_states", "/robot_state", "/joint_commands")
    return {(stamp, topic): b"%d" % stamp for stamp in range(samples) for topic in topics}


def verdict(figures: dict[str, Any]) -> tuple[bool, int, int]:
    return figures["ok"], figures["differing_messages"], figures["missing_messages"]


def test_equal_runs_of_other_lengths_are_equal(determinism: ModuleType) -> None:
    assert verdict(determinism.compare(run(9), run(7))) == (True, 0, 0)


def test_a_run_that_ended_before_the_last_answer_is_equal_up_to_there(
    determinism: ModuleType,
) -> None:
    short = run(7)
    del short[6, "/robot_state"], short[6, "/joint_commands"]
    assert verdict(determinism.compare(run(9), short)) == (True, 0, 0)
    assert verdict(determinism.compare(short, run(9))) == (True, 0, 0)


def test_a_message_that_is_missing_before_is_a_difference(determinism: ModuleType) -> None:
    gap = run(7)
    del gap[5, "/joint_commands"]
    assert verdict(determinism.compare(run(9), gap)) == (False, 0, 1)


def test_one_bit_is_a_difference_and_named(determinism: ModuleType) -> None:
    changed = run(9)
    changed[4, "/joint_commands"] = b"5"
    figures = determinism.compare(changed, run(9))
    assert verdict(figures) == (False, 1, 0)
    assert figures["first_difference"] == "/joint_commands at 4 ns"
