"""The unmodified controller on emulated boards: every sample and command is bytes through ptys."""

from pathlib import Path

import numpy as np
import pytest

from humanoid_bringup.closed_loop import ClosedLoop, Tick, tilt

ROBOTS = Path(__file__).parents[2] / "config" / "robots"


def run(
    seconds: float, hardware: str | Path = "dynamixel-emulated"
) -> tuple[ClosedLoop, list[Tick]]:
    ticks: list[Tick] = []
    loop = ClosedLoop("g1", hardware, seed=3)
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
    links = [*(bus.link for bus in loop.driver.buses), loop.driver.imu.link]
    assert len(links) == 6
    assert sum(link.protocol.counters.corrupt for link in links) == 0
    assert np.isfinite(last.sample.temperature).all()
    assert last.sample.voltage == pytest.approx(24.0)


@pytest.mark.slow
def test_the_g1_walks_on_emulated_dynamixels() -> None:
    loop = ClosedLoop("g1", "dynamixel-emulated", seed=3)
    try:
        loop.run(0.5)
        accepted, why = loop.control.set_mode("walk")
        assert accepted, why
        places = []
        for _ in range(50):
            loop.run(0.1)
            assert loop.control.mode_state.mode == "walk", loop.control.take_events()
            loop.control.on_velocity(np.array([0.3, 0.0, 0.0]))
            places.append(loop.driver.world.truth()[0][0])
    finally:
        loop.close()
    assert places[-1] - places[24] == pytest.approx(0.3 * 2.5, rel=0.15)


def test_two_runs_are_the_same_to_the_bit() -> None:
    first, second = (run(0.3)[1] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.sample.stamp == other.sample.stamp
        np.testing.assert_array_equal(one.sample.position, other.sample.position)
        np.testing.assert_array_equal(one.targets.effort, other.targets.effort)


def test_the_g1_stands_with_another_imu_on_its_serial_line(tmp_path: Path) -> None:
    text = (ROBOTS / "g1/hardware/dynamixel-emulated.yaml").read_text()
    microstrain = "microstrain, port: imu, baud: 921600, options: {rate: 1000}"
    assert microstrain in text
    file = tmp_path / "other-imu.yaml"
    file.write_text(text.replace(microstrain, "hipnuc, port: imu", 1))
    loop, ticks = run(1.0, file)
    assert loop.control.mode_state.mode == "stand"
    assert tilt(ticks[-1].estimate.orientation) < 0.03
    assert all(tick.sample.imu is not None for tick in ticks)
    assert {tick.source for tick in ticks} == {"command"}
