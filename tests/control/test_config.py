"""Promises of control.yaml."""

from pathlib import Path

import pytest

from humanoid_control.config import ControlConfig, load_control_config
from humanoid_control.sit import LONGEST
from humanoid_description import ConfigError

ROBOTS = sorted((Path(__file__).parents[2] / "config" / "robots").glob("*/robot.yaml"))


@pytest.mark.parametrize("robot", ROBOTS, ids=lambda path: path.parent.name)
def test_the_file_of_every_robot_is_accepted(robot: Path) -> None:
    config = load_control_config(robot.parent / "control.yaml")
    assert config.sit.crouch + config.sit.release <= LONGEST


@pytest.mark.parametrize("path", [None, ""])
def test_without_a_file_the_defaults_hold(path: str | None) -> None:
    assert load_control_config(path) == ControlConfig()


@pytest.mark.parametrize(
    ("text", "line", "rule"),
    [
        ("modes: {blnd: 0.2}", 1, "did you mean 'blend'"),
        ("modes:\n  blend: 0.0", 2, "greater than 0"),
        ("modes:\n  blend: 2.5", 2, "at most 2"),
        ("modes:\n  blend: .nan", 2, "finite"),
        ("modes:\n  blend: yes", 2, "plain decimal number"),
        ("run: {}", 1, "unknown key"),
        ("ready:\n  speed: -1.0", 2, "greater than 0"),
        ("sit:\n  crouch: 2.5\n  release: 0.6", 2, "must not exceed 3 s"),
        ("references:\n  com_lower: [0.01, -0.05]", 2, "at most 0"),
        ("references:\n  com_upper: [0.05]", 2, "must have 2 values"),
        ("references:\n  height_upper: 0.9", 2, "1 must lie between height_lower and height_upper"),
        ("references:\n  torso: [0.1, -0.1, 0.1]", 2, "at least 0"),
        ("references:\n  trajectory:\n    speed: 1.5", 3, "at most 1"),
    ],
)
def test_a_bad_value_is_refused_with_file_line_and_rule(
    tmp_path: Path, text: str, line: int, rule: str
) -> None:
    file = tmp_path / "control.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=rule) as error:
        load_control_config(file)
    assert error.value.line == line
    assert error.value.file == str(file)
