"""A strict reader for URDF: a small typed tree, or a refusal with file, line, element and rule.

pinocchio accepts inverted limits, negative and NaN masses and zero axes (faults.md, row 23); here they are
refused before any model is made. What URDF says: https://wiki.ros.org/urdf/XML.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from humanoid_description.assets import resolve
from humanoid_description.problems import DescriptionError, Problem, nearest

Array = NDArray[np.float64]
Element = etree._Element

#: Joint types with one degree of freedom, and the one with none. Floating and planar joints are refused:
#: the free base is not part of the URDF, and nothing actuates the others.
MOVABLE = ("revolute", "continuous", "prismatic")
TYPES = (*MOVABLE, "fixed")

#: How far from 1 the length of an axis may be: axes are often printed with four digits.
AXIS_TOLERANCE = 1e-3
#: Relative slack of the rules on principal moments, for moments printed with few digits.
MOMENT_TOLERANCE = 1e-6
#: [kg m^2] Principal moments below this are zero; MuJoCo refuses to move them (its mjMINVAL).
SMALLEST_MOMENT = 1e-15


class UrdfError(DescriptionError):
    """A URDF is refused; see :class:`DescriptionError` for the attributes."""


@dataclass(frozen=True)
class Pose:
    """A frame in its parent frame."""

    xyz: Array  # shape (3,), [m]
    rpy: Array  # shape (3,), [rad] fixed axes x, y, z

    @cached_property
    def rotation(self) -> Array:
        """Rotation matrix child-to-parent, shape (3, 3): Rz(yaw) Ry(pitch) Rx(roll)."""
        (sr, sp, sy), (cr, cp, cy) = np.sin(self.rpy), np.cos(self.rpy)
        return np.array([
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ])  # fmt: skip


@dataclass(frozen=True)
class Inertial:
    """Mass and inertia of a link."""

    pose: Pose  # centre of mass and axes of `inertia`, in the link frame
    mass: float  # [kg]
    inertia: Array  # shape (3, 3), [kg m^2] about the centre of mass


@dataclass(frozen=True)
class Visual:
    """A mesh to draw. Other shapes are not kept."""

    pose: Pose
    mesh: str  # address as written
    path: Path | None  # the file, if there is one
    scale: Array  # shape (3,)


@dataclass(frozen=True)
class UrdfLink:
    name: str
    line: int
    inertial: Inertial | None
    visuals: tuple[Visual, ...]


@dataclass(frozen=True)
class UrdfJoint:
    name: str
    line: int
    type: str  # one of TYPES
    parent: str
    child: str
    pose: Pose  # joint frame in the parent link
    axis: Array  # shape (3,), unit length, in the joint frame
    lower: float  # [rad] or [m]; -inf for a continuous joint
    upper: float
    effort: float  # [N m] or [N]
    velocity: float  # [rad/s] or [m/s]
    mimic: str | None  # the joint it copies

    @property
    def movable(self) -> bool:
        return self.type != "fixed"


@dataclass(frozen=True)
class Urdf:
    """A checked kinematic tree."""

    file: str
    name: str
    root: str
    links: dict[str, UrdfLink]
    joints: dict[str, UrdfJoint]
    warnings: tuple[Problem, ...]  # missing mesh files: nothing moves differently without them

    @cached_property
    def children(self) -> dict[str, tuple[UrdfJoint, ...]]:
        """Link -> joints below it, sorted by name: the order pinocchio gives them."""
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
        """Mass [kg], centre of mass [m] in the link frame and inertia [kg m^2] about it, shape (3, 3),
        of `link` together with every link fixed to it.
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


def read_urdf(path: str | Path) -> Urdf:
    """Return the URDF at `path`. Raises :class:`UrdfError` with everything that is wrong with it."""
    reader = _Reader(Path(path))
    robot = reader.parse()
    links = reader.unique(robot, "link", reader.link)
    joints = reader.unique(robot, "joint", reader.joint)
    root = reader.tree(links, joints)
    reader.check()
    urdf = Urdf(str(path), robot.get("name", ""), root, links, joints, tuple(reader.warnings))
    reader.masses(urdf)
    reader.check()
    return urdf


