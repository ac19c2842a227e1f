"""What replay feeds: the cores of the nodes, and whatever class a user names.

A user's own class::

    class Watch(Unit):
        inputs = {"robot_state": "humanoid_interfaces/msg/RobotState"}
        outputs = {"height": "std_msgs/msg/Float64"}

        def take(self, topic, data, time):
            state = self.decode(topic, data)
            self.emit("height", Float64(data=state.pose.position.z))

is run by ``humanoid replay <bag> --node my_package.watch:Watch``. Topics are relative to the
robot's namespace. Instead of a Unit it may also be a plain rclpy Node: see node_unit.py.
"""

import importlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.locate import nearest

if TYPE_CHECKING:
    from humanoid_bringup.bags.source import Source
    from humanoid_description import RobotDescription


@dataclass(frozen=True)
class Setup:
    """What units are built with."""

    robot: "RobotDescription"
    #: File of a node's settings in place of the robot's own: 'perception', 'control', 'hardware'.
    configs: Mapping[str, Path] = field(default_factory=dict)
    #: What the bag says of its making, see docs/replay.md.
    custom: Mapping[str, str] = field(default_factory=dict)

    def config(self, name: str) -> Path | None:
        """The file of the settings `name`, if there is one."""
        if name in self.configs:
            return self.configs[name]
        beside = self.robot.directory / f"{name}.yaml"
        return beside if beside.is_file() else None


class Unit(ABC):
    """Takes recorded messages, emits others. Deterministic: no clock but the bag's times."""

    #: Relative topic -> type that it must have; what it takes.
    inputs: Mapping[str, str] = MappingProxyType({})
    #: Relative topic -> type; what it may emit.
    outputs: Mapping[str, str] = MappingProxyType({})
    #: Those outputs that are the same in every run, so that a check can ask for equal bits.
    checked: tuple[str, ...] = ()
    name: ClassVar[str] = ""

    def __init__(self, setup: Setup, emit: Callable[[str, Any], None]) -> None:
        """`emit(topic, message)` sends a message, as an rclpy message or serialised."""
        self.setup = setup
        self.emit = emit

    def prepare(self, source: "Source") -> None:
        """Look at the whole bag before the first message; for what must be known ahead."""
        del source

    @abstractmethod
    def take(self, topic: str, data: bytes, time: int) -> None:
        """Take one serialised message of the relative `topic`, recorded at `time` [ns]."""

    def finish(self) -> None:
        """The bag is over: emit what is still held back."""
        del self

    def decode(self, topic: str, data: bytes) -> Any:
        """`data` of the input `topic` as an rclpy message."""
        from rclpy.serialization import deserialize_message

        return deserialize_message(data, message_class(self.inputs[topic]))


#: The units that come with the stack: name -> module:class.
KNOWN = {
    "estimator": "humanoid_bringup.bags.estimator:Estimator",
    "fall": "humanoid_bringup.bags.fall:Fall",
    "controller": "humanoid_bringup.bags.controller:Controller",
    "supervisor": "humanoid_bringup.bags.supervisor:Supervisor",
}


def load_unit(name: str) -> Callable[[Setup, Callable[[str, Any], None]], Unit]:
    """The unit's class, by a name of :data:`KNOWN` or as ``module:Class``. Raises HumanoidError."""
    path = KNOWN.get(name, name)
    module_name, _, attribute = path.partition(":")
    if not attribute:
        guess = nearest(name, KNOWN)
        hint = f"; did you mean '{guess}'?" if guess else ""
        raise HumanoidError(
            f"no node '{name}' among {', '.join(KNOWN)}{hint} (your own: module:Class)", Exit.USAGE
        )
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise HumanoidError(
            f"node '{name}': {error}; is it on PYTHONPATH?", Exit.CONFIGURATION
        ) from error
    if isinstance(found, type) and issubclass(found, Unit):
        return found
    from rclpy.node import Node

    if isinstance(found, type) and issubclass(found, Node):
        from humanoid_bringup.bags.node_unit import node_unit

        return node_unit(found)
    raise HumanoidError(
        f"node '{name}' is neither a humanoid_bringup.bags.unit.Unit nor an rclpy Node",
        Exit.CONFIGURATION,
    )


def message_class(kind: str) -> Any:
    """The Python class of a message type such as ``sensor_msgs/msg/Imu``."""
    package, folder, name = kind.split("/")
    return getattr(importlib.import_module(f"{package}.{folder}"), name)
