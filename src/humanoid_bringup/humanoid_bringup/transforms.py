"""Where every frame of a robot is, as TF wants it: plain numbers.

``odom`` holds ``base_link`` (REP-105) and ``base_footprint``; below ``base_link`` are the links of the
URDF, and at them the REP-120 frames of the joint table (``l_sole``, ``torso``, ``gaze``, …).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from humanoid_description import RobotDescription
from humanoid_description.robot import Array
from humanoid_description.scene import Part, frames, parts, quaternion, turn

BASE, ODOM, FOOTPRINT = "base_link", "odom", "base_footprint"


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
            placed.append(_still(BASE, robot.base_link))
        named = [(name, link, np.zeros(3)) for name, link in robot.frames.items()]
        named += [(foot.name, foot.link, foot.origin) for foot in robot.feet]
        taken = {BASE, *self._names}  # a frame may be a link of its own name, or the root
        placed += [_still(link, name, xyz) for name, link, xyz in named if name not in taken]
        return placed

    def moving(self, angles: Mapping[str, float]) -> list[Placed]:
        """The links that joints turn; `angles` [rad] by name."""
        return [
            _link(part, part.rotation @ turn(part.axis, angles[part.joint.name]))
            for part in self._links
            if part.joint is not None
        ]

    def base(self, xyz: Array, orientation: Array, angles: Mapping[str, float]) -> list[Placed]:
        """``base_link`` at a pose in ``odom`` (xyzw), and the footprint on the floor below it.

        The floor is at the lower sole (REP-120); the footprint looks where the base looks.
        """
        x, y, z, w = orientation
        yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
        up = np.array([2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)])
        places = frames(self._links, angles)
        soles = [
            up @ (origin + rotation @ foot.origin)
            for foot in self._robot.feet
            for origin, rotation in [places[foot.link]]
        ]
        floor = np.array([xyz[0], xyz[1], xyz[2] + min(soles)])
        heading = np.array([0.0, 0.0, np.sin(yaw / 2.0), np.cos(yaw / 2.0)])
        return [Placed(ODOM, BASE, xyz, orientation), Placed(ODOM, FOOTPRINT, floor, heading)]


def _is_fixed(part: Part) -> bool:
    return bool(part.parent) and part.joint is None


def _link(part: Part, rotation: Array) -> Placed:
    return Placed(part.parent, part.name, part.xyz, quaternion(rotation))


def _still(parent: str, child: str, xyz: Array | None = None) -> Placed:
    at = np.zeros(3) if xyz is None else xyz
    return Placed(parent, child, at, np.array([0.0, 0.0, 0.0, 1.0]))
