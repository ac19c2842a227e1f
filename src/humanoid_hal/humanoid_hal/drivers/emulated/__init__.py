"""The boards driver on emulated boards, in lock-step with a simulated robot."""

from humanoid_hal.drivers.emulated.driver import EmulatedDriver
from humanoid_hal.drivers.emulated.options import EmulatedOptions

__all__ = ["EmulatedDriver", "EmulatedOptions"]
