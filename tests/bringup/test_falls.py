"""The simulated G1 is pushed over: foreseen, damped, reported; and what it survives is no fall."""

from collections.abc import Iterator

import numpy as np
import pytest

from humanoid_bringup.closed_loop import ClosedLoop, Tick
from humanoid_control.controller import FALLEN, UPRIGHT
from humanoid_hal.faults import Reaction

pytestmark = pytest.mark.slow


@pytest.fixture
def loop() -> Iterator[ClosedLoop]:
    loop = ClosedLoop("g1", seed=2)
    loop.run(1.0)
    yield loop
    loop.close()


def push(loop: ClosedLoop, impulse: float) -> None:
    loop.driver.world.push("", np.array([impulse / 0.1, 0.0, 0.0]), 0.1)


def test_a_fall_is_foreseen_before_the_detector_sees_it_and_ends_in_damping(
    loop: ClosedLoop,
) -> None:
    push(loop, 14.0)
    ticks: list[Tick] = []
    loop.run(1.0, ticks.append)
    damped = next(
        tick for tick in ticks if not tick.targets.stiffness.any() or tick.source == "damp"
    )
    assert damped.estimate.fall == UPRIGHT
    assert "a fall is certain: the capture point is" in loop.control.take_events()[-1]
    assert loop.hal.supervisor.reaction >= Reaction.DAMP
    assert loop.control.mode_state.mode == "damping"
    loop.run(2.5, ticks.append)
    assert ticks[-1].estimate.fall == FALLEN
    assert loop.hal.supervisor.reaction == Reaction.TORQUE_OFF


def test_a_push_that_it_survives_is_no_fall(loop: ClosedLoop) -> None:
    push(loop, 8.0)
    loop.run(2.0)
    assert loop.control.mode_state.mode == "stand"


def test_a_fallen_robot_is_told_how_to_get_up(loop: ClosedLoop) -> None:
    push(loop, 14.0)
    loop.run(3.0)
    accepted, why = loop.control.set_mode("get_up")
    assert not accepted
    assert why.startswith("get_up: g1 has no motion to get up with")
