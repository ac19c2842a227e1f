"""A checked URDF as typed data. :func:`~humanoid_description.urdf_reader.read_urdf` makes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from humanoid_description.problems import Problem
from humanoid_description.robot import Array, Pose


@dataclass(frozen=True)
class Inertial:
    """Mass and inertia of a link."""

    pose: Pose  # centre of mass, and axes of `inertia`, in the link frame
    mass: float  # [kg]
    inertia: Array  # shape (3, 3), [kg m^2] about the centre of mass


@dataclass(frozen=True)
class Visual:
    """A mesh to draw. Other shapes are not kept."""

    pose: Pose
    path: Path | None  # the mesh file, if it exists
    scale: Array  # shape (3,)


@dataclass(frozen=True)
class UrdfLink:
    """One ``<link>``."""

    name: str
    line: int
    inertial: Inertial | None
    visuals: tuple[Visual, ...]


@dataclass(frozen=True)
class UrdfJoint:
    """One ``<joint>``."""

    name: str
    line: int
    type: str  # revolute, continuous, prismatic or fixed
    parent: str
    child: str
    pose: Pose  # joint frame in the parent link
    axis: Array  # shape (3,), unit length, in the joint frame
    lower: float  # [rad] or [m]; -inf for a continuous joint
    upper: float
    effort: float  # [N m] or [N]; inf if a continuous joint states none
    velocity: float  # [rad/s] or [m/s]; likewise
    mimic: str | None  # the joint it copies

    @property
    def movable(self) -> bool:
        """Whether it has a degree of freedom."""
        return self.type != "fixed"


@dataclass(frozen=True)
class Urdf:
    """A kinematic tree."""

    file: str
    root: str
    links: dict[str, UrdfLink]
    joints: dict[str, UrdfJoint]
    warnings: tuple[Problem, ...]  # missing mesh files: nothing moves differently without them

    @cached_property
    def children(self) -> dict[str, tuple[UrdfJoint, ...]]:
        """Link -> joints below it, by name: the order in which pinocchio takes them."""
        below: dict[str, list[UrdfJoint]] = {link: [] for link in self.links}
        for name in sorted(self.joints):
            below[self.joints[name].parent].append(self.joints[name])
        return {link: tuple(joints) for link, joints in below.items()}

    def depth_first(self) -> list[UrdfJoint]:
        """All joints, each after those above it, siblings by name: pinocchio's order."""
        order: list[UrdfJoint] = []
        stack = list(reversed(self.children[self.root]))
        while stack:
            joint = stack.pop()
            order.append(joint)
            stack.extend(reversed(self.children[joint.child]))
        return order

    def rigid_body(self, link: str) -> tuple[float, Array, Array]:
        """Merge `link` with every link fixed to it.

        Returns mass [kg], centre of mass [m] in the link frame, and inertia [kg m^2] about it, with
        the link's axes, shape (3, 3).
        """
        parts = list(self._fixed_parts(link, np.zeros(3), np.eye(3)))
        mass = sum(part[0] for part in parts)
        if mass == 0.0:
            return 0.0, np.zeros(3), np.zeros((3, 3))
        centre = sum((m * c for m, c, _ in parts), np.zeros(3)) / mass
        inertia = np.zeros((3, 3))
        for part_mass, part_centre, part_inertia in parts:
            r = part_centre - centre  # parallel axes (Steiner)
            inertia += part_inertia + part_mass * (r @ r * np.eye(3) - np.outer(r, r))
        return mass, centre, inertia

    def _fixed_parts(
        self, link: str, origin: Array, rotation: Array
    ) -> Iterator[tuple[float, Array, Array]]:
        inertial = self.links[link].inertial
        if inertial is not None:
            turned = rotation @ inertial.pose.rotation
            centre = origin + rotation @ inertial.pose.xyz
            yield inertial.mass, centre, turned @ inertial.inertia @ turned.T
        for joint in self.children[link]:
            if not joint.movable:
                below = origin + rotation @ joint.pose.xyz
                yield from self._fixed_parts(joint.child, below, rotation @ joint.pose.rotation)
