"""The translation of the graph into launch actions, against recorders in the place of `launch`.

`launch` is only on machines with a ROS 2 installation; there test_launch_files.py runs it for real.
"""

import runpy
import sys
import types
from dataclasses import fields
from pathlib import Path

import pytest

from humanoid_bringup import cli, launch_glue, session
from humanoid_bringup.commands import check_config
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
            *("DeclareLaunchArgument", "EmitEvent", "ExecuteProcess", "OpaqueFunction"),
            *("RegisterEventHandler", "SetEnvironmentVariable", "Shutdown"),
        ],
        "launch.event_handlers": ["OnProcessStart"],
        "launch.events": ["matches_action"],
        "launch.substitutions": ["EnvironmentVariable"],
        "launch_ros": [],
        "launch_ros.actions": ["LifecycleNode", "Node"],
        "launch_ros.event_handlers": ["OnStateTransition"],
        "launch_ros.events": [],
        "launch_ros.events.lifecycle": ["ChangeState"],
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


@pytest.mark.parametrize("name", ["sim.launch.py", "robot.launch.py", "gazebo.launch.py"])
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
    nodes = processes(start.settings["function"](Context(given)), recorders)
    expected = [dict(spec.parameters) for spec in graph(robot, "mujoco", Options())]
    expected[0]["autostart"] = "none"  # launch's events take the place of the HAL's own
    assert [node.settings["parameters"] for node in nodes] == [[each] for each in expected]


def processes(actions, recorders):
    """The actions that start a process."""
    kinds = (recorders["Node"], recorders["LifecycleNode"], recorders["ExecuteProcess"])
    return [action for action in actions if isinstance(action, kinds)]


@pytest.mark.parametrize("composed", [True, False])
@pytest.mark.parametrize("hardware", ["mujoco", "gazebo", "mock"])
@pytest.mark.parametrize("name", ["g1", "talos"])
def test_launch_and_the_command_line_start_the_same_graph(recorders, name, hardware, composed):
    """The CLI runs what `graph` says; so does launch, but for who takes the HAL to its state."""
    options = {"composed": composed, "startup_mode": "ready", "namespace": "robot1"}
    description = launch_glue.launch_description(name, hardware, **options)
    given = {
        argument.arguments[0]: argument.settings["default_value"]
        for argument in parts(description, recorders["DeclareLaunchArgument"])
    }
    (start,) = parts(description, recorders["OpaqueFunction"])
    nodes = processes(start.settings["function"](Context(given)), recorders)
    specs = graph(name, hardware, Options(**options))
    assert len(nodes) == len(specs)
    for node, spec in zip(nodes, specs, strict=True):
        launched, (parameters,) = node.settings, node.settings["parameters"]
        expected = dict(spec.parameters)
        if not composed and spec.name == HAL:
            assert expected.pop("autostart") == "active"
            assert parameters.pop("autostart") == "none"
        assert parameters == expected
        assert (launched["package"], launched["executable"]) == (spec.package, spec.executable)
        assert launched["name"] == (None if composed else spec.name)
        assert launched["namespace"] == spec.namespace == "robot1"
        assert launched["remappings"] == list(spec.remappings)


#: The command line, and the launch file with the arguments that say the same.
SAME = (
    ("sim", "sim.launch.py", {}),
    ("sim --hardware gazebo", "gazebo.launch.py", {}),
    ("up --robot g1 --hardware mock", "robot.launch.py", {"robot": "g1", "hardware": "mock"}),
    (
        "up --robot talos --hardware mock --mode ready --autostart none --no-incidents --realtime 60",
        "robot.launch.py",
        {
            "robot": "talos",
            "hardware": "mock",
            "startup_mode": "ready",
            "incidents": "none",
            "autostart": "none",
            "realtime_priority": "60",
        },
    ),
    (
        "sim --robot talos --mode walk --no-composed --free-running --cpus 0,1,1 --truth --viewer",
        "sim.launch.py",
        {
            "robot": "talos",
            "startup_mode": "walk",
            "composed": "false",
            "paced": "false",
            "cpus": "0,1,1",
            "publish_truth": "true",
            "viewer": "true",
        },
    ),
    (
        "sim --hardware can-emulated --seed 3 --namespace one --busy-wait --incidents",
        "sim.launch.py",
        {"hardware": "can-emulated", "seed": "3", "namespace": "one", "busy_wait": "true"},
    ),
)


