"""The file ``get_up.yaml`` of a robot: how it gets up from lying, as key poses, and what must hold.

Beside ``robot.yaml``; a robot without one does not get up. Scripted key poses with conditions
between them are how small humanoids get up (Stückler, Schwenk, Behnke, "Getting back on two feet:
reliable standing-up routines for a humanoid robot", IAS-9, 2006).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from humanoid_control.controller import Array
from humanoid_control.ramps import MINIMUM_JERK_SLOPE
from humanoid_description.problems import nearest
from humanoid_description.robot import RobotDescription
from humanoid_description.strict_yaml import Source, key, load_with_source

FILE = "get_up.yaml"


@dataclass(frozen=True)
class PhaseConfig:
    """One key pose, the way there, and what must be true at its end."""

    move: float = key(min=0.1, max=10.0, unit="s", doc="minimum-jerk ramp to the pose")
    joints: dict[str, float] = key(unit="rad", doc="joint -> angle; those left out go to 0")
    hold: float = key(0.0, min=0.0, max=5.0, unit="s", doc="how long the pose is held")
    up: Array | None = key(
        None, shape=(3,), doc="the vertical in base_link's axes at the end; any length but 0"
    )
    within: float = key(0.5, above=0.0, max=3.0, unit="rad", doc="largest angle from `up`")


@dataclass(frozen=True)
class PostureConfig:
    """How the robot gets up from one way of lying."""

    up: Array = key(shape=(3,), doc="the vertical in base_link's axes while it lies so")
    phases: list[PhaseConfig] = key(doc="in their order")
    within: float = key(0.7, above=0.0, max=1.5, unit="rad", doc="largest angle from `up`")
    then: str = key("", doc="the posture whose phases follow; empty: the robot is up")


@dataclass(frozen=True)
class GetUpConfig:
    """The file."""

    postures: dict[str, PostureConfig] = key(doc="name -> how the robot gets up from it")
    limp: list[str] = key(
        default_factory=list, doc="joints too weak for this: only damped, and not checked"
    )
    tracking: float = key(
        0.6, above=0.0, unit="rad", doc="at a phase's end no joint is farther from its angle"
    )
    settle: float = key(
        4.0, above=0.0, max=10.0, unit="s", doc="longest wait at the end for a valid state"
    )


@dataclass(frozen=True)
class Phase:
    """A phase as the controller takes it."""

    label: str  # for messages, such as "front 2"
    pose: Array  # shape (n,), [rad]
    move: float  # [s]
    hold: float  # [s]
    up: Array | None  # shape (3,), unit vector in base_link's axes
    within: float  # [rad]


@dataclass(frozen=True)
class Motion:
    """The whole file, checked against the joint table."""

    #: name -> the vertical in base_link's axes, shape (3,), how far from it [rad], all phases
    postures: dict[str, tuple[Array, float, tuple[Phase, ...]]]
    limp: NDArray[np.bool_]  # shape (n,)
    tracking: float  # [rad]
    settle: float  # [s]


def load_get_up(robot: RobotDescription) -> Motion | None:
    """The motions of `robot`; None: it has none. Raises ConfigError."""
    path = robot.directory / FILE
    if not path.is_file():
        return None
    config, source = load_with_source(path, GetUpConfig)
    _check(config, robot, source)
    source.check()
    return Motion(
        {
            name: (_unit(posture.up), posture.within, _phases(config, name, robot))
            for name, posture in config.postures.items()
        },
        np.isin(robot.joint_names, config.limp),
        config.tracking,
        config.settle,
    )


def _phases(config: GetUpConfig, name: str, robot: RobotDescription) -> tuple[Phase, ...]:
    phases: list[Phase] = []
    while name:
        posture = config.postures[name]
        phases += [
            Phase(
                f"{name} {number}",
                _pose(phase, robot),
                phase.move,
                phase.hold,
                None if phase.up is None else _unit(phase.up),
                phase.within,
            )
            for number, phase in enumerate(posture.phases, 1)
        ]
        name = posture.then
    return tuple(phases)


def _pose(phase: PhaseConfig, robot: RobotDescription) -> Array:
    pose = np.zeros(len(robot.joints))
    for name, angle in phase.joints.items():
        pose[robot.index[name]] = angle
    return pose


def _unit(vector: Array) -> Array:
    unit: Array = vector / np.linalg.norm(vector)
    return unit


def _check(config: GetUpConfig, robot: RobotDescription, source: Source) -> None:
    """Record everything that cannot be done with this robot."""
    if not config.postures:
        source.refuse("postures", "must name at least one posture")
    for name in config.limp:
        _check_joint("limp", name, robot, source)
    for name, posture in config.postures.items():
        where = f"postures.{name}"
        _check_up(f"{where}.up", posture.up, source)
        _check_then(name, config, source)
        if not posture.phases:
            source.refuse(f"{where}.phases", "must hold at least one phase")
        before = None
        for number, phase in enumerate(posture.phases):
            before = _check_phase(f"{where}.phases[{number}]", phase, before, robot, source)


def _check_then(name: str, config: GetUpConfig, source: Source) -> None:
    seen, following = [name], config.postures[name].then
    while following:
        where = f"postures.{seen[-1]}.then"
        if following not in config.postures:
            hint = nearest(following, config.postures)
            source.refuse(where, f"no such posture: '{following}'{hint}")
            return
        if following in seen:
            source.refuse(where, f"leads back to '{following}': the robot would never be up")
            return
        seen.append(following)
        following = config.postures[following].then


def _check_phase(
    where: str, phase: PhaseConfig, before: Array | None, robot: RobotDescription, source: Source
) -> Array | None:
    """Check one phase and return its pose, or None where it has no good one."""
    if phase.up is not None:
        _check_up(f"{where}.up", phase.up, source)
    for name in phase.joints:
        _check_joint(f"{where}.joints.{name}", name, robot, source)
    if not all(name in robot.index for name in phase.joints):
        return None
    pose = _pose(phase, robot)
    ways = pose if before is None else pose - before
    for joint, angle, way in zip(robot.joints, pose, ways, strict=True):
        if not joint.lower <= angle <= joint.upper:
            source.refuse(
                f"{where}.joints.{joint.name}" if joint.name in phase.joints else f"{where}.joints",
                f"'{joint.name}' must be inside its range [{joint.lower:g}, {joint.upper:g}] rad "
                f"(got {angle:g})",
            )
        speed = MINIMUM_JERK_SLOPE * abs(way) / phase.move
        if before is not None and speed > joint.velocity:
            source.refuse(
                f"{where}.move",
                f"'{joint.name}' would turn at {speed:.1f} rad/s, limit {joint.velocity:g}",
            )
    return pose


def _check_joint(where: str, name: str, robot: RobotDescription, source: Source) -> None:
    if name not in robot.index:
        hint = nearest(name, robot.joint_names)
        source.refuse(where, f"'{name}' is not in the joint table of {robot.name}{hint}")


def _check_up(where: str, up: Array, source: Source) -> None:
    if not np.linalg.norm(up) > 0.0:
        source.refuse(where, "must not be zero")
