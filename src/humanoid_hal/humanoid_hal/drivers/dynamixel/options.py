"""What the hardware file may say about a Dynamixel bus."""

from dataclasses import dataclass
from typing import Literal

from humanoid_description.strict_yaml import key


@dataclass(frozen=True)
class DynamixelOptions:
    """A bus's `options`."""

    # current: the torque law of every command is computed here and sent as a goal current.
    # position: goal positions only, the servo's own gains; the controller cannot balance with it.
    # extended_position: the same over many turns, for gears behind the servo.
    # current_position: the same with at most the torque that `max_torque` in a joint's settings
    # allows (default: the servo's current limit).
    mode: Literal["current", "position", "extended_position", "current_position"] = "current"
    # The boards stop by themselves after this time without a packet; kept in steps of 20 ms.
    watchdog: float = key(0.1, unit="s", min=0.02, max=2.54)
    # Wait of a servo before it answers, set on every device (factory: 500 us).
    return_delay: float = key(0.0, unit="s", min=0.0, max=508e-6)
    # One packet for the answers of all servos. Not on every model and firmware (not on 2XL, 2XC).
    fast: bool = False
    # Temperature, voltage and errors of one device per so many cycles; 0: never.
    slow_every: int = key(25, min=0, max=1000)
