"""Drivers are found by name; other packages add theirs as entry points."""

from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from humanoid_hal import drivers, lookup
from humanoid_hal.driver import Driver
from humanoid_hal.drivers import BUILT_IN, DriverLookupError, driver_names, find_driver
from humanoid_hal.drivers.mock import MockDriver

Install = Callable[[str], None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes an entry point `acme` that points to the given object."""

    def make(target: str) -> None:
        entry = EntryPoint("acme", target, drivers.GROUP)

        def entry_points(*, group: str, name: str | None = None) -> list[EntryPoint]:
            assert group == "humanoid_hal.drivers"
            return [entry] if name in (None, "acme") else []

        monkeypatch.setattr(lookup, "entry_points", entry_points)

    return make


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_driver_of_this_package_is_found(name: str) -> None:
    assert issubclass(find_driver(name), Driver)


def test_an_entry_point_adds_a_driver(install: Install) -> None:
    install("humanoid_hal.drivers.mock:MockDriver")
    assert find_driver("acme") is MockDriver
    assert driver_names() == tuple(sorted(("acme", *BUILT_IN)))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(DriverLookupError, match="no driver 'mujco'; did you mean 'mujoco'"):
        find_driver("mujco")


@pytest.mark.parametrize("target", ["no_such_module:Driver", "humanoid_hal.driver:NoSuchDriver"])
def test_a_driver_that_cannot_be_loaded_says_why(install: Install, target: str) -> None:
    install(target)
    with pytest.raises(
        DriverLookupError, match=r"'acme' cannot be loaded: .*install what it needs"
    ):
        find_driver("acme")


@pytest.mark.parametrize("target", ["humanoid_hal.driver:Sample", "humanoid_hal.faults:MS"])
def test_something_that_is_no_driver_is_refused(install: Install, target: str) -> None:
    install(target)
    with pytest.raises(DriverLookupError, match=r"not a humanoid_hal.driver.Driver"):
        find_driver("acme")
