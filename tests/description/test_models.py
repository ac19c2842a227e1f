"""pinocchio and MuJoCo are given the same robot, and it is the one in the table."""

import re
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pinocchio as pin
import pytest

from humanoid_description import (
    SceneOptions,
    build_mujoco,
    load_robot,
    pinocchio_model,
    standing_configuration,
    standing_torques,
)
from humanoid_description.urdf_reader import read_urdf

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus" / "robot"
ROBOTS = sorted(path.name for path in (ROOT / "config" / "robots").iterdir() if path.is_dir())


@pytest.fixture(scope="module", params=ROBOTS)
def robot(request):
    return load_robot(ROOT / "config" / "robots" / request.param)


@pytest.fixture(scope="module")
def model(robot):
    return pinocchio_model(robot)


@pytest.fixture(scope="module")
def world(robot):
    return build_mujoco(robot)


def random_state(model, rng):
    """A state with any base pose and joints within limits, in pinocchio's convention."""
    q = np.concatenate([rng.normal(size=7), np.zeros(model.nq - 7)])
    q[3:7] /= np.linalg.norm(q[3:7])
    q[7:] = rng.uniform(model.lowerPositionLimit[7:], model.upperPositionLimit[7:])
    return q, rng.normal(size=model.nv)


def into_mujoco(world, q, v):
    """MuJoCo's data at that state, and T with v_mujoco = T v.

    MuJoCo's quaternion is wxyz and the base's linear velocity is in the world frame.
    """
    data = mujoco.MjData(world)
    data.qpos[:] = q
    data.qpos[3:7] = q[[6, 3, 4, 5]]
    turn = np.eye(world.nv)
    turn[:3, :3] = pin.Quaternion(q[3:7]).toRotationMatrix()
    data.qvel[:] = turn @ v
    mujoco.mj_forward(world, data)
    return data, turn


def hold_ready(robot, world, steps, forward=0.0):
    """Hold the ready pose with the table's gains, from a speed [m/s]; return the final data."""
    data = mujoco.MjData(world)
    mujoco.mj_resetDataKeyframe(world, data, 0)
    data.qvel[0] = forward
    stiffness, damping = robot.column("stiffness"), robot.column("damping")
    for _ in range(steps):
        data.ctrl[:] = stiffness * (robot.poses["ready"] - data.qpos[7:]) - damping * data.qvel[6:]
        mujoco.mj_step(world, data)
    return data


def touching(world, data):
    """Names of the bodies that touch the floor."""
    return {world.body(world.geom_bodyid[max(contact.geom)]).name for contact in data.contact}


def test_joint_order_and_limits_are_the_tables_in_both_models(robot, model, world):
    names = robot.joint_names
    assert tuple(model.names)[2:] == names
    assert tuple(world.joint(i).name for i in range(world.njnt)) == ("floating_base", *names)
    assert tuple(world.actuator(i).name for i in range(world.nu)) == names
    assert tuple(world.actuator_trnid[:, 0]) == tuple(range(1, world.njnt))
    np.testing.assert_array_equal(world.jnt_qposadr[1:], np.arange(7, world.nq))
    for limits, columns in (
        ((model.lowerPositionLimit[7:], model.upperPositionLimit[7:]), ("lower", "upper")),
        (world.jnt_range[1:].T, ("lower", "upper")),
        ((model.effortLimit[6:], world.actuator_forcerange[:, 1]), ("effort", "effort")),
        ((model.velocityLimit[6:], model.armature[6:]), ("velocity", "armature")),
        ((world.dof_armature[6:], world.actuator_ctrlrange[:, 1]), ("armature", "effort")),
    ):
        for values, column in zip(limits, columns, strict=True):
            np.testing.assert_array_equal(values, robot.column(column))
    assert world.jnt_limited[1:].all()
    np.testing.assert_array_equal(world.actuator_ctrlrange[:, 0], -robot.column("effort"))
    np.testing.assert_array_equal(world.actuator_forcerange[:, 0], -robot.column("effort"))
    assert world.actuator_forcelimited.all()


def test_the_mass_is_the_urdfs_in_both_models(robot, model, world):
    links = read_urdf(robot.urdf_path).links.values()
    mass = sum(link.inertial.mass for link in links if link.inertial is not None)
    assert pin.computeTotalMass(model) == pytest.approx(mass, rel=1e-12)
    assert world.body_mass.sum() == pytest.approx(mass, rel=1e-12)


