"""Promises of the perception node, as a process on a real graph, fed by a HAL of this test."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from geometry_msgs.msg import WrenchStamped
from nav_msgs.msg import Odometry
from rclpy.executors import SingleThreadedExecutor
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Imu, JointState

from humanoid_description import RobotDescription
from humanoid_interfaces.msg import FaultReport, RobotState
from humanoid_perception.types import Measurement
from humanoid_runtime import topics
from humanoid_runtime.stamps import set_stamp, to_nanoseconds

ROBOT = Path(__file__).parents[2] / "config" / "robots" / "g1" / "robot.yaml"
PATIENCE = (
    120.0  # [s] bound of every wait; what is waited for takes milliseconds on a quiet machine
)


class Hal:
    """Publishes samples as the HAL does, and keeps what comes back."""

    def __init__(self, robot: RobotDescription, domain: int) -> None:
        self.robot = robot
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = node = rclpy.create_node("test_hal", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(node)
        self.joints = node.create_publisher(JointState, topics.JOINT_STATES, topics.STREAM)
        self.imu = node.create_publisher(Imu, topics.IMU, topics.STREAM)
        self.wrenches = [
            node.create_publisher(
                WrenchStamped, topics.WRENCH.format(foot=foot.name), topics.STREAM
            )
            for foot in robot.feet
        ]
        self.states: list[bytes] = []
        self.odometry: list[Odometry] = []
        self.reports: list[FaultReport] = []
        node.create_subscription(
            RobotState, topics.ROBOT_STATE, self.states.append, topics.STREAM, raw=True
        )
        node.create_subscription(Odometry, topics.ODOM, self.odometry.append, topics.STREAM)
        node.create_subscription(FaultReport, topics.FAULTS, self.reports.append, topics.EVENT)

    def send(self, m: Measurement, imu: bool = True, wrenches: bool = True) -> None:
        if wrenches and m.wrenches is not None:
            for publisher, values in zip(self.wrenches, m.wrenches, strict=True):
                message = WrenchStamped()
                set_stamp(message.header.stamp, m.stamp)
                force, torque = message.wrench.force, message.wrench.torque
                force.x, force.y, force.z, torque.x, torque.y, torque.z = values.tolist()
                publisher.publish(message)
        if imu and m.angular_velocity is not None and m.linear_acceleration is not None:
            reading = Imu()
            set_stamp(reading.header.stamp, m.stamp)
            rate, force = reading.angular_velocity, reading.linear_acceleration
            rate.x, rate.y, rate.z = m.angular_velocity.tolist()
            force.x, force.y, force.z = m.linear_acceleration.tolist()
            self.imu.publish(reading)
        joints = JointState(name=list(self.robot.joint_names))
        set_stamp(joints.header.stamp, m.stamp)
        joints.position, joints.velocity, joints.effort = (
            values.tolist() for values in (m.position, m.velocity, m.effort)
        )
        self.joints.publish(joints)

    def until(self, condition: Callable[[], Any], again: Callable[[], None] | None = None) -> None:
        """Spin until `condition()`; `again` repeats what was sent, as a paused HAL does."""
        end, repeat = time.monotonic() + PATIENCE, time.monotonic() + 0.05
        while not condition():
            assert time.monotonic() < end, (
                f"no answer; {len(self.states)} states, {self.reports[-1:]}"
            )
            self.executor.spin_once(timeout_sec=0.01)
            if again is not None and time.monotonic() > repeat:
                again()
                repeat = time.monotonic() + 0.05

    def answer(self, m: Measurement, **options: bool) -> RobotState:
        """The answer to `m`."""

        def answered() -> bool:
            return bool(self.states) and state(self.states[-1])[0] == m.stamp

        self.send(m, **options)
        self.until(answered, lambda: self.send(m, **options))
        return state(self.states[-1])[1]


def state(data: bytes) -> tuple[int, RobotState]:
    message = deserialize_message(data, RobotState)
    return to_nanoseconds(message.header.stamp), message


@pytest.fixture(scope="module")
def only_hal(g1: RobotDescription) -> Iterator[Hal]:
    hal = Hal(g1, 1 + os.getpid() * 3 % 100)
    yield hal
    hal.executor.shutdown(timeout_sec=0)
    hal.node.destroy_node()
    rclpy.shutdown(context=hal.context)


@pytest.fixture
def hal(only_hal: Hal) -> Hal:
    """With nothing heard yet, and nothing of the test before on its way."""
    only_hal.until(lambda: only_hal.node.count_publishers(topics.ROBOT_STATE) == 0)
    heard = only_hal.states, only_hal.odometry, only_hal.reports
    while True:
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            only_hal.executor.spin_once(timeout_sec=0.05)
        if not any(heard):
            return only_hal
        for messages in heard:
            messages.clear()


@pytest.fixture
def node(hal: Hal) -> Iterator[subprocess.Popen[str]]:
    domain = str(hal.context.get_domain_id())
    process = subprocess.Popen(
        [sys.executable, "-m", "humanoid_perception.perception_node",
         "--ros-args", "-p", f"robot:={ROBOT}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "ROS_DOMAIN_ID": domain},
    )  # fmt: skip
    yield process
    process.terminate()
    process.communicate(timeout=PATIENCE)


def test_every_sample_is_answered_with_its_stamp(hal: Hal, node: Any, standing: Any) -> None:
    first = hal.answer(standing(1))
    assert first.valid
    assert [foot.contact for foot in first.feet] == [True, True]
    for tick in range(2, 30):
        assert hal.answer(standing(tick)).valid
    hal.until(lambda: len(hal.odometry) >= 5)  # 100 Hz of 56 ms
    assert all(report.source == "humanoid_perception" and not report.name for report in hal.reports)


def test_a_repeated_sample_is_answered_with_the_same_bytes(
    hal: Hal, node: Any, standing: Any
) -> None:
    sample = standing(1)
    hal.answer(sample)
    count = len(hal.states)
    hal.until(lambda: len(hal.states) >= count + 3, lambda: hal.send(sample))
    assert len(set(hal.states[-3:])) == 1


def test_a_repeated_sample_brings_its_odom_again(hal: Hal, node: Any, standing: Any) -> None:
    """Who came too late for the first answer gets all of it from the next one."""
    sample = standing(1)
    hal.answer(sample)
    hal.until(lambda: len(hal.odometry) >= 3, lambda: hal.send(sample))
    assert len({(m.header.stamp.nanosec, m.pose.pose.position.z) for m in hal.odometry}) == 1


def test_nothing_is_answered_before_the_imu_is_there(hal: Hal, node: Any, standing: Any) -> None:
    sample = standing(1)
    hal.until(
        lambda: any("imu_dropout" in report.name for report in hal.reports),
        lambda: hal.send(sample, imu=False),
    )
    assert not hal.states
    assert hal.answer(sample).valid


def test_an_imu_that_stops_is_bridged_then_reported(hal: Hal, node: Any, standing: Any) -> None:
    for tick in range(1, 20):
        hal.answer(standing(tick))
    assert hal.answer(standing(20), imu=False).valid
    for tick in range(21, 40):
        last = hal.answer(standing(tick), imu=False)
    assert not last.valid
    hal.until(lambda: any("imu_dropout" in report.name for report in hal.reports))


def test_feet_without_sensors_are_served(hal: Hal, node: Any, standing: Any) -> None:
    first = hal.answer(standing(1), wrenches=False)
    assert first.valid
    assert [foot.contact for foot in first.feet] == [True, True]


def test_fault_reports_go_on_while_the_world_stands_still(
    hal: Hal, node: Any, standing: Any
) -> None:
    hal.answer(standing(1))
    count = len(hal.reports)
    hal.until(lambda: len(hal.reports) >= count + 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_signal_ends_it_with_code_0(
    hal: Hal, node: subprocess.Popen[str], standing: Any, number: signal.Signals
) -> None:
    hal.answer(standing(1))
    node.send_signal(number)
    output, errors = node.communicate(timeout=PATIENCE)
    assert (node.returncode, output, errors) == (0, "", "")


@pytest.mark.parametrize(
    ("parameter", "words"),
    [("robot:=/nowhere/robot.yaml", "cannot be read"), ("config:=/nowhere.yaml", "cannot be read")],
)
def test_a_file_that_is_not_there_ends_it_with_one_line(parameter: str, words: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "humanoid_perception.perception_node",
         "--ros-args", "-p", f"robot:={ROBOT}", "-p", parameter],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
