"""The Gazebo model of a robot as SDF, from the same parts as the MuJoCo model.

Links that are fixed to another, or locked, are merged into the link that carries them, so that
Gazebo moves one link per joint of the table. Each sole is a link of its own, 1 g taken from the
link above it, joined by a fixed joint with the force-torque sensor: what the sensor feels is what
the ground does, without the weight of the foot.
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from lxml import etree

from humanoid_description.gazebo_topics import GazeboTopics, gazebo_topics
from humanoid_description.robot import Array, Foot, Imu, Pose, RobotDescription
from humanoid_description.scene import (
    CONTACT_RADIUS,
    Part,
    SceneOptions,
    frames,
    parts,
    quaternion,
)

#: [kg] Of a sole link, and [kg m^2] its inertia about every axis.
SOLE_MASS, SOLE_INERTIA = 1e-3, 1e-6

Element: TypeAlias = Any


@dataclass
class Lump:
    """A link of the SDF: a moving part and all that is fixed to it, in the part's frame."""

    part: Part
    parent: str  # the lump that carries it; '' for the root
    xyz: Array  # shape (3,), [m] in the parent lump
    rotation: Array  # shape (3, 3), to the parent lump
    members: list[tuple[Part, Array, Array]] = field(default_factory=list)

    def inertia(self) -> tuple[float, Array, Array]:
        """Mass [kg], centre of mass [m] and inertia [kg m^2] about it, in the part's axes."""
        found = []
        for part, origin, rotation in self.members:
            if part.inertial is not None:
                inertial, axes = part.inertial, rotation @ part.inertial.axes
                centre = origin + rotation @ inertial.centre
                found.append((inertial.mass, centre, (axes * inertial.moments) @ axes.T))
        mass = sum(row[0] for row in found)
        centre = sum((m * c for m, c, _ in found), np.zeros(3)) / mass
        inertia = np.zeros((3, 3))
        for m, c, tensor in found:
            r = c - centre  # parallel axes (Steiner)
            inertia += tensor + m * (r @ r * np.eye(3) - np.outer(r, r))
        return mass, centre, inertia


def lumps(links: tuple[Part, ...]) -> dict[str, Lump]:
    """The links of the SDF by name, each after its parent."""
    found: dict[str, Lump] = {}
    carried: dict[str, tuple[Lump, Array, Array]] = {}  # any link -> its lump, and where in it
    for part in links:
        above = carried.get(part.parent)
        origin, rotation = part.xyz, part.rotation
        if above is not None:
            origin = above[1] + above[2] @ part.xyz
            rotation = above[2] @ part.rotation
        if above is None or part.joint is not None:
            parent = above[0].part.name if above is not None else ""
            lump = found[part.name] = Lump(part, parent, origin, rotation)
            origin, rotation = np.zeros(3), np.eye(3)
        else:
            lump = above[0]
        lump.members.append((part, origin, rotation))
        carried[part.name] = lump, origin, rotation
    return found


def carrier(model: dict[str, Lump], link: str) -> tuple[str, Array, Array]:
    """The SDF link that holds a link of the URDF, and the link's frame in it."""
    for name, lump in model.items():
        for part, origin, rotation in lump.members:
            if part.name == link:
                return name, origin, rotation
    raise KeyError(link)


def build_sdf(
    robot: RobotDescription,
    options: SceneOptions | None = None,
    *,
    sensor_rate: float = 500.0,
    rotor_inertia: bool = True,
) -> Element:
    """Return ``<model>``, standing in the pose `ready` with its soles on the floor.

    SDF knows no rotor inertia. With `rotor_inertia` the table's is added to the link that the joint
    turns, as a thin disc across the axis: a about it, a/2 about the others. Joints start at
    angle 0 here; the plugin of the torque law puts them into the pose. `sensor_rate` [Hz].
    """
    options = options or SceneOptions()
    links = parts(robot, options.mass_scale)
    model = lumps(links)
    topics = gazebo_topics(robot)
    element = etree.Element("model", name=robot.name, canonical_link=robot.base_link)
    element.append(_pose(standing(robot, links), np.eye(3)))
    _text(element, "self_collide", "false")
    for name, lump in model.items():
        soles = [foot for foot in robot.feet if carrier(model, foot.link)[0] == name]
        _add_link(element, lump, len(soles), rotor_inertia)
        if lump.part.joint is not None:
            _add_joint(element, lump)
    for foot, wrench, contact in zip(robot.feet, topics.wrenches, topics.contacts, strict=True):
        _add_sole(element, model, foot, wrench, contact, options.friction, sensor_rate)
    # A reading of every step: their mean is what a strap-down unit gives.
    _add_imu(element, model, robot.imu, topics.imu, 1.0 / options.timestep)
    _add_plugins(element, robot, topics, sensor_rate)
    return element