def test_mass_matrix_and_bias_forces_agree_at_random_states(model, world):
    rng = np.random.default_rng(1)
    data = model.createData()
    for _ in range(100):
        q, v = random_state(model, rng)
        simulated, turn = into_mujoco(world, q, v)
        mass = np.zeros((world.nv, world.nv))
        mujoco.mj_fullM(world, simulated, mass)
        expected = pin.crba(model, data, q)
        expected = np.triu(expected) + np.triu(expected, 1).T
        np.testing.assert_allclose(turn.T @ mass @ turn, expected, rtol=0, atol=1e-6)
        # The base's acceleration in the world frame is R (a + w x v) of that in the base frame.
        rotating = np.zeros(world.nv)
        rotating[:3] = turn[:3, :3] @ np.cross(v[3:6], v[:3])
        bias = turn.T @ (simulated.qfrc_bias + mass @ rotating)
        forces = pin.nonLinearEffects(model, data, q, v)
        np.testing.assert_allclose(bias, forces, rtol=0, atol=1e-6 * np.abs(forces).max())


def test_gravity_torques_agree_at_random_postures(model, world):
    rng = np.random.default_rng(2)
    data = model.createData()
    for _ in range(20):
        q, _ = random_state(model, rng)
        simulated, turn = into_mujoco(world, q, np.zeros(model.nv))
        gravity = pin.computeGeneralizedGravity(model, data, q)
        np.testing.assert_allclose(turn.T @ simulated.qfrc_bias, gravity, rtol=0, atol=1e-6)


def test_links_soles_and_imu_are_at_the_same_place(robot, model, world):
    rng = np.random.default_rng(3)
    data = model.createData()
    q, v = random_state(model, rng)
    simulated, _ = into_mujoco(world, q, v)
    pin.framesForwardKinematics(model, data, q)
    for name in read_urdf(robot.urdf_path).links:
        frame = data.oMf[model.getFrameId(name, pin.FrameType.BODY)]
        body = simulated.body(name)
        np.testing.assert_allclose(body.xpos, frame.translation, atol=1e-9)
        np.testing.assert_allclose(body.xmat.reshape(3, 3), frame.rotation, atol=1e-9)
    for name in ("imu", *(foot.name for foot in robot.feet)):
        frame, site = data.oMf[model.getFrameId(name)], simulated.site(name)
        np.testing.assert_allclose(site.xpos, frame.translation, atol=1e-9)
        np.testing.assert_allclose(site.xmat.reshape(3, 3), frame.rotation, atol=1e-9)


def test_inertial_sensors_read_rotation_and_gravity_in_the_imu_frame(robot, model, world):
    rng = np.random.default_rng(4)
    data = model.createData()
    q, v = random_state(model, rng)
    simulated, _ = into_mujoco(world, q, v)
    frame = model.getFrameId("imu")
    pin.forwardKinematics(model, data, q, v)
    expected = pin.getFrameVelocity(model, data, frame, pin.LOCAL).angular
    np.testing.assert_allclose(simulated.sensor("gyroscope").data, expected, atol=1e-9)
    resting = hold_ready(robot, world, 2000)
    up = resting.site("imu").xmat.reshape(3, 3).T @ [0.0, 0.0, 9.81]
    np.testing.assert_allclose(resting.sensor("accelerometer").data, up, atol=0.3)


def test_the_ready_pose_stands_on_flat_soles_with_its_mass_over_their_middle(robot, model):
    q = standing_configuration(robot, model)
    data = model.createData()
    com = pin.centerOfMass(model, data, q)
    pin.framesForwardKinematics(model, data, q)
    soles = [data.oMf[model.getFrameId(foot.name)] for foot in robot.feet]
    for sole in soles:
        np.testing.assert_allclose(sole.rotation, np.eye(3), atol=1e-6)
        assert sole.translation[2] == pytest.approx(0.0, abs=1e-9)
    corners = [
        sole.act(p) for sole, foot in zip(soles, robot.feet, strict=True) for p in foot.points
    ]
    middle = np.mean(corners, axis=0)
    assert np.linalg.norm(com[:2] - middle[:2]) < 0.01
    np.testing.assert_allclose(
        np.mean([sole.translation for sole in soles], axis=0), 0.0, atol=1e-9
    )


@pytest.mark.parametrize("slope", [0.0, 0.1])
def test_the_standing_torques_hold_the_ready_pose_still(robot, model, slope):
    """What is left of gravity is carried by wrenches at the soles: Gauss' principle."""
    torques = standing_torques(robot, model, slope=slope)
    data = model.createData()
    q = pin.neutral(model)
    q[3:7] = pin.Quaternion(pin.rpy.rpyToMatrix(0.0, -slope, 0.0)).coeffs()
    q[7:] = robot.poses["ready"]
    pin.computeJointJacobians(model, data, q)
    pin.updateFramePlacements(model, data)
    frames = [model.getFrameId(foot.name) for foot in robot.feet]
    feet = np.vstack([pin.getFrameJacobian(model, data, f, pin.LOCAL) for f in frames])
    left = pin.computeGeneralizedGravity(model, data, q)
    left[6:] -= torques
    wrenches, *_ = np.linalg.lstsq(feet.T, left, rcond=None)
    np.testing.assert_allclose(feet.T @ wrenches, left, atol=1e-6)
    weight = pin.computeTotalMass(model) * 9.81
    assert wrenches[[2, 8]].sum() == pytest.approx(weight * np.cos(slope), rel=1e-6)


