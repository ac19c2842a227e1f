"""One graph whatever it runs on: names, types, QoS, rates and frames are those of MuJoCo's.

Each hardware is started as a user starts it and looked at from outside; so is `ros2 launch`.
"""

import importlib
import os
import shutil
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest
from rcl_interfaces.srv import GetParameters, ListParameters

from humanoid_bringup.graph import CONTROL, HAL, PERCEPTION
from humanoid_bringup.link import Link
from humanoid_interfaces.msg import ModeState
from humanoid_runtime import topics
from humanoid_runtime.stamps import to_nanoseconds

from .conftest import PATIENCE, Graph, end_with_this_process, enter_domain

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STAND_IN = ROOT / "tests" / "gazebo" / "stand_in"
REFERENCE = "mujoco"
OTHERS = ("gazebo", "dynamixel-emulated", "can-emulated")

#: Topics that this process, not the graph, brings along, or that every node of ROS 2 has.
FOREIGN = {"/parameter_events", "/rosout"}
#: The streams whose rate is a promise; it is told from their stamps, which no lost message moves.
STREAMS = (topics.JOINT_STATES, topics.IMU, topics.ROBOT_STATE, topics.JOINT_COMMANDS, topics.ODOM)
SAMPLES = 400


def use_stand_in(patch):
    """Gazebo where it is installed, else the stand-in of tests/gazebo."""
    patch.setenv("PATH", f"{STAND_IN / 'bin'}{os.pathsep}{os.environ['PATH']}")
    patch.setenv("PYTHONPATH", str(STAND_IN / "python"))
    patch.setenv("GZ_STAND_IN_PYTHON", sys.executable)
    patch.setenv("GZ_STAND_IN", f"contract_{os.getpid()}")


def record(hardware, directory):
    """What a graph on `hardware` looks like from outside: topic -> what is promised of it."""
    with pytest.MonkeyPatch.context() as patch:
        enter_domain(patch)
        if hardware == "gazebo":
            use_stand_in(patch)
        graph = Graph(directory, "sim", "--hardware", hardware, "--composed")
        try:
            graph.wait_for_output("standing after")
            with Link() as link:
                return look(link)
        finally:
            graph.close()


def look(link):
    """The contract of every topic of the running graph."""
    known = {link.absolute(topics.JOINT_STATES), link.absolute(topics.MODE), "/diagnostics"}
    assert link.wait(lambda: known <= names(link), PATIENCE)
    link.spin(2.0)  # discovery tells of the rest
    contract, heard = {}, {}
    for topic in sorted(names(link)):
        (info, *more) = link.node.get_publishers_info_by_topic(topic)
        qos = info.qos_profile
        contract[topic] = {
            "type": info.topic_type,
            "publishers": 1 + len(more),
            "reliability": qos.reliability.name,
            "durability": qos.durability.name,
        }
        heard[topic] = listen(link, topic, info.topic_type)
    samples = heard[link.absolute(topics.JOINT_STATES)]
    assert link.wait(lambda: len(samples) >= SAMPLES, PATIENCE), len(samples)
    for topic, messages in heard.items():
        contract[topic]["frames"] = sorted({(frame, child) for _, frame, child in messages})
        if topic in map(link.absolute, STREAMS) or topic.startswith("/wrench/"):
            stamps = [stamp for stamp, _, _ in messages]
            steps = [later - earlier for earlier, later in pairwise(stamps)]
            contract[topic]["period_ms"] = round(median(steps) * 1e-6, 1) if steps else None
    return contract


def names(link):
    """Topics that somebody publishes."""
    listed = {name for name, _ in link.node.get_topic_names_and_types()}
    return {n for n in listed - FOREIGN if link.node.count_publishers(n)}


