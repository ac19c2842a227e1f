"""The whole stack on Gazebo without ROS: it stands, walks, and answers what happens to the server."""

import os
import signal
import time

import numpy as np
import pytest

from humanoid_bringup.closed_loop import ClosedLoop, tilt
from humanoid_hal.drivers.gazebo.services import Services
from humanoid_hal.faults import Reaction

from .conftest import kill_server

PATIENCE = 60.0  # [s]


@pytest.fixture
def loop(gazebo):
    """A G1 that stands in Gazebo."""
    loop = ClosedLoop("g1", "gazebo", timeout=2.0)
    try:
        loop.run(0.5)
        yield loop
    finally:
        loop.close()


def step_until(loop, condition):
    """Cycle until `condition()`; only that it comes is asserted."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, loop.hal.supervisor.active
        loop.step()


def walk(loop, seconds):
    """Walk ahead at 0.3 m/s; the base's true pose then."""
    step_until(loop, lambda: loop.control.mode_state.mode in ("stand", "walk"))
    loop.control.set_mode("walk")
    loop.run(loop.period)
    for _ in range(round(seconds / 0.02)):
        loop.control.on_velocity(np.array([0.3, 0.0, 0.0]))
        loop.run(0.02)
    return loop.driver.world.truth()[0]


def causes(loop):
    return " ".join(loop.hal.supervisor.active + loop.hal.supervisor.latched)


def test_it_stands(loop):
    tilts = []
    tick = loop.run(2.0, lambda tick: tilts.append(tilt(loop.driver.world.truth()[0][3:])))
    assert tick.source == "command"
    assert loop.control.mode_state.mode == "stand"
    assert loop.hal.supervisor.reaction is Reaction.NONE
    assert np.degrees(max(tilts)) < 5.0
    assert loop.driver.world.truth()[0][2] > 0.75


@pytest.mark.slow
def test_it_walks_as_fast_as_it_is_told(loop):
    begun, ended = walk(loop, 3.0), walk(loop, 4.0)
    assert loop.control.mode_state.mode == "walk"
    assert (ended[0] - begun[0]) / 4.0 == pytest.approx(0.3, rel=0.1)
    assert abs(ended[1] - begun[1]) < 0.15
    assert ended[2] > 0.7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "seconds", "floor", "beyond"),
    [
        ("slope", 9.0, lambda x: np.tan(0.105) * (x - 1.0), 2.0),  # 6 degrees from 1 m on
        ("steps", 9.0, lambda _: 0.06, 1.5),  # three of 2 cm, the last from 1.4 m on
        ("push", 5.0, lambda _: 0.0, 1.0),  # 15 N to the left
    ],
)
def test_it_walks_in_every_world(gazebo, world, seconds, floor, beyond):
    loop = ClosedLoop("g1", "gazebo", timeout=5.0, world=world)
    try:
        begun = loop.driver.world.truth()[0]
        loop.run(0.5)
        ended = walk(loop, seconds)
        assert loop.control.mode_state.mode == "walk", causes(loop)
        assert ended[0] > beyond
        assert ended[2] - floor(ended[0]) == pytest.approx(begun[2], abs=0.08)
        assert ended[1] > 0.5 if world == "push" else abs(ended[1]) < 0.3
    finally:
        loop.close()


def test_a_killed_server_ends_in_damping_until_rearmed(loop):
    os.killpg(loop.driver.server.pid, signal.SIGKILL)
    step_until(loop, lambda: loop.hal.supervisor.reaction is Reaction.DAMP)
    assert "bus_lost" in causes(loop)
    assert loop.step().source == "damp"
    loop.driver.world.reset()
    loop.hal.on_reset()
    for _ in range(20):
        assert loop.step().source == "off"  # a server is there again, and nothing re-arms by itself
    loop.hal.rearm()
    step_until(loop, lambda: loop.hal.enabled)
    assert loop.run(0.5).source == "command"


def test_a_server_started_again_by_others_ends_in_damping_until_rearmed(start_server):
    server = start_server()
    loop = ClosedLoop("g1", "gazebo", server="attach", timeout=2.0)
    try:
        assert loop.run(0.5).source == "command"
        kill_server(server)
        step_until(loop, lambda: loop.hal.supervisor.reaction is Reaction.DAMP)
        assert "bus_lost" in causes(loop)
        start_server()
        step_until(loop, lambda: loop.driver.read().fresh.all())
        assert loop.hal.supervisor.reaction is Reaction.DAMP
        for _ in range(20):
            assert loop.step().source in ("damp", "off")  # nothing re-arms by itself
        loop.driver.world.reset()
        loop.hal.on_reset()
        loop.hal.rearm()
        step_until(loop, lambda: loop.hal.enabled)
        assert loop.run(0.5).source == "command"
    finally:
        loop.close()


def test_a_hanging_server_ends_in_damping(loop):
    os.killpg(loop.driver.server.pid, signal.SIGSTOP)
    step_until(loop, lambda: loop.hal.supervisor.reaction is Reaction.DAMP)
    assert "bus_lost" in causes(loop)
    os.killpg(loop.driver.server.pid, signal.SIGCONT)
    step_until(loop, lambda: loop.driver.read().fresh.all())
    assert loop.step().source == "damp"


def test_a_world_reset_behind_our_back_ends_in_damping(loop):
    other = Services(loop.driver._topics.control, loop.driver.server.partition)
    try:
        other.ask("reset")
        step_until(loop, lambda: loop.hal.supervisor.reaction is Reaction.DAMP)
    finally:
        other.close()
    assert "board_rebooted" in causes(loop)
    assert loop.step().source == "damp"


def test_a_paused_world_is_no_fault_and_the_robot_stands_on_after_it(gazebo):
    loop = ClosedLoop("g1", "gazebo", mode="paced")
    other = None
    try:
        step_until(loop, lambda: loop.hal.enabled)
        other = Services(loop.driver._topics.control, loop.driver.server.partition)
        other.ask("pause")
        stamps = [-1]

        def stands_still():
            stamps.append(loop.step().sample.stamp)
            return other.idle() and stamps[-1] == stamps[-2]

        step_until(loop, stands_still)
        stamp = stamps[-1]
        assert loop.driver.read().stamp == stamp
        assert loop.hal.supervisor.reaction < Reaction.HOLD
        assert loop.hal.enabled
        other.ask("run")
        step_until(loop, lambda: loop.driver.read().stamp > stamp)
        assert loop.hal.enabled
    finally:
        loop.close()
        if other is not None:
            other.close()
