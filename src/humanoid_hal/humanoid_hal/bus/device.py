"""Boards as data, and the one place where board shafts become joints.

A protocol knows shafts: radians, rad/s and N m at the output of its device. A joint is

    q = direction (shaft - zero) / gear,    tau = direction gear shaft_torque

where `gear` is what stands between that output and the joint (shaft turns per joint turn, >= 1
slows down), and `zero` [rad] is the shaft angle at which the joint reads 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.driver import Command

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Device:
    """One actuator on a bus."""

    joint: str  # its name in the joint table; empty for tools that know no robot
    id: int  # its address on the bus
    model: str  # a row of the family's model table
    direction: int = 1  # +1 or -1: sign of the joint against the shaft
    zero: float = 0.0  # [rad] shaft angle where the joint reads 0
    gear: float = 1.0  # shaft turns per joint turn
    settings: Mapping[str, float] = field(default_factory=dict)  # the family's own, by name

    def __str__(self) -> str:
        return f"{self.joint or 'device'} (id {self.id})"


class Shafts:
    """Converts between shafts and joints for the devices of one bus; arrays of shape (n,)."""

    def __init__(self, devices: Sequence[Device]) -> None:
        direction = np.array([float(device.direction) for device in devices])
        gear = np.array([device.gear for device in devices])
        self._zero = np.array([device.zero for device in devices])
        self._ratio = direction * gear  # shaft speed over joint speed
        self._square = gear * gear

    def position_to_joint(self, shaft: Array) -> Array:
        """Angles [rad]."""
        return (shaft - self._zero) / self._ratio

    def velocity_to_joint(self, shaft: Array) -> Array:
        """Speeds [rad/s]."""
        return shaft / self._ratio

    def effort_to_joint(self, shaft: Array) -> Array:
        """Torques [N m]."""
        return shaft * self._ratio

    def position_to_shaft(self, joint: Array) -> Array:
        """Angles [rad]."""
        return joint * self._ratio + self._zero

    def velocity_to_shaft(self, joint: Array) -> Array:
        """Speeds [rad/s]."""
        return joint * self._ratio

    def effort_to_shaft(self, joint: Array) -> Array:
        """Torques [N m]."""
        return joint / self._ratio

    def command_to_shaft(self, joint: Command) -> Command:
        """The same torque law seen from the shafts."""
        return Command(
            joint.position * self._ratio + self._zero,
            joint.velocity * self._ratio,
            joint.effort / self._ratio,
            joint.stiffness / self._square,
            joint.damping / self._square,
        )

    def command_to_joint(self, shaft: Command) -> Command:
        """The same torque law seen from the joints."""
        return Command(
            (shaft.position - self._zero) / self._ratio,
            shaft.velocity / self._ratio,
            shaft.effort * self._ratio,
            shaft.stiffness * self._square,
            shaft.damping * self._square,
        )
