"""Bags of another robot: its joints under our names, in our order, with our signs and zeros."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from humanoid_bringup.bags.fields import Decoder
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_description.strict_yaml import key, load_config

#: Columns that follow a joint's sign, and what a joint that the bag lacks has in them.
_SIGNED = ("position", "velocity", "effort")
_UNSIGNED = ("stiffness", "damping")


@dataclass(frozen=True)
class JointMap:
    """Where one of our joints is in the bag: ours = sign * theirs + offset."""

    name: str | None = key(None, doc="the joint's name in the bag; null: it has none")
    sign: int = key(1, choices=(1, -1), doc="-1: it turns the other way")
    offset: float = key(0.0, unit="rad", doc="our position where theirs is zero; or, without one")


@dataclass(frozen=True)
class BagMapping:
    """The file of ``humanoid replay --map``."""

    #: Ours -> theirs. Joints that are not named here have the same name, sign and zero.
    joints: dict[str, JointMap] = field(default_factory=dict)
    #: The bag's topic -> ours.
    topics: dict[str, str] = field(default_factory=dict)


def load_mapping(path: str | Path) -> BagMapping:
    """Read a mapping file. Raises :class:`humanoid_description.ConfigError`."""
    return load_config(path, BagMapping)


class Mapper:
    """Rewrites messages that name joints. All others pass as they are."""

    KINDS = (
        "sensor_msgs/msg/JointState",
        "humanoid_interfaces/msg/RobotState",
        "humanoid_interfaces/msg/JointCommand",
    )

    def __init__(self, mapping: BagMapping, joints: tuple[str, ...], decoder: Decoder) -> None:
        """`joints`: ours, in table order. Raises HumanoidError on a joint that is not ours."""
        unknown = [name for name in mapping.joints if name not in joints]
        if unknown:
            raise HumanoidError(
                f"the mapping names '{unknown[0]}', which is no joint of the robot "
                f"({', '.join(joints)})",
                Exit.CONFIGURATION,
            )
        self._joints, self._decoder = joints, decoder
        rules = [mapping.joints.get(name, JointMap(name)) for name in joints]
        self._theirs = [rule.name for rule in rules]
        self._sign = np.array([float(rule.sign) for rule in rules])
        self._offset = np.array([rule.offset for rule in rules])

    def convert(self, kind: str, data: bytes) -> bytes:
        """One serialised message with our joints. Raises HumanoidError."""
        if kind not in self.KINDS:
            return data
        message = self._decoder.decode(kind, data)
        rows = self._rows(list(message.name))
        for column in (*_SIGNED, *_UNSIGNED):
            values = getattr(message, column, None)
            if values is not None:
                setattr(message, column, self._column(column, np.asarray(values), rows))
        message.name = list(self._joints)
        return self._decoder.encode(kind, message)

    def _column(self, column: str, values: Any, rows: "Mapping[int, int]") -> Any:
        out = np.zeros(len(self._joints))
        if values.size:
            for ours, theirs in rows.items():
                out[ours] = values[theirs]
        if column in _SIGNED:
            out *= self._sign
        return out + self._offset if column == "position" else out

    def _rows(self, names: list[str]) -> dict[int, int]:
        """Our row -> theirs."""
        rows = {}
        for ours, theirs in enumerate(self._theirs):
            if theirs is None:
                continue
            if theirs not in names:
                raise HumanoidError(
                    f"the bag has no joint '{theirs}' for our '{self._joints[ours]}' among "
                    f"{', '.join(names)}; give --map with its name there, or null",
                    Exit.CONFIGURATION,
                )
            rows[ours] = names.index(theirs)
        return rows
