"""The launch files as `ros2 launch` runs them, where launch is installed: a ROS 2 installation."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("launch_pytest", reason="launch_pytest comes with a ROS 2 installation only")

import launch_pytest
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from sensor_msgs.msg import JointState

from humanoid_bringup.graph import CONTROL, HAL, PERCEPTION
from humanoid_bringup.link import Link
from humanoid_interfaces.msg import ModeState, SafetyState
from humanoid_runtime import topics
from launch import LaunchDescription

LAUNCH = Path(__file__).resolve().parents[2] / "launch"
BAG = LAUNCH.parent / "tests" / "replay" / "bags" / "stand"


def include(name, **arguments):
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
    source = PythonLaunchDescriptionSource(str(LAUNCH / name))
    return LaunchDescription(
        [
            IncludeLaunchDescription(source, launch_arguments=list(arguments.items())),
            launch_pytest.actions.ReadyToTest(),
        ]
    )


@launch_pytest.fixture
def simulation():
    return include("sim.launch.py", paced="false")


@launch_pytest.fixture
def hardware():
    return include("robot.launch.py", robot="g1", hardware="mock")


@launch_pytest.fixture
def separate():
    return include("sim.launch.py", paced="false", composed="false")


@launch_pytest.fixture
def gazebo():
    for name, value in stand_in().items():
        os.environ[name] = value
    return include("gazebo.launch.py", paced="false")


@launch_pytest.fixture
def replay():
    return include("replay.launch.py", bag=str(BAG), loop="true")


def stand_in():
    """The stand-in of tests/gazebo where Gazebo is not installed."""
    if shutil.which("gz") is not None:
        return {}
    folder = LAUNCH.parent / "tests" / "gazebo" / "stand_in"
    return {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(folder / "python"), os.environ.get("PYTHONPATH", "")]),
        "GZ_STAND_IN_PYTHON": sys.executable,
        "GZ_STAND_IN": f"launch_{os.getpid()}",
    }


def stands(link):
    link.watch(ModeState, topics.MODE)
    return link.wait(lambda: (state := link.latest(topics.MODE)) and state.mode == "stand", 60.0)


@pytest.mark.launch(fixture=separate)
def test_events_arm_the_hal_of_its_own_process():
    with Link() as link:
        assert stands(link)
        link.watch(SafetyState, topics.SAFETY_STATE)
        assert link.wait(lambda: (state := link.latest(topics.SAFETY_STATE)) and state.armed, 60.0)


@pytest.mark.launch(fixture=gazebo)
def test_it_stands_in_gazebo():
    with Link() as link:
        assert stands(link)


@pytest.mark.launch(fixture=replay)
def test_a_bag_is_played_over_live_topics():
    with Link() as link:
        link.watch(JointState, topics.JOINT_STATES, topics.STREAM)
        assert link.wait(lambda: link.latest(topics.JOINT_STATES), 60.0)


@pytest.mark.launch(fixture=simulation)
def test_the_simulation_stands():
    with Link() as link:
        assert stands(link)


@pytest.mark.launch(fixture=hardware)
def test_hardware_comes_up_unarmed():
    with Link() as link:
        link.watch(SafetyState, topics.SAFETY_STATE)
        assert link.wait(lambda: link.latest(topics.SAFETY_STATE), 60.0)
        assert not link.latest(topics.SAFETY_STATE).armed
        expected = {link.absolute(name) for name in (HAL, PERCEPTION, CONTROL)}
        assert link.wait(lambda: expected <= link.nodes(), 30.0)


@pytest.mark.skipif(shutil.which("ros2") is None, reason="no command ros2 on the PATH")
def test_a_driver_that_cannot_be_opened_ends_the_launch(tmp_path):
    hardware = tmp_path / "nobody.yaml"
    hardware.write_text("driver: gazebo\noptions: {server: attach, patience: 1.0}\n")
    done = subprocess.run(
        ["ros2", "launch", "humanoid_bringup", "robot.launch.py", "robot:=g1",
         f"hardware:={hardware}", "incidents:=none"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120.0,
        env={**os.environ, "GZ_PARTITION": "nobody_is_here"},
    )  # fmt: skip
    assert "driver 'gazebo': " in done.stdout
    assert done.stdout.count("process has finished cleanly") == 3
