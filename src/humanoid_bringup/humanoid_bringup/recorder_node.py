"""The recorder as a node of the graph: whole runs (`--record`), and incidents (`--incidents`).

It is started before the others and stopped after them, so that a bag holds a run from its first
sample to its last: what a bit-for-bit replay needs. A full disk ends the recording and not the
graph.
"""

import sys
import time
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from std_msgs.msg import Bool

from humanoid_bringup.bags.bag import Topic
from humanoid_bringup.bags.guarded import GuardedBag
from humanoid_bringup.bags.source import BEGAN, WITH_GRAPH
from humanoid_bringup.bags.writer import BagWriter
from humanoid_bringup.incident_recorder import IncidentRecorder
from humanoid_bringup.locate import find_robot
from humanoid_bringup.recorder import PERIOD, DiskGuard, Recorder, Sink, give_way
from humanoid_description import load_robot
from humanoid_runtime import topics
from humanoid_runtime.main import run_node, stopping
from humanoid_runtime.parameters import declare

#: [s] between two reminders that the recording has stopped.
REMINDER = 1.0
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


class _Tee:
    """Passes messages on to all of several sinks."""

    def __init__(self, sinks: list[Sink]) -> None:
        self._sinks = sinks

    def add(self, topic: Topic) -> None:
        for sink in self._sinks:
            sink.add(topic)

    def write(self, topic: str, time: int, data: bytes, published: int | None = None) -> None:
        for sink in self._sinks:
            sink.write(topic, time, data, published)


class RecorderNode(Node):
    """See the module docstring."""

    def __init__(self) -> None:
        super().__init__("humanoid_recorder")
        path = declare(self, "path", "", "directory of the new bag; empty: none")
        incidents = declare(self, "incidents", "", "directory for incident files; empty: none")
        reserve = declare(
            self, "reserve_mb", 200, "stop when less is free on the disk [MB]", lower=0, upper=10**9
        )
        custom = {
            name: declare(self, name, "", "noted in the bag, for replay")
            for name in ("robot", "hardware", "startup_mode")
        }
        reserve *= 1_000_000
        self._bag: GuardedBag | None = None
        self._incidents: IncidentRecorder | None = None
        if path:
            noted = {**custom, BEGAN: WITH_GRAPH}
            writer = BagWriter(Path(path), split_bytes=SPLIT, custom=noted)
            self._bag = GuardedBag(writer, DiskGuard(Path(path), reserve))
        if incidents:
            guard = DiskGuard(Path(incidents), reserve)
            say = self.get_logger().warning
            self._incidents = IncidentRecorder(self, Path(incidents), guard, custom, say)
        sinks: list[Sink] = [sink for sink in (self._bag, self._incidents) if sink is not None]
        self._recorder = Recorder(self, _Tee(sinks), lambda _: True)
        self._recorder.expect(expected(custom["robot"]), latched=(topics.ROBOT_DESCRIPTION,))
        self._required = [self.resolve_topic_name(name) for name in REQUIRED]
        self._ready: list[int] = []  # joint_states since every required topic has come
        self._recording = self.create_publisher(Bool, topics.RECORDING, topics.LATCHED)
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, topics.EVENT)
        self._reminder_due = 0.0

    def run(self) -> None:
        """Record until the process is asked to stop."""
        while not stopping():
            self.turn()
            time.sleep(PERIOD)

    def turn(self) -> None:
        """Take what has come, and do what is due."""
        self._recorder.turn()
        self._tell_ready()
        if self._bag is not None:
            self._bag.look()
            if self._bag.stopped:
                self._remind(self._bag)
        if self._incidents is not None:
            self._incidents.turn(time.time_ns())

    def close(self) -> None:
        """Take what has come, end the bag, leave the graph."""
        try:
            self._recorder.turn()
            if self._incidents is not None:
                self._incidents.close()
            if self._bag is not None:
                lost = self._recorder.lost_text()
                self._bag.close(lost)
                for problem in filter(None, (lost and f"lost {lost}", self._bag.problem)):
                    self.get_logger().warning(problem)
        finally:
            self._recorder.close()
            self.destroy_node()

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
            give_way()

    def _remind(self, bag: GuardedBag) -> None:
        now = time.monotonic()
        if now < self._reminder_due:
            return
        text = f"recording stopped: {'; '.join(filter(None, (bag.stopped, bag.problem)))}"
        if not self._reminder_due:
            self.get_logger().warning(text)
        self._reminder_due = now + REMINDER
        status = DiagnosticStatus(
            level=DiagnosticStatus.WARN, name="humanoid_recorder", message=text
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
