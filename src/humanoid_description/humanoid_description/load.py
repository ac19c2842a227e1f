"""Read ``robot.yaml``: the joint table, checked against itself and against the URDF it names."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from humanoid_description.assets import ENVIRONMENT, resolve
from humanoid_description.problems import nearest
from humanoid_description.robot import Array, Foot, Imu, Joint, Pose, RobotDescription
from humanoid_description.strict_yaml import ConfigError, Source, key, load_with_source
from humanoid_description.urdf import Urdf, UrdfJoint
from humanoid_description.urdf_reader import read_urdf, resolved_text

#: [rad] The table may exceed the URDF's position limits by this much: rounding of the last digit.
LIMIT_TOLERANCE = 1e-6


def _zeros() -> Array:
    return np.zeros(3)


@dataclass(frozen=True)
class JointRow:
    """One row of `joints`."""

    lower: float = key(unit="rad", doc="smallest angle; inside the URDF's limit")
    upper: float = key(unit="rad", doc="largest angle; inside the URDF's limit")
    velocity: float = key(unit="rad/s", above=0.0, doc="largest speed; not above the URDF's")
    effort: float = key(unit="N m", above=0.0, doc="largest torque; not above the URDF's")
    armature: float = key(unit="kg m^2", min=0.0, doc="rotor inertia times gear ratio squared")
    stiffness: float = key(unit="N m/rad", min=0.0, doc="holds a pose in `ready` and HOLD")
    damping: float = key(unit="N m s/rad", min=0.0, doc="with `stiffness`, and alone in DAMP")
    temperature: float = key(unit="degC", above=0.0, max=200.0, doc="hard limit of the motor")

    def __post_init__(self) -> None:
        if self.lower >= self.upper:
            raise ValueError(
                f"lower must be below upper (got {self.lower:g} and {self.upper:g} rad)"
            )


@dataclass(frozen=True)
class FootRow:
    """One row of `feet`."""

    link: str = key(doc="URDF link that carries the sole")
    origin: Array = key(unit="m", shape=(3,), doc="sole frame in the link frame, axes parallel")
    points: Array = key(unit="m", shape=(None, 2), doc="x and y of the contact points, sole frame")
    force_sensor: bool = key(doc="a 6-axis force-torque sensor measures the wrench at the sole")

    def __post_init__(self) -> None:
        if len(self.points) < 3:
            raise ValueError(f"points must be at least 3 (got {len(self.points)})")


@dataclass(frozen=True)
class ImuRow:
    """The key `imu`."""

    link: str = key(doc="URDF link that carries the sensor")
    xyz: Array = key(default_factory=_zeros, unit="m", shape=(3,), doc="sensor in the link frame")
    rpy: Array = key(default_factory=_zeros, unit="rad", shape=(3,), doc="fixed axes x, y, z")


@dataclass(frozen=True)
class OffsetRow:
    """One row of `frame_offsets`."""

    xyz: Array = key(default_factory=_zeros, unit="m", shape=(3,), doc="frame in the link frame")
    rpy: Array = key(default_factory=_zeros, unit="rad", shape=(3,), doc="fixed axes x, y, z")


@dataclass(frozen=True)
class RobotFile:
    """The file ``robot.yaml``."""

    name: str = key(doc="short name; the folder's name")
    urdf: str = key(doc="package://… address, or a path relative to this file")
    base_link: str = key(doc="URDF link that REP-120 calls base_link: the root")
    imu: ImuRow = key(doc="the inertial sensor the base estimator uses")
    feet: dict[str, FootRow] = key(doc="REP-120 sole frame -> sole")
    joints: dict[str, JointRow] = key(doc="the joint table, in the model's order")
    poses: dict[str, dict[str, float]] = key(unit="rad", doc="posture -> joint -> angle; others 0")
    frames: dict[str, str] = key(default_factory=dict, doc="REP-120 frame -> URDF link")
    frame_offsets: dict[str, OffsetRow] = key(
        default_factory=dict, doc="frame -> its place, if not the link's origin"
    )
    locked: dict[str, float] = key(default_factory=dict, unit="rad", doc="joint -> fixed angle")


def load_robot(path: str | Path) -> RobotDescription:
    """Return the robot whose ``robot.yaml`` is at `path` (the file, or the folder that holds it).

    Raises :class:`~humanoid_description.strict_yaml.ConfigError` when the table is wrong in itself
    or does not fit its URDF, :class:`~humanoid_description.urdf_reader.UrdfError` when the URDF is
    defective. Both name file, line, key and rule, for all problems found.
    """
    path = Path(path)
    if path.is_dir():
        path /= "robot.yaml"
    file, source = load_with_source(path, RobotFile)
    urdf_path = resolve(file.urdf, path.parent)
    if urdf_path is None:
        rule = (
            f"no such file (got '{file.urdf}'); a package:// address is looked up in {ENVIRONMENT}"
        )
        source.refuse("urdf", f"{rule}, in AMENT_PREFIX_PATH and among the installed wheels")
        raise ConfigError(source.problems)
    urdf = read_urdf(urdf_path)
    for warning in urdf.warnings:
        logging.getLogger(__name__).warning("%s", warning)
    _check_joints(file, urdf, source)
    _check_links(file, urdf, source)
    _check_poses(file, source)
    source.check()
    return _assemble(file, path, urdf_path)


def _check_joints(file: RobotFile, urdf: Urdf, source: Source) -> None:
    movable = [joint for joint in urdf.depth_first() if joint.movable]
    names = {joint.name for joint in movable}
    for section in ("joints", "locked"):
        for name in getattr(file, section):
            if name not in names:
                fixed = "; it is fixed there" if name in urdf.joints else nearest(name, names)
                source.refuse(
                    f"{section}.{name}", f"no movable joint '{name}' in {urdf.file}{fixed}"
                )
    for joint in movable:
        if joint.name not in file.joints and joint.name not in file.locked:
            rule = f"missing joint '{joint.name}' of {urdf.file}:{joint.line}"
            source.refuse("joints", f"{rule}; add its row, or its angle under 'locked'")
        elif joint.name in file.joints and joint.name in file.locked:
            source.refuse(f"locked.{joint.name}", "is in 'joints' too; a joint is one or the other")
        elif joint.name in file.joints:
            _check_row(joint, file.joints[joint.name], urdf, source)
        else:
            angle = file.locked[joint.name]
            if not joint.lower - LIMIT_TOLERANCE <= angle <= joint.upper + LIMIT_TOLERANCE:
                rule = f"{angle:g} is outside the URDF's limits {joint.lower:g} … {joint.upper:g}"
                source.refuse(f"locked.{joint.name}", rule)
    order = [joint.name for joint in movable if joint.name in file.joints]
    for expected, name in zip(order, (name for name in file.joints if name in names), strict=True):
        if name != expected:
            rule = f"out of the model's order; expected '{expected}' here"
            source.refuse(f"joints.{name}", f"{rule} (depth first, siblings by joint name)")
            return


def _check_row(joint: UrdfJoint, row: JointRow, urdf: Urdf, source: Source) -> None:
    where = f"joints.{joint.name}"
    place = f"{urdf.file}:{joint.line}"
    if joint.type == "prismatic":
        source.refuse(where, f"is prismatic in {place}; only rotating joints can be actuated")
        return
    if joint.mimic is not None:
        source.refuse(where, f"mimics '{joint.mimic}' in {place}; list it under 'locked'")
    for name, outside, bound in (
        ("lower", row.lower < joint.lower - LIMIT_TOLERANCE, joint.lower),
        ("upper", row.upper > joint.upper + LIMIT_TOLERANCE, joint.upper),
        ("velocity", row.velocity > joint.velocity, joint.velocity),
        ("effort", row.effort > joint.effort, joint.effort),
    ):
        if outside:
            rule = f"{getattr(row, name):g} is outside the URDF's limit {bound:g} ({place})"
            source.refuse(f"{where}.{name}", rule)


def _check_links(file: RobotFile, urdf: Urdf, source: Source) -> None:
    links = {"base_link": file.base_link, "imu.link": file.imu.link}
    links |= {f"feet.{name}.link": foot.link for name, foot in file.feet.items()}
    links |= {f"frames.{name}": link for name, link in file.frames.items()}
    for where, link in links.items():
        if link not in urdf.links:
            source.refuse(where, f"no link '{link}' in {urdf.file}{nearest(link, urdf.links)}")
    if file.base_link in urdf.links and file.base_link != urdf.root:
        source.refuse("base_link", f"must be the root link '{urdf.root}' (got '{file.base_link}')")
    places = [(f"feet.{name}", name, foot.link, foot.origin) for name, foot in file.feet.items()]
    places.append(("imu", "imu", file.imu.link, np.append(file.imu.xyz, file.imu.rpy)))
    for where, name, link, offset in places:
        elsewhere = name in urdf.joints or (link in urdf.links and name != link) or offset.any()
        if name in {*urdf.links, *urdf.joints} and elsewhere:
            source.refuse(where, f"'{name}' is the name of something else in {urdf.file}")
    for name in file.frames:
        if name in file.feet or name == "base_link":
            source.refuse(f"frames.{name}", "is given by its own key already; remove it here")
    for name in file.frame_offsets:
        if name not in file.frames:
            rule = f"no frame '{name}' in 'frames'{nearest(name, file.frames)}"
            source.refuse(f"frame_offsets.{name}", rule)
        elif name in urdf.links:
            rule = f"'{name}' is a link of {urdf.file}, which is where it is; remove the offset"
            source.refuse(f"frame_offsets.{name}", rule)
    if not file.feet:
        source.refuse("feet", "must have at least one foot")


def _check_poses(file: RobotFile, source: Source) -> None:
    for pose, angles in file.poses.items():
        for name in angles:
            if name not in file.joints:
                rule = f"no joint '{name}' in 'joints'{nearest(name, file.joints)}"
                source.refuse(f"poses.{pose}.{name}", rule)
        for name, row in file.joints.items():
            where = f"poses.{pose}.{name}" if name in angles else f"poses.{pose}"
            angle = angles.get(name, 0.0)
            if not row.lower <= angle <= row.upper:
                rule = (
                    f"'{name}' at {angle:g} rad is outside its limits {row.lower:g} … {row.upper:g}"
                )
                source.refuse(where, rule)
    if "ready" not in file.poses:
        source.refuse("poses", "must have the pose 'ready': standing, knees slightly bent")


def _assemble(file: RobotFile, path: Path, urdf_path: Path) -> RobotDescription:
    return RobotDescription(
        name=file.name,
        directory=path.parent,
        urdf_path=urdf_path,
        urdf=resolved_text(urdf_path),
        base_link=file.base_link,
        frames={"base_link": file.base_link, **file.frames},
        joints=tuple(Joint(name=name, **vars(row)) for name, row in file.joints.items()),
        locked=dict(file.locked),
        feet=tuple(_foot(name, row) for name, row in file.feet.items()),
        imu=Imu(**vars(file.imu)),
        frame_offsets={name: Pose(row.xyz, row.rpy) for name, row in file.frame_offsets.items()},
        poses={
            pose: _constant([angles.get(name, 0.0) for name in file.joints])
            for pose, angles in file.poses.items()
        },
    )


def _foot(name: str, row: FootRow) -> Foot:
    points = np.column_stack([row.points, np.zeros(len(row.points))])
    return Foot(name, row.link, row.origin, _constant(points), row.force_sensor)


def _constant(values: ArrayLike) -> Array:
    array = np.array(values, dtype=float)
    array.setflags(write=False)
    return array
