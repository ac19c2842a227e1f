"""The perception node's core, fed from a bag.

As the node does, it wakes on joint_states and joins the other sensors by their stamps. A bag may
hold them in another order than they were published in; a sample therefore waits for its parts as
long as the node would, in the bag's time.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from geometry_msgs.msg import WrenchStamped
from numpy.typing import NDArray
from sensor_msgs.msg import Imu

from humanoid_bringup.bags.answered import Answered, answered
from humanoid_bringup.bags.outlet import Outlet
from humanoid_bringup.bags.source import Source
from humanoid_bringup.bags.unit import Setup, Unit
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_perception.config import PerceptionConfig, load_perception
from humanoid_perception.messages import (
    JointReader,
    MessageError,
    OdometryPublisher,
    StatePublisher,
    VectorReader,
)
from humanoid_perception.perception_node import ODOM_PERIOD
from humanoid_perception.pipeline import Perception
from humanoid_perception.types import Estimate, Measurement
from humanoid_runtime import topics

Array = NDArray[np.float64]

#: [ns] The node's own default of `patience`.
PATIENCE = 5_000_000


class _Sensor:
    """The newest value of one topic; `alive`: it had one for the sample before."""

    def __init__(self, reader: VectorReader) -> None:
        self._reader = reader
        self._values: dict[int, Array] = {}
        self._newest = -1
        self.alive = True

    def take(self, data: bytes) -> None:
        stamp, values = self._reader.read(data)
        self._values[stamp] = values
        self._newest = stamp

    def awaited(self, stamp: int) -> bool:
        """Whether the value at `stamp` may still come."""
        return self.alive and self._newest < stamp

    def restart(self) -> None:
        """Forget everything: the clock went back."""
        self._values.clear()
        self._newest = -1

    def at(self, stamp: int) -> Array | None:
        values = self._values.get(stamp)
        self.alive = values is not None
        for old in [key for key in self._values if key < stamp]:
            del self._values[old]
        return values


class _Joints(NamedTuple):
    stamp: int
    position: Array
    velocity: Array
    effort: Array
    time: int  # [ns] in the bag


_OUTPUTS = {
    topics.ROBOT_STATE: "humanoid_interfaces/msg/RobotState",
    topics.ODOM: "nav_msgs/msg/Odometry",
}


class Estimator(Unit):
    """joint_states, imu/data, wrench/* in; robot_state and odom out."""

    name = "estimator"
    outputs = _OUTPUTS
    checked = (topics.ROBOT_STATE, topics.ODOM)

    def __init__(self, setup: Setup, emit: Callable[[str, Any], None]) -> None:
        """Raises the packages' configuration errors."""
        super().__init__(setup, emit)
        robot, config = setup.robot, setup.config("perception")
        self._perception = Perception(
            robot, load_perception(config) if config else PerceptionConfig()
        )
        self._reader = JointReader(robot)
        self._imu = _Sensor(VectorReader(Imu, robot.imu.link))
        self._wrenches = [_Sensor(VectorReader(WrenchStamped, foot.name)) for foot in robot.feet]
        wrench_topics = [topics.WRENCH.format(foot=foot.name) for foot in robot.feet]
        self._sensors = {
            topics.IMU: self._imu,
            **dict(zip(wrench_topics, self._wrenches, strict=True)),
        }
        self._all = list(self._sensors.values())
        self.inputs = {
            topics.JOINT_STATES: "sensor_msgs/msg/JointState",
            topics.IMU: "sensor_msgs/msg/Imu",
            **dict.fromkeys(wrench_topics, "geometry_msgs/msg/WrenchStamped"),
        }
        outlet = Outlet(emit)
        self._state = StatePublisher(outlet, robot)
        self._odometry = OdometryPublisher(outlet)
        self._answered = Answered()
        self._waiting: _Joints | None = None
        self._answer: tuple[Measurement, Estimate] | None = None
        self._odom_due = 0
        self._odom_stamp: int | None = None

    def prepare(self, source: Source) -> None:
        """Find sensors that the recorded robot did not have, and samples that its node skipped."""
        for topic, sensor in self._sensors.items():
            sensor.alive = topic in source.topics and source.topics[topic].count > 0
        self._answered = answered(source, topics.ROBOT_STATE, _OUTPUTS[topics.ROBOT_STATE])

    def take(self, topic: str, data: bytes, time: int) -> None:
        """One message; answers as soon as a sample is complete."""
        waiting = self._waiting
        late = waiting is not None and time - waiting.time > PATIENCE
        # The world stands still until the first sample is whole: it is repeated until then.
        if late and waiting is not None and self._answer is not None:
            self._conclude(waiting)
            waiting = None
        if topic != topics.JOINT_STATES:
            self._sensors[topic].take(data)
            if waiting is not None and self._complete(waiting.stamp):
                self._conclude(waiting)
            return
        try:
            joints = _Joints(*self._reader.read(data), time)
        except MessageError as error:
            raise HumanoidError(f"{error}; or give --map", Exit.CONFIGURATION) from error
        if self._answered.skipped(joints.stamp):
            return
        if waiting is not None and (self._answer is not None or waiting.stamp != joints.stamp):
            self._conclude(waiting)
        if self._repeats(joints.stamp):
            return
        self._waiting = joints
        if self._complete(joints.stamp):
            self._conclude(joints)

    def finish(self) -> None:
        """Answer the last sample with what is there of it."""
        if self._waiting is not None:
            self._conclude(self._waiting)

    def _complete(self, stamp: int) -> bool:
        return not any(sensor.awaited(stamp) for sensor in self._all)

    def _repeats(self, stamp: int) -> bool:
        last = self._answer
        if last is None:
            return False
        if stamp == last[1].stamp:
            self._state.publish(*last)
            if stamp == self._odom_stamp:
                self._odometry.publish(last[1])
            return True
        if stamp < last[1].stamp:
            for sensor in self._all:
                sensor.restart()
            self._odom_due = 0
        return False

    def _conclude(self, joints: _Joints) -> None:
        self._waiting = None
        imu = self._imu.at(joints.stamp)
        if imu is None and self._answer is None:
            self._imu.alive = True
            return
        rows = [sensor.at(joints.stamp) for sensor in self._wrenches]
        measured = [row for row in rows if row is not None]
        measurement = Measurement(
            stamp=joints.stamp,
            position=joints.position,
            velocity=joints.velocity,
            effort=joints.effort,
            angular_velocity=None if imu is None else imu[:3],
            linear_acceleration=None if imu is None else imu[3:],
            wrenches=np.array(measured) if len(measured) == len(rows) else None,
        )
        estimate = self._perception.update(measurement)
        self._answer = (measurement, estimate)
        self._state.publish(measurement, estimate)
        if estimate.stamp >= self._odom_due:
            self._odom_due = estimate.stamp + ODOM_PERIOD
            self._odom_stamp = estimate.stamp
            self._odometry.publish(estimate)
