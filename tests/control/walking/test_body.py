"""The whole body under a walk."""

import numpy as np
import pinocchio as pin
import pytest

from humanoid_control.controller import State
from humanoid_control.walking.body import PivotMomentumTask, WalkingBody
from humanoid_control.walking.config import WalkConfig
from humanoid_control.whole_body import Dynamics, WholeBody, WholeBodyConfig
from humanoid_control.whole_body.problem import Problem
from humanoid_description.dynamics import pinocchio_model, standing_configuration
from humanoid_description.robot import RobotDescription

HEIGHT = 0.66


@pytest.fixture(scope="module")
def model(g1: RobotDescription) -> pin.Model:
    return pinocchio_model(g1)


@pytest.fixture
def body(g1: RobotDescription) -> WalkingBody:
    return WalkingBody(g1, WalkConfig(), WholeBodyConfig())


def moving(g1: RobotDescription, model: pin.Model, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    q = pin.integrate(
        model, standing_configuration(g1, model), 0.2 * random.standard_normal(model.nv)
    )
    return q, 0.5 * random.standard_normal(model.nv)


def state_of(q: np.ndarray, v: np.ndarray) -> State:
    return State(0, q, v, v[6:] * 0, np.array([True, True]), np.zeros((2, 6)))


@pytest.mark.parametrize("seed", range(3))
def test_the_rate_of_the_pivot_momentum_is_its_derivative(
    g1: RobotDescription, model: pin.Model, seed: int
) -> None:
    task, dynamics = PivotMomentumTask(np.ones(6), HEIGHT), Dynamics(model)
    q, v = moving(g1, model, seed)
    a = np.random.default_rng(seed + 10).standard_normal(model.nv)
    dynamics.update(q, v)
    rate = task.jacobian(dynamics) @ a + task.drift(dynamics)
    h, momenta = 1e-6, []
    for sign in (-1, 1):
        step = sign * h
        dynamics.update(pin.integrate(model, q, step * v + 0.5 * step**2 * a), v + step * a)
        momenta.append(task.pivot(dynamics.momentum).copy())
    numeric = (momenta[1] - momenta[0]) / (2 * h)
    assert np.allclose(rate[:3], numeric[:3], atol=2e-3 * np.abs(numeric).max())


def test_turning_on_the_spot_moves_the_pivot_momentum_but_not_the_centre() -> None:
    task = PivotMomentumTask(np.ones(6), HEIGHT)
    forward = task.pivot(np.array([0.0, 0.0, 0.0, 0.0, 3.3, 0.0]))
    assert np.allclose(forward[:2], [3.3 / HEIGHT, 0.0])
    left = task.pivot(np.array([0.0, 0.0, 0.0, 3.3, 0.0, 0.0]))
    assert np.allclose(left[:2], [0.0, -3.3 / HEIGHT])


def test_at_rest_the_capture_point_is_below_the_centre_of_mass(
    g1: RobotDescription, model: pin.Model, body: WalkingBody
) -> None:
    body.observe(state_of(standing_configuration(g1, model), np.zeros(model.nv)))
    assert np.allclose(body.capture, body.dynamics.com[:2])


def test_footholds_and_soles_belong_together(
    g1: RobotDescription, model: pin.Model, body: WalkingBody
) -> None:
    q, v = moving(g1, model, 3)
    q[3:7] = [0.0, 0.0, np.sin(0.4), np.cos(0.4)]
    q[7:] = g1.poses["ready"]
    body.observe(state_of(q, v))
    for foot in (0, 1):
        hold = body.foothold(foot)
        assert hold.yaw == pytest.approx(0.8, abs=1e-6)
        assert np.allclose(body.sole_at(foot, hold), body.sole(foot).translation[:2], atol=1e-9)


@pytest.mark.parametrize("stance", [0, 1])
def test_on_one_foot_the_body_follows_pressure_and_swing_foot(
    g1: RobotDescription, model: pin.Model, body: WalkingBody, stance: int
) -> None:
    q = standing_configuration(g1, model)
    body.observe(state_of(q, np.zeros(model.nv)))
    swing = 1 - stance
    motion = np.zeros((3, 4))
    motion[0, :3] = body.sole(swing).translation
    motion[2, :3] = [1.0, 0.0, 2.0]
    pressure = body.foothold(stance).point
    body.command_centre(pressure, float(q[2]), 0.0)
    body.command_torso(0.0, np.zeros(3))
    body.command_swing(swing, motion, np.zeros(2))
    body.command_posture(None, None)
    targets = body.solve((stance,), swing, 0.002)
    assert np.all(np.abs(targets.effort) <= g1.column("effort"))
    # The accelerations that the torques ask for: (velocity target - velocity) / dt.
    data = model.createData()
    wrench = body.last.wrenches[0]
    assert wrench[2] == pytest.approx(body.dynamics.mass * 9.81, rel=0.1)
    sole = model.getFrameId(g1.feet[swing].name)
    acceleration = body.last.acceleration
    pin.forwardKinematics(model, data, q, np.zeros(model.nv), acceleration)
    pin.updateFramePlacements(model, data)
    moved = pin.getFrameAcceleration(model, data, sole, pin.LOCAL_WORLD_ALIGNED).linear
    assert np.allclose(moved, motion[2, :3], atol=0.2)


def test_a_swing_foot_is_laid_parallel_to_the_ground(
    g1: RobotDescription, body: WalkingBody
) -> None:
    motion = np.zeros((3, 4))
    motion[0, 3] = 0.7
    body.command_swing(0, motion, np.array([-0.1, 0.05]))
    target = body._swings[0].target.rotation
    assert np.allclose(target[:2, 2], [-0.1, 0.05], atol=1e-3)
    assert np.arctan2(target[1, 0], target[0, 0]) == pytest.approx(0.7, abs=0.01)


def test_a_body_that_grips_uses_the_friction_that_it_is_careful_with_otherwise(
    g1: RobotDescription, model: pin.Model, body: WalkingBody
) -> None:
    """Asked to accelerate more than the careful friction allows, with the pressure far aside."""
    q = standing_configuration(g1, model)
    body.observe(state_of(q, np.zeros(model.nv)))
    body.command_torso(0.0, np.zeros(3))
    body.command_posture(None, None)
    body.command_centre(body.centre - [0.0, 0.3], float(q[2]), 0.0)
    used = []
    for body.gripping in (False, True):
        body.solve((0,), None, 0.002)
        wrench = body.last.wrenches[0]
        used.append(abs(wrench[1]) / wrench[2])
    careful, all_of_it = WalkConfig().friction, WholeBodyConfig().friction
    assert used[0] <= careful / np.sqrt(2.0) + 1e-6
    assert used[0] + 0.02 < used[1] <= all_of_it / np.sqrt(2.0) + 1e-6


def test_no_foot_presses_with_more_than_its_load(
    g1: RobotDescription, model: pin.Model, body: WalkingBody
) -> None:
    """Asked to rise at 30 m/s^2, which would take four times the weight."""
    q = standing_configuration(g1, model)
    body.observe(state_of(q, np.zeros(model.nv)))
    body.command_torso(0.0, np.zeros(3))
    body.command_posture(None, None)
    body.command_centre(body.centre, float(q[2]) + 0.3, 0.0)
    for body.gripping in (False, True):
        for feet in ((0,), (0, 1)):
            body.solve(feet, None, 0.002)
            load = body.last.wrenches[:, 2] / body.weight
            assert load.max() <= WalkConfig().load + 1e-6
            assert len(feet) == 2 or load.max() > WalkConfig().load - 1e-3


def test_the_reach_of_a_level_sole_is_that_of_a_leg_that_leans(
    g1: RobotDescription, model: pin.Model, body: WalkingBody
) -> None:
    q, names = standing_configuration(g1, model), g1.joint_names
    ankle = names.index("left_ankle_roll_joint")
    lower, upper = g1.column("lower")[ankle], g1.column("upper")[ankle]
    lean = upper - WholeBodyConfig().leg_margin * (upper - lower)
    q[7 + names.index("left_hip_roll_joint")] = lean
    q[7 + ankle] = -lean
    body.observe(state_of(q, np.zeros(model.nv)))
    sole = body.sole(0)
    assert sole.rotation[2, 2] > 0.999
    assert sole.translation[1] == pytest.approx(body.level_reach, abs=0.025)


def test_only_the_ankles_may_approach_their_limits_faster_than_in_other_modes(
    g1: RobotDescription, model: pin.Model, body: WalkingBody
) -> None:
    body.observe(state_of(standing_configuration(g1, model), np.zeros(model.nv)))
    rate = WalkConfig().ankle_limit_rate / WholeBodyConfig().limit_rate
    for whole_body in (body._whole_body, body._gripping):
        usual = WholeBody(g1, model, WholeBodyConfig(), body.dynamics)
        ratio = whole_body._joint_bounds()[0] / usual._joint_bounds()[0]
        for name, of_usual in zip(g1.joint_names, ratio, strict=True):
            assert of_usual == pytest.approx(rate**2 if "_ankle_" in name else 1.0), name


def commanded(g1: RobotDescription, model: pin.Model, body: WalkingBody) -> WalkingBody:
    """`body` standing in the ready pose, asked to stay there."""
    q = standing_configuration(g1, model)
    body.observe(state_of(q, np.zeros(model.nv)))
    body.command_centre(body.centre.copy(), float(q[2]), 0.0)
    body.command_torso(0.0, np.zeros(3))
    body.command_posture(None, None)
    return body


def test_a_sample_without_solution_repeats_the_last_one_whichever_friction_it_had(
    g1: RobotDescription, model: pin.Model, body: WalkingBody, monkeypatch: pytest.MonkeyPatch
) -> None:
    commanded(g1, model, body).solve((0,), None, 0.002)
    torque = body.last.torque.copy()
    monkeypatch.setattr(Problem, "solve", lambda *_: None)
    body.gripping = True
    body.solve((0,), None, 0.002)
    assert body.last.stale == 1
    assert np.array_equal(body.last.torque, torque)


def test_a_second_foot_that_cannot_be_held_is_let_go(
    g1: RobotDescription, model: pin.Model, body: WalkingBody, monkeypatch: pytest.MonkeyPatch
) -> None:
    solve = Problem.solve
    monkeypatch.setattr(
        Problem, "solve", lambda self, *b: None if self.size > self.joints else solve(self, *b)
    )
    commanded(g1, model, body).solve((0, 1), None, 0.002)
    assert len(body.last.wrenches) == 1
    assert body.last.stale == 0


def test_a_robot_without_two_feet_is_refused(g1: RobotDescription) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="needs two feet, 'g1' has 1"):
        WalkingBody(replace(g1, feet=g1.feet[:1]), WalkConfig(), WholeBodyConfig())
