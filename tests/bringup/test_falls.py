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


def fall(loop: ClosedLoop, impulse: float) -> None:
    """Push it over and wait until it lies without torque."""
    push(loop, impulse)
    for _ in range(40):
        loop.run(0.5)
        if not loop.hal.enabled:
            return
    raise AssertionError("torque did not go off")


@pytest.mark.parametrize(("impulse", "falls"), [(14.0, "front"), (-14.0, "back")])
def test_a_fallen_robot_gets_up_at_its_operators_request_and_stands(
    loop: ClosedLoop, impulse: float, falls: str
) -> None:
    fall(loop, impulse)
    assert loop.hal.rearm()[0].startswith("fallen: ")  # not without the request
    accepted, why = loop.control.set_mode("get_up")
    assert accepted, why
    loop.run(0.1)
    assert not loop.hal.enabled  # and not on the request alone
    assert loop.hal.rearm() == ()
    loop.run(0.1)
    assert loop.control.mode_state.waiting_for == f"getting up: phase {falls} 1"

    reactions: list[Reaction] = []
    for _ in range(60):
        loop.run(0.5, lambda _: reactions.append(loop.hal.supervisor.reaction))
        if loop.control.mode_state.mode == "stand":
            break
    assert max(reactions) == Reaction.WARN, loop.control.take_events()
    ticks: list[Tick] = []
    loop.run(3.0, ticks.append)
    assert loop.control.mode_state.mode == "stand"
    assert loop.hal.supervisor.reaction == Reaction.NONE
    pose, twist = loop.driver.world.truth()
    assert pose[2] > 0.7  # [m] the pelvis
    assert np.abs(twist).max() < 0.05
    assert ticks[-1].estimate.valid
    assert ticks[-1].estimate.orientation[:2] == pytest.approx(pose[3:5], abs=0.01)


def test_a_robot_that_cannot_get_up_is_damped_again_with_the_reason(loop: ClosedLoop) -> None:
    fall(loop, 14.0)
    loop.control.set_mode("get_up")
    loop.run(0.1)
    loop.hal.rearm()
    loop.run(3.0)
    torso = loop.robot.frames["torso"]
    loop.driver.world.push(torso, np.array([0.0, 0.0, -300.0]), 5.0)  # something lies on it
    loop.run(5.0)
    assert loop.control.mode_state.mode == "damping"
    assert loop.hal.supervisor.needs_rearm
    assert any("get_up" in event for event in loop.control.take_events())


def test_a_robot_without_a_motion_is_told_what_to_do_instead() -> None:
    loop = ClosedLoop("talos", seed=2)
    try:
        accepted, why = loop.control.set_mode("get_up")
    finally:
        loop.close()
    assert not accepted
    assert why.startswith("get_up: talos has no motion to get up with")
