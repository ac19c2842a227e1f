"""Promises of the tick statistics."""

from humanoid_control.ticks import Ticks


def test_nothing_measured_is_said_as_such() -> None:
    assert Ticks().take() == {"ticks": "0"}


def test_durations_are_summarised_in_microseconds_and_then_forgotten() -> None:
    ticks = Ticks()
    for microseconds in range(1, 102):
        ticks.add(1000 * microseconds)
    assert ticks.take() == {
        "ticks": "101",
        "tick_p50_us": "51",
        "tick_p99_us": "100",
        "tick_max_us": "101",
    }
    assert ticks.take() == {"ticks": "0"}


def test_more_ticks_than_are_kept_are_counted_and_the_newest_summarised() -> None:
    ticks = Ticks()
    for _ in range(3000):
        ticks.add(9_000_000)
    for _ in range(2048):
        ticks.add(5_000)
    summary = ticks.take()
    assert summary["ticks"] == "5048"
    assert summary["tick_max_us"] == "5"
