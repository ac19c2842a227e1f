"""The unmodified controller on emulated CAN boards: every sample and command is slcan text on a pty."""

from collections.abc import Iterator

import numpy as np
import pytest

from humanoid_bringup.closed_loop import ClosedLoop, Tick, tilt
from humanoid_hal.emulation.boards import BoardFault


@pytest.fixture
def loop() -> Iterator[ClosedLoop]:
    loop = ClosedLoop("g1", "can-emulated", seed=2)
    yield loop
    loop.close()


def test_the_g1_stands_on_emulated_damiao_motors(loop: ClosedLoop) -> None:
    ticks: list[Tick] = []
    loop.run(1.0, ticks.append)
    assert loop.control.mode_state.mode == "stand"
    assert tilt(ticks[-1].estimate.orientation) < 0.03
    assert all(tick.sample.fresh.all() for tick in ticks)
    assert not any(tick.sample.faults for tick in ticks)
    for bus in loop.driver.buses:
        assert (bus.protocol.counters.corrupt, bus.protocol.counters.foreign) == (0, 0)


def test_a_dead_motor_is_flagged_within_three_cycles_and_the_others_stay_fresh(
    loop: ClosedLoop,
) -> None:
    loop.run(0.2)
    loop.driver.emulator.inject("left_arm", BoardFault("off", 3))
    dead = loop.robot.index["left_shoulder_yaw_joint"]
    silent = None
    for cycle in range(5):
        sample = loop.step().sample
        if not sample.fresh.all():
            assert np.flatnonzero(~sample.fresh).tolist() == [dead]
            if silent is None and "arm_joint_silent" in str(loop.hal.supervisor.active):
                silent = cycle
    assert silent is not None
    assert silent <= 3  # the first of them still had the answer to the last command


@pytest.mark.slow
def test_the_g1_walks_on_emulated_damiao_motors(loop: ClosedLoop) -> None:
    loop.run(0.5)
    accepted, why = loop.control.set_mode("walk")
    assert accepted, why
    for step in range(50):
        loop.run(0.1)
        assert loop.control.mode_state.mode == "walk", loop.control.take_events()
        loop.control.on_velocity(np.array([0.3, 0.0, 0.0]))
        if step == 24:
            start = loop.driver.world.truth()[0][:2]
    moved = loop.driver.world.truth()[0][:2] - start
    assert moved[0] == pytest.approx(0.3 * 2.5, rel=0.15)
