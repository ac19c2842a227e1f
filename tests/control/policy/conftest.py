"""A policy description of the stub robot, on disk."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from humanoid_control.policy.description import PolicyDescription, load_description
from humanoid_description.robot import RobotDescription

DESCRIPTION = """\
rate: 50.0
action: {scale: 0.5, limit: 2.0}
command_lower: [-0.4, -0.3, -0.5]
command_upper: [0.6, 0.3, 0.5]
observations:
  actions: 1.0
  base_ang_vel: 0.25
  dof_pos: 2.0
joints:
  arm:   {default: 0.1, stiffness: 30.0, damping: 3.0}
  leg:   {default: 0.2, stiffness: 40.0, damping: 4.0}
  waist: {default: 0.0, stiffness: 50.0, damping: 5.0}
  wrist: {default: -0.1, stiffness: 20.0, damping: 2.0}
"""


@pytest.fixture
def robot_on_disk(robot: RobotDescription, tmp_path: Path) -> RobotDescription:
    """The stub robot, with a folder that holds ``policy.yaml``."""
    (tmp_path / "policy.yaml").write_text(DESCRIPTION)
    return replace(robot, directory=tmp_path)


@pytest.fixture
def rewrite(robot_on_disk: RobotDescription) -> Callable[[str, str], None]:
    """Replace a piece of ``policy.yaml``."""
    path = robot_on_disk.directory / "policy.yaml"

    def change(old: str, new: str) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change


@pytest.fixture
def description(robot_on_disk: RobotDescription) -> PolicyDescription:
    return load_description("policy.yaml", robot_on_disk)[0]
