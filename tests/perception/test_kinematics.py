"""Promises of the leg kinematics, with the IMU in the pelvis (G1) and above the waist (Talos)."""

import numpy as np
import pinocchio as pin
import pytest

from humanoid_description import RobotDescription, pinocchio_model
from humanoid_perception import kernels
from humanoid_perception.kernels import GRAVITY
from humanoid_perception.kinematics import LegKinematics


@pytest.fixture(params=["g1", "talos"])
def robot(request: pytest.FixtureRequest) -> RobotDescription:
    return request.getfixturevalue(request.param)


def posture(robot: RobotDescription) -> np.ndarray:
    lower, upper = robot.column("lower"), robot.column("upper")
    share = np.random.default_rng(2).uniform(0.3, 0.7, len(lower))
    return lower + share * (upper - lower)


def test_soles_and_sensor_are_where_the_whole_model_has_them(robot: RobotDescription) -> None:
    position = posture(robot)
    kinematics = LegKinematics(robot)
    kinematics.update(position)
    model = pinocchio_model(robot)
    data = model.createData()
    q = pin.neutral(model)
    q[7:] = position
    pin.framesForwardKinematics(model, data, q)
    sensor = data.oMf[model.getFrameId("imu")]
    np.testing.assert_allclose(kinematics.imu_position, sensor.translation, atol=1e-12)
    np.testing.assert_allclose(kinematics.imu_rotation, sensor.rotation, atol=1e-12)
    for foot, description in enumerate(robot.feet):
        sole = data.oMf[model.getFrameId(description.name)]
        np.testing.assert_allclose(kinematics.rotations[foot], sole.rotation, atol=1e-12)
        offset = sole.translation - sensor.translation
        np.testing.assert_allclose(kinematics.offsets[foot], offset, atol=1e-12)


def test_the_spread_of_a_sole_follows_from_the_derivative_by_the_joints(
    robot: RobotDescription,
) -> None:
    """G against finite differences of what the sensor sees, turned into the base's axes."""
    position, step = posture(robot), 1e-6
    kinematics = LegKinematics(robot)

    def seen(angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        kinematics.update(angles)
        turned = kinematics.imu_rotation.T
        return kinematics.offsets @ turned.T, np.array([turned @ r for r in kinematics.rotations])

    offsets, rotations = seen(position)
    axes = np.array(kinematics.imu_rotation)
    grams = kinematics.grams.copy()
    derivative = np.zeros((len(robot.feet), 6, len(position)))
    for joint in range(len(position)):
        ahead = position.copy()
        ahead[joint] += step
        moved, turned = seen(ahead)
        for foot in range(len(robot.feet)):
            derivative[foot, :3, joint] = axes @ (moved[foot] - offsets[foot]) / step
            derivative[foot, 3:, joint] = (
                axes @ kernels.log(turned[foot] @ rotations[foot].T) / step
            )
    for gram, rows in zip(grams, derivative, strict=True):
        np.testing.assert_allclose(gram, rows @ rows.T, atol=1e-4)


def test_the_sensors_jacobian_gives_its_velocity_in_the_base(robot: RobotDescription) -> None:
    position, step = posture(robot), 1e-6
    velocity = np.random.default_rng(3).normal(size=len(position))
    kinematics = LegKinematics(robot)
    kinematics.update(position)
    before, axes = np.array(kinematics.imu_position), np.array(kinematics.imu_rotation)
    twist = kinematics.imu_jacobian @ velocity[kinematics.rows]
    kinematics.update(position + step * velocity)
    np.testing.assert_allclose((kinematics.imu_position - before) / step, twist[:3], atol=1e-5)
    np.testing.assert_allclose(
        kernels.log(kinematics.imu_rotation @ axes.T) / step, twist[3:], atol=1e-5
    )


def test_standing_torques_are_those_of_the_whole_model(robot: RobotDescription) -> None:
    """With the base held, leg torques do not depend on what else hangs on it."""
    position = posture(robot)
    kinematics = LegKinematics(robot)
    kinematics.update(position)
    model = pinocchio_model(robot)
    q = pin.neutral(model)
    q[7:] = position
    full = pin.computeGeneralizedGravity(model, model.createData(), q)[6:]
    up = np.array([0.0, 0.0, GRAVITY])
    torques = kinematics.inverse_dynamics(position, np.zeros_like(position), up)
    for leg in (np.flatnonzero(jacobian.any(axis=0)) for jacobian in kinematics.jacobians):
        np.testing.assert_allclose(
            torques[leg], full[kinematics.rows[leg]] * GRAVITY / 9.81, atol=1e-9
        )


def test_the_mass_counts_every_link(robot: RobotDescription) -> None:
    assert LegKinematics(robot).mass == pytest.approx(pin.computeTotalMass(pinocchio_model(robot)))
