"""Promises of the fall detector (row 17), around every boundary."""

from math import cos, pi, radians, sin

import numpy as np
import pytest

from humanoid_perception.config import FallConfig
from humanoid_perception.fall import FallDetector, tilt_and_rate
from humanoid_perception.types import FALLEN, FALLING, UPRIGHT

DT = 0.002
CONFIG = FallConfig()


def hold(
    detector: FallDetector, seconds: float, tilt: float, rate: float = 0.0, turning: float = 0.0
) -> int:
    """Feed one condition for `seconds`; tilt in degrees."""
    for _ in range(round(seconds / DT)):
        detector.update(radians(tilt), rate, turning, DT)
    return detector.state


def fallen() -> FallDetector:
    detector = FallDetector(CONFIG)
    assert hold(detector, 0.3, 90.0) == FALLEN
    return detector


def test_forty_degrees_for_forty_milliseconds_is_falling() -> None:
    detector = FallDetector(CONFIG)
    assert hold(detector, 0.038, 40.01) == UPRIGHT
    assert hold(detector, 0.002, 40.01) == FALLING


def test_just_below_forty_degrees_is_upright_for_ever() -> None:
    assert hold(FallDetector(CONFIG), 5.0, 39.99) == UPRIGHT


def test_an_interrupted_tilt_starts_again() -> None:
    detector = FallDetector(CONFIG)
    for _ in range(10):
        hold(detector, 0.038, 45.0)
        assert hold(detector, 0.002, 39.0) == UPRIGHT


@pytest.mark.parametrize(("tilt", "limit"), [(0.0, 4.0), (10.0, 3.0), (20.0, 2.0), (30.0, 1.0)])
def test_the_rate_that_counts_as_falling_shrinks_with_the_tilt(tilt: float, limit: float) -> None:
    assert hold(FallDetector(CONFIG), 1.0, tilt, limit - 1e-6) == UPRIGHT
    assert hold(FallDetector(CONFIG), 0.038, tilt, limit + 1e-6) == UPRIGHT
    assert hold(FallDetector(CONFIG), 0.040, tilt, limit + 1e-6) == FALLING


def test_coming_back_fast_is_not_falling() -> None:
    assert hold(FallDetector(CONFIG), 1.0, 30.0, -6.0) == UPRIGHT


def test_falling_is_over_only_when_upright_for_a_while() -> None:
    detector = FallDetector(CONFIG)
    hold(detector, 0.1, 50.0)
    assert hold(detector, 5.0, 25.01) == FALLING
    assert hold(detector, 0.498, 24.99) == FALLING
    assert hold(detector, 0.002, 24.99) == UPRIGHT


def test_still_beyond_sixty_degrees_is_fallen() -> None:
    detector = FallDetector(CONFIG)
    assert hold(detector, 0.198, 60.01, turning=0.49) == FALLING
    assert hold(detector, 0.002, 60.01, turning=0.49) == FALLEN


def test_sixty_degrees_or_turning_is_still_falling() -> None:
    assert hold(FallDetector(CONFIG), 5.0, 59.99) == FALLING
    assert hold(FallDetector(CONFIG), 5.0, 90.0, turning=0.5) == FALLING


def test_fallen_stays_while_rolling_and_half_up() -> None:
    detector = fallen()
    assert hold(detector, 2.0, 120.0, turning=3.0) == FALLEN
    assert hold(detector, 5.0, 30.0) == FALLEN


def test_fallen_is_over_when_standing_again() -> None:
    detector = fallen()
    assert hold(detector, 0.498, 10.0) == FALLEN
    assert hold(detector, 0.002, 10.0) == UPRIGHT


def test_a_robot_that_starts_lying_is_fallen() -> None:
    assert hold(FallDetector(CONFIG), 0.2, 90.0) == FALLEN


def test_a_reset_detector_is_upright() -> None:
    detector = fallen()
    detector.reset()
    assert detector.state == UPRIGHT
    assert hold(detector, 0.038, 90.0) == UPRIGHT


@pytest.mark.parametrize("direction", [0.0, 0.8, pi / 2, 3.0])
@pytest.mark.parametrize("tilt", [0.1, 0.7, 1.6, 3.0])
def test_tilt_and_rate_match_a_body_that_tips(direction: float, tilt: float) -> None:
    """Tipping about a horizontal axis at 2 rad/s, turned about its own z axis by `direction`."""
    up = np.array([-sin(tilt) * cos(direction), -sin(tilt) * sin(direction), cos(tilt)])
    rate = 2.0 * np.array([-sin(direction), cos(direction), 0.0])
    ahead = up + 1e-7 * np.cross(up, rate)
    numeric = (np.arccos(ahead[2]) - np.arccos(up[2])) / 1e-7
    measured = tilt_and_rate(up, rate)
    assert measured[0] == pytest.approx(tilt)
    assert measured[1] == pytest.approx(numeric, abs=1e-5)
    assert abs(measured[1]) == pytest.approx(2.0)


def test_spinning_about_the_vertical_does_not_tilt() -> None:
    up = np.array([sin(0.5), 0.0, cos(0.5)])
    assert tilt_and_rate(up, 5.0 * up)[1] == pytest.approx(0.0)


def test_upright_any_tipping_tilts_further() -> None:
    assert tilt_and_rate(np.array([0.0, 0.0, 1.0]), np.array([0.0, -3.0, 9.0])) == (0.0, 3.0)


@pytest.mark.parametrize("bad", [{"upright": 0.7}, {"falling": 1.1}])
def test_thresholds_out_of_order_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be below"):
        FallConfig(**bad)
