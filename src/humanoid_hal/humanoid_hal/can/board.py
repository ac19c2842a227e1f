"""What every family of boards on CAN says about a board."""

from collections.abc import Sequence
from dataclasses import dataclass

from humanoid_hal.bus.device import Array, Device
from humanoid_hal.bus.protocol import BoardError


@dataclass(frozen=True, slots=True)
class BoardState:
    """What one answer says beside position, velocity and torque."""

    enabled: bool
    fault: str = ""  # of the fault table; '': none
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Values:
    """What the newest answers say; shape (n,), shaft side, NaN: they do not."""

    position: Array  # [rad]
    velocity: Array  # [rad/s]
    torque: Array  # [N m]
    temperature: Array  # [degC]
    voltage: Array  # [V]


def check_devices(devices: Sequence[Device], settings: Sequence[str], largest_id: int) -> None:
    """Raises BoardError on unknown settings, and on ids that are out of range or given twice."""
    seen: dict[int, Device] = {}
    for device in devices:
        strange = sorted(set(device.settings) - set(settings))
        if strange:
            known = ", ".join(settings) or "none"
            raise BoardError(f"{device}: no setting '{strange[0]}'; known: {known}")
        if not 1 <= device.id <= largest_id:
            raise BoardError(f"{device}: id must be in 1..{largest_id}")
        if device.id in seen:
            raise BoardError(f"{device} has the id of {seen[device.id]}")
        seen[device.id] = device
