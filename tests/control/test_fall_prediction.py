"""Falls are foreseen from the capture point, for robots that step and for those that stand."""

from math import cos, sin, sqrt

import numpy as np
import pytest

from humanoid_control.controller import State
from humanoid_control.fall_prediction import FallPredictionConfig, FallPredictor
from humanoid_description.dynamics import pinocchio_model, standing_configuration
from humanoid_description.robot import RobotDescription

CONFIG = FallPredictionConfig(reach=0.6, reach_standing=0.25, tilt=0.2, delay=0.02)
STEP = 2_000_000


@pytest.fixture
def predictor(g1: RobotDescription) -> FallPredictor:
    return FallPredictor(g1, CONFIG)


def state(g1: RobotDescription, tick: int, pitch: float, speed: float, valid: bool = True) -> State:
    """Standing on its soles, the whole pitched about the base and moving forward [m/s]."""
    model = pinocchio_model(g1)
    q = standing_configuration(g1, model)
    q[3:7] = 0.0, sin(pitch / 2), 0.0, cos(pitch / 2)
    v = np.zeros(model.nv)
    v[0], v[2] = speed * cos(pitch), speed * sin(pitch)  # forward in the world
    n = len(g1.joints)
    return State(
        tick * STEP, q, v, np.zeros(n), np.ones(2, dtype=bool), np.zeros((2, 6)), valid=valid
    )


def see(
    predictor: FallPredictor, g1: RobotDescription, speed: float, *, steps: bool,
    pitch: float = 0.25, ticks: int = 20, valid: bool = True,
) -> list[str]:  # fmt: skip
    return [predictor.update(state(g1, k, pitch, speed, valid), steps) for k in range(ticks)]


def test_a_capture_point_out_of_reach_is_a_fall_after_the_delay(
    predictor: FallPredictor, g1: RobotDescription
) -> None:
    seen = see(predictor, g1, 2.5, steps=True)
    first = next(k for k, reason in enumerate(seen) if reason)
    assert first == round(CONFIG.delay * 500)
    assert "in reach: 0.6 m" in seen[-1]


def test_modes_that_keep_their_feet_fall_sooner(
    predictor: FallPredictor, g1: RobotDescription
) -> None:
    assert not any(see(predictor, g1, 1.2, steps=True))
    assert see(predictor, g1, 1.2, steps=False)[-1]


def test_the_distance_is_that_of_the_linear_inverted_pendulum(
    predictor: FallPredictor, g1: RobotDescription
) -> None:
    model = pinocchio_model(g1)
    still, moving = (predictor._distance(state(g1, 0, 0.0, speed)) for speed in (0.0, 1.0))
    assert still < 0.15
    height = 0.65  # of the centre of mass above the soles, about
    expected = sqrt(height / -model.gravity.linear[2])
    assert moving == pytest.approx(expected, abs=0.15)


def test_an_upright_robot_and_an_invalid_estimate_foresee_nothing(
    predictor: FallPredictor, g1: RobotDescription
) -> None:
    assert not any(see(predictor, g1, 4.0, steps=True, pitch=0.1))
    assert not any(see(predictor, g1, 4.0, steps=True, valid=False))
