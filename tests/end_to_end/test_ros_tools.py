"""The running graph to ROS 2's own tools: `ros2 topic hz`, `ros2 lifecycle`, `ros2 param`.

Where the command `ros2` is not installed, plain clients of rclpy do what it does: same services,
same quality of service. What each transition does to a driver is in tests/hal/test_hal_node.py.
"""

import shutil
import subprocess
from itertools import pairwise

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetAvailableTransitions, GetState
from rcl_interfaces.msg import Parameter, ParameterType
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Imu, JointState

from humanoid_bringup.graph import CONTROL, HAL, PERCEPTION
from humanoid_bringup.link import Link
from humanoid_interfaces.msg import JointCommand, RobotState, SafetyState
from humanoid_runtime import topics
from humanoid_runtime.stamps import to_nanoseconds

from .conftest import PATIENCE, answer

pytestmark = pytest.mark.slow

NODES = (HAL, PERCEPTION, CONTROL)
STREAMS = {
    topics.JOINT_STATES: JointState,
    topics.IMU: Imu,
    topics.ROBOT_STATE: RobotState,
    topics.JOINT_COMMANDS: JointCommand,
}
PERIOD = 2_000_000  # [ns] of the G1 in MuJoCo
#: Parameters that rclpy declares on every node.
RCLPY = {"use_sim_time", "start_type_description_service"}

ros2_installed = pytest.mark.skipif(
    shutil.which("ros2") is None, reason="the command ros2 comes with a ROS 2 installation only"
)


