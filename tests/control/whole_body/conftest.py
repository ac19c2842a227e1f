"""The real robots in random postures near standing."""

from pathlib import Path

import numpy as np
import pinocchio as pin
import pytest

from humanoid_description import load_robot
from humanoid_description.dynamics import pinocchio_model, standing_configuration
from humanoid_description.robot import RobotDescription

ROBOTS = Path(__file__).parents[3] / "config" / "robots"


class Body:
    """A robot, its model, and random states of it."""

    def __init__(self, name: str) -> None:
        self.robot: RobotDescription = load_robot(ROBOTS / name)
        self.model = pinocchio_model(self.robot)
        self.standing = standing_configuration(self.robot, self.model)

    def state(self, seed: int, spread: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
        """`q` and `v`, off the ready pose by `spread` [rad, m]."""
        rng = np.random.default_rng(seed)
        away = spread * rng.standard_normal(self.model.nv)
        return pin.integrate(self.model, self.standing, away), rng.standard_normal(self.model.nv)


@pytest.fixture(scope="session", params=["g1", "talos"])
def body(request: pytest.FixtureRequest) -> Body:
    return Body(request.param)


@pytest.fixture(scope="session")
def g1_body() -> Body:
    return Body("g1")
