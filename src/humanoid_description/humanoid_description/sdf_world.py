"""Worlds for Gazebo: a floor, what stands on it, and the robot."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from lxml import etree

from humanoid_description.gazebo_topics import WORLD
from humanoid_description.robot import RobotDescription
from humanoid_description.scene import SceneOptions, parts
from humanoid_description.sdf_model import add_friction, add_plugin, build_sdf, carrier, lumps


@dataclass(frozen=True)
class Ground:
    """What a named world has besides the robot."""

    ramp: float = 0.0  # [rad] from 1 m in front of the robot on the floor rises by this
    #: Boxes that lie on the floor: centre x, y [m], sides x, y, z [m].
    boxes: tuple[tuple[float, float, float, float, float], ...] = ()
    force: tuple[float, float, float] = (
        0.0,
        0.0,
        0.0,
    )  # [N] on the torso all the time, world frame


#: [m] Where a ramp begins, and its length, width and thickness.
RAMP_START, RAMP_SIDES = 1.0, (20.0, 4.0, 1.0)

WORLDS = {
    "flat": Ground(),
    "slope": Ground(ramp=0.105),  # 6 degrees
    # Three steps up of 2 cm, 40 cm deep, from 0.6 m in front of the robot on; the last is longer.
    "steps": Ground(
        boxes=((1.6, 0.0, 2.0, 2.0, 0.02), (1.8, 0.0, 1.6, 2.0, 0.04), (2.0, 0.0, 1.2, 2.0, 0.06))
    ),
    "push": Ground(force=(0.0, 15.0, 0.0)),
}


def build_world(
    robot: RobotDescription,
    world: str = "flat",
    options: SceneOptions | None = None,
    *,
    sensor_rate: float = 500.0,
    real_time_factor: float = 1.0,
) -> str:
    """Return the SDF text of one of :data:`WORLDS` with `robot` in it. Raises KeyError."""
    ground = WORLDS[world]
    options = options or SceneOptions()
    sdf = etree.Element("sdf", version="1.9")
    element = etree.SubElement(sdf, "world", name=WORLD)
    physics = etree.SubElement(element, "physics", name="steps", type="dart")
    etree.SubElement(physics, "max_step_size").text = repr(options.timestep)
    etree.SubElement(physics, "real_time_factor").text = repr(real_time_factor)
    etree.SubElement(element, "gravity").text = "0 0 -9.81"
    for library, name in (
        ("physics", "Physics"),
        ("user-commands", "UserCommands"),
        ("scene-broadcaster", "SceneBroadcaster"),
        ("imu", "Imu"),
        ("contact", "Contact"),
        ("forcetorque", "ForceTorque"),
    ):
        add_plugin(element, library, name)
    wrench = add_plugin(element, "apply-link-wrench", "ApplyLinkWrench")
    if any(ground.force):
        steady = etree.SubElement(wrench, "persistent")
        torso = robot.frames.get("torso", robot.base_link)
        link = carrier(lumps(parts(robot)), torso)[0]
        etree.SubElement(steady, "entity_name").text = f"{robot.name}::{link}"
        etree.SubElement(steady, "entity_type").text = "link"
        etree.SubElement(steady, "force").text = " ".join(map(str, ground.force))
    light = etree.SubElement(element, "light", name="sun", type="directional")
    etree.SubElement(light, "pose").text = "0 0 10 0 0 0"
    etree.SubElement(light, "direction").text = "-0.3 -0.3 -1"
    _add_ground(element, ground, options.friction)
    element.append(build_sdf(robot, options, sensor_rate=sensor_rate))
    etree.indent(sdf)
    return str(etree.tostring(sdf, encoding="unicode")) + "\n"


def _add_ground(world: etree._Element, ground: Ground, friction: float) -> None:
    model = etree.SubElement(world, "model", name="ground")
    etree.SubElement(model, "static").text = "true"
    link = etree.SubElement(model, "link", name="ground")
    for kind in ("collision", "visual"):
        shape = etree.SubElement(link, kind, name="floor" if kind == "collision" else "floor_seen")
        plane = etree.SubElement(etree.SubElement(shape, "geometry"), "plane")
        etree.SubElement(plane, "normal").text = "0 0 1"
        etree.SubElement(plane, "size").text = "40 40"
        if kind == "collision":
            add_friction(shape, friction)
    for number, (x, y, *sides) in enumerate(ground.boxes):
        _add_box(link, f"step{number}", f"{x:g} {y:g} {sides[2] / 2:g} 0 0 0", sides, friction)
    if ground.ramp:
        _add_box(link, "ramp", _ramp_pose(ground.ramp), RAMP_SIDES, friction)


def _ramp_pose(angle: float) -> str:
    """The box's centre is half its length up the slope, and half its thickness below it."""
    along, below = RAMP_SIDES[0] / 2.0, RAMP_SIDES[2] / 2.0
    x = RAMP_START + along * np.cos(angle) + below * np.sin(angle)
    z = along * np.sin(angle) - below * np.cos(angle)
    return f"{x:.9g} 0 {z:.9g} 0 {-angle:g} 0"


def _add_box(
    link: etree._Element, name: str, pose: str, sides: Sequence[float], friction: float
) -> None:
    for kind in ("collision", "visual"):
        shape = etree.SubElement(link, kind, name=f"{name}_{kind}")
        etree.SubElement(shape, "pose").text = pose
        box = etree.SubElement(etree.SubElement(shape, "geometry"), "box")
        etree.SubElement(box, "size").text = " ".join(f"{side:g}" for side in sides)
        if kind == "collision":
            add_friction(shape, friction)
