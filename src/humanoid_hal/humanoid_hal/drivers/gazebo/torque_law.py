"""The torque law inside of Gazebo's server, at every physics step.

This file stands alone. The driver copies it beside the world as ``humanoid_torque_law.py``, with
``humanoid_torque_law.json``, and Gazebo's PythonSystemLoader runs it with the server's own Python:
nothing of this project, no numpy, and Gazebo's ``gz.simN``, ``gz.transportN`` and ``gz.msgsN`` are
what it may import.

One message carries the command of all n joints: gz.msgs.Double_V with 3 n + 1 numbers,

    sequence, then effort + stiffness q* + damping dq* [N m], stiffness, damping

and in every physics step every joint gets ``tau = feed - stiffness q - damping dq``, cut at its
limit. Gazebo forgets a torque after one step; this law repeats the newest command until `timeout`
of simulated time has passed without another, and then gives zeros: the server's own watchdog.
"""

import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import Any


def newest(prefix: str) -> Any:
    """Import ``gz.<prefix><number>`` with the highest number. Raises ImportError.

    Gazebo numbers its modules (Harmonic: gz.transport13, gz.msgs10, gz.sim8); later releases have
    higher numbers, or none.
    """
    gz = importlib.import_module("gz")
    names = [name for _, name, _ in pkgutil.iter_modules(gz.__path__)]
    names = [
        n for n in names if (n.startswith(prefix) and n[len(prefix) :].isdigit()) or n == prefix
    ]
    if not names:
        raise ImportError(f"no module gz.{prefix}<number> in {list(gz.__path__)}")
    best = max(names, key=lambda name: int(name[len(prefix) :] or 1000))
    return importlib.import_module(f"gz.{best}")


def message_type(name: str) -> Any:
    """The class of a Gazebo message such as ``WorldControl``, of the newest ``gz.msgs``.

    Its module is named as the file of its definition: ``world_control_pb2``, ``double_v_pb2``, ``imu_pb2``.
    """
    file = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return getattr(importlib.import_module(f"{newest('msgs').__name__}.{file}_pb2"), name)


class Law:
    """Numbers only: the newest command, and the torques that follow from it."""

    def __init__(self, efforts: list[float], timeout: float) -> None:
        """`efforts` [N m] cuts each joint; `timeout` [s] of simulated time without a command."""
        self.efforts = efforts
        self.timeout = timeout
        self.count = len(efforts)
        self.release()

    def release(self) -> None:
        """No torque, until the next command."""
        self._rows: list[tuple[float, float, float, float]] | None = None
        self._since: float | None = None

    def take(self, numbers: list[float]) -> bool:
        """Obey the `3 n + 1` numbers of a command; others are refused with False."""
        n = self.count
        if len(numbers) != 3 * n + 1 or not all(abs(x) < 1e9 for x in numbers):  # NaN fails too
            return False
        self._since = None  # its time is that of the first step it acts in
        feed, stiffness, damping = (
            numbers[1 : n + 1],
            numbers[n + 1 : 2 * n + 1],
            numbers[2 * n + 1 :],
        )
        self._rows = list(zip(feed, stiffness, damping, self.efforts, strict=True))
        return True

    def torques(self, now: float, positions: list[float], velocities: list[float]) -> list[float]:
        """The torques [N m] of one physics step at the simulated time `now` [s]."""
        if self._rows is None:
            return [0.0] * self.count
        if self._since is None:
            self._since = now
        if now - self._since > self.timeout:
            self.release()
            return [0.0] * self.count
        return [
            max(-limit, min(limit, feed - stiffness * q - damping * dq))
            for (feed, stiffness, damping, limit), q, dq in zip(
                self._rows, positions, velocities, strict=True
            )
        ]


class System:
    """What PythonSystemLoader calls."""

    def __init__(self, settings: dict[str, Any]) -> None:
        """`settings`: model, topic, timeout, and one {name, effort, start} per joint."""
        self._settings = settings
        self._joints_table = settings["joints"]
        self._start = [row["start"] for row in self._joints_table]
        self._law = Law([row["effort"] for row in self._joints_table], settings["timeout"])
        self._incoming: list[float] | None = None
        self._joints: list[Any] = []
        self._placed = False

    def configure(self, entity: Any, sdf: Any, ecm: Any, events: Any) -> None:
        """Find the joints and listen for commands."""
        sim = newest("sim")
        model = sim.Model(entity)
        for row in self._joints_table:
            joint = sim.Joint(model.joint_by_name(ecm, row["name"]))
            joint.enable_position_check(ecm, True)
            joint.enable_velocity_check(ecm, True)
            self._joints.append(joint)
        self._node = newest("transport").Node()
        topic = self._settings["topic"]
        if not self._node.subscribe(message_type("Double_V"), topic, self._hear):
            raise RuntimeError(f"cannot subscribe to {topic}")

    def pre_update(self, info: Any, ecm: Any) -> None:
        """Before every physics step, and many times in a pause."""
        if not self._placed:
            self._placed = True
            for joint, angle in zip(self._joints, self._start, strict=True):
                joint.reset_position(ecm, [angle])
                joint.reset_velocity(ecm, [0.0])
        numbers, self._incoming = self._incoming, None
        if numbers is not None:
            self._law.take(numbers)
        if info.paused:
            return
        started = zip(self._joints, self._start, strict=True)
        positions = [(joint.position(ecm) or [start])[0] for joint, start in started]
        velocities = [(joint.velocity(ecm) or [0.0])[0] for joint in self._joints]
        torques = self._law.torques(info.sim_time.total_seconds(), positions, velocities)
        for joint, torque in zip(self._joints, torques, strict=True):
            joint.set_force(ecm, [torque])

    def reset(self, info: Any, ecm: Any) -> None:
        """The world goes back to its start: no torque, and the joints into their pose."""
        self._law.release()
        self._incoming = None
        self._placed = False

    def _hear(self, message: Any) -> None:
        self._incoming = list(message.data)


def get_system() -> System:
    """What PythonSystemLoader asks for."""
    return System(json.loads(Path(__file__).with_suffix(".json").read_text()))
