"""Robots, and measurements of them standing still, without a simulator."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humanoid_description import RobotDescription, load_robot
from humanoid_perception.kernels import GRAVITY
from humanoid_perception.kinematics import LegKinematics
from humanoid_perception.types import Measurement

ROBOTS = Path(__file__).parents[2] / "config" / "robots"
PERIOD = 2_000_000  # [ns]


@pytest.fixture(scope="session")
def g1() -> RobotDescription:
    return load_robot(ROBOTS / "g1")


@pytest.fixture(scope="session")
def talos() -> RobotDescription:
    return load_robot(ROBOTS / "talos")


class Standing:
    """Samples of a robot in its ready pose, upright, half its weight on each foot."""

    def __init__(self, robot: RobotDescription) -> None:
        self.kinematics = LegKinematics(robot)
        self.position = robot.poses["ready"]
        self.kinematics.update(self.position)
        self.weight = self.kinematics.mass * GRAVITY
        self.up = np.array(self.kinematics.imu_rotation.T @ [0.0, 0.0, 1.0])
        self._random = np.random.default_rng(7)
        n, feet = len(robot.joints), len(robot.feet)
        wrenches = np.zeros((feet, 6))
        wrenches[:, 2] = self.weight / feet
        self._sample = Measurement(
            stamp=0,
            position=self.position,
            velocity=np.zeros(n),
            effort=np.zeros(n),
            angular_velocity=np.zeros(3),
            linear_acceleration=self.up * GRAVITY,
            wrenches=wrenches,
        )

    def __call__(self, tick: int, **changes: Any) -> Measurement:
        """Sample number `tick`, with a little noise, so that no two are equal."""
        noise = self._random.normal(0.0, 1.0, (3, 3))
        return replace(
            self._sample,
            stamp=tick * PERIOD,
            **{
                "position": self.position + 1e-6 * self._random.normal(size=len(self.position)),
                "angular_velocity": 1e-3 * noise[0],
                "linear_acceleration": self.up * GRAVITY + 1e-2 * noise[1],
                **changes,
            },
        )


@pytest.fixture
def standing(g1: RobotDescription) -> Standing:
    return Standing(g1)


@pytest.fixture
def make_standing() -> Callable[[RobotDescription], Standing]:
    return Standing
