"""TF is one tree, every frame is where pinocchio has it, and REP-120's are what it says they are.

REP-120, Coordinate Frames for Humanoid Robots: https://www.ros.org/reps/rep-0120.html
"""

from pathlib import Path

import numpy as np
import pinocchio as pin
import pytest

from humanoid_bringup import arguments, cli
from humanoid_bringup.errors import Exit
from humanoid_bringup.transforms import Transforms
from humanoid_description import load_robot, pinocchio_model
from humanoid_description.scene import parts

#: Every frame that REP-120 defines for a robot's body, less l_toe and r_toe: ours have no toes.
REP_120 = ["base_link", "base_footprint", "torso", "gaze"] + [
    f"{side}_{name}" for side in "lr" for name in ("wrist", "gripper", "ankle", "sole")
]
MIRROR = np.diag([1.0, -1.0, 1.0])
ROBOTS = Path(__file__).parents[2] / "config" / "robots"


@pytest.fixture(scope="module", params=["g1", "talos"])
def robot(request):
    return load_robot(ROBOTS / request.param)


@pytest.fixture(scope="module")
def state(robot):
    """Angles by name, base position and orientation, and pinocchio's frames there."""
    model = pinocchio_model(robot)
    rng = np.random.default_rng(1)
    q = np.concatenate([rng.normal(size=7), np.zeros(model.nq - 7)])
    q[3:7] /= np.linalg.norm(q[3:7])
    q[7:] = rng.uniform(model.lowerPositionLimit[7:], model.upperPositionLimit[7:])
    data = model.createData()
    pin.framesForwardKinematics(model, data, q)
    return dict(zip(robot.joint_names, q[7:], strict=True)), q[:3], q[3:7], model, data


def tree(robot, state):
    angles, xyz, orientation, *_ = state
    transforms = Transforms(robot)
    placed = [
        *transforms.fixed(), *transforms.moving(angles), *transforms.base(xyz, orientation, angles)
    ]  # fmt: skip
    return {each.child: each for each in placed}, placed


def in_odom(found, name):
    if name == "odom":
        return pin.SE3.Identity()
    each = found[name]
    here = pin.SE3(pin.Quaternion(each.orientation).toRotationMatrix(), each.xyz)
    return in_odom(found, each.parent) * here


def test_every_frame_has_one_parent_and_hangs_below_odom(robot, state):
    found, placed = tree(robot, state)
    assert len(found) == len(placed)
    for name in found:
        in_odom(found, name)
    assert {"base_link", "base_footprint", "l_sole", "r_sole", *robot.frames} <= set(found)


def test_links_and_soles_are_where_pinocchio_has_them(robot, state):
    *_, model, data = state
    found, _ = tree(robot, state)
    for frame in model.frames:
        if frame.name in found and frame.type in (pin.FrameType.BODY, pin.FrameType.OP_FRAME):
            expected = data.oMf[model.getFrameId(frame.name, frame.type)]
            np.testing.assert_allclose(
                in_odom(found, frame.name).homogeneous, expected.homogeneous, atol=1e-9
            )
    for name, link in robot.frames.items():
        expected = in_odom(found, link)
        if name in robot.frame_offsets:
            offset = robot.frame_offsets[name]
            expected = expected * pin.SE3(pin.rpy.rpyToMatrix(offset.rpy), offset.xyz)
        here = in_odom(found, name).homogeneous
        np.testing.assert_allclose(here, expected.homogeneous, atol=1e-9)


def test_the_footprint_is_level_between_the_feet_and_at_the_lower_sole(robot, state):
    found, _ = tree(robot, state)
    assert found["base_footprint"].parent == "base_link"
    footprint = in_odom(found, "base_footprint")
    np.testing.assert_allclose(footprint.rotation[:, 2], [0.0, 0.0, 1.0], atol=1e-12)
    soles = np.array([in_odom(found, foot.name).translation for foot in robot.feet])
    assert footprint.translation[2] == pytest.approx(soles[:, 2].min())
    np.testing.assert_allclose(footprint.translation[:2], soles[:, :2].mean(axis=0))
    base = in_odom(found, "base_link")
    forward = base.rotation[:2, 0] / np.linalg.norm(base.rotation[:2, 0])
    np.testing.assert_allclose(footprint.rotation[:2, 0], forward, atol=1e-9)


