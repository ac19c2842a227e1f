"""Bags without a graph: the closed loop in one process, recorded as the nodes would publish it.

For reference bags and benchmarks. Deterministic: one seed gives one file, byte for byte.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from geometry_msgs.msg import PoseStamped
from std_msgs.msg import String

from humanoid_bringup.bags.bag import Topic
from humanoid_bringup.bags.outlet import Outlet, serialise, type_name
from humanoid_bringup.bags.writer import BagWriter
from humanoid_bringup.closed_loop import ClosedLoop, Tick
from humanoid_bringup.definitions import definition
from humanoid_bringup.qos import describe
from humanoid_control.control_node import TARGETS
from humanoid_control.messages import body_pose, command_example
from humanoid_hal.status import safety_state
from humanoid_hal.streams import SampleStreams
from humanoid_interfaces.msg import ModeState
from humanoid_perception.messages import OdometryPublisher, StatePublisher
from humanoid_perception.perception_node import ODOM_PERIOD
from humanoid_perception.types import Measurement
from humanoid_runtime import topics
from humanoid_runtime.cdr import FixedPublisher
from humanoid_runtime.stamps import set_stamp

#: [ns] between two messages of one tick, as between two publishers.
STEP = 1000

#: What to order in a tick, as messages; see :class:`SimulatedBag`.
Orders = Callable[[Tick], PoseStamped | None]


class SimulatedBag:
    """Runs a :class:`ClosedLoop` and writes what its nodes would publish."""

    def __init__(self, loop: ClosedLoop, writer: BagWriter) -> None:
        self._loop, self._writer = loop, writer
        self._time = 0
        robot = loop.robot
        outlet = Outlet(self._write)
        self._outlet = outlet
        self._streams = SampleStreams(outlet, robot)
        self._state = StatePublisher(outlet, robot)
        self._odometry = OdometryPublisher(outlet)
        self._command = FixedPublisher(
            outlet, command_example(robot), topics.JOINT_COMMANDS, topics.STREAM
        )
        self._sequence = self._command.view("sequence")
        self._targets = [self._command.view(name) for name in TARGETS]
        self._odom_due = 0
        self._odom_stamp: int | None = None
        self._stamp: int | None = None
        self._told: tuple[Any, Any] = (None, None)
        for topic, (kind, qos) in outlet.topics.items():
            self._writer.add(Topic(f"/{topic}", kind, definition(kind), describe([qos])))
        self._say(topics.ROBOT_DESCRIPTION, String(data=robot.urdf), topics.LATCHED)

    def run(self, seconds: float, orders: Orders | None = None) -> Tick:
        """Run from the very first sample on, for `seconds` of simulated time once it moves."""
        cycles, moving = 0, 0
        while moving < seconds:
            self._time = cycles * self._loop.config.period_ns
            tick = self._loop.step()
            self._record(tick)
            if orders is not None and (order := orders(tick)) is not None:
                self._order(order)
            moving, cycles = tick.time, cycles + 1
        return tick

    def _record(self, tick: Tick) -> None:
        hal, control = self._loop.hal, self._loop.control
        sample, estimate = tick.sample, tick.estimate
        self._streams.publish(sample)
        imu = sample.imu
        assert imu is not None
        measurement = Measurement(
            sample.stamp,
            sample.position,
            sample.velocity,
            sample.effort,
            imu.angular_velocity,
            imu.linear_acceleration,
            sample.wrenches,
        )
        self._state.publish(measurement, estimate)
        if sample.stamp != self._stamp and sample.stamp >= self._odom_due:
            self._odom_due = sample.stamp + ODOM_PERIOD
            self._odom_stamp = sample.stamp
        if sample.stamp == self._odom_stamp:
            self._odometry.publish(estimate)
        if sample.stamp != self._stamp:
            self._stamp = sample.stamp
            self._sequence += 1
            for view, name in zip(self._targets, TARGETS, strict=True):
                view[:] = getattr(tick.targets, name)
        self._command.publish(sample.stamp)
        mode, safety = control.mode_state, (hal.supervisor.reaction, hal.enabled)
        if safety != self._told[1]:
            message = safety_state(hal, sample.stamp)
            message.armed = hal.enabled
            self._say(topics.SAFETY_STATE, message)
        if mode != self._told[0]:
            message = ModeState(mode=mode.mode, target=mode.target, waiting_for=mode.waiting_for)
            set_stamp(message.header.stamp, sample.stamp)
            self._say(topics.MODE, message)
        self._told = (mode, safety)

    def _order(self, message: PoseStamped) -> None:
        set_stamp(message.header.stamp, self._stamp or 0)
        self._loop.control.on_body_pose(*body_pose(message))
        self._say(topics.ORDER_POSE, message)

    def _say(self, topic: str, message: Any, qos: Any = topics.EVENT) -> None:
        kind = type_name(type(message))
        self._writer.add(Topic(f"/{topic}", kind, definition(kind), describe([qos])))
        self._write(topic, serialise(message))

    def _write(self, topic: str, data: bytes) -> None:
        self._writer.write(f"/{topic}", self._time, data)
        self._time += STEP


def record_simulation(
    path: Path,
    seconds: float,
    orders: Orders | None = None,
    *,
    robot: str = "g1",
    startup_mode: str = "stand",
    writer_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> Tick:
    """Write a bag of a simulated robot to `path`; `options` are the simulator's (``seed=3``)."""
    loop = ClosedLoop(robot, startup_mode=startup_mode, **options)
    try:
        custom = {"robot": robot, "startup_mode": startup_mode}
        with BagWriter(path, custom=custom, **(writer_options or {})) as writer:
            return SimulatedBag(loop, writer).run(seconds, orders)
    finally:
        loop.close()
