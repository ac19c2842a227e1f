"""A strict reader for URDF: a checked tree, or a refusal with file, line, element and rule.

pinocchio accepts inverted limits, negative and NaN masses and zero axes; here they are refused
before any model is made. What URDF says: https://wiki.ros.org/urdf/XML.
"""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from lxml import etree

from humanoid_description.assets import resolve
from humanoid_description.problems import DescriptionError, Problem, nearest
from humanoid_description.robot import Array, Pose
from humanoid_description.urdf import Inertial, Urdf, UrdfJoint, UrdfLink, Visual

#: Joint types understood. Floating and planar joints are refused: the free base is no part of the
#: URDF, and nothing actuates the others.
TYPES = ("revolute", "continuous", "prismatic", "fixed")

#: How far from 1 the length of an axis may be: axes are often printed with few digits.
AXIS_TOLERANCE = 1e-3
#: Relative slack of the rules on principal moments, likewise.
MOMENT_TOLERANCE = 1e-6
#: [kg m^2] A moment below this is zero; MuJoCo does not move such a body (its mjMINVAL).
SMALLEST_MOMENT = 1e-15

_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")

Element: TypeAlias = Any  # lxml's, which has no type information
Item = TypeVar("Item", UrdfLink, UrdfJoint)


class UrdfError(DescriptionError):
    """A URDF is refused; see :class:`DescriptionError` for the attributes."""


def read_urdf(path: str | Path) -> Urdf:
    """Return the URDF at `path`. Raises :class:`UrdfError` with everything wrong with it."""
    reader = _Reader(Path(path))
    robot = reader.parse()
    links = reader.unique(robot, "link", reader.link)
    joints = reader.unique(robot, "joint", reader.joint)
    root = reader.tree(links, joints)
    reader.check()
    urdf = Urdf(str(path), root, links, joints, tuple(reader.warnings))
    reader.masses(urdf)
    reader.check()
    return urdf


def resolved_text(path: Path) -> str:
    """Return the XML text at `path` with every mesh address that resolves made ``file://…``."""
    robot = etree.fromstring(path.read_bytes(), _parser())
    for mesh in robot.iter("mesh"):
        file = resolve(mesh.get("filename", ""), path.parent)
        if file is not None:
            mesh.set("filename", f"file://{file}")
    return str(etree.tostring(robot, encoding="unicode"))


def _parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)


