"""The control node's core, fed from a bag.

Orders (set_mode, body_pose, cmd_vel, joint_trajectory) act on the node between two samples, and only the
node knows between which. It says so on ``orders/*``, stamped with the sample that was answered
last; a bag without these topics is replayed with the orders at their times in the bag.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from rclpy.serialization import deserialize_message

from humanoid_bringup.bags.answered import Answered, answered
from humanoid_bringup.bags.outlet import Outlet, serialise
from humanoid_bringup.bags.source import Source
from humanoid_bringup.bags.unit import Setup, Unit
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_control.config import load_control_config
from humanoid_control.control_node import TARGETS
from humanoid_control.controller import State
from humanoid_control.core import ControlCore
from humanoid_control.messages import (
    RobotStateError,
    StateReader,
    body_pose,
    command_example,
    trajectory_order,
    velocity,
)
from humanoid_control.references import BodyPoseError
from humanoid_control.trajectory import TrajectoryError
from humanoid_control.velocity import VelocityError
from humanoid_interfaces.msg import ModeState, RobotState, SafetyState
from humanoid_runtime import topics
from humanoid_runtime.cdr import FixedPublisher
from humanoid_runtime.stamps import set_stamp, to_nanoseconds

_TWIST = "geometry_msgs/msg/TwistStamped"
_POSE, _TRAJECTORY = "geometry_msgs/msg/PoseStamped", "trajectory_msgs/msg/JointTrajectory"

_INPUTS = {
    topics.ROBOT_STATE: "humanoid_interfaces/msg/RobotState",
    topics.SAFETY_STATE: "humanoid_interfaces/msg/SafetyState",
    topics.ORDER_MODE: "humanoid_interfaces/msg/ModeState",
    topics.ORDER_POSE: _POSE,
    topics.ORDER_VELOCITY: _TWIST,
    topics.ORDER_TRAJECTORY: _TRAJECTORY,
    topics.BODY_POSE: _POSE,
    topics.CMD_VEL: _TWIST,
    topics.JOINT_TRAJECTORY: _TRAJECTORY,
}
_OUTPUTS = {
    topics.JOINT_COMMANDS: "humanoid_interfaces/msg/JointCommand",
    topics.MODE: "humanoid_interfaces/msg/ModeState",
}


class Controller(Unit):
    """robot_state, safety_state and orders in; joint_commands and mode out."""

    name = "controller"
    inputs = _INPUTS
    outputs = _OUTPUTS
    checked = (topics.JOINT_COMMANDS,)

    def __init__(self, setup: Setup, emit: Callable[[str, Any], None]) -> None:
        """The mode at the start is the bag's `startup_mode`, or damping."""
        super().__init__(setup, emit)
        robot = setup.robot
        startup = setup.custom.get("startup_mode", "damping")
        try:
            self._core = ControlCore(robot, load_control_config(setup.config("control")), startup)
        except ValueError as error:
            raise HumanoidError(f"startup_mode: {error}", Exit.CONFIGURATION) from error
        self._reader = StateReader(robot)
        self._command = FixedPublisher(
            Outlet(emit), command_example(robot), topics.JOINT_COMMANDS, topics.STREAM
        )
        self._sequence = self._command.view("sequence")
        self._views = [self._command.view(name) for name in TARGETS]
        self._answered = Answered()
        self._stamp: int | None = None
        self._orders: deque[tuple[int, str, Any]] = deque()
        self._mode: Any = None

    def prepare(self, source: Source) -> None:
        """Collect the orders that say when they were taken, and what the node skipped."""
        self._answered = answered(source, topics.JOINT_COMMANDS, _OUTPUTS[topics.JOINT_COMMANDS])
        found = []
        for topic in (topics.ORDER_MODE, *_ORDERS.values()):
            for message in source.messages([topic]):
                order = self.decode(topic, message.data)
                found.append((to_nanoseconds(order.header.stamp), message.time, topic, order))
        found.sort(key=lambda item: item[:2])
        self._orders.extend((stamp, topic, order) for stamp, _, topic, order in found)
        said = {topic for _, _, topic, _ in found}
        self._at_their_times = {
            plain
            for plain, order in _ORDERS.items()
            if order not in said and order not in source.topics
        }

    def take(self, topic: str, data: bytes, time: int) -> None:
        """One message; each robot_state is answered."""
        if topic == topics.ROBOT_STATE:
            self._answer(data)
        elif topic == topics.SAFETY_STATE:
            message = deserialize_message(data, SafetyState)
            self._core.on_safety(message.reaction, message.armed)
        elif topic in self._at_their_times:
            self._order(_ORDERS[topic], self.decode(topic, data))

    def _answer(self, data: bytes) -> None:
        state = self._convert(data)
        if state is None or self._answered.skipped(state.stamp):
            return
        while self._orders and self._orders[0][0] < state.stamp:
            _, topic, order = self._orders.popleft()
            self._order(topic, order)
        targets = self._core.update(state)
        if state.stamp != self._stamp:
            self._stamp = state.stamp
            self._sequence += 1
            for view, name in zip(self._views, TARGETS, strict=True):
                view[:] = getattr(targets, name)
        self._command.publish(state.stamp)
        if self._core.mode_state != self._mode:
            self._tell_mode(state.stamp)

    def _convert(self, data: bytes) -> State | None:
        try:
            return self._reader.read(data) or self._reader.convert(
                deserialize_message(data, RobotState)
            )
        except RobotStateError as error:
            raise HumanoidError(f"{error}; or give --map", Exit.CONFIGURATION) from error

    def _order(self, topic: str, order: Any) -> None:
        """As the node's own callbacks do; what the node refused, this refuses too."""
        if topic == topics.ORDER_MODE:
            self._core.set_mode(order.target)
            return
        try:
            if topic == topics.ORDER_POSE:
                self._core.on_body_pose(*body_pose(order))
            elif topic == topics.ORDER_VELOCITY:
                self._core.on_velocity(velocity(order))
            else:
                self._core.on_trajectory(trajectory_order(order, self._stamp or 0))
        except (BodyPoseError, VelocityError, TrajectoryError):
            return

    def _tell_mode(self, stamp: int) -> None:
        self._mode = mode = self._core.mode_state
        message = ModeState(
            mode=mode.mode,
            target=mode.target,
            waiting_for=mode.waiting_for,
            available=list(mode.available),
        )
        set_stamp(message.header.stamp, stamp)
        self.emit(topics.MODE, serialise(message))


#: Topics of orders without a service -> what the node says when it takes one.
_ORDERS = {
    topics.BODY_POSE: topics.ORDER_POSE,
    topics.CMD_VEL: topics.ORDER_VELOCITY,
    topics.JOINT_TRAJECTORY: topics.ORDER_TRAJECTORY,
}
