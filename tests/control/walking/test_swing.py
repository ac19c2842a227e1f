"""The way of the swing foot."""

import numpy as np
import pytest

from humanoid_control.walking.swing import SwingFoot, minimum_jerk

DT = 0.002
HEIGHT, SINKING, DURATION = 0.05, 0.15, 0.36
START, GOAL = np.array([-0.2, 0.1, 0.01]), np.array([0.25, 0.12])


def fly(
    duration: float = 0.36, goal: np.ndarray = GOAL, yaw: float = 0.2, until: float | None = None
) -> np.ndarray:
    """Motions of one swing, shape (samples, 3, 4)."""
    foot = SwingFoot(HEIGHT, SINKING, DURATION)
    foot.start(START, 0.0)
    motions = [foot.motion.copy()]
    for sample in range(1, round((until or duration) / DT) + 1):
        foot.advance(goal, yaw, 0.0, max(duration - sample * DT, 0.0), DT)
        motions.append(foot.motion.copy())
    return np.array(motions)


def test_the_foot_arrives_at_the_foothold_in_time_and_at_rest() -> None:
    end = fly()[-1]
    assert np.allclose(end[0, :2], GOAL, atol=2e-3)
    assert end[0, 3] == pytest.approx(0.2, abs=1e-3)
    assert np.abs(end[1, :2]).max() < 0.15


def test_the_foot_meets_the_ground_in_time_not_before_and_not_creeping() -> None:
    heights = fly()[:, 0, 2]
    assert heights[-1] == pytest.approx(0.0, abs=5e-4)
    assert heights[1:-3].min() > 0.0
    assert fly()[-1, 1, 2] < -0.05


def test_the_foot_rises_to_its_height() -> None:
    assert fly()[:, 0, 2].max() == pytest.approx(HEIGHT, abs=0.01)


@pytest.mark.parametrize("hastened_at", [1, 30])
def test_a_hastened_foot_is_lifted_less_and_thrown_no_harder(hastened_at: int) -> None:
    foot = SwingFoot(HEIGHT, SINKING, DURATION)
    foot.start(START, 0.0)
    heights, accelerations = [], []
    for sample in range(1, 101):
        duration = DURATION if sample < hastened_at else 0.2
        foot.advance(GOAL, 0.0, 0.0, duration - sample * DT, DT)
        heights.append(foot.motion[0, 2])
        accelerations.append(foot.motion[2, 2])
    unhurried = np.abs(fly()[:, 2, 2]).max()
    assert foot.phase == pytest.approx(1.0)
    assert heights[-1] == pytest.approx(0.0, abs=2e-3)
    assert 0.01 < max(heights) < 0.7 * HEIGHT
    assert np.abs(accelerations).max() < 3.0 * unhurried  # 4.5 with the full bump


@pytest.mark.parametrize("duration", [0.25, 0.36, 0.357, 0.3585])
def test_a_foot_that_finds_no_ground_keeps_sinking(duration: float) -> None:
    motions = fly(duration, until=0.6)
    assert motions[-1, 0, 2] < -0.01
    assert motions[-1, 1, 2] == pytest.approx(-SINKING)


def test_position_velocity_and_acceleration_belong_together() -> None:
    motions = fly()
    for low, high in ((0, 1), (1, 2)):
        slope = (motions[2:-2, low] - motions[1:-3, low]) / DT
        mean = 0.5 * (motions[2:-2, high] + motions[1:-3, high])
        scale = np.abs(motions[:, high]).max(axis=0)
        assert np.all(np.abs(slope - mean) <= 0.03 * scale + 1e-6)


def test_a_foothold_that_jumps_does_not_make_the_foot_jump() -> None:
    foot = SwingFoot(HEIGHT, SINKING, DURATION)
    foot.start(START, 0.0)
    before = foot.motion.copy()
    for sample in range(1, 181):
        goal = GOAL + (0.1 if sample >= 90 else 0.0)
        foot.advance(goal, 0.0, 0.0, 0.36 - sample * DT, DT)
        step = np.abs(foot.motion[:, :2] - before[:, :2]).max(axis=1)
        assert step[0] < 0.01
        assert step[1] < 0.2
        before = foot.motion.copy()
    assert np.allclose(foot.motion[0, :2], GOAL + 0.1, atol=5e-3)


def test_a_step_that_is_hastened_ends_in_time() -> None:
    foot = SwingFoot(HEIGHT, SINKING, DURATION)
    foot.start(START, 0.0)
    for sample in range(1, 126):
        duration = 0.36 if sample < 70 else 0.25
        foot.advance(GOAL, 0.0, 0.0, duration - sample * DT, DT)
    assert foot.phase == pytest.approx(1.0)
    assert np.allclose(foot.motion[0, :3], [*GOAL, 0.0], atol=5e-3)


@pytest.mark.parametrize(("behind", "held"), [(0.01, False), (0.03, True)])
def test_a_foot_that_is_held_back_rises_and_goes_on_from_where_it_is(
    behind: float, held: bool
) -> None:
    foot = SwingFoot(HEIGHT, SINKING, DURATION)
    foot.start(START, 0.0)
    for sample in range(1, 181):
        foot.advance(GOAL, 0.0, 0.0, 0.36 - sample * DT, DT)
        if sample == 60:
            before = foot.motion.copy()
            point = before[0, :2] - [behind, 0.0]
            foot.yield_to(point)
            assert np.allclose(foot.motion[0, :2], point if held else before[0, :2])
            assert np.allclose(foot.motion[1:, :2], 0.0 if held else before[1:, :2])
            assert np.array_equal(foot.motion[:, 2:], before[:, 2:])
    assert np.allclose(foot.motion[0, :2], GOAL, atol=5e-3)


def test_the_heading_turns_the_short_way_round() -> None:
    foot = SwingFoot(HEIGHT, SINKING, DURATION)
    foot.start(START, 3.0)
    for sample in range(1, 181):
        foot.advance(GOAL, -3.0, 0.0, 0.36 - sample * DT, DT)
    assert foot.motion[0, 3] == pytest.approx(2 * np.pi - 3.0, abs=1e-3)


@pytest.mark.parametrize("s", [0.1, 0.45, 0.8])
def test_the_slopes_of_the_minimum_jerk_ramp_are_its_derivatives(s: float) -> None:
    h = 1e-6
    _, slope, bend = minimum_jerk(s)
    assert slope == pytest.approx((minimum_jerk(s + h)[0] - minimum_jerk(s - h)[0]) / (2 * h))
    assert bend == pytest.approx((minimum_jerk(s + h)[1] - minimum_jerk(s - h)[1]) / (2 * h))


def test_the_minimum_jerk_ramp_goes_from_rest_to_rest() -> None:
    assert minimum_jerk(0.0) == (0.0, 0.0, 0.0)
    assert minimum_jerk(1.0) == pytest.approx((1.0, 0.0, 0.0))
