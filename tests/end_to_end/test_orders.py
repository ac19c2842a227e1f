"""Orders to a standing robot through the command line, and what doctor, status and record see."""

from contextlib import suppress

import pytest
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from rcl_interfaces.srv import ListParameters
from rosbags.highlevel import AnyReader

from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.graph import graph
from humanoid_bringup.link import Link
from humanoid_interfaces.msg import SafetyState
from humanoid_runtime import topics

from .conftest import PATIENCE, answer, healthcheck, humanoid

pytestmark = pytest.mark.slow


def test_status_and_mode_describe_a_standing_robot(standing):
    code, said = answer("status")
    assert code == Exit.OK
    assert all(said["nodes"].values())
    assert said["hal_state"] == "active"
    assert said["mode"]["mode"] == "stand"
    assert said["safety"]["armed"]
    assert said["safety"]["accepted"] > 0
    assert said["diagnostics"]["humanoid_hal"]["latency_p50_ms"] > 0.0
    code, said = answer("mode")
    assert (code, said["mode"], said["waiting_for"]) == (Exit.OK, "stand", "")


def test_the_containers_health_check_finds_a_standing_robot_healthy(standing):
    assert healthcheck() == 0


@pytest.mark.parametrize("spec", graph("g1", "mujoco"), ids=lambda spec: spec.name)
def test_a_node_declares_every_parameter_that_the_graph_gives_it(standing, spec):
    assert set(spec.parameters) <= set(_declared(spec.name))


def _declared(node):
    """Parameters of a node; a participant that discovery left half blind is replaced."""
    for _ in range(4):
        with Link() as link, suppress(HumanoidError):
            request = ListParameters.Request()
            return link.call(ListParameters, f"{node}/list_parameters", request, 10.0).result.names
    pytest.fail(f"{node} does not list its parameters")


def test_an_unknown_mode_is_refused_with_the_known_ones(standing):
    code, _, errors = humanoid("mode", "stnad")
    assert code == Exit.CONFIGURATION
    assert "stand" in errors


def test_a_pushed_robot_still_stands(standing):
    code, said = answer("push", "--impulse", "5", "--direction", "left")
    assert code == Exit.OK
    assert said["impulse_ns"] == pytest.approx(5.0)
    with Link() as link:
        link.watch(Odometry, topics.ODOM, topics.STREAM)
        assert link.wait(lambda: link.latest(topics.ODOM), PATIENCE)
        pushed = link.latest(topics.ODOM).header.stamp.sec
        assert link.wait(lambda: link.latest(topics.ODOM).header.stamp.sec > pushed + 2, PATIENCE)
    assert answer("mode")[1]["mode"] == "stand"
    assert answer("status")[1]["safety"]["reaction"] < SafetyState.HOLD


@pytest.mark.parametrize(
    "arguments", [("--link", "no_such_link"), ("--force", "1", "--duration", "1e9")]
)
def test_a_push_that_makes_no_sense_is_refused_or_harmless(standing, arguments):
    code, _, errors = humanoid("push", *arguments)
    assert code in (Exit.OK, Exit.FAILED)
    assert "Traceback" not in errors
    assert answer("status")[0] == Exit.OK


def test_the_body_follows_an_ordered_height(standing):
    with Link() as link:
        link.watch(Odometry, topics.ODOM, topics.STREAM)
        assert link.wait(lambda: link.latest(topics.ODOM), PATIENCE)

        def height():
            return link.latest(topics.ODOM).pose.pose.position.z

        rest = height()
        assert humanoid("pose", "--height", f"{rest - 0.05:.3f}")[0] == Exit.OK
        assert link.wait(lambda: height() < rest - 0.03, PATIENCE)
        assert humanoid("pose")[0] == Exit.OK
        assert link.wait(lambda: height() > rest - 0.01, PATIENCE)


def test_a_pose_that_is_not_finite_is_ignored(standing):
    with Link() as link:
        publisher = link.node.create_publisher(PoseStamped, topics.BODY_POSE, topics.EVENT)
        assert link.wait(lambda: publisher.get_subscription_count() > 0, PATIENCE)
        message = PoseStamped()
        message.pose.position.z = float("nan")
        publisher.publish(message)
        link.spin(0.5)
    assert answer("mode")[1]["mode"] == "stand"


def test_a_recording_holds_every_topic_with_its_type_and_latched_ones_too(standing, tmp_path):
    path = tmp_path / "stand.mcap"
    code, said = answer("record", str(path), "--seconds", "3")
    assert code == Exit.OK
    with AnyReader([path]) as reader:
        counts = {connection.topic: connection.msgcount for connection in reader.connections}
        read = dict.fromkeys(counts, 0)
        for connection, _, data in reader.messages():
            reader.deserialize(data, connection.msgtype)
            read[connection.topic] += 1
    assert counts == read == said["topics"]
    assert counts["/robot_description"] == 1
    for topic in ("joint_states", "imu/data", "robot_state", "joint_commands", "wrench/l_sole"):
        assert counts[f"/{topic}"] > 10, topic


def test_a_recording_never_overwrites_a_file(standing, tmp_path):
    path = tmp_path / "precious"
    path.write_text("precious")
    code, _, errors = humanoid("record", str(path), "--seconds", "1")
    assert code == Exit.USAGE
    assert path.read_text() == "precious"
    assert "name another bag" in errors


def test_it_walks_to_a_place_and_says_how_near(own_robot):
    code, said = answer("walk-to", "0.7", "0.2", "0.5", "--relative")
    assert code == Exit.OK, said
    assert (said["ok"], said["message"]) == (True, "arrived")
    assert said["distance"] <= 0.1
    # A second goal is left by the way: the command cancels, and the robot stays in its mode.
    code, said = answer("walk-to", "5", "0", "--timeout", "2")
    assert code == Exit.FAILED
    assert "canceled" in said["message"]
    assert answer("mode")[1]["mode"] == "walk"