def resolved_text(path: str | Path) -> str:
    """Return the XML text at `path` with every ``package://`` address that resolves made a file path."""
    path = Path(path)
    tree = etree.parse(str(path), _parser())
    for mesh in tree.iter("mesh"):
        file = resolve(mesh.get("filename", ""), path.parent)
        if file is not None:
            mesh.set("filename", str(file))
    return str(etree.tostring(tree, encoding="unicode"))


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)


class _Reader:
    """Reads elements, recording every broken rule; results are only used if there was none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def refuse(self, line: int, key: str, rule: str) -> None:
        self.problems.append(Problem(str(self.path), line, key, rule))

    def check(self) -> None:
        """Raise what was recorded."""
        if self.problems:
            raise UrdfError(sorted(self.problems, key=lambda problem: problem.line))

    def parse(self) -> Element:
        try:
            robot = etree.fromstring(self.path.read_bytes(), _parser())
        except OSError as error:
            self.refuse(0, "", f"cannot be read: {error.strerror}")
        except etree.XMLSyntaxError as error:
            self.refuse(error.lineno or 0, "", f"not valid XML: {error.msg}")
        else:
            if robot.tag == "robot":
                return robot
            self.refuse(robot.sourceline, f"<{robot.tag}>", "the outermost element must be <robot>")
        raise UrdfError(self.problems)

    def unique(self, robot: Element, tag: str, read):  # type: ignore[no-untyped-def]
        """Name -> value of all `tag` children of `robot`, read by `read`."""
        found = {}
        for element in robot.iterchildren(tag):
            name = element.get("name", "")
            if not name:
                self.refuse(element.sourceline, f"<{tag}>", "must have a name")
            elif name in found:
                first = found[name].line
                rule = f"names must be unique; first used on line {first}"
                self.refuse(element.sourceline, f"{tag} '{name}'", rule)
            else:
                found[name] = read(element, name)
        return found

    # -- numbers ---------------------------------------------------------------------------------

    def numbers(self, element: Element, attribute: str, key: str, default: str, count: int) -> Array:
        """`count` finite numbers of an attribute; zeros after recording a problem."""
        text = element.get(attribute, default)
        try:
            values = np.array([float(word) for word in text.split()])
        except ValueError:
            values = np.zeros(0)
        if values.shape != (count,) or not np.isfinite(values).all():
            amount = "a finite number" if count == 1 else f"{count} finite numbers"
            rule = f"{element.tag} {attribute} must be {amount} (got '{text}')"
            self.refuse(element.sourceline, key, rule)
            return np.zeros(count)
        return values

    def number(self, element: Element, attribute: str, key: str) -> float:
        if element.get(attribute) is None:
            self.refuse(element.sourceline, key, f"{element.tag} must have '{attribute}'")
            return 0.0
        return float(self.numbers(element, attribute, key, "", 1)[0])

    def pose(self, element: Element, key: str) -> Pose:
        origin = element.find("origin")
        if origin is None:
            return Pose(np.zeros(3), np.zeros(3))
        xyz = self.numbers(origin, "xyz", key, "0 0 0", 3)
        return Pose(xyz, self.numbers(origin, "rpy", key, "0 0 0", 3))

    # -- links -----------------------------------------------------------------------------------

    def link(self, element: Element, name: str) -> UrdfLink:
        key = f"link '{name}'"
        inertial = element.find("inertial")
        visuals = [self.visual(visual, key) for visual in element.iterchildren("visual")]
        return UrdfLink(
            name=name,
            line=element.sourceline,
            inertial=None if inertial is None else self.inertial(inertial, key),
            visuals=tuple(visual for visual in visuals if visual is not None),
        )

    def visual(self, element: Element, key: str) -> Visual | None:
        mesh = element.find("geometry/mesh")
        if mesh is None:
            return None
        address = mesh.get("filename", "")
        path = resolve(address, self.path.parent)
        if path is None:
            rule = f"mesh file not found: '{address}'"
            self.warnings.append(Problem(str(self.path), mesh.sourceline, key, rule))
        return Visual(self.pose(element, key), address, path, self.numbers(mesh, "scale", key, "1 1 1", 3))

    def inertial(self, element: Element, key: str) -> Inertial:
        mass_element, inertia = element.find("mass"), element.find("inertia")
        mass, matrix = 0.0, np.zeros((3, 3))
        if mass_element is None or inertia is None:
            self.refuse(element.sourceline, key, "inertial must have <mass> and <inertia>")
        else:
            before = len(self.problems)
            mass = self.number(mass_element, "value", key)
            xx, xy, xz, yy, yz, zz = (
                self.number(inertia, entry, key) for entry in ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
            )
            matrix = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
            if len(self.problems) == before:
                self.inertia_rules(mass_element, inertia, key, mass, matrix)
        return Inertial(self.pose(element, key), mass, matrix)

    def inertia_rules(
        self, mass_element: Element, inertia: Element, key: str, mass: float, matrix: Array
    ) -> None:
        if mass < 0.0:
            self.refuse(mass_element.sourceline, key, f"mass must not be negative (got {mass:g} kg)")
        if mass == 0.0 and not matrix.any():
            return  # the same as no inertial at all; refused on links that move, see masses()
        if mass == 0.0:
            self.refuse(mass_element.sourceline, key, "mass must be positive where there is inertia (got 0)")
        smallest, middle, largest = np.linalg.eigvalsh(matrix)
        slack = MOMENT_TOLERANCE * abs(largest) + SMALLEST_MOMENT
        if smallest < -slack:
            rule = f"inertia must not be negative (smallest principal moment {smallest:.3g} kg m^2)"
            self.refuse(inertia.sourceline, key, rule)
        elif smallest + middle < largest - slack:
            rule = (
                "no body has this inertia: the largest principal moment exceeds the sum of the others "
                f"({largest:.4g} > {smallest:.4g} + {middle:.4g} kg m^2)"
            )
            self.refuse(inertia.sourceline, key, rule)

    # -- joints ----------------------------------------------------------------------------------

    def joint(self, element: Element, name: str) -> UrdfJoint:
        key = f"joint '{name}'"
        kind = element.get("type", "")
        if kind not in TYPES:
            rule = f"type must be one of {', '.join(TYPES)} (got '{kind}'){nearest(kind, TYPES)}"
            self.refuse(element.sourceline, key, rule)
            kind = "fixed"
        lower, upper, effort, velocity = self.limits(element, key, kind)
        mimic = element.find("mimic")
        return UrdfJoint(
            name=name,
            line=element.sourceline,
            type=kind,
            parent=self.end(element, "parent", key),
            child=self.end(element, "child", key),
            pose=self.pose(element, key),
            axis=self.axis(element, key) if kind != "fixed" else np.array([1.0, 0.0, 0.0]),
            lower=lower,
            upper=upper,
            effort=effort,
            velocity=velocity,
            mimic=None if mimic is None or kind == "fixed" else mimic.get("joint", ""),
        )

    def end(self, element: Element, tag: str, key: str) -> str:
        link = element.find(tag)
        if link is None or not link.get("link"):
            self.refuse(element.sourceline, key, f'must have <{tag} link="…">')
            return ""
        return str(link.get("link"))

    def axis(self, element: Element, key: str) -> Array:
        axis = element.find("axis")
        if axis is None:
            return np.array([1.0, 0.0, 0.0])  # URDF's default
        before = len(self.problems)
        values = self.numbers(axis, "xyz", key, "1 0 0", 3)
        length = float(np.linalg.norm(values))
        if abs(length - 1.0) <= AXIS_TOLERANCE:
            return values / length
        if len(self.problems) == before:
            self.refuse(axis.sourceline, key, f"axis must have length 1 (got '{axis.get('xyz')}')")
        return values

    def limits(self, element: Element, key: str, kind: str) -> tuple[float, float, float, float]:
        """Lower, upper, effort and velocity limit."""
        limit = element.find("limit")
        if kind == "fixed":
            return 0.0, 0.0, 0.0, 0.0
        if limit is None and kind == "continuous":
            return -math.inf, math.inf, math.inf, math.inf
        if limit is None:
            self.refuse(element.sourceline, key, f"a {kind} joint must have <limit>")
            return 0.0, 0.0, 0.0, 0.0
        before = len(self.problems)
        effort, velocity = self.number(limit, "effort", key), self.number(limit, "velocity", key)
        for name, value in (("effort", effort), ("velocity", velocity)):
            if value < 0.0:
                self.refuse(limit.sourceline, key, f"{name} limit must not be negative (got {value:g})")
        if kind == "continuous":
            return -math.inf, math.inf, effort, velocity
        lower, upper = self.number(limit, "lower", key), self.number(limit, "upper", key)
        if len(self.problems) == before and lower > upper:
            self.refuse(limit.sourceline, key, f"lower limit {lower:g} is above upper limit {upper:g}")
        return lower, upper, effort, velocity

    # -- the tree --------------------------------------------------------------------------------

    def tree(self, links: dict[str, UrdfLink], joints: dict[str, UrdfJoint]) -> str:
        """Check that the joints connect all links into one tree; return its root."""
        above: dict[str, UrdfJoint] = {}
        for joint in joints.values():
            key = f"joint '{joint.name}'"
            for end, link in (("parent", joint.parent), ("child", joint.child)):
                if link and link not in links:
                    self.refuse(joint.line, key, f"unknown {end} link '{link}'{nearest(link, links)}")
            if joint.child in above:
                other = above[joint.child].name
                rule = f"link '{joint.child}' already hangs on joint '{other}'; a link has one parent"
                self.refuse(joint.line, key, rule)
            else:
                above[joint.child] = joint
            if joint.mimic is not None and joint.mimic not in joints:
                rule = f"mimics the unknown joint '{joint.mimic}'{nearest(joint.mimic, joints)}"
                self.refuse(joint.line, key, rule)
        roots = [name for name in links if name not in above]
        if len(roots) > 1:
            rule = f"there must be one root link (got {', '.join(roots)})"
            self.refuse(links[roots[1]].line, f"link '{roots[1]}'", rule)
        self.cycles(links, above)
        if not links:
            self.refuse(0, "", "must have at least one link")
        return roots[0] if roots else ""

    def cycles(self, links: dict[str, UrdfLink], above: dict[str, UrdfJoint]) -> None:
        done: set[str] = set()
        for start in links:
            path: list[str] = []
            link = start
            while link in above and link not in done and link not in path:
                path.append(link)
                link = above[link].parent
            if link in path:
                loop = path[path.index(link) :]
                rule = f"the joints form a cycle: {' <- '.join([*loop, link])}"
                self.refuse(above[link].line, f"joint '{above[link].name}'", rule)
            done.update(path)

    def masses(self, urdf: Urdf) -> None:
        """What a movable joint moves, its child and what is fixed to it, must have mass and inertia."""
        for joint in urdf.joints.values():
            if not joint.movable:
                continue
            mass, _, inertia = urdf.rigid_body(joint.child)
            key = f"joint '{joint.name}'"
            if mass <= 0.0:
                rule = f"moves link '{joint.child}', which has no mass, nor has anything fixed to it"
                self.refuse(joint.line, key, rule)
            elif np.linalg.eigvalsh(inertia)[0] < SMALLEST_MOMENT:
                rule = f"moves link '{joint.child}', whose inertia is not positive definite"
                self.refuse(joint.line, key, rule)