def standing(robot: RobotDescription, links: tuple[Part, ...], pose: str = "ready") -> Array:
    """Position of the base, shape (3,), [m] in the world: upright, soles on the floor at the origin."""
    angles = dict(zip(robot.joint_names, robot.poses[pose], strict=True))
    placed = frames(links, angles)
    soles, points = [], []
    for foot in robot.feet:
        origin, rotation = placed[foot.link]
        soles.append(origin + rotation @ foot.origin)
        points += [origin + rotation @ (foot.origin + point) for point in foot.points]
    lowest = min(point[2] for point in points)
    return np.array([*-np.mean(soles, axis=0)[:2], -lowest])


def _add_link(model: Element, lump: Lump, soles: int, rotor_inertia: bool) -> None:
    link = etree.SubElement(model, "link", name=lump.part.name)
    pose = _pose(lump.xyz, lump.rotation)
    if lump.parent:
        pose.set("relative_to", lump.parent)
        link.append(pose)
    mass, centre, inertia = lump.inertia()
    mass -= soles * SOLE_MASS
    if rotor_inertia and lump.part.joint is not None:
        disc = np.eye(3) + np.outer(lump.part.axis, lump.part.axis)
        inertia = inertia + lump.part.joint.armature / 2.0 * disc
    _add_inertial(link, mass, centre, inertia)
    for part, origin, rotation in lump.members:
        if part.inertial is None or part.inertial.box is None:
            continue
        where = _pose(origin + rotation @ part.inertial.centre, rotation @ part.inertial.axes)
        for kind in ("visual", "collision") if part.touches else ("visual",):
            shape = etree.SubElement(link, kind, name=f"{part.name}_{kind}")
            shape.append(etree.fromstring(etree.tostring(where)))
            box = etree.SubElement(etree.SubElement(shape, "geometry"), "box")
            _text(box, "size", _numbers(2.0 * part.inertial.box))


def _add_inertial(link: Element, mass: float, centre: Array, inertia: Array) -> None:
    inertial = etree.SubElement(link, "inertial")
    inertial.append(_pose(centre, np.eye(3)))
    _text(inertial, "mass", repr(float(mass)))
    tensor = etree.SubElement(inertial, "inertia")
    for name, row, column in (
        ("ixx", 0, 0), ("ixy", 0, 1), ("ixz", 0, 2), ("iyy", 1, 1), ("iyz", 1, 2), ("izz", 2, 2),
    ):  # fmt: skip
        _text(tensor, name, repr(float(inertia[row, column])))


def _add_joint(model: Element, lump: Lump) -> None:
    row = lump.part.joint
    assert row is not None
    joint = _joint(model, row.name, "revolute", lump.parent, lump.part.name)
    axis = etree.SubElement(joint, "axis")
    _text(axis, "xyz", _numbers(lump.part.axis))
    limit = etree.SubElement(axis, "limit")
    for name in ("lower", "upper", "effort", "velocity"):
        _text(limit, name, repr(float(getattr(row, name))))