class _Reader:
    """Reads elements, recording every broken rule; results are used only if there was none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def refuse(self, line: int, what: str, key: str, rule: str) -> None:
        """Record a broken rule."""
        self.problems.append(Problem(str(self.path), line, what, key, rule))

    def check(self) -> None:
        """Raise what was recorded."""
        if self.problems:
            raise UrdfError(sorted(self.problems, key=lambda problem: problem.line))

    def parse(self) -> Element:
        """Return the element ``<robot>``."""
        try:
            robot = etree.fromstring(self.path.read_bytes(), _parser())
        except OSError as error:
            self.refuse(0, "", "", f"cannot be read: {error.strerror}")
        except etree.XMLSyntaxError as error:
            self.refuse(error.lineno or 0, "", "", f"not valid XML: {error.msg}")
        else:
            if robot.tag != "robot":
                self.refuse(robot.sourceline, "element", robot.tag, "the outermost must be <robot>")
            for element in robot.iter(
                "{http://www.ros.org/wiki/xacro}*", "{http://ros.org/wiki/xacro}*"
            ):
                self.refuse(
                    element.sourceline,
                    "element",
                    element.tag.split("}")[1],
                    "expand with xacro first",
                )
        self.check()
        return robot

    def unique(
        self, robot: Element, tag: str, read: Callable[[Element, str], Item]
    ) -> dict[str, Item]:
        """Name -> item of all `tag` children of `robot`."""
        found: dict[str, Item] = {}
        for element in robot.iterchildren(tag):
            name = element.get("name", "")
            if not name:
                self.refuse(element.sourceline, "element", tag, "must have a name")
            elif name in found:
                rule = f"names must be unique; first used on line {found[name].line}"
                self.refuse(element.sourceline, tag, name, rule)
            else:
                found[name] = read(element, name)
        return found

    # Numbers. `element` is anything inside the <link> or <joint> that a message names.

    def numbers(self, element: Element, attribute: str, default: str, count: int) -> Array:
        """`count` finite numbers of an attribute or of `default`; zeros after a problem."""
        text = element.get(attribute, default)
        words = text.split()
        if len(words) == count and all(map(_NUMBER.fullmatch, words)):
            values = np.array(words, dtype=float)
            if np.isfinite(values).all():
                return values
        amount = "a finite number" if count == 1 else f"{count} finite numbers"
        self.refuse_at(element, f"<{element.tag} {attribute}> must be {amount} (got '{text}')")
        return np.zeros(count)

    def number(self, element: Element, attribute: str) -> float:
        """One required number of an attribute; 0 after recording a problem."""
        if element.get(attribute) is None:
            self.refuse_at(element, f"<{element.tag}> must have '{attribute}'")
            return 0.0
        return float(self.numbers(element, attribute, "", 1)[0])

    def pose(self, element: Element) -> Pose:
        """The <origin> of `element`."""
        origin = element.find("origin")
        if origin is None:
            return Pose(np.zeros(3), np.zeros(3))
        return Pose(
            self.numbers(origin, "xyz", "0 0 0", 3), self.numbers(origin, "rpy", "0 0 0", 3)
        )

    def refuse_at(self, element: Element, rule: str) -> None:
        """Record a broken rule of the <link> or <joint> around `element`."""
        owner = element
        while owner.tag not in ("link", "joint"):
            owner = owner.getparent()
        self.refuse(element.sourceline, owner.tag, owner.get("name", ""), rule)

    # Links.

    def link(self, element: Element, name: str) -> UrdfLink:
        """One <link>."""
        inertial = element.find("inertial")
        visuals = [self.visual(visual, name) for visual in element.iterchildren("visual")]
        return UrdfLink(
            name=name,
            line=element.sourceline,
            inertial=None if inertial is None else self.inertial(inertial),
            visuals=tuple(visual for visual in visuals if visual is not None),
        )

    def visual(self, element: Element, link: str) -> Visual | None:
        """One <visual>, if it is a mesh."""
        mesh = element.find("geometry/mesh")
        if mesh is None:
            return None
        address = mesh.get("filename", "")
        path = resolve(address, self.path.parent)
        if path is None:
            rule = f"mesh file not found: '{address}'"
            self.warnings.append(Problem(str(self.path), mesh.sourceline, "link", link, rule))
        return Visual(self.pose(element), path, self.numbers(mesh, "scale", "1 1 1", 3))

    def inertial(self, element: Element) -> Inertial:
        """One <inertial>."""
        mass_element, inertia = element.find("mass"), element.find("inertia")
        if mass_element is None or inertia is None:
            self.refuse_at(element, "<inertial> must have <mass> and <inertia>")
            return Inertial(self.pose(element), 0.0, np.zeros((3, 3)))
        before = len(self.problems)
        mass = self.number(mass_element, "value")
        names = ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
        xx, xy, xz, yy, yz, zz = (self.number(inertia, name) for name in names)
        matrix = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        if len(self.problems) == before:
            self.inertia_rules(mass_element, inertia, mass, matrix)
        return Inertial(self.pose(element), mass, matrix)

    def inertia_rules(
        self, mass_element: Element, inertia: Element, mass: float, matrix: Array
    ) -> None:
        """What mass and inertia of any rigid body obey. Neither is the same as no <inertial>."""
        if mass < 0.0 or (mass == 0.0 and matrix.any()):
            self.refuse_at(mass_element, f"mass must be positive (got {mass:g} kg)")
        smallest, middle, largest = np.linalg.eigvalsh(matrix)
        slack = MOMENT_TOLERANCE * abs(largest) + SMALLEST_MOMENT
        if smallest < -slack:
            rule = f"inertia must not be negative (smallest principal moment {smallest:.3g} kg m^2)"
            self.refuse_at(inertia, rule)
        elif smallest + middle < largest - slack:
            rule = (
                "no body has this inertia: one principal moment exceeds the sum of the others "
                f"({largest:.4g} > {smallest:.4g} + {middle:.4g} kg m^2)"
            )
            self.refuse_at(inertia, rule)

    # Joints.

    def joint(self, element: Element, name: str) -> UrdfJoint:
        """One <joint>."""
        kind = element.get("type", "")
        if kind not in TYPES:
            rule = f"type must be one of {', '.join(TYPES)} (got '{kind}'){nearest(kind, TYPES)}"
            self.refuse_at(element, rule)
            kind = "fixed"
        lower, upper, effort, velocity = self.limits(element, kind)
        mimic = element.find("mimic")
        return UrdfJoint(
            name=name,
            line=element.sourceline,
            type=kind,
            parent=self.end(element, "parent"),
            child=self.end(element, "child"),
            pose=self.pose(element),
            axis=self.axis(element, kind),
            lower=lower,
            upper=upper,
            effort=effort,
            velocity=velocity,
            mimic=None if mimic is None or kind == "fixed" else mimic.get("joint", ""),
        )

    def end(self, element: Element, tag: str) -> str:
        """The link named by <parent> or <child>."""
        link = element.find(tag)
        if link is None or not link.get("link"):
            self.refuse_at(element, f'must have <{tag} link="…">')
            return ""
        return str(link.get("link"))

    def axis(self, element: Element, kind: str) -> Array:
        """The unit axis; x if there is none, as URDF says. That of a fixed joint has no meaning."""
        axis = element.find("axis")
        if axis is None or kind == "fixed":
            return np.array([1.0, 0.0, 0.0])
        before = len(self.problems)
        values = self.numbers(axis, "xyz", "1 0 0", 3)
        length = float(np.linalg.norm(values))
        if abs(length - 1.0) > AXIS_TOLERANCE:
            if len(self.problems) == before:
                self.refuse_at(axis, f"axis must have length 1 (got '{axis.get('xyz')}')")
            return values
        return values / length

    def limits(self, element: Element, kind: str) -> tuple[float, float, float, float]:
        """Lower, upper, effort and velocity limit."""
        limit = element.find("limit")
        if kind == "fixed":
            return 0.0, 0.0, 0.0, 0.0
        if limit is None:
            if kind != "continuous":
                self.refuse_at(element, f"a {kind} joint must have <limit>")
            return -math.inf, math.inf, math.inf, math.inf
        before = len(self.problems)
        effort, velocity = self.number(limit, "effort"), self.number(limit, "velocity")
        for name, value in (("effort", effort), ("velocity", velocity)):
            if value < 0.0:
                self.refuse_at(limit, f"{name} limit must not be negative (got {value:g})")
        if kind == "continuous":
            return -math.inf, math.inf, effort, velocity
        lower, upper = self.number(limit, "lower"), self.number(limit, "upper")
        if len(self.problems) == before and lower > upper:
            self.refuse_at(limit, f"lower limit {lower:g} is above upper limit {upper:g}")
        return lower, upper, effort, velocity

    # The tree.

    def tree(self, links: dict[str, UrdfLink], joints: dict[str, UrdfJoint]) -> str:
        """Check that the joints connect all links into one tree; return its root."""
        above: dict[str, UrdfJoint] = {}
        for joint in joints.values():
            for end, link in (("parent", joint.parent), ("child", joint.child)):
                if link and link not in links:
                    rule = f"unknown {end} link '{link}'{nearest(link, links)}"
                    self.refuse(joint.line, "joint", joint.name, rule)
            if joint.child in above:
                other = above[joint.child].name
                rule = (
                    f"link '{joint.child}' hangs on joint '{other}' already; a link has one parent"
                )
                self.refuse(joint.line, "joint", joint.name, rule)
            elif joint.child:
                above[joint.child] = joint
            if joint.mimic is not None and joint.mimic not in joints:
                rule = f"mimics the unknown joint '{joint.mimic}'{nearest(joint.mimic, joints)}"
                self.refuse(joint.line, "joint", joint.name, rule)
        roots = [name for name in links if name not in above]
        if not links:
            self.refuse(0, "", "", "must have at least one link")
        if len(roots) > 1:
            rule = f"there must be one root link (got {', '.join(roots)})"
            self.refuse(links[roots[1]].line, "link", roots[1], rule)
        self.cycles(links, above)
        return roots[0] if roots else ""

    def cycles(self, links: dict[str, UrdfLink], above: dict[str, UrdfJoint]) -> None:
        """Refuse joints that lead back to where they started."""
        done: set[str] = set()
        for start in links:
            path: list[str] = []
            link = start
            while link in above and link not in done and link not in path:
                path.append(link)
                link = above[link].parent
            if link in path:
                loop = " <- ".join([*path[path.index(link) :], link])
                joint = above[link]
                self.refuse(joint.line, "joint", joint.name, f"the joints form a cycle: {loop}")
            done.update(path)

    def masses(self, urdf: Urdf) -> None:
        """What a joint moves (its child, and what is fixed to it) must have mass and inertia."""
        for joint in urdf.joints.values():
            if not joint.movable:
                continue
            mass, _, inertia = urdf.rigid_body(joint.child)
            if mass <= 0.0:
                rule = f"moves link '{joint.child}', which has no mass, nor has what is fixed to it"
                self.refuse(joint.line, "joint", joint.name, rule)
            elif np.linalg.eigvalsh(inertia)[0] < SMALLEST_MOMENT:
                rule = f"moves link '{joint.child}', whose inertia is not positive definite"
                self.refuse(joint.line, "joint", joint.name, rule)
