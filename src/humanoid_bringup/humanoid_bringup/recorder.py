"""Writes topics to an MCAP file as they arrive: serialised bytes, message definitions, QoS.

The layout is rosbag2's (profile `ros2`, encoding `cdr`, schemas `ros2msg`), so that its tools and
the `mcap` and `rosbags` libraries read it.
"""

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from mcap.writer import Writer
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from humanoid_bringup.definitions import definition
from humanoid_bringup.link import Link

#: a reader that keeps up with 500 Hz loses nothing during a stall of the disk of 0.4 s
DEPTH = 200


class Recorder:
    """Subscribes to topics as discovery finds them and writes what arrives; a context manager."""

    def __init__(self, link: Link, path: Path, wanted: Callable[[str], bool]) -> None:
        """`wanted(topic)` chooses topics by their absolute name. Raises OSError."""
        self._link = link
        self._wanted = wanted
        self._file = path.open("xb")
        self._writer = Writer(self._file)
        self._writer.start(profile="ros2")
        self._schemas: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.bytes = 0

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.finish()
        self._file.close()

    def discover(self) -> None:
        """Subscribe to every wanted topic that has a publisher and is not recorded yet."""
        node = self._link.node
        for topic, kinds in node.get_topic_names_and_types():
            if topic in self.counts or not self._wanted(topic):
                continue
            publishers = node.get_publishers_info_by_topic(topic)
            if publishers:
                self._subscribe(topic, kinds[0], [info.qos_profile for info in publishers])

    def _subscribe(self, topic: str, kind: str, offered: list[QoSProfile]) -> None:
        if kind not in self._schemas:
            self._schemas[kind] = self._writer.register_schema(
                kind, "ros2msg", definition(kind).encode()
            )
        channel = self._writer.register_channel(
            topic, "cdr", self._schemas[kind], {"offered_qos_profiles": describe(offered)}
        )
        self.counts[topic] = 0

        def write(data: bytes, info: dict[str, Any]) -> None:
            self._writer.add_message(
                channel,
                log_time=time.time_ns(),
                data=data,
                publish_time=info["source_timestamp"],
                sequence=self.counts[topic],
            )
            self.counts[topic] += 1
            self.bytes += len(data)

        self._link.node.create_subscription(
            message_class(kind), topic, write, compatible(offered), raw=True
        )


def message_class(kind: str) -> Any:
    """The Python class of a message type such as ``sensor_msgs/msg/Imu``."""
    package, folder, name = kind.split("/")
    return getattr(importlib.import_module(f"{package}.{folder}"), name)


def compatible(offered: list[QoSProfile]) -> QoSProfile:
    """The strictest profile that every one of these publishers satisfies."""
    reliable = all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in offered)
    latched = all(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in offered)
    return QoSProfile(
        depth=DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def describe(offered: list[QoSProfile]) -> str:
    """Offered profiles as rosbag2 writes them into the channel's metadata."""
    return yaml.safe_dump(
        [
            {
                "history": qos.history.short_key,
                "depth": qos.depth,
                "reliability": qos.reliability.short_key,
                "durability": qos.durability.short_key,
                "deadline": _duration(qos.deadline.nanoseconds),
                "lifespan": _duration(qos.lifespan.nanoseconds),
                "liveliness": qos.liveliness.short_key,
                "liveliness_lease_duration": _duration(qos.liveliness_lease_duration.nanoseconds),
                "avoid_ros_namespace_conventions": qos.avoid_ros_namespace_conventions,
            }
            for qos in offered
        ],
        sort_keys=False,
    )


def _duration(nanoseconds: int) -> dict[str, int]:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return {"sec": seconds, "nsec": rest}
