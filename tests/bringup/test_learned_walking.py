"""The simulated G1 walks on the policies of a wheel, on its own estimate, as the graph would run."""

from collections.abc import Iterator

import numpy as np
import pytest

from humanoid_bringup.closed_loop import ClosedLoop, Tick
from humanoid_control.controller import Array, JointTargets, State
from humanoid_control.ramps import SMOOTHSTEP_SLOPE

pytest.importorskip("onnxruntime", reason="the extra 'policies' is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture
def loop() -> Iterator[ClosedLoop]:
    loop = ClosedLoop("g1", seed=2)
    loop.run(0.6)
    yield loop
    loop.close()


def order(loop: ClosedLoop, mode: str) -> None:
    accepted, why = loop.control.set_mode(mode)
    assert accepted, why
    loop.run(0.02)
    assert loop.control.mode_state.mode == mode, loop.control.mode_state


def walk(loop: ClosedLoop, forward: float, seconds: float) -> None:
    mode = loop.control.mode_state.mode
    for _ in range(round(seconds / 0.1)):
        loop.control.on_velocity(np.array([forward, 0.0, 0.0]))
        loop.run(0.1)
        assert loop.control.mode_state.mode == mode, loop.control.take_events()


def position(loop: ClosedLoop) -> Array:
    return loop.driver.world.truth()[0][:3].copy()


def torque(targets: JointTargets, state: State) -> Array:
    stiff = targets.stiffness * (targets.position - state.q[7:])
    return targets.effort + stiff + targets.damping * (targets.velocity - state.v[6:])


def test_it_takes_over_from_the_model_based_walk_in_motion_without_a_bump(
    loop: ClosedLoop,
) -> None:
    order(loop, "walk")
    walk(loop, 0.3, 2.0)
    ticks: list[Tick] = []
    loop.control.on_velocity(np.array([0.3, 0.0, 0.0]))
    loop.run(0.02, lambda tick: ticks.append(tick))
    sent = loop.control.update(ticks[-1].state)  # answered before: the same answer
    before = JointTargets(
        *(getattr(sent, name).copy() for name in JointTargets.__dataclass_fields__)
    )
    assert loop.control.set_mode("fastsac")[0]
    tick = loop.step()
    assert loop.control.mode_state.mode == "fastsac"
    # docs/modes.md: 1.5 h/T of the difference between both laws, here at most twice the torque
    # limit and the joint's range.
    share = SMOOTHSTEP_SLOPE * loop.period / 0.2
    jump = np.abs(torque(tick.targets, tick.state) - torque(before, tick.state))
    assert np.all(jump <= share * 2.0 * loop.robot.column("effort"))
    reach = loop.robot.column("upper") - loop.robot.column("lower")
    assert np.all(np.abs(tick.targets.position - before.position) <= share * reach)
    walk(loop, 0.3, 2.0)


def test_fastsac_reaches_07_at_a_command_of_1_and_stands_again(loop: ClosedLoop) -> None:
    order(loop, "fastsac")
    walk(loop, 1.0, 3.0)
    start = position(loop)
    walk(loop, 1.0, 4.0)
    assert np.linalg.norm(position(loop)[:2] - start[:2]) / 4.0 >= 0.7
    accepted, why = loop.control.set_mode("stand")
    assert accepted, why
    loop.run(0.1)
    assert loop.control.mode_state.mode == "fastsac"  # it comes to rest first
    loop.run(4.0)
    assert loop.control.mode_state.mode == "stand", loop.control.mode_state


def test_ppo_walks_too(loop: ClosedLoop) -> None:
    order(loop, "ppo")
    start = position(loop)
    walk(loop, 0.5, 4.0)
    assert position(loop)[0] - start[0] > 0.8


@pytest.mark.parametrize(("speed", "seconds"), [(0.3, 2.0), (0.8, 4.1), (0.8, 4.6)])
def test_a_network_that_fails_in_motion_hands_over_to_the_model_based_balance(
    loop: ClosedLoop, speed: float, seconds: float
) -> None:
    order(loop, "fastsac")
    walk(loop, speed, seconds)
    policy = loop.control._supervisor._modes["fastsac"].controller._policy
    object.__setattr__(policy, "network", lambda values: np.full((1, 29), np.nan))
    loop.run(0.04)
    mode = loop.control.mode_state
    assert (mode.mode, mode.target) == ("walk", "stand")
    assert loop.control.faults[0][0] == "controller_handover"
    loop.run(4.0)
    assert loop.control.mode_state.mode == "stand"
    assert loop.hal.supervisor.reaction <= 1  # WARN: nothing was damped
