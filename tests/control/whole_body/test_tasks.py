"""Jacobians and drifts against finite differences, at random states of both robots."""

import numpy as np
import pinocchio as pin
import pytest

from humanoid_control.whole_body import (
    Dynamics,
    MomentumTask,
    OrientationTask,
    PoseTask,
    Task,
)

STEP = 1e-6  # [s]
SEEDS = range(3)


def frame_of(body) -> int:
    return body.model.getFrameId(body.robot.feet[0].name)


def velocity_of(task: Task, dynamics: Dynamics) -> np.ndarray:
    """The rate that the task's rows are the derivative of, in the axes the task uses."""
    if isinstance(task, MomentumTask):
        return dynamics.momentum.copy()
    twist = dynamics.frame(task.frame).twist.copy()
    return twist[3:] if isinstance(task, OrientationTask) else twist


def tasks(body) -> list[Task]:
    torso = body.model.getFrameId(body.robot.frames["torso"])
    return [
        MomentumTask(np.ones(6)),
        OrientationTask(torso, np.ones(3), 10.0, 5.0),
        PoseTask(frame_of(body), np.ones(6), 10.0, 5.0),
    ]


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_jacobian_times_the_velocity_is_the_rate_of_the_task(body, seed: int, index: int) -> None:
    q, v = body.state(seed)
    dynamics = Dynamics(body.model)
    dynamics.update(q, v)
    task = tasks(body)[index]
    np.testing.assert_allclose(task.jacobian(dynamics) @ v, velocity_of(task, dynamics), atol=1e-10)


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_jacobian_and_drift_give_the_acceleration_seen_by_finite_differences(
    body, seed: int, index: int
) -> None:
    q, v = body.state(seed)
    a = 5.0 * np.random.default_rng(seed + 100).standard_normal(body.model.nv)
    task, dynamics = tasks(body)[index], Dynamics(body.model)
    rates = []
    for side in (-0.5, 0.5):
        h = side * STEP
        dynamics.update(pin.integrate(body.model, q, v * h + 0.5 * a * h * h), v + a * h)
        rates.append(velocity_of(task, dynamics))
    dynamics.update(q, v)
    predicted = task.jacobian(dynamics) @ a + task.drift(dynamics)
    seen = (rates[1] - rates[0]) / STEP
    np.testing.assert_allclose(predicted, seen, atol=2e-6 * max(1.0, np.abs(seen).max()))


@pytest.mark.parametrize("seed", SEEDS)
def test_momentum_is_mass_times_com_velocity_and_com_is_where_finite_differences_say(
    body, seed: int
) -> None:
    q, v = body.state(seed)
    dynamics = Dynamics(body.model)
    places = []
    for side in (-0.5, 0.5):
        dynamics.update(pin.integrate(body.model, q, side * STEP * v), v)
        places.append(dynamics.com.copy())
    dynamics.update(q, v)
    np.testing.assert_allclose(dynamics.com_velocity, (places[1] - places[0]) / STEP, atol=1e-7)
    np.testing.assert_allclose(dynamics.momentum[:3], dynamics.mass * dynamics.com_velocity)


