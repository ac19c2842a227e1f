"""Promises of the control node: a real process, real topics, a perception made of tape."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from builtin_interfaces.msg import Duration
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.serialization import deserialize_message
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from humanoid_description.robot import RobotDescription
from humanoid_interfaces.msg import (
    FaultReport,
    FootState,
    JointCommand,
    ModeState,
    RobotState,
    SafetyState,
)
from humanoid_interfaces.srv import SetMode
from humanoid_runtime import topics
from humanoid_runtime.stamps import set_stamp, to_nanoseconds

ROBOT = Path(__file__).parents[2] / "config" / "robots" / "g1"
STEP = 2_000_000
PATIENCE = 30.0  # [s] until a test gives up; no promise about speed


def start(*parameters: str, namespace: str = "/control_test") -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "humanoid_control.control_node", "--ros-args"]
    for parameter in parameters:
        command += ["-p", parameter]
    command += ["-r", f"__ns:={namespace}"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ))


class Tape:
    """Plays robot_state and safety_state, and keeps what the node says."""

    def __init__(self, robot: RobotDescription, namespace: str) -> None:
        self.robot = robot
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("tape", namespace=namespace, context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        node = self.node
        self.state = node.create_publisher(RobotState, topics.ROBOT_STATE, topics.STREAM)
        self.safety = node.create_publisher(SafetyState, topics.SAFETY_STATE, topics.EVENT)
        self.pose = node.create_publisher(PoseStamped, topics.BODY_POSE, topics.EVENT)
        self.trajectory = node.create_publisher(
            JointTrajectory, topics.JOINT_TRAJECTORY, topics.EVENT
        )
        self.set_mode = node.create_client(SetMode, topics.SET_MODE)
        self.commands: list[bytes] = []
        self.modes: list[ModeState] = []
        self.faults: list[FaultReport] = []
        self.diagnostics: list[Any] = []
        node.create_subscription(
            JointCommand, topics.JOINT_COMMANDS, self.commands.append, topics.STREAM, raw=True
        )
        node.create_subscription(ModeState, topics.MODE, self.modes.append, topics.EVENT)
        node.create_subscription(FaultReport, topics.FAULTS, self.faults.append, topics.EVENT)
        node.create_subscription(
            DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics, topics.EVENT
        )
        self.stamp = 0
        self.message = self._message()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.diagnostics += [s for s in message.status if s.name.startswith("humanoid_control")]

    def _message(self) -> RobotState:
        n = len(self.robot.joints)
        message = RobotState(child_frame_id="base_link", name=list(self.robot.joint_names))
        message.header.frame_id = "odom"
        message.pose.position.z, message.pose.orientation.w = 0.8, 1.0
        message.position = self.robot.poses["ready"].tolist()
        message.velocity = message.effort = [0.0] * n
        message.feet = [FootState(name=foot.name, contact=True) for foot in self.robot.feet]
        message.valid = True
        return message

    def until(self, condition: Callable[[], object], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"waited {PATIENCE:g} s for {what}"
            self.executor.spin_once(timeout_sec=0.05)

    def connect(self) -> None:
        publishers = (self.state, self.safety, self.pose, self.trajectory)
        self.until(
            lambda: all(p.get_subscription_count() for p in publishers), "the node to subscribe"
        )
        self.until(lambda: self.modes and self.faults, "the node to speak")
        self.until(self.set_mode.service_is_ready, "the service")

    def say(self, reaction: int, armed: bool = True) -> None:
        self.safety.publish(SafetyState(reaction=reaction, armed=armed))

    def ask(self, mode: str) -> SetMode.Response:
        future = self.set_mode.call_async(SetMode.Request(mode=mode))
        self.until(future.done, f"an answer to set_mode {mode}")
        return future.result()

    def sample(self, stamp: int | None = None) -> bytes:
        """Publish one sample and return the answer to it."""
        if stamp is None:
            self.stamp += STEP
            stamp = self.stamp
        set_stamp(self.message.header.stamp, stamp)
        count = len(self.commands)
        self.state.publish(self.message)
        self.until(lambda: len(self.commands) > count, f"the answer to {stamp}")
        return self.commands[-1]

    def run(self, samples: int) -> JointCommand:
        for _ in range(samples):
            answer = self.sample()
        return deserialize_message(answer, JointCommand)

    def run_until(self, mode: str) -> None:
        for _ in range(2000):
            if self.modes[-1].mode == mode:
                return
            self.sample()
        raise AssertionError(f"mode {mode} was not reached: {self.modes[-1]}")

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


def finish(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> str:
    process.send_signal(number)
    _, errors = process.communicate(timeout=PATIENCE)
    return errors


@pytest.fixture(scope="module")
def tape(g1: RobotDescription) -> Iterator[Tape]:
    process = start(f"robot:={ROBOT}", "startup_mode:=ready")
    tape = Tape(g1, "/control_test")
    try:
        tape.connect()
        yield tape
    finally:
        tape.close()
        finish(process)


@pytest.fixture
def ready(tape: Tape) -> Tape:
    """The robot armed and in mode ready."""
    tape.message = tape._message()
    tape.say(SafetyState.NONE)
    tape.sample()
    assert tape.ask("ready").success
    tape.run_until("ready")
    tape.run(300)
    return tape


def test_each_sample_is_answered_with_its_stamp_and_the_next_sequence_number(ready: Tape) -> None:
    answers = [deserialize_message(ready.sample(), JointCommand) for _ in range(20)]
    stamps = [to_nanoseconds(answer.header.stamp) for answer in answers]
    assert stamps == [ready.stamp - STEP * k for k in range(19, -1, -1)]
    assert np.all(np.diff([answer.sequence for answer in answers]) == 1)
    assert tuple(answers[0].name) == ready.robot.joint_names
    for field in ("position", "velocity", "effort", "stiffness", "damping"):
        assert len(getattr(answers[0], field)) == len(ready.robot.joints)


def test_a_repeated_sample_is_answered_with_the_same_bytes(ready: Tape) -> None:
    answer = ready.sample()
    assert [ready.sample(ready.stamp) for _ in range(5)] == [answer] * 5
    assert deserialize_message(ready.sample(), JointCommand).sequence == (
        deserialize_message(answer, JointCommand).sequence + 1
    )


def test_a_state_with_joints_in_another_order_is_answered_in_table_order(ready: Tape) -> None:
    before = ready.run(1)
    for field in ("name", "position", "velocity", "effort"):
        setattr(ready.message, field, list(getattr(ready.message, field))[::-1])
    after = ready.run(1)
    assert list(after.name) == list(before.name)
    assert np.allclose(after.position, before.position)


def test_a_state_of_another_robot_is_not_answered_and_the_next_good_one_is(ready: Tape) -> None:
    count = len(ready.commands)
    ready.message.name = ["knee", *ready.message.name[1:]]
    set_stamp(ready.message.header.stamp, ready.stamp + STEP)
    ready.state.publish(ready.message)
    ready.message = ready._message()
    ready.stamp += STEP
    ready.sample()
    assert len(ready.commands) == count + 1


def test_a_refused_mode_says_why_and_names_the_nearest(ready: Tape) -> None:
    response = ready.ask("stnad")
    assert not response.success
    assert "did you mean 'stand'" in response.message
    assert response.active == "ready"


def test_damp_is_obeyed_with_the_very_next_sample_and_published(ready: Tape) -> None:
    ready.say(SafetyState.DAMP)
    ready.run_until("damping")
    assert ready.modes[-1].target == "damping"
    assert ready.modes[-1].available[:2] == ["damping", "ready"]
    command = ready.run(200)
    assert not any(command.stiffness)
    assert np.array_equal(command.damping, ready.robot.column("damping"))
    refused = ready.ask("stand")
    assert not refused.success
    assert "humanoid rearm" in refused.message


def test_a_trajectory_moves_the_arm_and_a_bad_one_is_counted(ready: Tape) -> None:
    joint = "left_elbow_joint"
    row = ready.robot.index[joint]
    target = float(ready.robot.poses["ready"][row]) + 0.3
    point = JointTrajectoryPoint(positions=[target], time_from_start=Duration(nanosec=500_000_000))
    ready.trajectory.publish(JointTrajectory(joint_names=["no_such_joint"], points=[point]))
    ready.trajectory.publish(JointTrajectory(joint_names=[joint], points=[point]))
    for _ in range(3000):
        if abs(ready.run(1).position[row] - target) < 1e-9:
            break
    assert abs(ready.run(1).position[row] - target) < 1e-9
    seen = len(ready.diagnostics)
    ready.until(lambda: len(ready.diagnostics) > seen + 1, "diagnostics")
    values = {value.key: value.value for value in ready.diagnostics[-1].values}
    assert int(values["refused"]) >= 1


def test_a_body_pose_in_a_mode_that_does_not_balance_changes_nothing(ready: Tape) -> None:
    before = ready.run(1)
    pose = PoseStamped()
    pose.pose.position.z = 0.7
    ready.pose.publish(pose)
    after = ready.run(300)
    assert np.array_equal(after.position, before.position)


def test_mode_and_faults_are_heard_while_no_sample_comes(ready: Tape) -> None:
    counts = len(ready.modes), len(ready.faults)
    ready.until(lambda: len(ready.modes) > counts[0] + 3, "the heartbeat of mode")
    ready.until(lambda: len(ready.faults) > counts[1] + 3, "the heartbeat of faults")
    assert ready.faults[-1].source == "humanoid_control"
    assert list(ready.faults[-1].name) == []


def test_diagnostics_tell_how_long_a_tick_takes(ready: Tape) -> None:
    seen = len(ready.diagnostics)

    def told() -> bool:
        ready.sample()
        return any(
            value.key == "tick_p99_us"
            for status in ready.diagnostics[seen:]
            for value in status.values
        )

    ready.until(told, "tick times")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_code_0(g1: RobotDescription, number: int) -> None:
    process = start(f"robot:={ROBOT}", namespace="/control_signal")
    tape = Tape(g1, "/control_signal")
    try:
        tape.connect()
    finally:
        tape.close()
        errors = finish(process, number)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ((), "parameter 'robot' is empty: give the path of a robot.yaml"),
        (("robot:=/no/such/robot.yaml",), "/no/such/robot.yaml"),
        ((f"robot:={ROBOT}", "startup_mode:=stnad"), "did you mean 'stand'?"),
        ((f"robot:={ROBOT}", "config:=/no/such/control.yaml"), "/no/such/control.yaml"),
    ],
)
def test_what_cannot_start_says_why_in_one_line_and_ends_with_code_1(
    parameters: tuple[str, ...], reason: str
) -> None:
    process = start(*parameters, namespace="/control_refused")
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    (line,) = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert reason in line
    assert "Traceback" not in errors
