"""The simulated G1 walks on its own estimate, as the graph would run it."""

from collections.abc import Iterator

import numpy as np
import pytest

from humanoid_bringup.closed_loop import ClosedLoop

pytestmark = pytest.mark.slow


@pytest.fixture
def loop() -> Iterator[ClosedLoop]:
    loop = ClosedLoop("g1", seed=2)
    loop.run(0.6)
    accepted, why = loop.control.set_mode("walk")
    assert accepted, why
    yield loop
    loop.close()


def walk(loop: ClosedLoop, order: tuple[float, float, float], seconds: float) -> None:
    for _ in range(round(seconds / 0.1)):
        loop.run(0.1)
        assert loop.control.mode_state.mode == "walk", loop.control.take_events()
        loop.control.on_velocity(np.array(order))


def position(loop: ClosedLoop) -> np.ndarray:
    return loop.driver.world.truth()[0][:3].copy()


def test_it_walks_with_the_ordered_speed_and_comes_to_stand_when_nobody_orders_more(
    loop: ClosedLoop,
) -> None:
    walk(loop, (0.4, 0.0, 0.0), 2.0)
    start = position(loop)
    walk(loop, (0.4, 0.0, 0.0), 6.0)
    moved = position(loop) - start
    assert moved[0] == pytest.approx(0.4 * 6.0, rel=0.1)
    assert abs(moved[1]) < 0.3
    loop.run(4.0)
    rest = position(loop)
    loop.run(1.0)
    assert loop.control.mode_state.mode == "walk"
    assert np.abs(position(loop) - rest).max() < 0.01
    soles = np.array([loop.driver.data.site(foot.name).xpos for foot in loop.robot.feet])
    assert np.abs(soles[0, 2] - soles[1, 2]) < 0.005


def test_asking_for_stand_while_walking_stops_first_and_then_stands(loop: ClosedLoop) -> None:
    walk(loop, (0.3, 0.1, 0.3), 3.0)
    accepted, why = loop.control.set_mode("stand")
    assert accepted, why
    loop.run(0.1)
    assert loop.control.mode_state.mode == "walk"
    loop.run(4.0)
    assert loop.control.mode_state.mode == "stand"


def test_a_push_that_standing_does_not_survive_makes_it_step(loop: ClosedLoop) -> None:
    walk(loop, (0.0, 0.0, 0.0), 0.5)
    before = position(loop)
    loop.driver.world.push("", np.array([120.0, 0.0, 0.0]), 0.1)
    loop.run(4.0)
    assert loop.control.mode_state.mode == "walk"
    assert position(loop)[0] - before[0] > 0.05


@pytest.mark.parametrize("options", [{"steps": 0.02}, {"ramp": 0.105}])
def test_it_walks_over_ground_that_it_does_not_know(options: dict[str, float]) -> None:
    loop = ClosedLoop("g1", seed=1, **options)
    loop.run(0.6)
    loop.control.set_mode("walk")
    walk(loop, (0.3, 0.0, 0.0), 6.0)
    assert position(loop)[0] > 1.2
    loop.close()


@pytest.mark.parametrize("push", [(-140.0, 0.0), (0.0, 80.0)])
def test_a_push_while_walking_is_answered_with_steps(
    loop: ClosedLoop, push: tuple[float, float]
) -> None:
    walk(loop, (0.3, 0.0, 0.0), 2.5)
    loop.driver.world.push("", np.array([*push, 0.0]), 0.1)
    walk(loop, (0.3, 0.0, 0.0), 3.0)
