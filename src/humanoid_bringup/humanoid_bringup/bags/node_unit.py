"""Runs a plain rclpy Node from a bag: its own callbacks, its own publishers caught.

The node is made in a context of its own and never spun. Subscriptions get the recorded messages;
timers run when the bag's time has passed them, and the node's clock shows the bag's time. Services,
actions and threads of the node are not served.
"""

from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.clock import ClockType
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from rclpy.signals import SignalHandlerOptions
from rclpy.time import Time

from humanoid_bringup.bags.outlet import type_name
from humanoid_bringup.bags.unit import Setup, Unit
from humanoid_bringup.errors import Exit, HumanoidError


def node_unit(kind: type[Node]) -> Callable[[Setup, Callable[[str, Any], None]], Unit]:
    """A unit that runs nodes of the class `kind`, which must take no arguments."""

    def make(setup: Setup, emit: Callable[[str, Any], None]) -> Unit:
        return NodeUnit(kind, setup, emit)

    return make


class NodeUnit(Unit):
    """One node; see the module docstring."""

    def __init__(self, kind: type[Node], setup: Setup, emit: Callable[[str, Any], None]) -> None:
        """Raises HumanoidError when the node cannot be made."""
        super().__init__(setup, emit)
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        try:
            self._node = node = kind()
        except Exception as error:
            rclpy.try_shutdown()
            raise HumanoidError(
                f"node {kind.__name__} cannot be made: {error}", Exit.CONFIGURATION
            ) from error
        space = node.get_namespace().rstrip("/")

        def relative(topic: str) -> str:
            return topic[len(space) + 1 :] if topic.startswith(f"{space}/") else topic

        self._subscriptions = {relative(s.topic_name): s for s in node.subscriptions}
        self._timers = {timer: timer.timer_period_ns for timer in node.timers}
        self._due: dict[Any, int] = {}
        self.inputs = {
            topic: type_name(subscription.msg_type)
            for topic, subscription in self._subscriptions.items()
            if topic != "/clock"
        }
        own = ("/rosout", "/parameter_events")
        caught = {p.topic_name: p for p in node.publishers if p.topic_name not in own}
        self.outputs = {relative(topic): type_name(p.msg_type) for topic, p in caught.items()}
        self.checked = tuple(self.outputs)
        for topic, publisher in caught.items():
            publisher.publish = self._catch(relative(topic))
        node.get_clock()._set_ros_time_is_active(True)

    def take(self, topic: str, data: bytes, time: int) -> None:
        """Run the timers that are due, then the subscription's callback."""
        self._advance(time)
        subscription = self._subscriptions[topic]
        message = data if subscription.raw else deserialize_message(data, subscription.msg_type)
        subscription.callback(message)

    def finish(self) -> None:
        """End the node."""
        self._node.destroy_node()
        rclpy.try_shutdown()

    def _advance(self, time: int) -> None:
        while self._timers:
            for timer, period in self._timers.items():
                self._due.setdefault(timer, time + period)
            timer = min(self._due, key=lambda t: self._due[t])
            if self._due[timer] > time:
                break
            self._set_time(self._due[timer])
            self._due[timer] += self._timers[timer]
            timer.callback()
        self._set_time(time)

    def _set_time(self, time: int) -> None:
        now = Time(nanoseconds=time, clock_type=ClockType.ROS_TIME)
        self._node.get_clock().set_ros_time_override(now)

    def _catch(self, topic: str) -> Callable[[Any], None]:
        def publish(message: Any) -> None:
            self.emit(topic, message)

        return publish
