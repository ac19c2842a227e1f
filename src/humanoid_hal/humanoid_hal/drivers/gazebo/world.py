"""What tests and operators may do to the world in Gazebo."""

import time
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from humanoid_description import RobotDescription
from humanoid_description.gazebo_topics import GazeboTopics
from humanoid_description.scene import parts
from humanoid_description.sdf_model import carrier, lumps
from humanoid_hal.driver import Array, DriverError, World
from humanoid_hal.drivers.gazebo.bindings import Bindings
from humanoid_hal.drivers.gazebo.link import Link
from humanoid_hal.drivers.gazebo.messages import odometry_arrays

if TYPE_CHECKING:
    from humanoid_hal.drivers.gazebo.driver import GazeboDriver

_PATIENCE = 2.0  # [s] for the first truth


@dataclass
class _Push:
    entity: str  # model::link
    force: Array  # shape (3,), [N] world frame
    end: int | None  # [ns] of the driver's stamps; None: has not begun
    duration: int  # [ns]


class GazeboWorld(World):
    """The world of one :class:`GazeboDriver`; usable while that is open."""

    def __init__(
        self, driver: "GazeboDriver", robot: RobotDescription, topics: GazeboTopics
    ) -> None:
        self._driver = driver
        self._robot = robot
        self._topics = topics
        self._aliases = {foot.name: foot.link for foot in robot.feet} | robot.frames
        self._lumps = lumps(parts(robot))
        self._pushes: list[_Push] = []
        self._link: Link | None = None
        self._odometry: Any = None
        self._contacts: list[bool] | None = None

    def connect(self, link: Link, bindings: Bindings) -> None:
        """The driver is open."""
        self._link, self._bindings = link, bindings
        self._odometry, self._contacts = None, None
        link.subscribe("Odometry", self._topics.odometry, self._on_odometry)
        self._push_on = link.node.advertise(self._topics.push_on, bindings.message("EntityWrench"))
        self._push_off = link.node.advertise(self._topics.push_off, bindings.message("Entity"))

    def disconnect(self) -> None:
        """The driver is closed."""
        self._link = None
        self._pushes.clear()

    def push(self, link: str, force: Array, duration: float) -> None:
        """See :meth:`World.push`. `link` is a URDF link or a REP-120 frame; '' is the torso.

        The force acts at the centre of mass of the link that Gazebo moves, from the next sample on.
        """
        force = np.array(force, dtype=float)
        if force.shape != (3,) or not np.isfinite(force).all():
            raise ValueError(f"force must be three finite numbers [N] (got {force.tolist()})")
        if not (np.isfinite(duration) and duration > 0):
            raise ValueError(f"duration must be finite and above 0 s (got {duration})")
        entity = f"{self._robot.name}::{self._carrier(link)}"
        self._pushes.append(_Push(entity, force, None, round(duration * 1e9)))

    def apply(self, stamp: int) -> None:
        """Begin and end pushes; the driver calls it with each sample's stamp [ns]."""
        if not self._pushes:
            return
        for push in self._pushes:
            if push.end is None:
                push.end = stamp + push.duration
                self._start(push)
        ended = {push.entity for push in self._pushes if push.end is not None and push.end <= stamp}
        if ended:
            self._pushes = [push for push in self._pushes if push.end is None or push.end > stamp]
        for entity in ended:  # clearing takes every force off the link: those that last come again
            self._clear(entity)
            for push in self._pushes:
                if push.entity == entity:
                    self._start(push)

    def reset(self) -> None:
        """See :meth:`World.reset`. A server of our own that has died is started again."""
        for entity in {push.entity for push in self._pushes}:
            self._clear(entity)
        self._pushes.clear()
        self._odometry = None
        self._driver.restart()

    def truth(self) -> tuple[Array, Array]:
        """See :meth:`World.truth`. From Gazebo's odometry; DriverError when none comes."""
        deadline = time.monotonic() + _PATIENCE
        while self._odometry is None:
            if self._link is None or time.monotonic() > deadline:
                raise DriverError(f"Gazebo publishes nothing on {self._topics.odometry}")
            time.sleep(0.001)
        return odometry_arrays(self._odometry)

    def contacts(self) -> tuple[bool, ...]:
        """Which soles touch something, as Gazebo's contact sensors say; in table order.

        They are listened to from the first call on: control never needs them.
        """
        if self._link is None:
            raise DriverError("the Gazebo driver is not open")
        if self._contacts is None:
            self._contacts = [False] * len(self._topics.contacts)
            for foot, topic in enumerate(self._topics.contacts):
                self._link.subscribe(
                    "Contacts", topic, lambda message, foot=foot: self._on_contact(foot, message)
                )
        return tuple(self._contacts)

    def _on_odometry(self, message: Any) -> None:
        self._odometry = message

    def _on_contact(self, foot: int, message: Any) -> None:
        assert self._contacts is not None
        self._contacts[foot] = len(message.contact) > 0

    def _start(self, push: _Push) -> None:
        message = self._bindings.message("EntityWrench")()
        self._name(message.entity, push.entity)
        force = message.wrench.force
        force.x, force.y, force.z = (float(value) for value in push.force)
        self._push_on.publish(message)

    def _clear(self, entity: str) -> None:
        message = self._bindings.message("Entity")()
        self._name(message, entity)
        self._push_off.publish(message)

    def _name(self, message: Any, entity: str) -> None:
        message.name = entity
        message.type = self._bindings.message("Entity").LINK

    def _carrier(self, link: str) -> str:
        name = self._aliases.get(link or "torso", link)
        try:
            return carrier(self._lumps, name)[0]
        except KeyError:
            known = [part.name for lump in self._lumps.values() for part, _, _ in lump.members]
            known += self._aliases
            near = get_close_matches(link, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
            raise ValueError(f"unknown link '{link}'; {hint}") from None
