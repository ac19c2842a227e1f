"""What is not installed is said, with what to install."""

import importlib

import pytest

from humanoid_hal.driver import DriverError
from humanoid_hal.drivers.gazebo import GazeboDriver, bindings
from humanoid_hal.drivers.gazebo.torque_law import newest

from .conftest import forget_bindings, stand_in


@pytest.fixture
def nothing(monkeypatch, tmp_path):
    """A machine without Gazebo."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(bindings, "_system_folders", list)
    forget_bindings()


@pytest.mark.skipif(importlib.util.find_spec("gz") is not None, reason="Gazebo is installed")
def test_without_bindings_the_packages_to_install_are_named(nothing, g1):
    driver = GazeboDriver(g1)
    with pytest.raises(DriverError, match=r"bindings cannot be loaded.*ros-jazzy-ros-gz"):
        driver.open()
    driver.close()


def test_without_the_command_the_packages_to_install_are_named(g1, monkeypatch, tmp_path):
    with stand_in():
        monkeypatch.setenv("PATH", str(tmp_path))
        driver = GazeboDriver(g1)
        with pytest.raises(DriverError, match=r"`gz` is not on the PATH; install Gazebo Harmonic"):
            driver.open()
        driver.close()


def test_bindings_of_the_system_are_found_where_python_does_not_look(monkeypatch, tmp_path):
    with stand_in():
        folder = bindings.importlib.util.find_spec("gz").submodule_search_locations
        python = next(iter(folder)).removesuffix("/gz")
    monkeypatch.setattr(bindings, "_system_folders", lambda: [tmp_path, bindings.Path(python)])
    monkeypatch.setattr("sys.path", list(bindings.sys.path))
    forget_bindings()
    try:
        assert bindings.find_bindings().transport.__name__ == "gz.transport13"
        assert bindings.sys.path[-1] == python  # behind everything else
    finally:
        forget_bindings()


def test_the_newest_release_of_several_is_taken(monkeypatch, tmp_path):
    for name in ("transport9", "transport13", "transport_tools", "msgs10"):
        (tmp_path / "gz" / name).mkdir(parents=True)
        (tmp_path / "gz" / name / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    forget_bindings()
    try:
        assert newest("transport").__name__ == "gz.transport13"
        with pytest.raises(ImportError, match=r"no module gz\.sim<number>"):
            newest("sim")
    finally:
        forget_bindings()


def test_a_server_that_ends_at_once_is_told_with_its_last_words(g1, monkeypatch, tmp_path):
    with stand_in():
        command = tmp_path / "gz"
        command.write_text("#!/bin/sh\necho 'cannot open the world'\nexit 3\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        driver = GazeboDriver(g1)
        with pytest.raises(DriverError, match="ended with exit code 3: cannot open the world"):
            driver.open()
