"""The estimator against the simulator's truth, while the robot squats and shifts its weight.

A short form of the benchmark `estimator`: the same bars, on stiff joints that follow a script.
"""

from typing import Any

import numpy as np
import pinocchio as pin
import pytest

from humanoid_description import RobotDescription, pinocchio_model
from humanoid_hal.driver import Command
from humanoid_hal.drivers.mujoco.driver import MujocoDriver
from humanoid_hal.drivers.mujoco.options import MujocoOptions
from humanoid_perception.pipeline import Perception
from humanoid_perception.types import Measurement

SECONDS = 8


class Script:
    """Leg joints that move the base over feet that stand: down, to the sides, back."""

    def __init__(self, robot: RobotDescription) -> None:
        self._model = model = pinocchio_model(robot)
        self._data = model.createData()
        self._q = pin.neutral(model)
        self._q[7:] = robot.poses["ready"]
        self._soles = [model.getFrameId(foot.name) for foot in robot.feet]
        pin.framesForwardKinematics(model, self._data, self._q)
        self._goals = [self._data.oMf[sole].copy() for sole in self._soles]
        ends = [model.frames[sole].parentJoint for sole in self._soles]
        self._columns = sorted(
            {model.joints[j].idx_v for end in ends for j in model.supports[end] if j > 1}
        )

    def at(self, t: float) -> np.ndarray:
        """Joint angles at `t` [s], by one Newton step from those of the call before."""
        model, data, q = self._model, self._data, self._q
        swing = min(1.0, max(0.0, t - 1.0))
        q[:3] = 0.01 * np.sin(3.0 * t), 0.04 * np.sin(2.0 * t), -0.025 * (1.0 - np.cos(2.5 * t))
        q[:3] *= swing
        pin.computeJointJacobians(model, data, q)
        pin.updateFramePlacements(model, data)
        gaps = [
            pin.log6(data.oMf[s].actInv(g)).vector
            for s, g in zip(self._soles, self._goals, strict=True)
        ]
        rows = [
            pin.getFrameJacobian(model, data, s, pin.LOCAL)[:, self._columns] for s in self._soles
        ]
        step = np.zeros(model.nv)
        step[self._columns] = np.linalg.lstsq(np.vstack(rows), np.concatenate(gaps), rcond=None)[0]
        self._q = pin.integrate(model, q, step)
        return self._q[7:].copy()


def vertical(orientations: np.ndarray) -> np.ndarray:
    return np.array([pin.Quaternion(q).matrix()[2] for q in orientations])


@pytest.mark.parametrize(("name", "sensors"), [("g1", False), ("g1", True), ("talos", True)])
def test_squats_and_weight_shifts_stay_within_the_bars(
    name: str, sensors: bool, request: pytest.FixtureRequest
) -> None:
    robot = request.getfixturevalue(name)
    driver = MujocoDriver(robot, MujocoOptions(seed=3))
    driver.open()
    perception, script = Perception(robot), Script(robot)
    still = np.zeros(len(robot.joints))
    gains = 3.0 * robot.column("stiffness"), 2.0 * robot.column("damping")
    rows: list[Any] = []
    for tick in range(SECONDS * 500):
        sample = driver.read()
        assert sample.imu is not None
        wrenches = sample.wrenches if sensors else None
        imu = sample.imu.angular_velocity, sample.imu.linear_acceleration
        joints = sample.position, sample.velocity, sample.effort
        estimate = perception.update(Measurement(sample.stamp, *joints, *imu, wrenches))
        assert estimate.valid, estimate.faults
        assert estimate.contact.all()
        pose, twist = driver.world.truth()
        rows.append(
            [
                *pose,
                *twist[:3],
                *estimate.position,
                *estimate.orientation,
                *estimate.linear_velocity,
            ]
        )
        driver.enable(True)
        driver.write(Command(script.at(tick * 0.002), still, still, *gains))
    driver.close()
    true, found = np.hsplit(np.array(rows), 2)
    drift = (found - found[0] - true + true[0])[:, :3]
    tilt = np.arccos(
        np.clip((vertical(found[:, 3:7]) * vertical(true[:, 3:7])).sum(axis=1), -1.0, 1.0)
    )
    velocity = np.linalg.norm(found[:, 7:] - true[:, 7:], axis=1)
    assert np.ptp(true[:, 1]) > 0.03  # it did move
    assert np.linalg.norm(drift, axis=1).max() < 0.03 / 2
    assert np.degrees(np.sqrt(np.mean(tilt**2))) < 0.5
    assert np.sqrt(np.mean(velocity**2)) < 0.03 / 3
