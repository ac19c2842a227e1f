import numpy as np
import pytest

from humanoid_hal.latency import LatencyHistogram


def test_nothing_recorded_gives_zero() -> None:
    assert LatencyHistogram().percentile(99.0) == 0


@pytest.mark.parametrize("exponent", range(63))
@pytest.mark.parametrize("step", [-1, 0, 1])
def test_a_value_at_any_power_of_two_is_found_within_a_32nd(exponent: int, step: int) -> None:
    value = max(0, (1 << exponent) + step)
    histogram = LatencyHistogram()
    histogram.record(value)
    histogram.record(1 << 62)
    assert value <= histogram.percentile(50.0) <= value + value // 32


def test_percentiles_agree_with_sorting() -> None:
    durations = np.random.default_rng(1).lognormal(13.0, 1.0, 4999).astype(int)
    histogram = LatencyHistogram()
    for duration in durations.tolist():
        histogram.record(duration)
    for percent in (0.0, 1.0, 50.0, 99.0, 99.9, 100.0):
        exact = int(np.percentile(durations, percent, method="inverted_cdf"))
        assert exact <= histogram.percentile(percent) <= exact * 33 / 32
    assert histogram.percentile(100.0) == histogram.largest == durations.max()


def test_negative_and_huge_durations_are_counted_at_the_ends() -> None:
    histogram = LatencyHistogram()
    histogram.record(-5)
    histogram.record(1 << 80)
    assert histogram.percentile(50.0) == 0
    assert histogram.largest == (1 << 63) - 1


def test_reset_forgets() -> None:
    histogram = LatencyHistogram()
    histogram.record(5)
    histogram.reset()
    assert (histogram.count, histogram.largest, histogram.percentile(50.0)) == (0, 0, 0)


@pytest.mark.parametrize("percent", [-0.1, 100.1, float("nan")])
def test_a_percentile_outside_of_0_to_100_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="percent must lie in 0 to 100"):
        LatencyHistogram().percentile(percent)