def ros2(*arguments, seconds=PATIENCE):
    """What `ros2` says; one that goes on for ever is ended after `seconds`."""
    try:
        done = subprocess.run(
            ["ros2", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired as running:
        return (running.stdout or b"").decode()
    return done.stdout


# -- ros2 topic hz ------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", STREAMS)
def test_a_stream_has_one_message_for_each_sample_to_whoever_listens(standing, topic):
    """Told by stamps, with the quality of service of `ros2 topic hz`: what is lost leaves a gap."""
    stamps = []
    with Link() as link:
        link.node.create_subscription(
            STREAMS[topic],
            topic,
            lambda message: stamps.append(to_nanoseconds(message.header.stamp)),
            qos_profile_sensor_data,
        )
        assert link.wait(lambda: len(stamps) > 400, PATIENCE)
    steps = [after - before for before, after in pairwise(stamps)]
    assert min(steps) == PERIOD  # never two for one sample
    assert not [step for step in steps if step % PERIOD]
    assert steps.count(PERIOD) > len(steps) / 2


def test_each_sample_becomes_one_state_and_one_command(standing):
    """Over the stretch that all four were heard in, their stamps are the same ones."""
    heard = {topic: set() for topic in STREAMS}
    with Link() as link:
        for topic, kind in STREAMS.items():
            link.node.create_subscription(
                kind,
                topic,
                lambda message, topic=topic: heard[topic].add(to_nanoseconds(message.header.stamp)),
                qos_profile_sensor_data,
            )
        # A busy machine loses some of each: so long until a hundred samples lost nothing.
        assert link.wait(lambda: len(set.intersection(*heard.values())) > 100, PATIENCE)
    samples = heard[topics.JOINT_STATES]
    grid = {(stamp - min(samples)) % PERIOD for stamps in heard.values() for stamp in stamps}
    assert grid == {0}


@ros2_installed
@pytest.mark.parametrize("topic", STREAMS)
def test_ros2_topic_hz_shows_a_rate(standing, topic):
    shown = ros2("topic", "hz", f"/{topic}", "--window", "500", seconds=20.0)
    rates = [float(line.split()[-1]) for line in shown.splitlines() if "average rate" in line]
    assert rates, shown
    assert rates[-1] > 0.0


# -- ros2 lifecycle -----------------------------------------------------------------------------


class Lifecycle:
    """What `ros2 lifecycle get`, `list` and `set` ask of the HAL."""

    def __init__(self, link):
        self.link = link

    def state(self):
        found = self.link.call(GetState, f"{HAL}/get_state", GetState.Request(), PATIENCE)
        return found.current_state.label

    def offered(self):
        request = GetAvailableTransitions.Request()
        found = self.link.call(
            GetAvailableTransitions, f"{HAL}/get_available_transitions", request, PATIENCE
        )
        return {each.transition.label: each.transition.id for each in found.available_transitions}

    def set(self, label):
        request = ChangeState.Request(transition=Transition(id=self.offered()[label], label=label))
        return self.link.call(ChangeState, f"{HAL}/change_state", request, PATIENCE).success


def test_the_operator_takes_a_whole_graph_through_its_life(start):
    """As docs/ros.md tells it: nothing open, then readings, then torque, and back."""
    graph = start("up", "--robot", "g1", "--hardware", "mock", "--autostart", "none")
    with Link() as link:
        life = Lifecycle(link)
        link.watch(SafetyState, topics.SAFETY_STATE)
        link.watch(JointState, topics.JOINT_STATES, topics.STREAM)
        assert link.wait(lambda: link.offers(f"{HAL}/change_state"), PATIENCE)
        assert link.wait(lambda: link.node.count_publishers(topics.JOINT_COMMANDS), PATIENCE)

        def armed():
            state = link.latest(topics.SAFETY_STATE)
            return state is not None and state.armed

        def reads():
            link.forget(topics.JOINT_STATES)
            return link.wait(lambda: link.latest(topics.JOINT_STATES), PATIENCE)

        assert life.state() == "unconfigured"
        assert life.offered().keys() == {"configure", "shutdown"}
        assert link.latest(topics.JOINT_STATES) is None
        assert life.set("configure")
        assert life.state() == "inactive"
        assert life.offered().keys() == {"activate", "cleanup", "shutdown"}
        assert reads()
        assert not armed()
        assert life.set("activate")
        assert life.state() == "active"
        assert life.offered().keys() == {"deactivate", "shutdown"}
        assert link.wait(armed, PATIENCE)
        assert answer("status")[1]["hal_state"] == "active"
        assert life.set("deactivate")
        assert link.wait(lambda: not armed(), PATIENCE)
        assert reads()
        assert life.set("cleanup")
        assert life.state() == "unconfigured"
        assert life.set("configure")
        assert life.set("activate")
        assert link.wait(armed, PATIENCE)
        assert life.set("shutdown")
        assert life.state() == "finalized"
        assert life.offered() == {}
    assert graph.process.poll() is None  # until it is stopped


@ros2_installed
def test_ros2_lifecycle_drives_the_hal(start):
    start("up", "--robot", "g1", "--hardware", "mock", "--autostart", "none")
    with Link() as link:
        assert link.wait(lambda: link.offers(f"{HAL}/change_state"), PATIENCE)
    look = ("--no-daemon", "--spin-time", "5")
    for label, state in (
        ("configure", "inactive"), ("activate", "active"), ("deactivate", "inactive"),
        ("cleanup", "unconfigured"), ("shutdown", "finalized"),
    ):  # fmt: skip
        assert "Transitioning successful" in ros2("lifecycle", "set", f"/{HAL}", label, *look)
        assert ros2("lifecycle", "get", f"/{HAL}", *look).startswith(state)


# -- ros2 param ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def declared(standing):
    """node -> parameter name -> (descriptor, value), as `ros2 param` asks for them."""
    found = {}
    with Link() as link:
        for node in NODES:
            names = link.call(
                ListParameters, f"{node}/list_parameters", ListParameters.Request(), PATIENCE
            ).result.names
            described = link.call(
                *(DescribeParameters, f"{node}/describe_parameters"),
                *(DescribeParameters.Request(names=names), PATIENCE),
            ).descriptors
            values = link.call(
                *(GetParameters, f"{node}/get_parameters"),
                *(GetParameters.Request(names=names), PATIENCE),
            ).values
            found[node] = dict(zip(names, zip(described, values, strict=True), strict=True))
    return found


@pytest.mark.parametrize("node", NODES)
def test_every_parameter_is_described_and_a_number_lies_in_its_range(declared, node):
    ours = {name: both for name, both in declared[node].items() if name not in RCLPY}
    assert len(ours) > 3
    for name, (descriptor, value) in ours.items():
        assert len(descriptor.description) > 5, name
        assert descriptor.read_only, name
        assert descriptor.type == value.type != ParameterType.PARAMETER_NOT_SET, name
        if value.type == ParameterType.PARAMETER_INTEGER:
            (bounds,) = descriptor.integer_range
            assert bounds.from_value <= value.integer_value <= bounds.to_value, name
        if value.type == ParameterType.PARAMETER_DOUBLE:
            (bounds,) = descriptor.floating_point_range
            assert bounds.from_value <= value.double_value <= bounds.to_value, name


@pytest.mark.parametrize("node", NODES)
def test_no_parameter_of_a_running_node_can_be_set(declared, node):
    with Link() as link:
        for name, (_, value) in declared[node].items():
            if name in RCLPY:
                continue
            request = SetParameters.Request(parameters=[Parameter(name=name, value=value)])
            (result,) = link.call(
                SetParameters, f"{node}/set_parameters", request, PATIENCE
            ).results
            assert not result.successful, name
            assert "read-only" in result.reason
        request = SetParameters.Request(parameters=[Parameter(name="no_such_parameter")])
        (result,) = link.call(SetParameters, f"{node}/set_parameters", request, PATIENCE).results
        assert not result.successful
    assert answer("mode")[1]["mode"] == "stand"


@ros2_installed
def test_ros2_param_lists_describes_gets_and_is_refused(standing):
    look = ("--no-daemon", "--spin-time", "5")
    assert "answer_timeout" in ros2("param", "list", f"/{HAL}", *look)
    described = ros2("param", "describe", f"/{HAL}", "answer_timeout", *look)
    assert "longest wait [s]" in described
    assert "Min value: 0.001" in described
    assert "1.0" in ros2("param", "get", f"/{HAL}", "answer_timeout", *look)
    refused = ros2("param", "set", f"/{HAL}", "answer_timeout", "2.0", *look)
    assert "read-only" in refused
    assert "1.0" in ros2("param", "get", f"/{HAL}", "answer_timeout", *look)
