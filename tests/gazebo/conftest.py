"""Gazebo, real where it is installed, and the stand-in everywhere."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from humanoid_description import load_robot
from humanoid_hal.driver import Command, DriverError
from humanoid_hal.drivers.gazebo import GazeboDriver, GazeboOptions
from humanoid_hal.drivers.gazebo.bindings import find_bindings, find_gazebo
from humanoid_hal.drivers.gazebo.files import write_files
from humanoid_hal.drivers.gazebo.server import clean_environment

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).parent / "stand_in"


def forget_bindings():
    """The next import finds the modules `gz` of another Gazebo."""
    for name in [name for name in sys.modules if name == "gz" or name.startswith("gz.")]:
        del sys.modules[name]


@contextmanager
def stand_in():
    """The stand-in's command, modules and server are Gazebo within this context."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{STAND_IN / 'bin'}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("PYTHONPATH", str(STAND_IN / "python"))
        patch.setenv("GZ_STAND_IN_PYTHON", sys.executable)
        patch.setenv("GZ_STAND_IN", str(os.getpid()))
        patch.syspath_prepend(str(STAND_IN / "python"))
        forget_bindings()
        yield
    forget_bindings()


@pytest.fixture(scope="module", params=["stand-in", "real"])
def gazebo(request):
    """Which Gazebo a test runs against."""
    if request.param == "stand-in":
        with stand_in():
            yield request.param
        return
    if shutil.which("gz") is None:
        pytest.skip("the real Gazebo: no command `gz` on the PATH")
    try:
        find_bindings()
    except DriverError as error:
        pytest.skip(f"the real Gazebo: {error}")
    yield request.param


@pytest.fixture(scope="session")
def g1():
    return load_robot(ROOT / "config" / "robots" / "g1")


@pytest.fixture(scope="session")
def hold(g1):
    """A command that holds the ready pose with the table's gains."""
    zeros = np.zeros(len(g1.joints))
    return Command(g1.poses["ready"], zeros, zeros, g1.column("stiffness"), g1.column("damping"))


@pytest.fixture
def start_server(g1, gazebo, tmp_path, monkeypatch):
    """Starts `gz sim -s` as a user does, in a partition of this test's; killed after it."""
    monkeypatch.setenv("GZ_PARTITION", f"attached_{os.getpid()}")
    world = write_files(g1, GazeboOptions(), tmp_path)
    started = []

    def start():
        environment = {**clean_environment(), "GZ_SIM_SYSTEM_PLUGIN_PATH": str(tmp_path)}
        started.append(
            subprocess.Popen(
                [find_gazebo(), "sim", "-s", str(world)], env=environment, start_new_session=True
            )
        )
        return started[-1]

    yield start
    for server in started:
        kill_server(server)


def kill_server(server):
    """End a server of `start_server` and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


@pytest.fixture
def make(g1, gazebo):
    """Makes an open driver with options; closed after the test."""
    made = []

    def build(**options):
        driver = GazeboDriver(g1, GazeboOptions(**options))
        made.append(driver)
        driver.open()
        return driver

    yield build
    for driver in made:
        driver.close()


@pytest.fixture(scope="module")
def _shared(g1, gazebo):
    driver = GazeboDriver(g1, GazeboOptions())
    driver.open()
    yield driver
    driver.close()


@pytest.fixture
def driver(_shared):
    """The module's driver in lock-step, its world at the start."""
    _shared.world.reset()
    return _shared
