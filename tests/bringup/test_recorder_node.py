"""The recorder as a node, in this process, beside a pretended graph in a domain of its own."""

import os
import threading
import time

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import Bool

from humanoid_bringup import recorder_node
from humanoid_bringup.bags.bag import Bag
from humanoid_bringup.bags.explain import explain
from humanoid_bringup.bags.incident_file import incident_files
from humanoid_bringup.bags.unit import message_class
from humanoid_bringup.recorder_node import RecorderNode, expected
from humanoid_interfaces.msg import SafetyState
from humanoid_runtime import topics

PATIENCE = 60.0  # [s] bound of every wait


class Graph:
    """Publishes on every topic of the graph and answers for its parameters, in a thread."""

    def __init__(self, domain):
        self._context = Context()
        rclpy.init(args=[], context=self._context, domain_id=domain)
        self.node = rclpy.create_node("humanoid_hal", context=self._context)
        self.node.declare_parameter("robot", "some/robot.yaml")
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._publishers = {
            name: self.node.create_publisher(
                message_class(kind),
                name,
                topics.LATCHED if name == topics.ROBOT_DESCRIPTION else topics.STREAM,
            )
            for name, kind in expected("g1").items()
        }
        self.safety = SafetyState(armed=True)
        self.heard = {"recording": [], "diagnostics": []}
        for kind, name, key, qos in (
            (Bool, topics.RECORDING, "recording", topics.LATCHED),
            (DiagnosticArray, topics.DIAGNOSTICS, "diagnostics", topics.EVENT),
        ):
            self.node.create_subscription(kind, name, self.heard[key].append, qos)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ending.is_set():
            for name, publisher in self._publishers.items():
                message = publisher.msg_type()
                publisher.publish(self.safety if name == topics.SAFETY_STATE else message)
            for _ in range(5):
                self._executor.spin_once(timeout_sec=0.002)

    def close(self):
        self._ending.set()
        self._thread.join()
        self._executor.shutdown(timeout_sec=0)
        self.node.destroy_node()
        self._context.try_shutdown()


@pytest.fixture
def graph(monkeypatch):
    domain = 1 + os.getpid() * 11 % 100
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    graph = Graph(domain)
    yield graph
    graph.close()


@pytest.fixture
def make(graph, monkeypatch):
    """Makes the node with parameters; closed after the test."""
    made = []
    monkeypatch.setattr(recorder_node, "give_way", lambda: None)  # not this process

    def make(**parameters):
        words = [w for k, v in {"robot": "g1", **parameters}.items() for w in ("-p", f"{k}:={v}")]
        rclpy.init(args=["--ros-args", *words])
        made.append(RecorderNode())
        return made[-1]

    def close():
        while made:
            made.pop().close()
        rclpy.try_shutdown()

    make.close = close
    yield make
    close()


def turn_until(node, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        node.turn()
        time.sleep(0.01)


def test_it_says_that_it_records_when_every_topic_has_come(graph, make, tmp_path):
    node = make(path=tmp_path / "bag", startup_mode="stand")
    turn_until(node, lambda: graph.heard["recording"])
    make.close()
    with Bag(tmp_path / "bag") as bag:
        assert {f"/{name}" for name in expected("g1")} <= set(bag.topics)
        assert bag.custom["startup_mode"] == "stand"
        for name in recorder_node.REQUIRED:
            assert bag.topics[f"/{name}"].count >= 1


def test_a_full_disk_ends_the_bag_in_order_and_is_said_again_and_again(graph, make, tmp_path):
    node = make(path=tmp_path / "bag", reserve_mb=10**9)
    turn_until(node, lambda: len(graph.heard["diagnostics"]) >= 2)
    (status,) = graph.heard["diagnostics"][0].status
    assert "recording stopped" in status.message
    assert "must stay" in status.message
    Bag(tmp_path / "bag").close()


def test_a_disk_that_cannot_be_written_does_not_end_the_node(graph, make, tmp_path, monkeypatch):
    node = make(path=tmp_path / "bag")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("humanoid_bringup.bags.mcap_writer.McapWriter.write", fail)
    turn_until(node, lambda: graph.heard["diagnostics"])
    assert "No space left" in graph.heard["diagnostics"][0].status[0].message


def test_a_reaction_of_damp_is_one_file_with_parameters_and_all_topics(graph, make, tmp_path):
    node = make(incidents=tmp_path / "incidents", hardware="mujoco")
    turn_until(node, lambda: node._incidents._parameters.values)
    turn_until(
        node, lambda: all(node._recorder.counts.get(f"/{n}") for n in recorder_node.REQUIRED)
    )
    graph.safety = SafetyState(reaction=SafetyState.DAMP, active=["bus_lost: no answer for 3 ms"])
    turn_until(node, lambda: incident_files(tmp_path / "incidents"))
    (file,) = incident_files(tmp_path / "incidents")
    found = explain(file)
    assert found.incident.reasons == ("bus_lost: no answer for 3 ms",)
    assert found.circumstances.parameters["/humanoid_hal"]["robot"] == "some/robot.yaml"
    assert found.circumstances.custom["hardware"] == "mujoco"
    assert "numpy" in found.circumstances.versions
    assert "safety: DAMP, not armed: bus_lost: no answer for 3 ms" in [t for _, t in found.timeline]
    with Bag(file) as bag:
        assert bag.topics["/joint_states"].count > 10
        assert bag.duration < 35.0


def test_an_incident_that_is_pending_at_the_end_is_saved(graph, make, tmp_path):
    node = make(incidents=tmp_path / "incidents")
    graph.safety = SafetyState(reaction=SafetyState.TORQUE_OFF)
    turn_until(node, lambda: node._incidents._watch.pending)
    make.close()
    (file,) = incident_files(tmp_path / "incidents")
    assert file.name.endswith("-torque_off.mcap")
