"""What moves the emulated shafts: a model of free motors, or a robot in MuJoCo."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from humanoid_description import RobotDescription
from humanoid_hal.driver import Array, Command, ImuSample, World
from humanoid_hal.drivers.mock import MockDriver, MockOptions
from humanoid_hal.emulation.motors import Motors

#: Of a motor's heating model: [K] of the winding at the torque limit, for ever, and its time
#: constant [s]. Assumed: small geared drives reach their limit in minutes.
FULL_HEAT, HEAT_TIME = 60.0, 120.0
_AMBIENT = 25.0  # [degC]
#: [rad/s] at which a hand moves a joint.
HAND = 1.0


@dataclass(slots=True)
class Group:
    """The motors of one bus and where they sit in the joint table."""

    motors: Motors
    columns: NDArray[np.intp]


class Plant(ABC):
    """What is behind emulated boards; `stamp` [ns] counts its time."""

    groups: Sequence[Group] = ()  # the motors that it moves
    stamp: int = 0
    imu: ImuSample | None = None
    wrenches: Array | None = None  # shape (feet, 6), as of Sample
    world: World | None = None

    @abstractmethod
    def advance(self, period: float) -> None:
        """Let `period` [s] pass."""


@dataclass
class Driven(Plant):
    """Moves all motors of a robot, each by the torque law of its board."""

    robot: RobotDescription
    groups: Sequence[Group]
    _heat: Array = field(default_factory=lambda: np.zeros(0), init=False)

    def advance(self, period: float) -> None:
        """Let the boards' torque laws act for `period` [s], and measure."""
        n = len(self.robot.joints)
        law = Command(*(np.zeros(n) for _ in Command.__slots__))
        powered = False
        for group in self.groups:
            mine = group.motors.law()
            powered |= bool(group.motors.powered.any())
            for name in Command.__slots__:
                getattr(law, name)[group.columns] = getattr(mine, name)
        position, velocity, effort = self._move(law, powered, period)
        self._warm(effort, period)
        for group in self.groups:
            at = group.columns
            group.motors.measure(position[at], velocity[at], effort[at])
            group.motors.temperature[:] = _AMBIENT + self._heat[at]

    @abstractmethod
    def _move(self, law: Command, powered: bool, period: float) -> tuple[Array, Array, Array]:
        """Position [rad], velocity [rad/s] and torque [N m] of all joints, shape (n,)."""

    def _warm(self, effort: Array, period: float) -> None:
        """One thermal mass per motor, heated by the square of its torque."""
        if not self._heat.size:
            self._heat = np.zeros(len(effort))
        load = effort / self.robot.column("effort")
        self._heat += period / HEAT_TIME * (FULL_HEAT * load * load - self._heat)


class FreeMotors(Driven):
    """Every joint an inertia under its torque law, weightless (the mock driver's joints)."""

    def __init__(
        self,
        robot: RobotDescription,
        groups: Sequence[Group],
        rate: float,
        options: MockOptions | None = None,
    ) -> None:
        """`rate` [Hz] at which it is advanced."""
        super().__init__(robot, groups)
        self._driver = MockDriver(robot, replace(options or MockOptions(), control_rate=rate))
        self._driver.open()
        self._held: dict[int, float] = {}  # where hands take joints [rad], by row of the table
        self.advance(0.0)

    def take(self, joint: str, position: float) -> None:
        """A hand takes `joint` to `position` [rad] and holds it there, as long as it has no torque."""
        self._held[self.robot.index[joint]] = position

    def _move(self, law: Command, powered: bool, period: float) -> tuple[Array, Array, Array]:
        self._driver.enable(True)
        self._driver.write(law)
        if powered:
            self._held.clear()
        positions = self._driver.position
        for row, wanted in self._held.items():
            step = HAND * period
            positions[row] += np.clip(wanted - positions[row], -step, step)
        sample = self._driver.read()
        self.stamp, self.imu, self.wrenches = sample.stamp, sample.imu, sample.wrenches
        return sample.position, sample.velocity, sample.effort
