"""The description of a policy: what a network is shown, and what its answers mean.

A file of this kind goes with one or more networks, and is checked three times before a robot moves:
by itself (strict YAML), against the joint table, and against the network (:mod:`network`).
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from humanoid_control.controller import Array
from humanoid_control.policy.observation import TERMS, term_size
from humanoid_description.assets import resolve
from humanoid_description.problems import nearest
from humanoid_description.robot import RobotDescription
from humanoid_description.strict_yaml import Source, key, load_with_source


@dataclass(frozen=True)
class PolicyEntry:
    """A row of `policies` in ``control.yaml``: the mode of that name."""

    description: str = key(doc="file beside robot.yaml, or package://… address")
    model: str = key(doc="the network in ONNX format; a file beside robot.yaml, or package://…")


@dataclass(frozen=True)
class PolicyJoint:
    """A joint of the network, in its order."""

    default: float = key(unit="rad", doc="the angle that an action of 0 asks for")
    stiffness: float = key(unit="N m/rad", min=0.0, doc="that the network was trained with")
    damping: float = key(unit="N m s/rad", min=0.0, doc="that the network was trained with")


@dataclass(frozen=True)
class ActionConfig:
    """From what the network says to joint angles: default + scale * action."""

    scale: float = key(unit="rad", above=0.0, doc="of an action of 1")
    limit: float = key(100.0, above=0.0, unit="-", doc="actions are clipped to this")


@dataclass(frozen=True)
class GaitConfig:
    """The clock of the gait, for the terms `sin_phase` and `cos_phase`."""

    period: float = key(1.0, above=0.0, unit="s", doc="of two steps")
    still: float = key(
        0.01, min=0.0, unit="m/s and rad/s", doc="slower orders stop the clock: it stands"
    )


@dataclass(frozen=True)
class PolicyDescription:
    """The file: see the keys of each part."""

    rate: float = key(unit="Hz", above=0.0, max=1000.0, doc="how often the network is asked")
    joints: dict[str, PolicyJoint] = key(doc="joint -> row, in the network's order")
    observations: dict[str, float] = key(doc="term -> its factor, in the order of the input")
    action: ActionConfig = key(doc="what the output means")
    history: int = key(
        1, min=1, max=100, unit="samples", doc="of each term, the oldest first; zeros before"
    )
    command_lower: tuple[float, float, float] = key(
        (-1.0, -1.0, -1.0), max=0.0, unit="m/s, m/s, rad/s", doc="back, right, clockwise"
    )
    command_upper: tuple[float, float, float] = key(
        (1.0, 1.0, 1.0), min=0.0, unit="m/s, m/s, rad/s", doc="forward, left, anticlockwise"
    )
    gait: GaitConfig = field(default_factory=GaitConfig)
    tilt: float = key(0.5, above=0.0, unit="rad", doc="does not take over if tilted more")

    @property
    def inputs(self) -> int:
        """Numbers that the network is shown at once."""
        joints = len(self.joints)
        return self.history * sum(term_size(name, joints) for name in self.observations)

    def column(self, name: str) -> Array:
        """One column of `joints`, in the network's order."""
        return np.array([getattr(row, name) for row in self.joints.values()])


def load_description(address: str, robot: RobotDescription) -> tuple[PolicyDescription, Source]:
    """Read a description and check it against the joint table. Raises ConfigError."""
    path = resolve(address, near=robot.directory) or robot.directory / address
    description, source = load_with_source(Path(path), PolicyDescription)
    _check_terms(description, source)
    _check_joints(description, robot, source)
    source.check()
    return description, source


def _check_terms(description: PolicyDescription, source: Source) -> None:
    for name in description.observations:
        if name not in TERMS:
            rule = f"unknown term{nearest(name, TERMS) or f'; known: {chr(44).join(TERMS)}'}"
            source.refuse(f"observations.{name}", rule)
    if not description.observations:
        source.refuse("observations", "must name at least one term")


def _check_joints(description: PolicyDescription, robot: RobotDescription, source: Source) -> None:
    for name, row in description.joints.items():
        where = f"joints.{name}"
        if name not in robot.index:
            rule = f"not in the joint table of {robot.name}{nearest(name, robot.joint_names)}"
            source.refuse(where, rule)
            continue
        joint = robot.joints[robot.index[name]]
        if not joint.lower <= row.default <= joint.upper:
            source.refuse(
                f"{where}.default",
                f"must be inside the joint's range [{joint.lower:g}, {joint.upper:g}] rad "
                f"(got {row.default:g})",
            )
    missing = [name for name in robot.joint_names if name not in description.joints]
    if missing:
        source.refuse("joints", f"must name every joint of {robot.name} (missing: {missing[0]})")
