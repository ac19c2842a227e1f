"""The shafts between emulated boards and what moves them."""

from collections.abc import Sequence

import numpy as np

from humanoid_hal.bus.device import Array, Device, Shafts
from humanoid_hal.driver import Command

#: [degC], [V] where a plant knows neither.
AMBIENT, SUPPLY = 25.0, 24.0


class Motors:
    """The devices of one bus, seen from their output shafts. All arrays have shape (n,).

    The plant writes what is measured; the boards write the torque law they execute, which holds
    until they change it: tau = effort + stiffness (target - position) + damping (speed - velocity).
    """

    def __init__(self, devices: Sequence[Device]) -> None:
        n = len(devices)
        self.devices = tuple(devices)
        self.shafts = Shafts(devices)
        self.position: Array = np.zeros(n)  # [rad]
        self.velocity: Array = np.zeros(n)  # [rad/s]
        self.torque: Array = np.zeros(n)  # [N m]
        self.before: Array = np.zeros((3, n))  # position, velocity and torque of a period ago
        self.temperature: Array = np.full(n, AMBIENT)  # [degC]
        self.voltage: Array = np.full(n, SUPPLY)  # [V]
        self.target: Array = np.zeros(n)  # [rad]
        self.speed: Array = np.zeros(n)  # [rad/s]
        self.effort: Array = np.zeros(n)  # [N m]
        self.stiffness: Array = np.zeros(n)  # [N m/rad]
        self.damping: Array = np.zeros(n)  # [N m s/rad]
        self.powered = np.zeros(n, dtype=bool)  # torque is on

    def relax(self, device: int) -> None:
        """No torque from this device."""
        for law in (self.effort, self.stiffness, self.damping):
            law[device] = 0.0
        self.powered[device] = False

    def law(self) -> Command:
        """The torque law that acts now, seen from the joints."""
        return self.shafts.command_to_joint(
            Command(self.target, self.speed, self.effort, self.stiffness, self.damping)
        )

    def measure(self, position: Array, velocity: Array, effort: Array) -> None:
        """Take joint-side measurements ([rad], [rad/s], [N m])."""
        self.before[:] = self.position, self.velocity, self.torque
        self.position[:] = self.shafts.position_to_shaft(position)
        self.velocity[:] = self.shafts.velocity_to_shaft(velocity)
        self.torque[:] = self.shafts.effort_to_shaft(effort)
