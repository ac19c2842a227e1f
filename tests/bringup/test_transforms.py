"""TF is one tree, and every frame is where pinocchio has it."""

from pathlib import Path

import numpy as np
import pinocchio as pin
import pytest

from humanoid_bringup import arguments, cli
from humanoid_bringup.errors import Exit
from humanoid_bringup.transforms import Transforms
from humanoid_description import load_robot, pinocchio_model

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
        expected = in_odom(found, link).homogeneous
        np.testing.assert_allclose(in_odom(found, name).homogeneous, expected, atol=1e-9)


def test_the_footprint_is_level_and_at_the_lower_sole(robot, state):
    found, _ = tree(robot, state)
    footprint = in_odom(found, "base_footprint")
    np.testing.assert_allclose(footprint.rotation[:, 2], [0.0, 0.0, 1.0], atol=1e-12)
    lowest = min(in_odom(found, foot.name).translation[2] for foot in robot.feet)
    assert footprint.translation[2] == pytest.approx(lowest)
    base = in_odom(found, "base_link")
    np.testing.assert_allclose(footprint.translation[:2], base.translation[:2])
    forward = base.rotation[:2, 0] / np.linalg.norm(base.rotation[:2, 0])
    np.testing.assert_allclose(footprint.rotation[:2, 0], forward, atol=1e-9)


def test_tf_without_its_messages_is_refused_before_anything_starts(monkeypatch, capsys):
    monkeypatch.setattr(arguments, "find_spec", lambda _: None)
    assert cli.main(["sim", "--tf"]) == Exit.ENVIRONMENT
    assert "TF needs tf2_msgs" in capsys.readouterr().err
