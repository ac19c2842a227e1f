"""The joint table: checked in itself and against its URDF before anything is made from it."""

import re
from pathlib import Path

import numpy as np
import pytest

from humanoid_description import ConfigError, DescriptionError, UrdfError, load_robot
from humanoid_description.load import RobotFile
from humanoid_description.schema import describe

CORPUS = Path(__file__).parent / "corpus" / "robot"
ROOT = Path(__file__).parents[2]
ROBOTS = sorted(path.name for path in (ROOT / "config" / "robots").iterdir() if path.is_dir())


def copy(tmp_path, old="", new="", urdf_old="", urdf_new=""):
    """The valid robot of the corpus with one change in the table and one in its URDF."""
    table, urdf = (CORPUS / "valid.yaml").read_text(), (CORPUS / "biped.urdf").read_text()
    assert old in table
    assert urdf_old in urdf
    (tmp_path / "biped.urdf").write_text(urdf.replace(urdf_old, urdf_new, 1))
    (tmp_path / "robot.yaml").write_text(table.replace(old, new, 1))
    return tmp_path


@pytest.mark.parametrize("path", sorted(CORPUS.glob("refused_*.yaml")), ids=lambda path: path.stem)
def test_a_wrong_table_is_refused_with_its_own_line_key_and_rule(path):
    expected = re.findall(r"^# expect: (\d+): (.*)$", path.read_text(), re.MULTILINE)
    assert expected
    with pytest.raises(ConfigError) as refusal:
        load_robot(path)
    problems = refusal.value.problems
    assert len(problems) == len(expected), str(refusal.value)
    for problem, (line, message) in zip(problems, expected, strict=True):
        assert str(problem).startswith(f"{path}:{line}: "), str(problem)
        assert message in str(problem)


def test_a_valid_table_arrives_whole():
    robot = load_robot(CORPUS / "valid.yaml")
    assert robot.name == "biped"
    assert robot.directory == CORPUS
    assert robot.urdf_path == CORPUS / "biped.urdf"
    assert robot.base_link == "base"
    assert robot.frames == {"base_link": "base", "torso": "base", "l_leg": "left_leg"}
    assert robot.joint_names == ("left_hip", "right_hip")
    assert robot.index == {"left_hip": 0, "right_hip": 1}
    assert robot.locked == {"neck": 0.1}
    assert [foot.name for foot in robot.feet] == ["l_sole", "r_sole"]
    assert robot.feet[0].force_sensor
    np.testing.assert_array_equal(robot.feet[0].origin, [0.0, 0.0, -0.4])
    np.testing.assert_array_equal(
        robot.feet[0].points, [[0.1, 0.05, 0.0], [0.1, -0.05, 0.0], [-0.1, 0.0, 0.0]]
    )
    np.testing.assert_array_equal(robot.imu.xyz, np.zeros(3))
    np.testing.assert_array_equal(robot.poses["ready"], [0.1, 0.1])
    np.testing.assert_array_equal(robot.column("effort"), [100.0, 100.0])


def test_joints_a_pose_does_not_name_are_at_zero(tmp_path):
    robot = load_robot(copy(tmp_path, "{left_hip: 0.1, right_hip: 0.1}", "{right_hip: 0.1}"))
    np.testing.assert_array_equal(robot.poses["ready"], [0.0, 0.1])


def test_zero_must_be_within_the_limits_of_a_joint_a_pose_does_not_name(tmp_path):
    folder = copy(
        tmp_path,
        "joints:\n  left_hip: {lower: -1.5",
        "joints:\n  left_hip: {lower: 0.05",
    )
    text = (folder / "robot.yaml").read_text().replace("{left_hip: 0.1, ", "{")
    (folder / "robot.yaml").write_text(text)
    with pytest.raises(
        ConfigError, match=r"poses\.ready': 'left_hip' at 0 rad is outside its limits"
    ):
        load_robot(folder)


def test_left_and_right_may_differ(tmp_path):
    robot = load_robot(copy(tmp_path, "effort: 100.0", "effort: 90.0"))
    np.testing.assert_array_equal(robot.column("effort"), [90.0, 100.0])


