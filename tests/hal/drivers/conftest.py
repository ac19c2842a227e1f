"""Robots, and short ways to drive one through the driver contract."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from humanoid_description import RobotDescription, load_robot
from humanoid_hal.driver import Command, Driver, Sample

ROBOTS = Path(__file__).parents[3] / "config" / "robots"


@pytest.fixture(scope="session")
def g1() -> RobotDescription:
    return load_robot(ROBOTS / "g1")


@pytest.fixture(scope="session", params=["g1", "talos"])
def humanoid(request: pytest.FixtureRequest) -> RobotDescription:
    return load_robot(ROBOTS / request.param)


@pytest.fixture
def hold() -> Callable[[RobotDescription], Command]:
    """A command that holds a robot's ready pose with the table's gains."""

    def make(robot: RobotDescription) -> Command:
        return Command(
            position=robot.poses["ready"].copy(),
            velocity=np.zeros(len(robot.joints)),
            effort=np.zeros(len(robot.joints)),
            stiffness=robot.column("stiffness"),
            damping=robot.column("damping"),
        )

    return make


@pytest.fixture
def run() -> Callable[[Driver, Command, int], list[Sample]]:
    """Enable, then write and read `count` times, as the HAL does."""

    def go(driver: Driver, command: Command, count: int) -> list[Sample]:
        driver.enable(True)
        samples = []
        for _ in range(count):
            driver.write(command)
            samples.append(driver.read())
        return samples

    return go