def _add_sole(
    model: Element,
    links: dict[str, Lump],
    foot: Foot,
    wrench: str,
    contact: str,
    friction: float,
    rate: float,
) -> None:
    """The sole's link: one sphere per contact point, a contact and a force-torque sensor."""
    above, origin, rotation = carrier(links, foot.link)
    name = f"{foot.name}_sensor"
    link = etree.SubElement(model, "link", name=name)
    pose = _pose(origin + rotation @ foot.origin, rotation)
    pose.set("relative_to", above)
    link.append(pose)
    _add_inertial(link, SOLE_MASS, np.zeros(3), SOLE_INERTIA * np.eye(3))
    names = [f"{name}_{number}" for number in range(len(foot.points))]
    for point, collision in zip(foot.points, names, strict=True):
        shape = etree.SubElement(link, "collision", name=collision)
        shape.append(_pose(point + np.array([0.0, 0.0, CONTACT_RADIUS]), np.eye(3)))
        sphere = etree.SubElement(etree.SubElement(shape, "geometry"), "sphere")
        _text(sphere, "radius", repr(CONTACT_RADIUS))
        add_friction(shape, friction)
    sensor = _sensor(link, name, "contact", rate)
    shapes = etree.SubElement(sensor, "contact")
    for collision in names:
        _text(shapes, "collision", collision)
    _text(shapes, "topic", contact)
    joint = _joint(model, f"{foot.name}_joint", "fixed", above, name)
    sensor = _sensor(joint, f"{name}_wrench", "force_torque", rate)
    _text(sensor, "topic", wrench)
    settings = etree.SubElement(sensor, "force_torque")
    _text(settings, "frame", "child")
    _text(settings, "measure_direction", "child_to_parent")


def _add_imu(model: Element, links: dict[str, Lump], imu: Imu, topic: str, rate: float) -> None:
    above, origin, rotation = carrier(links, imu.link)
    link = next(e for e in model.iterfind("link") if e.get("name") == above)
    sensor = _sensor(link, "imu", "imu", rate)
    turned = rotation @ Pose(imu.xyz, imu.rpy).rotation
    sensor.insert(0, _pose(origin + rotation @ imu.xyz, turned))
    _text(sensor, "topic", topic)


def _add_plugins(
    model: Element, robot: RobotDescription, topics: GazeboTopics, rate: float
) -> None:
    states = add_plugin(model, "joint-state-publisher", "JointStatePublisher")
    _text(states, "topic", topics.joint_states)
    for name in robot.joint_names:
        _text(states, "joint_name", name)
    odometry = add_plugin(model, "odometry-publisher", "OdometryPublisher")
    _text(odometry, "odom_frame", "odom")
    _text(odometry, "robot_base_frame", robot.base_link)
    _text(odometry, "odom_topic", topics.odometry)
    _text(odometry, "odom_publish_frequency", f"{rate:g}")
    _text(odometry, "dimensions", "3")
    law = add_plugin(model, "python-system-loader", "PythonSystemLoader")
    _text(law, "module_name", "humanoid_torque_law")


def add_plugin(parent: Element, library: str, name: str) -> Element:
    """Append one of Gazebo's own system plugins."""
    return etree.SubElement(
        parent, "plugin", filename=f"gz-sim-{library}-system", name=f"gz::sim::systems::{name}"
    )


def add_friction(collision: Element, friction: float) -> None:
    """Coulomb friction of a collision, both directions."""
    surface = etree.SubElement(etree.SubElement(collision, "surface"), "friction")
    ode = etree.SubElement(surface, "ode")
    _text(ode, "mu", repr(friction))
    _text(ode, "mu2", repr(friction))


def _joint(model: Element, name: str, kind: str, parent: str, child: str) -> Element:
    joint = etree.SubElement(model, "joint", name=name, type=kind)
    _text(joint, "parent", parent)
    _text(joint, "child", child)
    return joint


def _sensor(parent: Element, name: str, kind: str, rate: float) -> Element:
    sensor = etree.SubElement(parent, "sensor", name=name, type=kind)
    _text(sensor, "always_on", "true")
    _text(sensor, "update_rate", f"{rate:g}")
    return sensor


def _pose(xyz: Array, rotation: Array) -> Element:
    """``<pose>``: x y z [m] and the quaternion x y z w."""
    element = etree.Element("pose", rotation_format="quat_xyzw")
    element.text = f"{_numbers(xyz)} {_numbers(quaternion(rotation))}"
    return element


def _text(parent: Element, tag: str, text: str) -> Element:
    element = etree.SubElement(parent, tag)
    element.text = text
    return element


def _numbers(values: Array) -> str:
    return " ".join(repr(float(value) + 0.0) for value in values)
