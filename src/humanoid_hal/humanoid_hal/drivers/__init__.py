"""Drivers by name: those of this package, and those that others registered as entry points."""

from importlib import import_module
from importlib.metadata import entry_points

from humanoid_description.problems import nearest
from humanoid_hal.driver import Driver

#: Entry point group in which other packages register their drivers.
GROUP = "humanoid_hal.drivers"

#: The drivers of this package. Imported on first use: hardware needs no simulator.
BUILT_IN = {
    "mock": "humanoid_hal.drivers.mock:MockDriver",
    "mock_hardware": "humanoid_hal.drivers.mock:MockHardwareDriver",
    "mujoco": "humanoid_hal.drivers.mujoco:MujocoDriver",
}


class DriverLookupError(Exception):
    """There is no such driver, or it cannot be loaded. The message names the known ones."""


def driver_names() -> tuple[str, ...]:
    """The names that :func:`find_driver` knows, sorted."""
    return tuple(sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))}))


def find_driver(name: str) -> type[Driver]:
    """The driver called `name`; this package's own ones come first. Raises DriverLookupError."""
    try:
        if name in BUILT_IN:
            module, _, attribute = BUILT_IN[name].partition(":")
            found = getattr(import_module(module), attribute)
        else:
            entries = list(entry_points(group=GROUP, name=name))
            if not entries:
                known = driver_names()
                raise DriverLookupError(
                    f"no driver '{name}'{nearest(name, known)}; known: {', '.join(known)}"
                )
            found = entries[0].load()
    except (ImportError, AttributeError) as error:
        raise DriverLookupError(
            f"driver '{name}' cannot be loaded: {error}; install what it needs"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Driver)):
        raise DriverLookupError(f"driver '{name}' is {found!r}, not a humanoid_hal.driver.Driver")
    return found
