"""The perception node: samples in, robot_state out, in one thread.

It wakes on joint_states, which the HAL publishes last of each sample, and collects the rest of that
sample by its stamp. A sample that was answered before is answered again with the same bytes.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import WrenchStamped
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import Imu, JointState

from humanoid_description import load_robot
from humanoid_interfaces.msg import FaultReport
from humanoid_perception.config import PerceptionConfig, load_perception
from humanoid_perception.messages import (
    JointReader,
    OdometryPublisher,
    StatePublisher,
    VectorReader,
    fault_report,
)
from humanoid_perception.pipeline import Perception
from humanoid_perception.types import Estimate, Measurement
from humanoid_runtime import topics
from humanoid_runtime.loop import LONGEST_WAIT, HotLoop
from humanoid_runtime.main import run_node, stopping
from humanoid_runtime.parameters import declare
from humanoid_runtime.realtime import set_up

NODE = "humanoid_perception"

#: [s] The first sample waits so long for sensors that may or may not exist; the HAL repeats it
#: meanwhile.
FIRST_PATIENCE = 0.2
#: [ns] between two odom messages, and [ns], [s] between two fault reports without news.
ODOM_PERIOD = 10_000_000
HEARTBEAT, HEARTBEAT_STEADY = 100_000_000, 0.1

Array = NDArray[np.float64]


class Stream:
    """The values of one sensor topic, looked up by stamp."""

    def __init__(self, loop: HotLoop, subscription: Subscription, reader: VectorReader) -> None:
        self._loop, self._subscription, self._reader = loop, subscription, reader
        self._stamp = -1
        self._values: Array | None = None
        self.alive = True  # it had a value for the sample before

    def at(self, stamp: int, deadline: float) -> Array | None:
        """The values (6,) at `stamp`; of a live stream waited for until `deadline` (monotonic)."""
        while self._stamp < stamp:
            data = self._loop.take(self._subscription)
            if data is not None:
                self._stamp, self._values = self._reader.read(data)
            elif not self.alive or (left := deadline - time.monotonic()) <= 0.0:
                break
            else:
                self._loop.wait([self._subscription], left)
        found = self._stamp == stamp
        self.alive = found
        return self._values if found else None

    def restart(self) -> None:
        """Forget the newest stamp: the clock went back."""
        self._stamp = -1


class PerceptionNode(Node):
    """See the module docstring."""

    def __init__(self) -> None:
        super().__init__(NODE)
        robot_file = declare(self, "robot", "", "path of the robot's robot.yaml")
        config_file = declare(
            self,
            "config",
            "",
            "path of perception.yaml; empty: beside robot.yaml, else the defaults",
        )
        self._patience = declare(
            self, "patience", 0.005, "longest wait [s] for the rest of a sample",
            lower=0.0, upper=10.0,
        )  # fmt: skip
        self._priority = declare(
            self, "realtime_priority", 0, "SCHED_FIFO priority; 0: none", lower=0, upper=99
        )
        self._cpu = declare(self, "cpu", -1, "core to run on; -1: any", lower=-1, upper=1023)
        robot = load_robot(robot_file)
        self._perception = Perception(robot, _config(config_file, robot.directory))
        self._loop = loop = HotLoop(self)
        self._imu = self._stream(Imu, topics.IMU, robot.imu.link)
        self._wrenches = [
            self._stream(WrenchStamped, topics.WRENCH.format(foot=foot.name), foot.name)
            for foot in robot.feet
        ]
        # Discovery tells of topics in the order they were made: with this one all are connected.
        self._joints = loop.subscribe(JointState, topics.JOINT_STATES, topics.STREAM, raw=True)
        self._reader = JointReader(robot)
        self._state = StatePublisher(self, robot)
        self._odometry = OdometryPublisher(self)
        self._faults = self.create_publisher(FaultReport, topics.FAULTS, topics.EVENT)
        self._answer: tuple[Measurement, Estimate] | None = None
        self._unanswered = 0  # samples without IMU before the first answer
        self._odom_due = 0
        self._odom_stamp: int | None = None  # of the last odom
        self._report_due = 0
        self._reported: tuple[str, ...] = ()
        self._quiet = True  # no report since the last beat of the steady clock
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(HEARTBEAT_STEADY, self._beat, clock=steady)

    def _stream(self, kind: Any, topic: str, frame: str) -> Stream:
        subscription = self._loop.subscribe(kind, topic, topics.STREAM, raw=True)
        return Stream(self._loop, subscription, VectorReader(kind, frame))

    def run(self) -> None:
        """Answer samples until the process is asked to stop."""
        set_up(self._priority, self._cpu)
        while not stopping():
            if self.step() or not self._loop.wait([self._joints], LONGEST_WAIT):
                self.rest()

    def step(self) -> bool:
        """Answer the oldest sample; False: none was waiting."""
        data = self._loop.take(self._joints)
        if data is not None:
            self._on_joints(data)
        return data is not None

    def rest(self) -> None:
        """Do what else is due."""
        self._loop.spin_rest()

    def close(self) -> None:
        """Leave the graph."""
        self._loop.close()
        self.destroy_node()

    def _on_joints(self, data: bytes) -> None:
        stamp, position, velocity, effort = self._reader.read(data)
        last = self._answer
        if last is not None and stamp == last[1].stamp:
            self._repeat(*last)
            return
        if last is not None and stamp < last[1].stamp:
            for stream in (self._imu, *self._wrenches):
                stream.restart()
            self._odom_due = self._report_due = 0
        patience = self._patience if last is not None else FIRST_PATIENCE
        deadline = time.monotonic() + patience
        imu = self._imu.at(stamp, deadline)
        if imu is None and last is None:
            # Topics connect one by one: the first sample comes whole or not at all.
            self._imu.alive = True
            self._unanswered += 1
            return
        rows = [stream.at(stamp, deadline) for stream in self._wrenches]
        measured = [row for row in rows if row is not None]
        m = Measurement(
            stamp=stamp,
            position=position,
            velocity=velocity,
            effort=effort,
            angular_velocity=None if imu is None else imu[:3],
            linear_acceleration=None if imu is None else imu[3:],
            wrenches=np.array(measured) if len(measured) == len(rows) else None,
        )
        e = self._perception.update(m)
        self._answer = (m, e)
        self._state.publish(m, e)
        self._publish_slow(e)

    def _repeat(self, m: Measurement, e: Estimate) -> None:
        """Answer a sample again, with all that it was answered with."""
        self._state.publish(m, e)
        if e.stamp == self._odom_stamp:
            self._odometry.publish(e)

    def _publish_slow(self, e: Estimate) -> None:
        if e.stamp >= self._odom_due:
            self._odom_due = e.stamp + ODOM_PERIOD
            self._odom_stamp = e.stamp
            self._odometry.publish(e)
        names = tuple(name for name, _ in e.faults)
        if names != self._reported or e.stamp >= self._report_due:
            self._report(e.stamp, e.faults)

    def _report(self, stamp: int, faults: tuple[tuple[str, str], ...]) -> None:
        self._reported = tuple(name for name, _ in faults)
        self._report_due = stamp + HEARTBEAT
        self._quiet = False
        self._faults.publish(fault_report(NODE, stamp, faults))

    def _beat(self) -> None:
        """Ten times a second of real time: the world may stand still."""
        if self._quiet:
            if self._answer is not None:
                estimate = self._answer[1]
                self._report(estimate.stamp, estimate.faults)
            elif self._unanswered:
                reason = (
                    f"no {topics.IMU} with any of {self._unanswered} joint_states since the start"
                )
                self._report(0, (("imu_dropout", reason),))
        self._quiet = True


def _config(path: str, directory: Path) -> PerceptionConfig:
    beside = directory / "perception.yaml"
    if path:
        return load_perception(path)
    return load_perception(beside) if beside.is_file() else PerceptionConfig()


def main() -> int:
    """Entry point of ``perception_node``."""
    return run_node(PerceptionNode)


if __name__ == "__main__":
    sys.exit(main())
