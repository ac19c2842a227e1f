"""Promises of ramps and their clock."""

import numpy as np
import pytest

from humanoid_control.ramps import (
    LONGEST_STEP,
    MINIMUM_JERK_SLOPE,
    SMOOTHSTEP_SLOPE,
    Stopwatch,
    minimum_jerk,
    smoothstep,
)


def test_a_stopwatch_counts_stamps() -> None:
    watch = Stopwatch()
    watch.start(5_000_000_000)
    assert watch.advance(5_002_000_000) == pytest.approx(0.002)
    assert watch.advance(5_006_000_000) == pytest.approx(0.004)
    assert watch.elapsed == pytest.approx(0.006)


def test_a_repeated_stamp_takes_no_time() -> None:
    watch = Stopwatch()
    watch.start(0)
    watch.advance(2_000_000)
    assert watch.advance(2_000_000) == 0.0


def test_a_gap_is_skipped_and_never_caught_up() -> None:
    watch = Stopwatch()
    watch.start(0)
    assert watch.advance(10_000_000_000) == LONGEST_STEP
    assert watch.advance(10_002_000_000) == pytest.approx(0.002)


def test_time_never_runs_backward() -> None:
    watch = Stopwatch()
    watch.start(10_000_000)
    assert watch.advance(8_000_000) == 0.0
    assert watch.elapsed == 0.0


def test_the_first_stamp_without_a_start_takes_no_time() -> None:
    assert Stopwatch().advance(7_000_000_000) == 0.0


@pytest.mark.parametrize("x", [-1.0, -1e-12, 0.0])
def test_ramps_rest_before_their_start(x: float) -> None:
    assert smoothstep(x) == 0.0
    assert minimum_jerk(x) == (0.0, 0.0)


@pytest.mark.parametrize("x", [1.0, 1.0 + 1e-12, 5.0])
def test_ramps_rest_after_their_end(x: float) -> None:
    assert smoothstep(x) == 1.0
    assert minimum_jerk(x) == pytest.approx((1.0, 0.0))


def test_ramps_rise_no_steeper_than_stated() -> None:
    x = np.linspace(0.0, 1.0, 1001)
    smooth = np.array([smoothstep(float(value)) for value in x])
    jerk = np.array([minimum_jerk(float(value)) for value in x])
    assert np.all(np.diff(smooth) >= 0.0)
    assert np.diff(smooth).max() * 1000 <= SMOOTHSTEP_SLOPE
    assert jerk[:, 1].max() == pytest.approx(MINIMUM_JERK_SLOPE)
    assert np.allclose(np.gradient(jerk[:, 0], x)[1:-1], jerk[1:-1, 1], atol=1e-4)