@pytest.fixture(scope="module")
def upright(robot):
    """Frame -> pose in odom, all joints at zero and the base level: standing straight."""
    zeros = dict.fromkeys(robot.joint_names, 0.0)
    found, _ = tree(robot, (zeros, np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0])))
    return {name: in_odom(found, name) for name in found}


def chain(robot, frame):
    """Links from the one that carries a frame up to the root."""
    parents = {part.name: part.parent for part in parts(robot)}
    link = {foot.name: foot.link for foot in robot.feet}.get(frame) or robot.frames[frame]
    links = [link]
    while parents[links[-1]]:
        links.append(parents[links[-1]])
    return links


def test_every_frame_of_rep_120_is_there(upright):
    assert set(REP_120) <= set(upright)


def test_frames_hang_below_each_other_as_rep_120_says(robot):
    assert chain(robot, "base_link") == [robot.base_link]
    for side in "lr":
        assert robot.frames[f"{side}_wrist"] in chain(robot, f"{side}_gripper")
        assert robot.frames[f"{side}_ankle"] in chain(robot, f"{side}_sole")
    arms = [chain(robot, name) for name in ("l_gripper", "r_gripper", "gaze")]
    shared = [link for link in arms[0] if link in arms[1] and link in arms[2]]
    assert robot.frames["torso"] == shared[0]  # the lowest that is a parent of all three


@pytest.mark.parametrize("name", [name for name in REP_120 if name[2:] not in ("wrist", "gripper")])
def test_frames_look_forward_and_up_where_the_robot_stands_straight(upright, name):
    """REP-103: x forward, z up."""
    np.testing.assert_allclose(upright[name].rotation, np.eye(3), atol=1e-3)


def test_the_soles_are_on_the_ground_below_the_ankles(upright):
    for side in "lr":
        sole, ankle = upright[f"{side}_sole"].translation, upright[f"{side}_ankle"].translation
        np.testing.assert_allclose(sole[:2], ankle[:2], atol=1e-9)
        assert sole[2] < ankle[2]
        assert sole[2] == pytest.approx(upright["base_footprint"].translation[2], abs=1e-6)


def test_the_gaze_is_the_heads_and_not_in_the_trunk(upright):
    assert upright["gaze"].translation[2] > upright["l_wrist"].translation[2]
    assert upright["gaze"].translation[2] > upright["torso"].translation[2] + 0.3
    assert abs(upright["gaze"].translation[1]) < 1e-3


def test_a_grippers_x_points_away_from_the_arm_and_left_mirrors_right(upright):
    for side in "lr":
        wrist, gripper = upright[f"{side}_wrist"], upright[f"{side}_gripper"]
        reach = gripper.translation - wrist.translation
        assert gripper.rotation[:, 0] @ reach > 0.99 * np.linalg.norm(reach)
    for name in ("wrist", "gripper", "ankle", "sole"):
        left, right = upright[f"l_{name}"], upright[f"r_{name}"]
        np.testing.assert_allclose(right.translation, MIRROR @ left.translation, atol=1e-3)
        turned = MIRROR @ left.rotation @ MIRROR
        np.testing.assert_allclose(right.rotation, turned, atol=1e-3)


def test_talos_fingers_close_along_the_grippers_y_axis(robot, upright):
    if robot.name != "talos":
        pytest.skip("this robot's hands do not close")
    for side, arm in (("l", "left"), ("r", "right")):
        tips = [upright[f"gripper_{arm}_fingertip_{i}_link"].translation for i in (1, 2, 3)]
        gripper = upright[f"{side}_gripper"]
        across = (tips[0] + tips[1]) / 2.0 - tips[2]
        assert abs(gripper.rotation[:, 1] @ across) > 0.99 * np.linalg.norm(across)
        middle = ((tips[0] + tips[1]) / 2.0 + tips[2]) / 2.0
        np.testing.assert_allclose(gripper.translation, middle, atol=2e-3)


def test_tf_without_its_messages_is_refused_before_anything_starts(monkeypatch, capsys):
    monkeypatch.setattr(arguments, "find_spec", lambda _: None)
    assert cli.main(["sim", "--tf"]) == Exit.ENVIRONMENT
    assert "TF needs tf2_msgs" in capsys.readouterr().err
