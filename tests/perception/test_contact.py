"""Promises of the contact decision, and of wrenches made from joint torques."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pinocchio as pin
import pytest

from humanoid_description import RobotDescription, pinocchio_model
from humanoid_perception.config import ContactConfig
from humanoid_perception.contact import ContactDetector, TorqueWrenches
from humanoid_perception.kernels import GRAVITY
from humanoid_perception.kinematics import LegKinematics

DT = 0.002


def detector() -> ContactDetector:
    return ContactDetector(1, touch=30.0, lift=15.0, touch_delay=0.004, lift_delay=0.006)


def feed(detector: ContactDetector, forces: list[float]) -> list[bool]:
    return [detector.update([force], DT)[0] for force in forces]


def test_contact_begins_at_the_threshold_after_its_delay() -> None:
    assert feed(detector(), [29.999] * 5) == [False] * 5
    assert feed(detector(), [30.0] * 3) == [False, True, True]


def test_contact_ends_below_the_lower_threshold_after_its_delay() -> None:
    touching = detector()
    touching.place([True])
    assert feed(touching, [15.0] * 5) == [True] * 5
    assert feed(touching, [14.999] * 4) == [True, True, False, False]


def test_an_interrupted_delay_starts_again() -> None:
    assert feed(detector(), [40.0, 0.0, 40.0, 0.0, 40.0]) == [False] * 5
    touching = detector()
    touching.place([True])
    assert feed(touching, [0.0, 0.0, 20.0, 0.0, 0.0]) == [True] * 5


def test_a_load_that_is_not_a_number_is_no_contact() -> None:
    assert feed(detector(), [float("nan")] * 5) == [False] * 5
    touching = detector()
    touching.place([True])
    assert feed(touching, [float("nan")] * 3)[-1] is False


def loaded(robot: RobotDescription, force: np.ndarray, wrenches: np.ndarray) -> tuple[Any, ...]:
    """Joint torques that balance `wrenches` on the soles under the base's specific `force`."""
    model = pinocchio_model(robot)
    data = model.createData()
    q = pin.neutral(model)
    q[7:] = robot.poses["ready"]
    model.gravity.linear = -force
    torque = pin.computeGeneralizedGravity(model, data, q)
    pin.computeJointJacobians(model, data, q)
    pin.updateFramePlacements(model, data)
    for foot, wrench in zip(robot.feet, wrenches, strict=True):
        frame = model.getFrameId(foot.name)
        torque -= pin.getFrameJacobian(model, data, frame, pin.LOCAL).T @ wrench
    return q[7:], np.zeros_like(q[7:]), torque[6:], force, DT


@pytest.mark.parametrize("name", ["g1", "talos"])
@pytest.mark.parametrize("force", [[0.0, 0.0, GRAVITY], [1.5, -0.7, 11.0]])
def test_wrenches_follow_from_torques(
    name: str, force: list[float], request: pytest.FixtureRequest
) -> None:
    robot = request.getfixturevalue(name)
    kinematics = LegKinematics(robot)
    kinematics.update(robot.poses["ready"])
    true = np.array([[20.0, -10.0, 150.0, 2.0, -4.0, 1.0], [-5.0, 8.0, 0.0, 0.0, 0.0, 0.0]])
    observer = TorqueWrenches(kinematics, ContactConfig())
    found = observer.update(*loaded(robot, np.array(force), true))
    np.testing.assert_allclose(found[:, :3], true[:, :3], atol=2.0)
    np.testing.assert_allclose(found[:, 3:], true[:, 3:], atol=0.5)


def test_wrenches_from_torques_settle_with_their_time_constant(g1: RobotDescription) -> None:
    kinematics = LegKinematics(g1)
    kinematics.update(g1.poses["ready"])
    observer = TorqueWrenches(kinematics, ContactConfig(torque_filter=0.01))
    up, none = np.array([0.0, 0.0, GRAVITY]), np.zeros((2, 6))
    pressed = none.copy()
    pressed[:, 2] = 100.0
    observer.update(*loaded(g1, up, none))
    forces = [observer.update(*loaded(g1, up, pressed))[0, 2] for _ in range(30)]
    assert forces[0] == pytest.approx(100.0 / 6.0, abs=1.0)
    assert forces[-1] == pytest.approx(100.0, abs=2.0)
    observer.reset()
    assert observer.update(*loaded(g1, up, none))[0, 2] == pytest.approx(0.0, abs=1.0)


def test_a_straight_leg_gives_finite_wrenches(
    g1: RobotDescription, make_standing: Callable[..., Any]
) -> None:
    kinematics = LegKinematics(g1)
    straight = np.zeros(len(g1.joints))
    kinematics.update(straight)
    observer = TorqueWrenches(kinematics, ContactConfig())
    up = np.array([0.0, 0.0, GRAVITY])
    found = observer.update(straight, straight, np.ones_like(straight), up, DT)
    assert np.abs(found).max() < 1e4
