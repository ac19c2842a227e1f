"""The translation of the graph into launch actions, against recorders in the place of `launch`.

`launch` is only on machines with a ROS 2 installation; there test_launch_files.py runs it for real.
"""

import runpy
import sys
import types
from dataclasses import fields
from pathlib import Path

import pytest

from humanoid_bringup import launch_glue
from humanoid_bringup.graph import HAL, NodeSpec, Options, graph

LAUNCH = Path(__file__).resolve().parents[2] / "launch"


class Recorded:
    """Remembers how it was made."""

    def __init__(self, *arguments, **settings):
        self.arguments = arguments
        self.settings = settings


class Context:
    """A launch context: the arguments given and whether everything is being stopped."""

    def __init__(self, given, is_shutdown=False):
        self.launch_configurations = given
        self.is_shutdown = is_shutdown


@pytest.fixture(autouse=True)
def recorders(monkeypatch):
    names = {
        "launch": ["LaunchDescription"],
        "launch.actions": [
            *("DeclareLaunchArgument", "OpaqueFunction", "SetEnvironmentVariable", "Shutdown")
        ],
        "launch.substitutions": ["EnvironmentVariable"],
        "launch_ros": [],
        "launch_ros.actions": ["LifecycleNode", "Node"],
    }
    made = {}
    for module_name, classes in names.items():
        module = types.ModuleType(module_name)
        for name in classes:
            made[name] = type(name, (Recorded,), {})
            setattr(module, name, made[name])
        monkeypatch.setitem(sys.modules, module_name, module)
    return made


@pytest.fixture
def robot(tmp_path, monkeypatch):
    directory = tmp_path / "robots" / "biped"
    (directory / "hardware").mkdir(parents=True)
    (directory / "robot.yaml").write_text("name: biped\n")
    (directory / "hardware" / "mujoco.yaml").write_text("driver: mujoco\n")
    monkeypatch.setenv("HUMANOID_CONFIG_PATH", str(tmp_path))
    return "biped"


def parts(description, kind):
    return [part for part in description.arguments[0] if isinstance(part, kind)]


def load(name):
    return runpy.run_path(str(LAUNCH / name))["generate_launch_description"]()


@pytest.mark.parametrize("name", ["sim.launch.py", "robot.launch.py"])
def test_every_option_is_an_argument_with_description(recorders, name):
    arguments = parts(load(name), recorders["DeclareLaunchArgument"])
    declared = {argument.arguments[0] for argument in arguments}
    assert declared == {"robot", "hardware", *(field.name for field in fields(Options))}
    assert all(argument.settings["description"] for argument in arguments)


def defaults(recorders, name):
    arguments = parts(load(name), recorders["DeclareLaunchArgument"])
    return {argument.arguments[0]: argument.settings["default_value"] for argument in arguments}


def test_the_simulation_starts_the_g1_in_mujoco_and_arms_it(recorders):
    given = defaults(recorders, "sim.launch.py")
    assert (given["robot"], given["hardware"]) == ("g1", "mujoco")
    assert (given["autostart"], given["startup_mode"]) == ("active", "stand")


def test_hardware_must_be_named_and_stays_inactive(recorders):
    given = defaults(recorders, "robot.launch.py")
    assert (given["robot"], given["hardware"]) == (None, None)
    assert (given["autostart"], given["startup_mode"]) == ("inactive", "damping")


def test_defaults_given_to_launch_come_back_as_the_same_options(recorders, robot):
    description = launch_glue.launch_description(robot, "mujoco")
    given = {
        argument.arguments[0]: argument.settings["default_value"]
        for argument in parts(description, recorders["DeclareLaunchArgument"])
    }
    (start,) = parts(description, recorders["OpaqueFunction"])
    nodes = start.settings["function"](Context(given))
    assert [node.settings["parameters"] for node in nodes] == [
        [dict(spec.parameters)] for spec in graph(robot, "mujoco", Options())
    ]


def test_arguments_arrive_in_the_nodes_with_their_types(recorders, robot):
    description = launch_glue.launch_description(robot, "mujoco", seed=1)
    given = {
        argument.arguments[0]: argument.settings["default_value"]
        for argument in parts(description, recorders["DeclareLaunchArgument"])
    }
    given |= {"paced": "false", "answer_timeout": "2.5", "realtime_priority": "80"}
    (start,) = parts(description, recorders["OpaqueFunction"])
    hal = start.settings["function"](Context(given))[0].settings["parameters"][0]
    values = (hal["paced"], hal["answer_timeout"], hal["realtime_priority"], hal["seed"])
    assert values == (False, 2.5, 80, 1)
    assert [type(value) for value in values] == [bool, float, int, int]


def test_only_the_hal_is_a_lifecycle_node_and_gets_the_long_grace_time(recorders, robot):
    hal, *others = launch_glue.launch_nodes(graph(robot, "mujoco"))
    assert isinstance(hal, recorders["LifecycleNode"])
    assert hal.settings["name"] == HAL
    assert all(isinstance(node, recorders["Node"]) for node in others)
    assert float(hal.settings["sigterm_timeout"]) > max(
        float(node.settings["sigterm_timeout"]) for node in others
    )


def test_remappings_environment_and_namespace_are_passed_on(recorders):
    spec = NodeSpec(
        *("package", "executable", "name"),
        remappings=(("a", "b"),),
        environment={"KEY": "value"},
        namespace="robot1",
    )
    (node,) = launch_glue.launch_nodes([spec])
    assert node.settings["remappings"] == [("a", "b")]
    assert node.settings["additional_env"]["KEY"] == "value"
    assert node.settings["namespace"] == "robot1"


def test_the_end_of_one_node_ends_the_launch_once(recorders):
    (node,) = launch_glue.launch_nodes([NodeSpec("package", "executable", "hal")])
    ended = node.settings["on_exit"]
    shutdown = ended(None, Context({}))
    assert isinstance(shutdown, recorders["Shutdown"])
    assert shutdown.settings["reason"] == "hal ended"
    assert ended(None, Context({}, is_shutdown=True)) is None


def test_discovery_is_limited_to_this_host_unless_set(recorders):
    (variable,) = parts(load("sim.launch.py"), recorders["SetEnvironmentVariable"])
    name, value = variable.arguments
    assert name == value.arguments[0] == "ROS_AUTOMATIC_DISCOVERY_RANGE"
    assert value.settings["default_value"] == "LOCALHOST"
