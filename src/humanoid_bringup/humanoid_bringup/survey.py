"""Looks at a running graph from outside: what `status` shows and `doctor` judges."""

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import GetState
from sensor_msgs.msg import Imu, JointState

from humanoid_bringup.diagnosis import Graph, Topic
from humanoid_bringup.errors import HumanoidError
from humanoid_bringup.graph import CONTROL, HAL, PERCEPTION
from humanoid_bringup.link import Link
from humanoid_bringup.modes import GET_UP
from humanoid_interfaces.msg import JointCommand, ModeState, RobotState, SafetyState
from humanoid_runtime import topics
from humanoid_runtime.stamps import to_nanoseconds

NODES = (HAL, PERCEPTION, CONTROL)

STREAMS = {
    topics.JOINT_STATES: JointState,
    topics.IMU: Imu,
    topics.ROBOT_STATE: RobotState,
    topics.JOINT_COMMANDS: JointCommand,
    topics.SAFETY_STATE: SafetyState,
    topics.MODE: ModeState,
}
SAFETY_FIELDS = ("reaction", "armed", "active", "latched", "accepted", "rejected", "clamped")
SLOW = {topics.SAFETY_STATE: 10.0, topics.MODE: 10.0}  # [Hz], as their messages say


class Survey(Link):
    """A link that knows the graph's own topics."""

    def __init__(self, namespace: str = "") -> None:
        super().__init__(namespace)
        self.watch(ModeState, topics.MODE)
        self.watch(SafetyState, topics.SAFETY_STATE)
        self._diagnostics: dict[str, dict[str, Any]] = {}
        self.node.create_subscription(
            DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics, topics.EVENT
        )

    def settle(self) -> None:
        """Wait until the whole graph has spoken, at most as long as its slowest topic needs."""
        self.discover(lambda: all(self.running().values()))
        if self.running()[HAL]:
            self.wait(self._heard_all, 3.0)

    def _heard_all(self) -> bool:
        heard = self.latest(topics.MODE) and self.latest(topics.SAFETY_STATE)
        return bool(heard) and HAL in self._diagnostics

    def running(self) -> dict[str, bool]:
        """Node of the graph -> whether discovery sees it."""
        found = self.nodes()
        return {name: self.absolute(name) in found for name in NODES}

    def hal_state(self) -> str:
        """The lifecycle state of the HAL; empty when it does not answer."""
        if self.absolute(HAL) not in self.nodes():
            return ""
        try:
            answer = self.call(GetState, f"{HAL}/get_state", GetState.Request(), timeout=2.0)
        except HumanoidError:
            return ""
        return str(answer.current_state.label)

    def diagnostics(self) -> dict[str, dict[str, Any]]:
        """Name of a status -> its values, with its summary as `message`."""
        return {name: dict(values) for name, values in self._diagnostics.items()}

    def rates(self, seconds: float, kinds: dict[str, Any]) -> dict[str, float]:
        """Messages per second of topics (name -> type), counted for `seconds`."""
        counts = dict.fromkeys(kinds, 0)

        def counter(topic: str) -> Any:
            def count(_: bytes) -> None:
                counts[topic] += 1

            return count

        subscriptions = [
            self.node.create_subscription(kind, topic, counter(topic), topics.STREAM, raw=True)
            for topic, kind in kinds.items()
        ]
        self.spin(0.3)
        counts.update(dict.fromkeys(kinds, 0))
        start = time.monotonic()
        self.spin(seconds)
        elapsed = time.monotonic() - start
        for subscription in subscriptions:
            self.node.destroy_subscription(subscription)
        return {topic: count / elapsed for topic, count in counts.items()}

    def status(self) -> dict[str, Any]:
        """Everything, as plain data."""
        mode, safety = self.latest(topics.MODE), self.latest(topics.SAFETY_STATE)
        return {
            "nodes": self.running(),
            "hal_state": self.hal_state(),
            "mode": _plain(mode, "mode", "target", "waiting_for", "available"),
            "safety": _plain(
                safety,
                *("reaction", "armed", "active", "latched"),
                *("accepted", "rejected"),
                "clamped",
            ),
            "diagnostics": self.diagnostics(),
        }

    def graph(self, seconds: float = 2.0) -> Graph:
        """Listen for `seconds` and return what `doctor` judges."""
        state = self.hal_state()
        running = self.running()
        if not any(running.values()):
            return Graph(running, state)
        first = self._stamp()
        start = time.monotonic()
        rates = self.rates(seconds, STREAMS)
        elapsed, last = time.monotonic() - start, self._stamp()
        mode, safety = self.latest(topics.MODE), self.latest(topics.SAFETY_STATE)
        speed = None if first is None or last is None else (last - first) * 1e-9 / elapsed
        return Graph(
            running,
            state,
            mode=mode.mode if mode else "",
            target=mode.target if mode else "",
            waiting_for=mode.waiting_for if mode else "",
            gets_up=mode is not None and GET_UP in mode.available,
            armed=safety.armed if safety else None,
            reaction=safety.reaction if safety else 0,
            active=tuple(safety.active) if safety else (),
            latched=tuple(safety.latched) if safety else (),
            topics=tuple(self._topic(name, rate, rates) for name, rate in rates.items()),
            command_publishers=self._publishers(topics.JOINT_COMMANDS),
            clock_speed=speed,
            simulated=self.offers(topics.RESET),
        )

    def _topic(self, name: str, rate: float, rates: dict[str, float]) -> Topic:
        follows = name in (topics.IMU, topics.ROBOT_STATE, topics.JOINT_COMMANDS)
        expected = rates[topics.JOINT_STATES] if follows else SLOW.get(name)
        return Topic(name, self._publishers(name), rate, expected)

    def _publishers(self, name: str) -> tuple[str, ...]:
        found = self.node.get_publishers_info_by_topic(self.absolute(name))
        return tuple(f"{i.node_namespace.rstrip('/')}/{i.node_name}" for i in found)

    def _stamp(self) -> int | None:
        safety = self.latest(topics.SAFETY_STATE)
        return None if safety is None else to_nanoseconds(safety.header.stamp)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {item.key: _number(item.value) for item in status.values}
            self._diagnostics[status.name] = {"message": status.message, **values}


def _plain(message: Any, *names: str) -> dict[str, Any] | None:
    if message is None:
        return None
    values = ((name, getattr(message, name)) for name in names)
    return {
        name: value if isinstance(value, bool | int | str) else list(value)
        for name, value in values
    }


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
