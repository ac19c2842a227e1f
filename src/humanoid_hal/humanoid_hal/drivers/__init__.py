"""Drivers by name: those of this package, and those that others registered as entry points."""

from humanoid_hal.driver import Driver
from humanoid_hal.lookup import Registry
from humanoid_hal.lookup import UnknownNameError as DriverLookupError

__all__ = ["BUILT_IN", "DRIVERS", "GROUP", "DriverLookupError", "driver_names", "find_driver"]

#: Entry point group in which other packages register their drivers.
GROUP = "humanoid_hal.drivers"

#: The drivers of this package. Imported on first use: hardware needs no simulator.
BUILT_IN = {
    "boards": "humanoid_hal.drivers.boards:BoardsDriver",
    "emulated": "humanoid_hal.drivers.emulated:EmulatedDriver",
    "gazebo": "humanoid_hal.drivers.gazebo.driver:GazeboDriver",
    "mock": "humanoid_hal.drivers.mock:MockDriver",
    "mock_hardware": "humanoid_hal.drivers.mock:MockHardwareDriver",
    "mujoco": "humanoid_hal.drivers.mujoco:MujocoDriver",
}

DRIVERS = Registry("driver", GROUP, BUILT_IN)


def driver_names() -> tuple[str, ...]:
    """The names that :func:`find_driver` knows, sorted."""
    return DRIVERS.names()


def find_driver(name: str) -> type[Driver]:
    """The driver called `name`; this package's own ones come first. Raises DriverLookupError."""
    return DRIVERS.find(name, Driver)  # type: ignore[type-abstract]