def test_rounding_in_the_last_digit_of_a_limit_is_no_error(tmp_path):
    folder = copy(tmp_path, urdf_old='lower="-1.5"', urdf_new='lower="-1.4999999"')
    assert load_robot(folder).joints[0].lower == -1.5


def test_a_defective_urdf_is_refused_with_its_own_error(tmp_path):
    folder = copy(tmp_path, urdf_old='"0 1 0"', urdf_new='"0 0 0"')
    with pytest.raises(UrdfError, match="axis must have length 1"):
        load_robot(folder)


def test_a_missing_mesh_is_told_and_tolerated(tmp_path, caplog):
    visual = '<visual><geometry><mesh filename="gone.stl"/></geometry></visual>'
    folder = copy(
        tmp_path, urdf_old='<link name="imu"/>', urdf_new=f'<link name="imu">{visual}</link>'
    )
    load_robot(folder)
    assert "biped.urdf:10: link 'imu': mesh file not found: 'gone.stl'" in caplog.text


def test_an_actuated_joint_must_rotate(tmp_path):
    folder = copy(
        tmp_path, urdf_old='"left_hip" type="revolute"', urdf_new='"left_hip" type="prismatic"'
    )
    with pytest.raises(ConfigError, match="only rotating joints can be actuated"):
        load_robot(folder)


def test_a_joint_that_copies_another_must_be_locked(tmp_path):
    folder = copy(
        tmp_path, urdf_old='velocity="10"/>', urdf_new='velocity="10"/><mimic joint="right_hip"/>'
    )
    with pytest.raises(ConfigError, match=r"mimics 'right_hip' in .*; list it under 'locked'"):
        load_robot(folder)


def test_a_locked_angle_must_be_within_the_urdf(tmp_path):
    bound = (
        '<limit lower="0" upper="0.05" effort="1" velocity="1"/>\n  </joint>\n  <link name="head">'
    )
    folder = copy(
        tmp_path,
        urdf_old='<axis xyz="0 0 1"/>\n  </joint>\n  <link name="head">',
        urdf_new=f'<axis xyz="0 0 1"/>{bound}',
    )
    text = (folder / "biped.urdf").read_text().replace("continuous", "revolute")
    (folder / "biped.urdf").write_text(text)
    with pytest.raises(
        ConfigError, match=r"locked\.neck': 0\.1 is outside the URDF's limits 0 … 0\.05"
    ):
        load_robot(folder)


@pytest.mark.parametrize("name", ROBOTS)
def test_every_robot_of_the_repository_is_valid(name):
    robot = load_robot(ROOT / "config" / "robots" / name)
    assert robot.name == name
    assert {foot.name for foot in robot.feet} == {"l_sole", "r_sole"}
    assert set(robot.frames) >= {
        "base_link",
        "torso",
        "l_wrist",
        "r_wrist",
        "l_gripper",
        "r_gripper",
    }
    assert set(robot.frames) >= {"gaze", "head"}
    assert "package://" not in robot.urdf
    assert robot.urdf.count("file:///") > 30


@pytest.mark.parametrize("name", ROBOTS)
def test_left_and_right_rows_of_the_repositorys_robots_mirror_each_other(name):
    robot = load_robot(ROOT / "config" / "robots" / name)
    for joint in robot.joints:
        mirrored = joint.name.replace("left", "right")
        other = robot.joints[robot.index[mirrored]]
        for field in ("velocity", "effort", "armature", "stiffness", "damping", "temperature"):
            assert getattr(joint, field) == getattr(other, field), joint.name
        assert (other.lower, other.upper) in (
            (joint.lower, joint.upper),
            (-joint.upper, -joint.lower),
        ), joint.name


def test_the_two_errors_are_of_one_family():
    assert issubclass(ConfigError, DescriptionError)
    assert issubclass(UrdfError, DescriptionError)


def test_the_documentation_lists_every_key_as_it_is():
    text = (ROOT / "docs" / "robots.md").read_text()
    for row in describe(RobotFile):
        rule = f", {row.rule}" if row.rule else ""
        unit = f" [{row.unit}]" if row.unit else ""
        assert f"| `{row.key}` | {row.type}{unit}{rule} | {row.default} | {row.doc} |" in text
