"""A description that does not fit the joint table is refused with file, line, key and rule."""

from collections.abc import Callable

import numpy as np
import pytest

from humanoid_control.policy.description import PolicyDescription, load_description
from humanoid_description.robot import RobotDescription
from humanoid_description.strict_yaml import ConfigError

Rewrite = Callable[[str, str], None]


def test_it_keeps_the_networks_order_and_counts_its_inputs(description: PolicyDescription) -> None:
    assert list(description.joints) == ["arm", "leg", "waist", "wrist"]
    assert np.array_equal(description.column("stiffness"), [30.0, 40.0, 50.0, 20.0])
    assert description.inputs == 4 + 3 + 4


def test_history_multiplies_the_inputs(robot_on_disk: RobotDescription, rewrite: Rewrite) -> None:
    rewrite("rate: 50.0", "rate: 50.0\nhistory: 3")
    assert load_description("policy.yaml", robot_on_disk)[0].inputs == 3 * 11


@pytest.mark.parametrize(
    ("old", "new", "key", "rule"),
    [
        ("dof_pos: 2.0", "dof_pose: 2.0", "observations.dof_pose", "did you mean 'dof_pos'"),
        (
            "  arm: ",
            "  arms: ",
            "joints.arms",
            "not in the joint table of stub; did you mean 'arm'",
        ),
        ("default: 0.2", "default: 1.6", "joints.leg.default", r"range \[-2, 1.5\] rad \(got 1.6"),
        ("default: 0.2", "default: .nan", "joints.leg.default", "finite"),
        ("rate: 50.0", "rate: 0.0", "rate", "greater than 0"),
        ("rate: 50.0", "rat: 50.0", "rat", "did you mean 'rate'"),
        ("scale: 0.5", "scale: -0.5", "action.scale", "greater than 0"),
        ("[-0.4, -0.3, -0.5]", "[-0.4, -0.3]", "command_lower", "3 values"),
    ],
)
def test_it_refuses(
    robot_on_disk: RobotDescription, rewrite: Rewrite, old: str, new: str, key: str, rule: str
) -> None:
    rewrite(old, new)
    with pytest.raises(ConfigError, match=rule) as refusal:
        load_description("policy.yaml", robot_on_disk)
    assert any(problem.key == key for problem in refusal.value.problems)
    assert refusal.value.file.endswith("policy.yaml")
    assert refusal.value.line > 0


def test_it_refuses_a_joint_that_is_left_out(
    robot_on_disk: RobotDescription, rewrite: Rewrite
) -> None:
    rewrite("  wrist: {default: -0.1, stiffness: 20.0, damping: 2.0}\n", "")
    with pytest.raises(ConfigError, match=r"every joint of stub \(missing: wrist\)"):
        load_description("policy.yaml", robot_on_disk)


def test_a_description_that_is_not_there_is_an_error_of_configuration(
    robot_on_disk: RobotDescription,
) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_description("other.yaml", robot_on_disk)
