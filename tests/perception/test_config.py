"""Promises of perception.yaml."""

from pathlib import Path

import pytest

from humanoid_description import ConfigError
from humanoid_perception.config import PerceptionConfig, load_perception

ROBOTS = Path(__file__).parents[2] / "config" / "robots"


@pytest.mark.parametrize("robot", ["g1", "talos"])
def test_the_files_of_the_robots_are_accepted(robot: str) -> None:
    assert isinstance(load_perception(ROBOTS / robot / "perception.yaml"), PerceptionConfig)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("filter: {encodr: 1.0e-4}", "did you mean 'encoder'"),
        ("filter: {encoder: 0.0}", "greater than"),
        ("filter: {gate: 0.5}", "at most"),
        ("contact: {touch: 0.05, lift: 0.06}", "lift must be below touch"),
        ("contact: {torque_touch: 0.05}", "torque_lift must be below torque_touch"),
        ("fall: {upright: 0.8}", "upright must be below falling"),
        ("health: {coast: .nan}", "finite"),
        ("helth: {}", "did you mean 'health'"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "perception.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_perception(file)
