"""The linear inverted pendulum in closed form."""

from math import exp

import numpy as np
import pytest

from humanoid_control.walking.pendulum import advance, steady_offset, steering_pressure

RATE = 3.8
STEP = np.array([0.2, 0.03])


def test_the_capture_point_runs_away_as_the_equation_of_motion_says() -> None:
    capture, pressure = np.array([0.05, -0.02]), np.array([0.01, 0.03])
    numeric, dt = capture.copy(), 1e-5
    for _ in range(30_000):
        numeric += dt * RATE * (numeric - pressure)
    assert np.allclose(advance(capture, pressure, exp(RATE * 0.3)), numeric, rtol=1e-4)


@pytest.mark.parametrize("sway", [0.2, -0.25])
def test_a_periodic_gait_returns_to_its_offset_at_every_touchdown(sway: float) -> None:
    growth = exp(RATE * 0.36)
    foot = np.zeros(2)
    capture = steady_offset(STEP.copy(), sway, growth)
    for count in range(6):
        capture = advance(capture, foot, growth)
        sway = -sway
        foot = foot + STEP + np.array([0.0, sway])
        expected = steady_offset(STEP.copy(), sway, growth)
        assert np.allclose(capture - foot, expected, atol=1e-9 * growth**count)


def test_the_steering_pressure_reaches_the_goal_where_the_gain_allows_it() -> None:
    capture, goal, centre = np.array([0.06, 0.01]), np.array([0.25, 0.0]), np.zeros(2)
    pressure = steering_pressure(capture, goal, centre, RATE, 0.3, gain=10.0)
    assert np.allclose(advance(capture, pressure, exp(RATE * 0.3)), goal)


def test_on_its_way_the_capture_point_needs_only_the_centre() -> None:
    goal, centre = np.array([0.25, 0.05]), np.array([0.01, 0.0])
    capture = centre + (goal - centre) / exp(RATE * 0.2)
    assert np.allclose(steering_pressure(capture, goal, centre, RATE, 0.2, 1.7), centre)


@pytest.mark.parametrize("remaining", [0.0, 1e-12, 1e-3])
def test_at_the_end_of_a_step_the_pressure_stays_within_the_gain(remaining: float) -> None:
    capture, goal, centre = np.array([0.3, 0.0]), np.array([0.2, 0.0]), np.zeros(2)
    pressure = steering_pressure(capture, goal, centre, RATE, remaining, gain=1.7)
    error = capture - goal / exp(RATE * remaining)
    assert np.allclose(pressure, 1.7 * error)
