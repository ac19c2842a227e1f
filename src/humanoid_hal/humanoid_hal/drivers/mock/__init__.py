"""A robot without physics, for tests and integrators."""

from humanoid_hal.drivers.mock.driver import (
    MockDriver,
    MockFault,
    MockHardwareDriver,
    MockOptions,
)

__all__ = ["MockDriver", "MockFault", "MockHardwareDriver", "MockOptions"]
