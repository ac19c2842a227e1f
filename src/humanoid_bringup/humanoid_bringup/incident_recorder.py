"""Keeps the last seconds of all topics and writes them to a file when something happens."""

import platform
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rclpy.serialization import deserialize_message
from rclpy.utilities import get_rmw_implementation_identifier

from humanoid_bringup.asked_parameters import AskedParameters
from humanoid_bringup.bags.bag import Topic
from humanoid_bringup.bags.incident_file import Circumstances, write_incident
from humanoid_bringup.incidents import AFTER, BEFORE, Incident, Watch, reasons
from humanoid_bringup.recorder import DiskGuard, Snapshot
from humanoid_interfaces.msg import SafetyState
from humanoid_runtime import topics
from humanoid_runtime.stamps import to_nanoseconds


class IncidentRecorder:
    """A sink of the recorder; see :mod:`humanoid_bringup.incidents`."""

    def __init__(
        self,
        node: Node,
        directory: Path,
        guard: DiskGuard,
        custom: Mapping[str, str],
        say: Callable[[str], None],
    ) -> None:
        """`say(line)` tells the operator; also from another thread."""
        self._directory, self._guard, self._custom, self._say = directory, guard, custom, say
        self._safety = node.resolve_topic_name(topics.SAFETY_STATE)
        self._snapshot = Snapshot(BEFORE + AFTER)
        self._watch = Watch()
        self._parameters = AskedParameters(node)
        self._saving: threading.Thread | None = None

    def add(self, topic: Topic) -> None:
        """Announce a topic."""
        self._snapshot.add(topic)

    def write(self, topic: str, time: int, data: bytes, published: int | None = None) -> None:
        """Take one message."""
        self._snapshot.write(topic, time, data, published)
        if topic == self._safety:
            self._watch.take(incident_of(deserialize_message(data, SafetyState), time))

    def turn(self, now: int) -> None:
        """Save what is due at `now` [ns] of system time."""
        self._parameters.turn()
        if self._saving is not None and self._saving.is_alive():
            return
        if (incident := self._watch.due(now)) is not None:
            self._save(incident)

    def close(self) -> None:
        """Save what is pending, and wait for it."""
        if self._saving is not None:
            self._saving.join()
        if (incident := self._watch.due(0, final=True)) is not None:
            self._save(incident).join()

    def _save(self, incident: Incident) -> threading.Thread:
        """In a thread of its own: the recorder goes on taking messages."""
        known, rows = self._snapshot.topics, self._snapshot.entries()
        parameters = {node: dict(values) for node, values in self._parameters.values.items()}

        def save() -> None:
            if full := self._guard.full():
                self._say(f"incident {incident.name} is not saved: {full}")
                return
            try:
                said = Circumstances(
                    self._custom, versions(), parameters, settings_files(parameters.values())
                )
                path = write_incident(self._directory, incident, said, known, rows)
            except (OSError, ValueError) as problem:
                self._say(f"incident {incident.name} is not saved: {problem}")
            else:
                self._say(f"incident {incident.name}: {path}; 'humanoid incident' explains it")

        self._saving = threading.Thread(target=save, name="incident")
        self._saving.start()
        return self._saving


def incident_of(message: SafetyState, time: int) -> Incident:
    """What one SafetyState, published at `time` [ns], says."""
    said = reasons(message.active, message.latched)
    return Incident(time, to_nanoseconds(message.header.stamp), int(message.reaction), said)


def versions() -> dict[str, str]:
    """Of everything that is installed for this Python, and of the machine."""
    found = {d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"]}
    return {
        **dict(sorted(found.items())),
        "python": platform.python_version(),
        "kernel": platform.platform(),
        "rmw": get_rmw_implementation_identifier(),
    }


def settings_files(parameters: Any) -> dict[str, str]:
    """Name -> text of the YAML files that parameters name, and of those beside a robot.yaml."""
    paths: dict[str, Path] = {}
    for values in parameters:
        for value in values.values():
            path = Path(value) if isinstance(value, str) and value.endswith(".yaml") else None
            if path is None or not path.is_file():
                continue
            beside = path.parent.glob("*.yaml") if path.name == "robot.yaml" else ()
            for file in (path, *sorted(beside)):
                paths.setdefault(file.name, file)
    return {name: path.read_text(errors="replace") for name, path in sorted(paths.items())}