@pytest.mark.parametrize("seed", SEEDS)
def test_mass_matrix_and_bias_agree_with_inverse_dynamics(body, seed: int) -> None:
    q, v = body.state(seed)
    a = np.random.default_rng(seed).standard_normal(body.model.nv)
    dynamics = Dynamics(body.model)
    dynamics.update(q, v)
    expected = pin.rnea(body.model, body.model.createData(), q, v, a)
    np.testing.assert_allclose(dynamics.mass_matrix @ a + dynamics.bias, expected, atol=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
def test_frames_and_momentum_are_those_that_pinocchio_computes_one_by_one(body, seed: int) -> None:
    q, v = body.state(seed)
    model, data, local = body.model, body.model.createData(), pin.ReferenceFrame.LOCAL
    pin.forwardKinematics(model, data, q, v, np.zeros_like(v))
    pin.computeJointJacobians(model, data, q)
    dynamics = Dynamics(model)
    dynamics.update(q, v)
    for number in (frame_of(body), model.getFrameId(body.robot.frames["torso"])):
        frame, placement = dynamics.frame(number), pin.updateFramePlacement(model, data, number)
        for ours, theirs in (
            (frame.rotation, placement.rotation),
            (frame.position, placement.translation),
            (frame.twist, pin.getFrameVelocity(model, data, number, local).vector),
            (frame.drift, pin.getFrameAcceleration(model, data, number, local).vector),
            (frame.jacobian, pin.getFrameJacobian(model, data, number, local)),
        ):
            np.testing.assert_allclose(ours, theirs, atol=1e-12)
    matrix = pin.ccrba(model, data, q, v)
    np.testing.assert_allclose(dynamics.momentum_matrix, matrix, atol=1e-11)
    np.testing.assert_allclose(dynamics.momentum, data.hg.vector, atol=1e-11)
    np.testing.assert_allclose(dynamics.com, data.com[0], atol=1e-12)
    np.testing.assert_allclose(dynamics.com_velocity, data.hg.linear / dynamics.mass, atol=1e-12)
    drift = pin.computeCentroidalMomentumTimeVariation(model, data).vector
    np.testing.assert_allclose(dynamics.momentum_drift, drift, atol=1e-10)


def test_an_orientation_task_turns_the_frame_toward_its_target(g1_body) -> None:
    q, v = g1_body.state(3)
    dynamics = Dynamics(g1_body.model)
    dynamics.update(q, np.zeros_like(v))
    frame = g1_body.model.getFrameId("torso_link")
    task = OrientationTask(frame, np.ones(3), 10.0, 5.0)
    here = dynamics.placement(frame).rotation.copy()
    turn = np.array([0.1, -0.2, 0.05])
    task.target = here @ pin.exp3(turn)
    np.testing.assert_allclose(task.command(dynamics), 10.0 * turn, atol=1e-9)


def test_a_pose_task_on_its_target_asks_for_the_motion_alone(g1_body) -> None:
    q, v = g1_body.state(4)
    dynamics = Dynamics(g1_body.model)
    dynamics.update(q, v)
    task = PoseTask(frame_of(g1_body), np.ones(6), 100.0, 20.0)
    task.target = dynamics.placement(task.frame).copy()
    task.velocity = dynamics.frame(task.frame).twist.copy()
    task.acceleration = np.arange(6.0)
    np.testing.assert_allclose(task.command(dynamics), np.arange(6.0), atol=1e-9)
    task.target = task.target * pin.SE3(np.eye(3), np.array([0.01, 0.0, 0.0]))
    assert task.command(dynamics)[0] == pytest.approx(1.0)


@pytest.mark.parametrize("angle", [1e-10, 1e-3, 1.0, 3.0, np.pi - 1e-9])
@pytest.mark.parametrize("seed", SEEDS)
def test_commands_pull_along_the_logarithm_of_the_error(g1_body, seed: int, angle: float) -> None:
    random = np.random.default_rng(seed)
    axis = random.normal(size=3)
    turn = angle * axis / np.linalg.norm(axis)
    q, v = g1_body.state(seed)
    dynamics = Dynamics(g1_body.model)
    dynamics.update(q, np.zeros_like(v))
    frame = frame_of(g1_body)
    orientation = OrientationTask(frame, np.ones(3), 10.0, 5.0)
    orientation.target = dynamics.frame(frame).rotation @ pin.exp3(turn)
    np.testing.assert_allclose(orientation.command(dynamics), 10.0 * turn, atol=1e-6, rtol=1e-7)
    pose = PoseTask(frame, np.ones(6), 10.0, 5.0)
    away = pin.SE3(pin.exp3(turn), random.normal(size=3))
    pose.target = dynamics.placement(frame) * away
    expected = 10.0 * pin.log6(away).vector
    np.testing.assert_allclose(pose.command(dynamics), expected, atol=1e-6, rtol=1e-7)
