"""The SDF for Gazebo is the robot of the table: the same inertias, limits and places as pinocchio's."""

import importlib.util
from pathlib import Path

import mujoco
import numpy as np
import pinocchio as pin
import pytest
import yaml
from lxml import etree

from humanoid_description import load_robot, pinocchio_model, standing_configuration
from humanoid_description.gazebo_topics import bridge_yaml, gazebo_topics
from humanoid_description.scene import SceneOptions
from humanoid_description.sdf_model import build_sdf
from humanoid_description.sdf_world import WORLDS, build_world

ROOT = Path(__file__).parents[2]
ROBOTS = sorted(path.name for path in (ROOT / "config" / "robots").iterdir() if path.is_dir())


def reader():
    """The stand-in's reader of SDF, which imports nothing of the project."""
    path = ROOT / "tests" / "gazebo" / "stand_in" / "python" / "gz_stand_in" / "sdf.py"
    spec = importlib.util.spec_from_file_location("stand_in_sdf", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=ROBOTS)
def robot(request):
    return load_robot(ROOT / "config" / "robots" / request.param)


@pytest.fixture(scope="module")
def model(robot):
    return pinocchio_model(robot)


def compiled(robot, path, **options):
    """MuJoCo's model of the SDF alone."""
    sdf = build_sdf(robot, **options)
    world = etree.fromstring(build_world(robot))
    element = world.find("world")
    element.replace(element.findall("model")[-1], sdf)
    (path / "world.sdf").write_bytes(etree.tostring(world))
    return reader().load(path / "world.sdf")[1]


def test_joints_and_limits_are_the_tables_in_its_order(robot):
    joints = build_sdf(robot).findall("joint[@type='revolute']")
    assert tuple(joint.get("name") for joint in joints) == robot.joint_names
    for column in ("lower", "upper", "effort", "velocity"):
        values = [float(joint.findtext(f"axis/limit/{column}")) for joint in joints]
        np.testing.assert_array_equal(values, robot.column(column))
    published = build_sdf(robot).findall("plugin/joint_name")
    assert tuple(element.text for element in published) == robot.joint_names


def test_mass_matrix_and_gravity_agree_with_pinocchio_at_random_states(robot, model, tmp_path):
    """Without rotor inertia, which SDF cannot say: pinocchio's armature is taken out too."""
    world = compiled(robot, tmp_path, rotor_inertia=False)
    assert world.body_mass.sum() == pytest.approx(pin.computeTotalMass(model), rel=1e-9)
    assert tuple(world.joint(i).name for i in range(1, world.njnt)) == robot.joint_names
    bare = model.copy()
    bare.armature[:] = 0.0
    data, simulated = bare.createData(), mujoco.MjData(world)
    rng = np.random.default_rng(1)
    for _ in range(20):
        q = np.concatenate([rng.normal(size=7), np.zeros(bare.nq - 7)])
        q[3:7] /= np.linalg.norm(q[3:7])
        q[7:] = rng.uniform(bare.lowerPositionLimit[7:], bare.upperPositionLimit[7:])
        simulated.qpos[:] = q
        simulated.qpos[3:7] = q[[6, 3, 4, 5]]
        mujoco.mj_forward(world, simulated)
        turn = np.eye(world.nv)
        turn[:3, :3] = pin.Quaternion(q[3:7]).toRotationMatrix()
        mass = np.zeros((world.nv, world.nv))
        mujoco.mj_fullM(world, simulated, mass)
        expected = np.triu(pin.crba(bare, data, q))
        expected += np.triu(expected, 1).T
        # The soles' own links of 1 g each: their 1e-6 kg m^2, and where their mass is.
        np.testing.assert_allclose(turn.T @ mass @ turn, expected, rtol=0, atol=2e-3)
        gravity = pin.computeGeneralizedGravity(bare, data, q)
        np.testing.assert_allclose(turn.T @ simulated.qfrc_bias, gravity, rtol=0, atol=5e-3)


