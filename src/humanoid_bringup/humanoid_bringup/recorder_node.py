"""The recorder as a node of the graph: `humanoid sim --record`, `humanoid up --record`.

It is started before the others and stopped after them, so that a bag holds a run from its first
sample to its last: what a bit-for-bit replay needs. A full disk ends the recording and not the
graph.
"""

import os
import sys
import time
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from std_msgs.msg import Bool

from humanoid_bringup.bags.source import LOST
from humanoid_bringup.bags.writer import BagWriter
from humanoid_bringup.locate import find_robot
from humanoid_bringup.recorder import PERIOD, DiskGuard, Recorder
from humanoid_description import load_robot
from humanoid_runtime import topics
from humanoid_runtime.main import run_node, stopping
from humanoid_runtime.parameters import declare

#: [s] between two reminders that the recording has stopped.
REMINDER = 1.0
#: The recorder gives way to control.
NICE = 5
#: Each is repeated while the world stands still, and comes last of what its node publishes: who has
#: these has all, since discovery tells of topics in the order they were made.
REQUIRED = (
    topics.JOINT_STATES,
    topics.ODOM,
    topics.ROBOT_STATE,
    topics.MODE,
    topics.JOINT_COMMANDS,
    topics.SAFETY_STATE,
)
#: Samples from the first message of every required topic until the recorder says that it is ready.
SETTLED = 30
#: A file of a long run is not larger than this [bytes, before compression].
SPLIT = 4_000_000_000


class RecorderNode(Node):
    """See the module docstring."""

    def __init__(self) -> None:
        super().__init__("humanoid_recorder")
        path = declare(self, "path", "", "directory of the new bag")
        reserve = declare(
            self, "reserve_mb", 200, "stop when less is free on the disk [MB]", lower=0, upper=10**9
        )
        custom = {
            name: declare(self, name, "", "noted in the bag, for replay")
            for name in ("robot", "hardware", "startup_mode")
        }
        self._writer = BagWriter(Path(path), split_bytes=SPLIT, custom=custom)
        self._recorder = Recorder(self, self._writer, lambda _: True)
        self._recorder.expect(expected(custom["robot"]), latched=(topics.ROBOT_DESCRIPTION,))
        self._required = [self.resolve_topic_name(name) for name in REQUIRED]
        self._ready: list[int] = []  # joint_states since every required topic has come
        self._recording = self.create_publisher(Bool, topics.RECORDING, topics.LATCHED)
        self._guard = DiskGuard(Path(path), reserve * 1_000_000)
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, topics.EVENT)
        self._stopped = ""
        self._reminder_due = 0.0

    def run(self) -> None:
        """Record until the process is asked to stop."""
        while not stopping():
            if self._stopped:
                self._remind()
            else:
                self._turn()
            time.sleep(PERIOD)

    def close(self) -> None:
        """Take what has come, end the bag, leave the graph."""
        try:
            if not self._stopped:
                self._turn()
                self._end()
        finally:
            self._recorder.close()
            self.destroy_node()

    def _turn(self) -> None:
        try:
            self._recorder.turn()
            self._tell_ready()
            self._stopped = self._guard.full()
        except OSError as problem:
            self._stopped = str(problem)
        if self._stopped:
            self.get_logger().warning(f"recording stopped: {self._stopped}")
            try:
                self._end()
            except OSError as problem:
                self.get_logger().warning(f"{problem}; 'humanoid bag recover' saves the bag")

    def _end(self) -> None:
        """Close the bag, with what is missing in it. Raises OSError."""
        if lost := self._recorder.lost_text():
            self._writer.custom[LOST] = lost
            self.get_logger().warning(f"messages that were lost: {lost}")
        self._writer.close()

    def _tell_ready(self) -> None:
        """Once: the HAL waits for it, with the world standing still or nothing armed."""
        counts = self._recorder.counts
        if len(self._ready) == 2 or not all(counts.get(topic) for topic in self._required):
            return
        samples = counts[self._required[0]]
        self._ready = self._ready or [samples]
        if samples - self._ready[0] >= SETTLED:
            self._ready.append(samples)
            self._recording.publish(Bool(data=True))
            os.nice(NICE)

    def _remind(self) -> None:
        now = time.monotonic()
        if now < self._reminder_due:
            return
        self._reminder_due = now + REMINDER
        status = DiagnosticStatus(
            level=DiagnosticStatus.WARN,
            name="humanoid_recorder",
            message=f"recording stopped: {self._stopped}",
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def expected(robot: str) -> dict[str, str]:
    """The topics of the graph -> their types; `robot`: its name or file.

    What is published only now and then comes first: see :data:`REQUIRED`.
    """
    feet = load_robot(find_robot(robot)).feet
    wrenches = [topics.WRENCH.format(foot=foot.name) for foot in feet]
    return {
        **dict.fromkeys(wrenches, "geometry_msgs/msg/WrenchStamped"),
        topics.IMU: "sensor_msgs/msg/Imu",
        topics.ROBOT_DESCRIPTION: "std_msgs/msg/String",
        topics.ORDER_MODE: "humanoid_interfaces/msg/ModeState",
        topics.ORDER_POSE: "geometry_msgs/msg/PoseStamped",
        topics.ORDER_VELOCITY: "geometry_msgs/msg/TwistStamped",
        topics.CMD_VEL: "geometry_msgs/msg/TwistStamped",
        topics.ORDER_TRAJECTORY: "trajectory_msgs/msg/JointTrajectory",
        topics.BODY_POSE: "geometry_msgs/msg/PoseStamped",
        topics.JOINT_TRAJECTORY: "trajectory_msgs/msg/JointTrajectory",
        topics.FAULTS: "humanoid_interfaces/msg/FaultReport",
        topics.SAFETY_STATE: "humanoid_interfaces/msg/SafetyState",
        topics.MODE: "humanoid_interfaces/msg/ModeState",
        topics.JOINT_STATES: "sensor_msgs/msg/JointState",
        topics.ODOM: "nav_msgs/msg/Odometry",
        topics.ROBOT_STATE: "humanoid_interfaces/msg/RobotState",
        topics.JOINT_COMMANDS: "humanoid_interfaces/msg/JointCommand",
    }


def main() -> int:
    """Entry point of ``recorder_node``."""
    return run_node(RecorderNode)


if __name__ == "__main__":
    sys.exit(main())
