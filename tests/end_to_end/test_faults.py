"""Faults on the command path of real nodes: rows 5 to 7 of the fault table, over topics."""

import os
import signal

import numpy as np
import pytest
from sensor_msgs.msg import JointState

from humanoid_bringup.graph import CONTROL, Options, graph
from humanoid_bringup.link import Link
from humanoid_bringup.process import Processes
from humanoid_interfaces.msg import JointCommand, ModeState, SafetyState
from humanoid_runtime import topics

from .conftest import PATIENCE

pytestmark = pytest.mark.slow

#: [rad] that every malformed command asks for; no joint may ever be seen there
STEP = 0.01


@pytest.fixture
def nodes(domain, tmp_path):
    """Starts nodes without the supervision of the command line."""
    running = []

    def start(specs):
        running.append(Processes(specs, tmp_path))
        running[-1].start()
        return running[-1]

    yield start
    for processes in running:
        processes.stop()


def test_a_killed_controller_leads_to_hold_and_then_to_damping(nodes):
    processes = nodes(graph("g1", "mujoco", Options()))
    seen = []
    with Link() as link:
        link.watch(ModeState, topics.MODE)
        link.node.create_subscription(SafetyState, topics.SAFETY_STATE, seen.append, topics.EVENT)

        def stands():
            mode = link.latest(topics.MODE)
            healthy = seen and seen[-1].armed and seen[-1].reaction < SafetyState.HOLD
            return healthy and mode and mode.mode == "stand"

        assert link.wait(stands, PATIENCE)
        seen.clear()
        os.kill(processes.pids()[CONTROL], signal.SIGKILL)
        assert link.wait(lambda: seen and seen[-1].reaction == SafetyState.DAMP, PATIENCE)
    steps = [(state.reaction, state.active) for state in seen]
    held = [active for reaction, active in steps if reaction == SafetyState.HOLD]
    assert any("command_timeout" in fault for active in held for fault in active), steps


class Commander:
    """The only publisher of commands to a HAL on ideal joints: answers each sample."""

    def __init__(self, link):
        self.link = link
        self.publisher = link.node.create_publisher(
            JointCommand, topics.JOINT_COMMANDS, topics.STREAM
        )
        self.sequence = 0
        self.extra = None  # makes a malformed command out of a good one
        self.positions = []
        self.first = None
        link.watch(SafetyState, topics.SAFETY_STATE)
        link.node.create_subscription(
            JointState, topics.JOINT_STATES, self.on_sample, topics.STREAM
        )

    def on_sample(self, sample):
        if self.first is None:
            self.first = np.array(sample.position)
        self.positions.append(np.array(sample.position))
        if self.extra is not None:
            self.publisher.publish(self.extra(self.command(sample, STEP)))
        self.publisher.publish(self.command(sample, 0.0))

    def command(self, sample, step):
        self.sequence += 1
        n = len(sample.name)
        command = JointCommand(sequence=self.sequence, name=sample.name)
        command.header.stamp = sample.header.stamp
        command.position = (self.first + step).tolist()
        command.velocity = command.effort = [0.0] * n
        command.stiffness, command.damping = [100.0] * n, [2.0] * n
        return command

    def state(self):
        return self.link.latest(topics.SAFETY_STATE)


@pytest.fixture
def commander(nodes):
    hal, *_ = graph("g1", "mock", Options(autostart="active", paced=True))
    nodes([hal])
    with Link() as link:
        commander = Commander(link)
        assert link.wait(lambda: commander.state() and commander.state().armed, PATIENCE)
        yield commander


def changed(**fields):
    """A malformation that overwrites fields."""

    def change(command):
        for name, value in fields.items():
            setattr(command, name, value(getattr(command, name)))
        return command

    return change


MALFORMED = {
    "NaN position": changed(position=lambda p: [float("nan"), *p[1:]]),
    "NaN effort": changed(effort=lambda e: [*e[:-1], float("nan")]),
    "infinite velocity": changed(velocity=lambda v: [float("inf"), *v[1:]]),
    "negative stiffness": changed(stiffness=lambda k: [-1.0, *k[1:]]),
    "short position": changed(position=lambda p: p[:-1]),
    "empty": changed(
        **dict.fromkeys(
            ("name", "position", "velocity", "effort", "stiffness", "damping"), lambda _: []
        )
    ),
    "oversize": changed(position=lambda p: [*p] * 1000),
    "unknown joint": changed(name=lambda names: ["no_such_joint", *names[1:]]),
    "twice the same joint": changed(name=lambda names: [names[1], *names[1:]]),
    "sequence from the past": changed(sequence=lambda s: s - 2),
    "stamp from the future": changed(
        header=lambda h: setattr(h.stamp, "sec", h.stamp.sec + 100) or h
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_command_never_reaches_the_driver(commander, case):
    """The good commands between the malformed ones are followed; the joints never take the step."""
    before = commander.state()
    commander.extra = MALFORMED[case]
    commander.positions.clear()
    assert commander.link.wait(
        lambda: commander.state().rejected > before.rejected + 5 and len(commander.positions) > 200,
        PATIENCE,
    )
    assert np.abs(np.array(commander.positions) - commander.first).max() < 0.5 * STEP


def test_the_same_step_in_good_commands_does_reach_the_driver(commander):
    """Without this the promise above could hold by accident."""
    commander.extra = lambda command: command
    commander.first = commander.first + STEP
    assert commander.link.wait(
        lambda: np.abs(commander.positions[-1] - commander.first).max() < 0.2 * STEP, PATIENCE
    )