def test_rotor_inertia_is_in_the_link_that_the_joint_turns(robot, tmp_path):
    bare = compiled(robot, tmp_path, rotor_inertia=False)
    full = compiled(robot, tmp_path)

    def about_axes(model):
        found = []
        for joint in range(1, model.njnt):
            body = model.jnt_bodyid[joint]
            axes = np.zeros(9)
            mujoco.mju_quat2Mat(axes, model.body_iquat[body])
            local = axes.reshape(3, 3).T @ model.jnt_axis[joint]
            found.append(local @ (model.body_inertia[body] * local))
        return np.array(found)

    np.testing.assert_allclose(
        about_axes(full) - about_axes(bare), robot.column("armature"), atol=1e-9
    )
    np.testing.assert_allclose(full.body_mass, bare.body_mass)


def test_it_starts_on_its_soles_where_the_standing_configuration_is(robot, model, tmp_path):
    world = compiled(robot, tmp_path)
    q = standing_configuration(robot, model)
    data = mujoco.MjData(world)
    data.qpos[7:] = robot.poses["ready"]
    np.testing.assert_allclose(data.qpos[:3], q[:3], atol=1e-9)
    mujoco.mj_kinematics(world, data)
    pin_data = model.createData()
    pin.framesForwardKinematics(model, pin_data, q)
    for foot in robot.feet:
        sole = pin_data.oMf[model.getFrameId(foot.name)]
        np.testing.assert_allclose(
            data.body(f"{foot.name}_sensor").xpos, sole.translation, atol=1e-9
        )
    imu = pin_data.oMf[model.getFrameId("imu")]
    np.testing.assert_allclose(data.site("imu").xpos, imu.translation, atol=1e-9)
    np.testing.assert_allclose(data.site("imu").xmat.reshape(3, 3), imu.rotation, atol=1e-9)


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_is_one_where_the_robot_starts_on_the_ground(robot, name, tmp_path):
    (tmp_path / "world.sdf").write_text(build_world(robot, name, SceneOptions(timestep=0.0005)))
    root, world = reader().load(tmp_path / "world.sdf")
    assert world.opt.timestep == 0.0005
    data = mujoco.MjData(world)
    data.qpos[7:] = robot.poses["ready"]
    mujoco.mj_kinematics(world, data)
    lowest = min(
        data.geom(shape.get("name")).xpos[2]
        for shape in root.iterfind(".//link/collision")
        if shape.find("geometry/sphere") is not None
    )
    assert lowest == pytest.approx(0.005, abs=1e-6)  # the radius of a contact point
    assert bool(root.findall(".//persistent")) == any(WORLDS[name].force)


def test_steps_rise_in_front_of_the_robot():
    heights = [x - side / 2 for x, _, side, _, _ in WORLDS["steps"].boxes]
    assert heights == sorted(heights)
    assert [round(box[4], 3) for box in WORLDS["steps"].boxes] == [0.02, 0.04, 0.06]


def test_the_slope_begins_level_with_the_floor_in_front_of_the_robot(robot, tmp_path):
    (tmp_path / "world.sdf").write_text(build_world(robot, "slope"))
    _, world = reader().load(tmp_path / "world.sdf")
    data = mujoco.MjData(world)
    mujoco.mj_forward(world, data)
    down, hit = np.array([0.0, 0.0, -1.0]), np.zeros(1, dtype=np.int32)
    robots = world.body(robot.base_link).id

    def height(x):
        above = np.array([x, 1.5, 9.0])
        return 9.0 - mujoco.mj_ray(world, data, above, down, None, 1, robots, hit)

    for x in (-1.0, 0.0, 0.99):
        assert height(x) == pytest.approx(0.0, abs=1e-9)
    for x in (1.01, 2.0, 5.0):
        assert height(x) == pytest.approx((x - 1.0) * np.tan(0.105), abs=1e-6)


def test_the_bridge_shows_each_topic_of_the_table_under_gazebo(robot):
    rows = yaml.safe_load(bridge_yaml(robot))
    topics = gazebo_topics(robot)
    shown = {row["gz_topic_name"] for row in rows}
    assert {topics.joint_states, topics.imu, *topics.wrenches, *topics.contacts} < shown
    assert all(row["ros_topic_name"].startswith("gazebo/") for row in rows)
    sdf = build_world(robot)
    for row in rows:
        assert row["gz_topic_name"] == topics.clock or row["gz_topic_name"] in sdf