def test_the_keyframe_of_a_pose_is_the_standing_configuration(robot, model, world):
    q = standing_configuration(robot, model)
    assert world.key(0).name == "ready"
    np.testing.assert_allclose(world.key_qpos[0][:3], q[:3], atol=1e-9)
    np.testing.assert_allclose(world.key_qpos[0][3:7], [1.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(world.key_qpos[0][7:], robot.poses["ready"])


def test_the_ready_pose_stands_under_the_tables_gains_alone(robot, world):
    data = hold_ready(robot, world, 10_000)
    assert touching(world, data) == {foot.link for foot in robot.feet}
    assert len(data.contact) == sum(len(foot.points) for foot in robot.feet)


def test_standing_feet_do_not_creep(robot, world):
    early, late = hold_ready(robot, world, 1_000), hold_ready(robot, world, 10_000)
    for foot in robot.feet:
        assert np.linalg.norm((late.site(foot.name).xpos - early.site(foot.name).xpos)[:2]) < 1e-4


def test_without_torque_the_robot_falls_and_lies_on_the_floor(robot, world):
    data = mujoco.MjData(world)
    mujoco.mj_resetDataKeyframe(world, data, 0)
    data.qvel[0] = 0.5
    damping = robot.column("damping")
    for _ in range(4000):
        data.ctrl[:] = -damping * data.qvel[6:]
        mujoco.mj_step(world, data)
    assert touching(world, data) - {foot.link for foot in robot.feet}
    heights = data.xpos[1:, 2]
    assert heights.max() < 0.5 * world.key_qpos[0][2] + 0.3
    assert heights.min() > -0.05
    assert np.abs(data.qvel).max() < 2.0


def test_nothing_but_the_contact_points_touches_the_floor_in_the_ready_pose(robot, world):
    data = mujoco.MjData(world)
    mujoco.mj_resetDataKeyframe(world, data, 0)
    data.qpos[2] -= 0.004
    mujoco.mj_forward(world, data)
    assert touching(world, data) == {foot.link for foot in robot.feet}


def test_options_change_what_they_name_and_nothing_else(robot, world):
    options = SceneOptions(timestep=0.0005, friction=0.3, mass_scale=1.1)
    changed = build_mujoco(robot, options)
    assert changed.opt.timestep == 0.0005
    assert changed.geom("floor").friction[0] == 0.3
    np.testing.assert_allclose(changed.body_mass, 1.1 * world.body_mass)
    np.testing.assert_allclose(changed.body_inertia, 1.1 * world.body_inertia)
    np.testing.assert_array_equal(changed.dof_armature, world.dof_armature)
    np.testing.assert_array_equal(changed.key_qpos, world.key_qpos)


@pytest.mark.parametrize(
    ("options", "x", "height"),
    [
        (SceneOptions(ramp=0.1), 0.5, 0.0),
        (SceneOptions(ramp=0.1), 3.0, 2.0 * np.tan(0.1)),
        (SceneOptions(ramp=-0.1), 3.0, -2.0 * np.tan(0.1)),
        (SceneOptions(steps=0.02), 0.4, 0.0),
    ],
)
def test_uneven_ground_is_as_high_as_it_says(robot, options, x, height):
    assert ground_height(build_mujoco(robot, options), x) == pytest.approx(height, abs=1e-6)


def test_steps_go_up_and_down_by_their_height(robot):
    uneven = build_mujoco(robot, SceneOptions(steps=0.02))
    heights = {round(ground_height(uneven, x), 6) for x in np.arange(0.5, 5.0, 0.05)}
    assert heights == {0.0, 0.02}


def ground_height(model, x):
    """Height of what a ray from above meets 1.5 m beside the robot [m]."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    hit = np.zeros(1, dtype=np.int32)
    start, down = np.array([x, 1.5, 5.0]), np.array([0.0, 0.0, -1.0])
    return 5.0 - mujoco.mj_ray(model, data, start, down, None, 1, -1, hit)


def test_a_slope_rises_forward_and_the_robot_starts_on_it(robot):
    tilted = build_mujoco(robot, SceneOptions(slope=0.1))
    data = mujoco.MjData(tilted)
    mujoco.mj_resetDataKeyframe(tilted, data, 0)
    mujoco.mj_forward(tilted, data)
    normal = data.geom("floor").xmat.reshape(3, 3)[:, 2]
    np.testing.assert_allclose(normal, [-np.sin(0.1), 0.0, np.cos(0.1)], atol=1e-12)
    heights = [
        normal @ (data.site(foot.name).xpos + data.site(foot.name).xmat.reshape(3, 3) @ point)
        for foot in robot.feet
        for point in foot.points
    ]
    assert min(heights) == pytest.approx(0.0, abs=1e-9)


def test_the_floors_friction_decides_how_far_a_pushed_robot_slides(robot):
    def slide(friction):
        world = build_mujoco(robot, SceneOptions(friction=friction))
        return hold_ready(robot, world, 300, forward=0.5).site("l_sole").xpos[0]

    assert slide(0.05) > 0.05
    assert slide(1.0) < 0.02


def test_meshes_are_loaded_only_when_asked_for(robot, world):
    assert world.nmesh == 0
    drawn = build_mujoco(robot, SceneOptions(visuals=True))
    assert drawn.nmesh > 20
    np.testing.assert_array_equal(drawn.body_mass, world.body_mass)
    np.testing.assert_array_equal(drawn.body_inertia, world.body_inertia)


@pytest.mark.parametrize("kind", ["revolute", "continuous", "prismatic"])
def test_a_locked_joint_is_held_at_its_angle_in_both_models(tmp_path, kind):
    """The head of the corpus' biped, whose neck is locked at 0.1, with a turned joint frame."""
    urdf = (CORPUS / "biped.urdf").read_text()
    urdf = urdf.replace('"neck" type="continuous"', f'"neck" type="{kind}"')
    urdf = urdf.replace('<origin xyz="0 0 0.3"/>', '<origin xyz="0.1 0.2 0.3" rpy="0.4 0.5 0.6"/>')
    limit = '<limit lower="0" upper="1" effort="1" velocity="1"/></joint><link name="head">'
    urdf = re.sub(r'</joint>\s*<link name="head">', limit, urdf)
    (tmp_path / "biped.urdf").write_text(urdf)
    (tmp_path / "robot.yaml").write_text((CORPUS / "valid.yaml").read_text())
    robot = load_robot(tmp_path)
    model, world = pinocchio_model(robot), build_mujoco(robot)
    q, v = random_state(model, np.random.default_rng(5))
    simulated, turn = into_mujoco(world, q, v)
    data = model.createData()
    pin.framesForwardKinematics(model, data, q)
    head = data.oMf[model.getFrameId("head")]
    np.testing.assert_allclose(simulated.body("head").xpos, head.translation, atol=1e-12)
    np.testing.assert_allclose(simulated.body("head").xmat.reshape(3, 3), head.rotation, atol=1e-12)
    gravity = pin.computeGeneralizedGravity(model, data, q)
    simulated.qvel[:] = 0.0
    mujoco.mj_forward(world, simulated)
    np.testing.assert_allclose(turn.T @ simulated.qfrc_bias, gravity, atol=1e-9)


def test_an_inertia_on_the_edge_of_what_is_possible_builds(tmp_path):
    urdf = (CORPUS / "biped.urdf").read_text()
    flat = 'iyy="0.02" iyz="0" izz="0.04000002"'  # ixx 0.02: the reader allows for rounding
    (tmp_path / "biped.urdf").write_text(urdf.replace('iyy="0.02" iyz="0" izz="0.01"', flat))
    (tmp_path / "robot.yaml").write_text((CORPUS / "valid.yaml").read_text())
    world = build_mujoco(load_robot(tmp_path))
    np.testing.assert_allclose(
        sorted(world.body("left_leg").inertia), [0.02, 0.02, 0.04], rtol=1e-6
    )


def test_an_actuated_continuous_joint_has_one_angle_in_both_models(tmp_path):
    urdf = (CORPUS / "biped.urdf").read_text()
    (tmp_path / "biped.urdf").write_text(urdf.replace('type="revolute"', 'type="continuous"'))
    (tmp_path / "robot.yaml").write_text((CORPUS / "valid.yaml").read_text())
    robot = load_robot(tmp_path)
    model, world = pinocchio_model(robot), build_mujoco(robot)
    assert model.nq == world.nq == 7 + 2
    np.testing.assert_array_equal(model.upperPositionLimit[7:], robot.column("upper"))
    np.testing.assert_array_equal(world.jnt_range[1:, 1], robot.column("upper"))


@pytest.mark.parametrize("build", [pinocchio_model, build_mujoco])
def test_a_table_in_another_order_than_the_model_builds_nothing(robot, build):
    """load_robot refuses such a table; this is the second lock."""
    shuffled = replace(robot, joints=robot.joints[::-1])
    with pytest.raises(ValueError, match="orders the joints unlike the joint table"):
        build(shuffled)


def test_two_builds_are_the_same(robot, world):
    again = build_mujoco(robot)
    for field in ("body_pos", "body_inertia", "geom_size", "key_qpos", "jnt_range"):
        np.testing.assert_array_equal(getattr(again, field), getattr(world, field))
