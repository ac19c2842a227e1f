"""A robot as any simulator takes it: its links, inertias, shapes and contact points, as data.

The MuJoCo model (:mod:`~humanoid_description.mujoco_model`) and the Gazebo model
(:mod:`~humanoid_description.sdf_model`) are both written from this, and from nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from humanoid_description.robot import Array, Joint, RobotDescription
from humanoid_description.urdf import Inertial, UrdfJoint, Visual
from humanoid_description.urdf_reader import read_urdf

#: [m] Radius of the spheres that stand for a sole's contact points (as in Unitree's G1 model).
CONTACT_RADIUS = 0.005
#: [kg] Links lighter than this get no body for falls.
LIGHTEST_SHAPE = 0.2


@dataclass(frozen=True)
class SceneOptions:
    """What a simulated world may vary."""

    timestep: float = 0.001  # [s] physics step
    friction: float = 0.8  # sliding friction of the floor
    slope: float = 0.0  # [rad] the floor rises towards +x
    # [rad] From 1 m on the level floor rises towards +x; only in MuJoCo, without slope.
    ramp: float = 0.0
    # [m] From 0.5 m on the floor goes up and down by so much, in slabs; only in MuJoCo.
    steps: float = 0.0
    mass_scale: float = 1.0  # factor on every mass and inertia: a robot that is not as modelled
    visuals: bool = False  # load meshes (slow); otherwise links are drawn as boxes


@dataclass(frozen=True)
class Mass:
    """Mass and principal inertia of a link."""

    mass: float  # [kg]
    centre: Array  # shape (3,), [m] in the link frame
    axes: Array  # shape (3, 3), principal axes in the link frame, as columns
    moments: Array  # shape (3,), [kg m^2] about `centre`, along `axes`
    #: Half sides [m], shape (3,), of the box of even density with these moments, whose sides are
    #: along `axes`: the link's body in falls. None for a link too light to have one.
    box: Array | None


@dataclass(frozen=True)
class Part:
    """One link of the URDF."""

    name: str
    parent: str  # '' for the root
    xyz: Array  # shape (3,), [m] in the parent link; locked joints at their angle
    rotation: Array  # shape (3, 3), link to parent
    joint: Joint | None  # the row of the table that turns it; None: fixed to its parent
    axis: Array  # shape (3,), of `joint`, in the link frame
    inertial: Mass | None
    touches: bool  # its box touches the floor; feet and ankles have their contact points instead
    visuals: tuple[Visual, ...]


def parts(robot: RobotDescription, mass_scale: float = 1.0) -> tuple[Part, ...]:
    """The links of `robot`, the root first and each after its parent, in pinocchio's order."""
    urdf = read_urdf(robot.urdf_path)
    lower = {foot.link for foot in robot.feet}
    lower |= {joint.parent for joint in urdf.joints.values() if joint.child in lower}

    def part(name: str, parent: str, joint: UrdfJoint | None) -> Part:
        link = urdf.links[name]
        xyz, rotation = (np.zeros(3), np.eye(3)) if joint is None else _placed(joint, robot.locked)
        moving = joint is not None and joint.movable and joint.name not in robot.locked
        return Part(
            name,
            parent,
            xyz,
            rotation,
            robot.joints[robot.index[joint.name]] if joint and moving else None,
            np.zeros(3) if joint is None else joint.axis,
            None if link.inertial is None else _mass(link.inertial, mass_scale),
            name not in lower,
            link.visuals,
        )

    root = part(urdf.root, "", None)
    return (root, *(part(joint.child, joint.parent, joint) for joint in urdf.depth_first()))


def turn(axis: Array, angle: float) -> Array:
    """Rotation matrix, shape (3, 3), about a unit `axis`, shape (3,), by `angle` [rad]."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross


def quaternion(rotation: Array) -> Array:
    """Unit quaternion x y z w of a rotation matrix, shape (3, 3) (Shepperd's method)."""
    trace = float(np.trace(rotation))
    sizes = np.append(np.diag(rotation), trace)
    largest = int(np.argmax(sizes))
    q: Array = np.empty(4)
    if largest == 3:
        q[3] = 1.0 + trace
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            q[i] = rotation[k, j] - rotation[j, k]
    else:
        i, j, k = largest, (largest + 1) % 3, (largest + 2) % 3
        q[i] = 1.0 + 2.0 * rotation[i, i] - trace
        q[j] = rotation[j, i] + rotation[i, j]
        q[k] = rotation[k, i] + rotation[i, k]
        q[3] = rotation[k, j] - rotation[j, k]
    q /= np.linalg.norm(q)
    return q if q[3] >= 0.0 else -q


def frames(links: tuple[Part, ...], angles: Mapping[str, float]) -> dict[str, tuple[Array, Array]]:
    """Link -> position, shape (3,), and rotation, shape (3, 3), in the root link.

    `angles` [rad] of joints by name; joints left out are at 0.
    """
    placed: dict[str, tuple[Array, Array]] = {}
    for link in links:
        origin, rotation = placed.get(link.parent, (np.zeros(3), np.eye(3)))
        here = rotation @ link.rotation
        if link.joint is not None:
            here = here @ turn(link.axis, angles.get(link.joint.name, 0.0))
        placed[link.name] = (origin + rotation @ link.xyz, here)
    return placed


def _placed(joint: UrdfJoint, locked: Mapping[str, float]) -> tuple[Array, Array]:
    """Where a joint puts its child link in the parent: a locked joint at its angle."""
    xyz, rotation = joint.pose.xyz, joint.pose.rotation
    if joint.name in locked:
        if joint.type == "prismatic":
            return xyz + rotation @ joint.axis * locked[joint.name], rotation
        rotation = rotation @ turn(joint.axis, locked[joint.name])
    return xyz, rotation


def _mass(inertial: Inertial, scale: float) -> Mass:
    moments, axes = np.linalg.eigh(inertial.inertia)
    if np.linalg.det(axes) < 0.0:
        axes[:, 0] = -axes[:, 0]
    moments = np.maximum(moments, 0.0)
    moments[2] = min(moments[2], moments[0] + moments[1])  # the reader's slack, see urdf.py
    box = None
    if inertial.mass >= LIGHTEST_SHAPE:
        squares = 6.0 / inertial.mass * (moments.sum() - 2.0 * moments)
        box = np.sqrt(np.maximum(squares, 1e-6)) / 2.0
    return Mass(
        inertial.mass * scale,
        inertial.pose.xyz,
        inertial.pose.rotation @ axes,
        moments * scale,
        box,
    )
