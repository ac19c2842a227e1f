"""The unmodified controller on emulated boards: every sample and command is bytes through ptys."""

import numpy as np
import pytest

from humanoid_bringup.closed_loop import ClosedLoop, Tick, tilt


def run(seconds: float) -> tuple[ClosedLoop, list[Tick]]:
    ticks: list[Tick] = []
    loop = ClosedLoop("g1", "dynamixel-emulated", seed=3)
    try:
        loop.run(seconds, ticks.append)
    finally:
        loop.close()
    return loop, ticks


def test_the_g1_stands_on_emulated_dynamixels() -> None:
    loop, ticks = run(1.5)
    last = ticks[-1]
    assert loop.control.mode_state.mode == "stand"
    assert tilt(last.estimate.orientation) < 0.03
    assert all(tick.sample.fresh.all() for tick in ticks)
    assert {tick.source for tick in ticks} == {"command"}
    assert sum(bus.protocol.counters.corrupt for bus in loop.driver.buses) == 0
    assert np.isfinite(last.sample.temperature).all()
    assert last.sample.voltage == pytest.approx(24.0)


def test_two_runs_are_the_same_to_the_bit() -> None:
    first, second = (run(0.3)[1] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.sample.stamp == other.sample.stamp
        np.testing.assert_array_equal(one.sample.position, other.sample.position)
        np.testing.assert_array_equal(one.targets.effort, other.targets.effort)
