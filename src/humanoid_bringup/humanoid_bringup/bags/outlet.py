"""Stands in for a node where a publisher is made: what the nodes' own code publishes is caught."""

from collections.abc import Callable
from typing import Any

from humanoid_runtime.cdr import Layout

Emit = Callable[[str, bytes], None]  # relative topic, serialised message


class Outlet:
    """Has the one method of rclpy's Node that :class:`humanoid_runtime.cdr.FixedPublisher` uses."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        #: Relative topic -> (type, QoS profile), of every publisher that was made.
        self.topics: dict[str, tuple[str, Any]] = {}

    def create_publisher(self, kind: Any, topic: str, qos: Any) -> "_Caught":
        """A publisher of serialised messages."""
        self.topics[topic] = (type_name(kind), qos)
        return _Caught(self._emit, topic)


class _Caught:
    def __init__(self, emit: Emit, topic: str) -> None:
        self._emit, self._topic = emit, topic

    def publish(self, data: bytes) -> None:
        self._emit(self._topic, data)


def type_name(kind: Any) -> str:
    """The name of a message class, such as ``sensor_msgs/msg/Imu``."""
    package = kind.__module__.split(".")[0]
    return f"{package}/msg/{kind.__name__}"


def serialise(message: Any) -> bytes:
    """A message as CDR with padding of zeros: equal messages are equal bytes.

    rclpy's own serialisation leaves what it had in memory between the fields.
    """
    return bytes(Layout(message).template())
