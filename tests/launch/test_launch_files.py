"""The launch files as `ros2 launch` runs them, where launch is installed: a ROS 2 installation."""

import os
from pathlib import Path

import pytest

pytest.importorskip("launch_pytest", reason="launch_pytest comes with a ROS 2 installation only")

import launch_pytest
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

from humanoid_bringup.graph import CONTROL, HAL, PERCEPTION
from humanoid_bringup.link import Link
from humanoid_interfaces.msg import ModeState, SafetyState
from humanoid_runtime import topics
from launch import LaunchDescription

LAUNCH = Path(__file__).resolve().parents[2] / "launch"


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


@pytest.mark.launch(fixture=simulation)
def test_the_simulation_stands():
    with Link() as link:
        link.watch(ModeState, topics.MODE)
        assert link.wait(
            lambda: (state := link.latest(topics.MODE)) and state.mode == "stand", 60.0
        )


@pytest.mark.launch(fixture=hardware)
def test_hardware_comes_up_unarmed():
    with Link() as link:
        link.watch(SafetyState, topics.SAFETY_STATE)
        assert link.wait(lambda: link.latest(topics.SAFETY_STATE), 60.0)
        assert not link.latest(topics.SAFETY_STATE).armed
        expected = {link.absolute(name) for name in (HAL, PERCEPTION, CONTROL)}
        assert link.wait(lambda: expected <= link.nodes(), 30.0)
