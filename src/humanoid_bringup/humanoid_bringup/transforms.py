"""Where every frame of a robot is, as TF wants it: plain numbers.

``odom`` holds ``base_link`` (REP-105); below it are ``base_footprint`` and the links of the URDF, and
at them the REP-120 frames of the joint table (``l_sole``, ``torso``, ``gaze``, …).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from humanoid_description import RobotDescription
from humanoid_description.robot import Array, Pose
from humanoid_description.scene import Part, frames, parts, quaternion, turn

BASE, ODOM, FOOTPRINT = "base_link", "odom", "base_footprint"
HERE = Pose(np.zeros(3), np.zeros(3))


@dataclass(frozen=True)
class Placed:
    """One frame in its parent."""

    parent: str
    child: str
    xyz: Array  # shape (3,), [m]
    orientation: Array  # shape (4,), xyzw


class Transforms:
    """The frames of one robot."""

    def __init__(self, robot: RobotDescription) -> None:
        self._robot = robot
        self._links = parts(robot)
        self._names = {part.name for part in self._links}

    def fixed(self) -> list[Placed]:
        """What never moves: fixed and locked links, soles, REP-120 frames, the root."""
        robot = self._robot
        placed = [_link(part, part.rotation) for part in self._links if _is_fixed(part)]
        if robot.base_link != BASE:
            placed.append(_still(BASE, robot.base_link, HERE))
        offsets = robot.frame_offsets
        named = [(name, link, offsets.get(name, HERE)) for name, link in robot.frames.items()]
        named += [(foot.name, foot.link, Pose(foot.origin, np.zeros(3))) for foot in robot.feet]
        taken = {BASE, *self._names}  # a frame may be a link of its own name, or the root
        placed += [_still(link, name, pose) for name, link, pose in named if name not in taken]
        return placed

    def moving(self, angles: Mapping[str, float]) -> list[Placed]:
        """The links that joints turn; `angles` [rad] by name."""
        return [
            _link(part, part.rotation @ turn(part.axis, angles[part.joint.name]))
            for part in self._links
            if part.joint is not None
        ]

    def base(self, xyz: Array, orientation: Array, angles: Mapping[str, float]) -> list[Placed]:
        """``base_link`` at a pose in ``odom`` (xyzw), and the footprint below it (REP-120).

        The footprint is midway between the feet, at the height of the lower sole, level, and looks
        where the base looks.
        """
        base = matrix(orientation)
        places = frames(self._links, angles)
        soles = np.array([
            xyz + base @ (origin + rotation @ foot.origin)
            for foot in self._robot.feet
            for origin, rotation in [places[foot.link]]
        ])  # fmt: skip
        floor = np.array([*soles[:, :2].mean(axis=0), soles[:, 2].min()])
        level = turn(np.array([0.0, 0.0, 1.0]), np.arctan2(base[1, 0], base[0, 0]))
        footprint = Placed(BASE, FOOTPRINT, base.T @ (floor - xyz), quaternion(base.T @ level))
        return [Placed(ODOM, BASE, xyz, orientation), footprint]


def matrix(orientation: Array) -> Array:
    """Rotation matrix, shape (3, 3), of a unit quaternion x y z w."""
    x, y, z, w = orientation
    return np.array([
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
        [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
    ])  # fmt: skip


def _is_fixed(part: Part) -> bool:
    return bool(part.parent) and part.joint is None


def _link(part: Part, rotation: Array) -> Placed:
    return Placed(part.parent, part.name, part.xyz, quaternion(rotation))


def _still(parent: str, child: str, pose: Pose) -> Placed:
    return Placed(parent, child, pose.xyz, quaternion(pose.rotation))
