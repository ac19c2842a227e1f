"""Servo boards and IMUs on serial and CAN buses."""

from humanoid_hal.drivers.boards.driver import BoardsDriver
from humanoid_hal.drivers.boards.options import BoardsOptions, BusOptions, ImuOptions, JointOptions

__all__ = ["BoardsDriver", "BoardsOptions", "BusOptions", "ImuOptions", "JointOptions"]
