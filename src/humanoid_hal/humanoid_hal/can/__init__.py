"""CAN frames as batches, and the serial adapters that carry them as text. Pure: no port, no clock."""

from humanoid_hal.can.frames import EXTENDED, Frames

__all__ = ["EXTENDED", "Frames"]