def listen(link, topic, kind):
    """The messages of a topic as they come: stamp [ns], frame, child frame; none of an action's."""
    found = []
    package, family, name = kind.split("/")
    if family == "action":
        return found
    message_type = getattr(importlib.import_module(f"{package}.msg"), name)

    def hear(message):
        header = getattr(message, "header", None)
        if header is not None:
            child = getattr(message, "child_frame_id", "")
            found.append((to_nanoseconds(header.stamp), header.frame_id, child))

    link.node.create_subscription(message_type, topic, hear, topics.STREAM)
    return found


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The graph on MuJoCo."""
    return record(REFERENCE, tmp_path_factory.mktemp(REFERENCE))


def test_the_reference_is_what_the_documentation_promises(reference):
    expected = {
        topics.JOINT_STATES: ("sensor_msgs/msg/JointState", "BEST_EFFORT", "VOLATILE"),
        topics.IMU: ("sensor_msgs/msg/Imu", "BEST_EFFORT", "VOLATILE"),
        topics.ROBOT_STATE: ("humanoid_interfaces/msg/RobotState", "BEST_EFFORT", "VOLATILE"),
        topics.JOINT_COMMANDS: ("humanoid_interfaces/msg/JointCommand", "BEST_EFFORT", "VOLATILE"),
        topics.ROBOT_DESCRIPTION: ("std_msgs/msg/String", "RELIABLE", "TRANSIENT_LOCAL"),
        topics.SAFETY_STATE: ("humanoid_interfaces/msg/SafetyState", "RELIABLE", "VOLATILE"),
        "clock": ("rosgraph_msgs/msg/Clock", "RELIABLE", "VOLATILE"),
    }
    for topic, (kind, reliability, durability) in expected.items():
        found = reference[f"/{topic}"]
        assert (found["type"], found["reliability"], found["durability"]) == (
            kind,
            reliability,
            durability,
        )
    periods = {stream: reference[f"/{stream}"]["period_ms"] for stream in STREAMS}
    assert periods == {**dict.fromkeys(STREAMS, 2.0), topics.ODOM: 10.0}
    assert reference["/imu/data"]["frames"] == [("imu_in_pelvis", "")]
    assert reference["/odom"]["frames"] == [("odom", "base_link")]  # REP-105
    assert reference["/wrench/l_sole"]["frames"] == [("l_sole", "")]  # REP-120
    assert reference["/joint_commands"]["publishers"] == 1


@pytest.mark.parametrize("hardware", OTHERS)
def test_the_graph_is_the_same_on(hardware, reference, tmp_path):
    found = record(hardware, tmp_path)
    assert set(found) == set(reference)
    differing = {
        topic: (found[topic], reference[topic])
        for topic in reference
        if found[topic] != reference[topic]
    }
    assert not differing


# -- ros2 launch --------------------------------------------------------------------------------


def parameters(link):
    """node -> parameter -> value of a running graph, but what launch's events take the place of."""
    found = {}
    for node in (HAL, PERCEPTION, CONTROL):
        names = link.call(
            ListParameters, f"{node}/list_parameters", ListParameters.Request(), PATIENCE
        ).result.names
        values = link.call(
            *(GetParameters, f"{node}/get_parameters"),
            *(GetParameters.Request(names=names), PATIENCE),
        ).values
        found[node] = {name: str(value) for name, value in zip(names, values, strict=True)}
    found[HAL].pop("autostart")
    return found


def stands(link):
    link.watch(ModeState, topics.MODE)
    return link.wait(
        lambda: (state := link.latest(topics.MODE)) and state.mode == "stand", PATIENCE
    )


def look_at_all(link):
    assert stands(link)
    nodes = {
        name for name in link.nodes() if not name.startswith(("/launch_ros_", "/humanoid_cli_"))
    }
    return {"nodes": nodes, "topics": look(link), "parameters": parameters(link)}


@pytest.mark.skipif(
    shutil.which("ros2") is None, reason="the command ros2 comes with a ROS 2 installation only"
)
@pytest.mark.parametrize("composed", [True, False])
def test_ros2_launch_brings_up_the_graph_of_the_command_line(composed, tmp_path, monkeypatch):
    enter_domain(monkeypatch)
    graph = Graph(tmp_path, "sim", "--composed" if composed else "--no-composed")
    try:
        with Link() as link:
            expected = look_at_all(link)
    finally:
        graph.close()
    enter_domain(monkeypatch)
    launched = subprocess.Popen(
        ["ros2", "launch", "humanoid_bringup", "sim.launch.py", f"composed:={composed}".lower()],
        start_new_session=True,
        preexec_fn=end_with_this_process,
    )
    try:
        with Link() as link:
            found = look_at_all(link)
        launched.send_signal(signal.SIGINT)
        assert launched.wait(PATIENCE) == 0
    finally:
        launched.kill()
    for part, of in expected.items():
        assert found[part] == of, part