@pytest.mark.parametrize(("line", "name", "arguments"), SAME, ids=[line for line, *_ in SAME])
def test_a_launch_file_starts_what_the_command_line_starts(
    recorders, monkeypatch, tmp_path, line, name, arguments
):
    """The nodes that each verb hands to its session, and those that launch is told to start."""
    monkeypatch.setenv("HUMANOID_LOG_DIR", str(tmp_path))
    started = []
    monkeypatch.setattr(check_config, "require", lambda *_: None)
    monkeypatch.setattr(session, "run", lambda _, specs, *__: started.extend(specs) or 0)
    assert cli.main(line.split()) == 0
    if "--incidents" in line:
        arguments = {**arguments, "incidents": str(tmp_path / "incidents")}
    description = load(name)
    (start,) = parts(description, recorders["OpaqueFunction"])
    actions = start.settings["function"](Context({**defaults(recorders, name), **arguments}))
    nodes = processes(actions, recorders)
    assert [node.settings["executable"] for node in nodes] == [each.executable for each in started]
    for node, spec in zip(nodes, started, strict=True):
        (parameters,) = node.settings["parameters"]
        expected = dict(spec.parameters)
        if spec.lifecycle:  # launch's events in the place of the HAL's own start
            parameters.pop("autostart")
            expected.pop("autostart")
        assert parameters == expected
        assert node.settings["namespace"] == spec.namespace
        assert node.settings["remappings"] == list(spec.remappings)


@pytest.mark.parametrize(
    ("autostart", "transitions"), [("none", []), ("inactive", [1]), ("active", [1, 3])]
)
def test_events_take_the_hal_to_its_state(recorders, robot, autostart, transitions):
    actions = launch_glue.launch_nodes(graph(robot, "mujoco", Options(autostart=autostart)))
    handlers = [a.arguments[0] for a in actions if isinstance(a, recorders["RegisterEventHandler"])]
    asked, ends = [], []
    for handler in handlers:
        (action,) = handler.settings.get("on_start") or handler.settings["entities"]
        goal = handler.settings.get("goal_state", "started")
        if isinstance(action, recorders["EmitEvent"]):
            asked.append((goal, action.settings["event"].settings["transition_id"]))
        else:
            ends.append(goal)
    assert asked == list(zip(["started", "inactive"], transitions, strict=False))
    # A driver that cannot be opened ends the launch.
    assert ends == (["unconfigured"] if transitions else [])


def test_a_replay_is_the_command_of_the_cli(recorders, tmp_path, monkeypatch):
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    program = tmp_path / "lib" / "humanoid_bringup" / "humanoid"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    description = load("replay.launch.py")
    arguments = parts(description, recorders["DeclareLaunchArgument"])
    given = {a.arguments[0]: a.settings["default_value"] for a in arguments}
    assert given["bag"] is None
    assert all(argument.settings["description"] for argument in arguments)
    (start,) = parts(description, recorders["OpaqueFunction"])
    (player,) = start.settings["function"](Context({**given, "bag": "run", "loop": "true"}))
    assert player.settings["cmd"] == [
        *(str(program), "replay", "run", "--live", "--rate", "1.0", "--start", "0.0", "--loop")
    ]


def test_arguments_arrive_in_the_nodes_with_their_types(recorders, robot):
    description = launch_glue.launch_description(robot, "mujoco", seed=1)
    given = {
        argument.arguments[0]: argument.settings["default_value"]
        for argument in parts(description, recorders["DeclareLaunchArgument"])
    }
    given |= {"paced": "false", "answer_timeout": "2.5", "realtime_priority": "80"}
    (start,) = parts(description, recorders["OpaqueFunction"])
    hal = processes(start.settings["function"](Context(given)), recorders)[0]
    hal = hal.settings["parameters"][0]
    values = (hal["paced"], hal["answer_timeout"], hal["realtime_priority"], hal["seed"])
    assert values == (False, 2.5, 80, 1)
    assert [type(value) for value in values] == [bool, float, int, int]


def test_only_the_hal_is_a_lifecycle_node_and_gets_the_long_grace_time(recorders, robot):
    hal, *others = processes(launch_glue.launch_nodes(graph(robot, "mujoco")), recorders)
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
