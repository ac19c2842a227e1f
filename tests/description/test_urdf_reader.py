"""The reader of URDF: what no simulator should be given is refused, every real robot is read."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pinocchio as pin
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_description.assets import resolve
from humanoid_description.urdf_reader import UrdfError, read_urdf, resolved_text

FOLDER = Path(__file__).parent / "corpus"
CORPUS = sorted((FOLDER / "urdf").glob("*.urdf"))
BIPED = FOLDER / "robot" / "biped.urdf"
EXPECT = re.compile(r"^<!-- expect: (\d+): (.*) -->$", re.MULTILINE)


def robot_file(name):
    path = resolve(f"package://example-robot-data/robots/{name}")
    assert path is not None
    return path


def problems(path):
    try:
        read_urdf(path)
    except UrdfError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_defective_urdf_is_refused_with_its_own_line_element_and_rule(path):
    expected = EXPECT.findall(path.read_text())
    assert expected
    found = problems(path)
    assert len(found) == len(expected), found
    for problem, (line, message) in zip(found, expected, strict=True):
        place = f"{path}:{line}: " if int(line) else f"{path}: "
        assert str(problem).startswith(place), str(problem)
        assert message in str(problem)


def test_no_corpus_file_is_the_copy_of_another():
    bodies = Counter(EXPECT.sub("", path.read_text()) for path in CORPUS)
    assert max(bodies.values()) == 1


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UrdfError, match="cannot be read: No such file or directory"):
        read_urdf(tmp_path / "none.urdf")


# The humanoids of the example-robot-data wheel, and how many true defects each has:
#   bolt: two feet have inertia and no mass; icub: cardan links of neck, wrists, hips and ankles
#   have no inertia; romeo: fingers have no mass, both small variants have impossible moments.
HUMANOIDS = {
    "g1_description/urdf/g1_29dof_rev_1_0.urdf": 0,
    "g1_description/urdf/g1_29dof_with_hand_rev_1_0.urdf": 0,
    "talos_data/robots/talos_reduced.urdf": 0,
    "talos_data/robots/talos_full_v2.urdf": 0,
    "simple_humanoid_description/urdf/simple_humanoid.urdf": 0,
    "alexander_description/urdf/alexander_v1.lowerBodyOnly.urdf": 0,
    "bolt_description/robots/bolt.urdf": 2,
    "icub_description/robots/icub.urdf": 10,
    "icub_description/robots/icub_reduced.urdf": 7,
    "romeo_description/urdf/romeo.urdf": 24,
    "romeo_description/urdf/romeo_small.urdf": 2,
    "romeo_description/urdf/romeo_laas_small.urdf": 5,
}


@pytest.mark.parametrize(("name", "defects"), HUMANOIDS.items())
def test_real_humanoids_are_read_or_refused_for_their_true_defects(name, defects):
    found = problems(robot_file(name))
    assert len(found) == defects, found


def test_missing_meshes_are_warnings_with_their_place():
    path = robot_file("talos_data/robots/talos_full_v2.urdf")
    warnings = read_urdf(path).warnings
    lines = path.read_text().splitlines()
    assert len(warnings) > 0
    assert all("<mesh" in lines[warning.line - 1] for warning in warnings)
    assert "mesh file not found: 'package://" in str(warnings[0])


@pytest.mark.parametrize("name", [name for name, defects in HUMANOIDS.items() if defects == 0])
def test_joint_order_limits_and_axes_are_those_pinocchio_reads(name):
    urdf = read_urdf(robot_file(name))
    model = pin.buildModelFromUrdf(str(robot_file(name)))
    joints = [joint for joint in urdf.depth_first() if joint.movable]
    assert [joint.name for joint in joints] == list(model.names)[1:]
    np.testing.assert_array_equal([joint.lower for joint in joints], model.lowerPositionLimit)
    np.testing.assert_array_equal([joint.upper for joint in joints], model.upperPositionLimit)
    data = model.createData()
    pin.computeJointJacobians(model, data, pin.neutral(model))
    for number, joint in enumerate(joints):
        column = pin.getJointJacobian(model, data, number + 1, pin.LOCAL)[3:, number]
        np.testing.assert_allclose(column, joint.axis, atol=1e-12)


@pytest.mark.parametrize("name", [name for name, defects in HUMANOIDS.items() if defects == 0])
def test_rigid_bodies_have_the_inertia_pinocchio_gives_them(name):
    urdf = read_urdf(robot_file(name))
    model = pin.buildModelFromUrdf(str(robot_file(name)))
    for joint in urdf.joints.values():
        if joint.movable:
            mass, centre, inertia = urdf.rigid_body(joint.child)
            expected = model.inertias[model.getJointId(joint.name)]
            assert mass == pytest.approx(expected.mass, rel=1e-12)
            np.testing.assert_allclose(centre, expected.lever, atol=1e-12)
            np.testing.assert_allclose(inertia, expected.inertia, atol=1e-12)


def test_a_continuous_joint_needs_no_limit():
    neck = read_urdf(BIPED).joints["neck"]
    assert (neck.lower, neck.upper, neck.effort) == (-np.inf, np.inf, np.inf)


def test_an_axis_printed_with_few_digits_is_made_exact(tmp_path):
    path = tmp_path / "robot.urdf"
    path.write_text(BIPED.read_text().replace('"0 1 0"', '"0.7071 0.7071 0"'))
    assert np.linalg.norm(read_urdf(path).joints["left_hip"].axis) == pytest.approx(1.0, abs=1e-15)


def test_a_point_mass_fixed_to_a_body_is_accepted(tmp_path):
    path = tmp_path / "robot.urdf"
    point = '<inertial><mass value="1"/><inertia ixx="0" ixy="0" ixz="0" iyy="0" iyz="0" izz="0"/>'
    text = BIPED.read_text().replace(
        '<link name="imu"/>', f'<link name="imu">{point}</inertial></link>'
    )
    path.write_text(text)
    assert read_urdf(path).rigid_body("base")[0] == 11.0


def test_addresses_that_resolve_become_files_and_others_stay(tmp_path):
    path = tmp_path / "robot.urdf"
    (tmp_path / "here.stl").touch()
    path.write_text(
        '<robot><mesh filename="here.stl"/><mesh filename="package://no/mesh.stl"/></robot>'
    )
    text = resolved_text(path)
    assert f'"file://{tmp_path / "here.stl"}"' in text
    assert '"package://no/mesh.stl"' in text


def test_the_folders_of_the_environment_are_searched_first(tmp_path, monkeypatch):
    (tmp_path / "example-robot-data").mkdir()
    (tmp_path / "example-robot-data" / "x.urdf").touch()
    monkeypatch.setenv("HUMANOID_PACKAGE_PATH", f"/nowhere:{tmp_path}")
    assert (
        resolve("package://example-robot-data/x.urdf") == tmp_path / "example-robot-data" / "x.urdf"
    )
    assert resolve("package://example-robot-data/y.urdf") is None
    assert robot_file("g1_description/urdf/g1_29dof_rev_1_0.urdf").is_file()


def test_an_ament_prefix_is_searched(tmp_path, monkeypatch):
    (tmp_path / "share" / "p").mkdir(parents=True)
    (tmp_path / "share" / "p" / "x.urdf").touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert resolve("package://p/x.urdf") == tmp_path / "share" / "p" / "x.urdf"


ATTRIBUTE = re.compile(r'(?<=")[^"]*(?=")')
SPOTS = [match.span() for match in ATTRIBUTE.finditer(BIPED.read_text())]


@given(st.sampled_from(SPOTS), st.sampled_from(["", "nan", "-1", "0", "1e400", "x", "0 0 0"]))
def test_no_damaged_attribute_does_anything_but_load_or_be_refused(tmp_path_factory, spot, value):
    text = BIPED.read_text()
    path = tmp_path_factory.mktemp("damaged") / "robot.urdf"
    path.write_text(text[: spot[0]] + value + text[spot[1] :])
    if not problems(path):
        urdf = read_urdf(path)
        movable = [joint for joint in urdf.joints.values() if joint.movable]
        assert all(urdf.rigid_body(joint.child)[0] > 0.0 for joint in movable)
        assert all(np.linalg.norm(joint.axis) == pytest.approx(1.0) for joint in movable)
