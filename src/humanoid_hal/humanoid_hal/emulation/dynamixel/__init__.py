"""Emulated Dynamixels."""

from humanoid_hal.emulation.dynamixel.boards import DynamixelBoards

__all__ = ["DynamixelBoards"]
