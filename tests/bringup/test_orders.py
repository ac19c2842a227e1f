"""The verbs that give orders, in this process, beside a controller and a HAL of this test's own."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
import rclpy
from geometry_msgs.msg import PoseStamped, TwistStamped, Vector3
from rclpy.action import ActionServer, CancelResponse
from rclpy.context import Context
from rclpy.executors import MultiThreadedExecutor
from std_srvs.srv import Trigger

from humanoid_bringup.cli import main
from humanoid_bringup.errors import Exit
from humanoid_interfaces.action import WalkTo
from humanoid_interfaces.msg import ModeState, SafetyState
from humanoid_interfaces.srv import Push, SetMode
from humanoid_runtime import topics

ROBOT = Path(__file__).parents[2] / "config" / "robots" / "g1" / "robot.yaml"
MODES = ["damping", "ready", "stand", "walk", "fastsac", "sit", "get_up"]


class Graph:
    """The nodes' ROS side without the nodes: answers, repeats orders, and keeps what came."""

    def __init__(self, domain):
        self.context = Context()
        rclpy.init(args=[], context=self.context, domain_id=domain)
        self.node = node = rclpy.create_node("humanoid_control", context=self.context)
        node.declare_parameter("robot", str(ROBOT))
        node.declare_parameter("config", "")
        self.mode, self.active = "stand", []
        self.asked, self.poses, self.twists, self.pushes, self.armed = [], [], [], [], 0
        self.rearm = (True, "")
        self.reset, self.obeys = None, True
        self.goals, self.canceled, self.on_goal = [], threading.Event(), None
        self._mode = node.create_publisher(ModeState, topics.MODE, topics.EVENT)
        self._safety = node.create_publisher(SafetyState, topics.SAFETY_STATE, topics.EVENT)
        self._taken = node.create_publisher(PoseStamped, topics.ORDER_POSE, topics.EVENT)
        node.create_service(SetMode, topics.SET_MODE, self._on_mode)
        node.create_service(Trigger, topics.REARM, self._on_rearm)
        node.create_service(Push, topics.PUSH, self._on_push)
        node.create_subscription(PoseStamped, topics.BODY_POSE, self._on_pose, topics.EVENT)
        node.create_subscription(TwistStamped, topics.CMD_VEL, self.twists.append, topics.EVENT)
        self._action = ActionServer(
            node, WalkTo, topics.WALK_TO, self._walk_to, cancel_callback=self._on_cancel
        )
        node.create_timer(0.05, self._beat)
        self._executor = MultiThreadedExecutor(2, context=self.context)
        self._executor.add_node(node)
        self._thread = threading.Thread(target=self._spin)
        self._ending = threading.Event()
        self._thread.start()

    def _spin(self):
        while not self._ending.is_set():
            self._executor.spin_once(timeout_sec=0.02)

    def _beat(self):
        state = ModeState(mode=self.mode, target=self.mode, available=MODES)
        self._mode.publish(state)
        self._safety.publish(SafetyState(active=self.active))

    def _on_mode(self, request, response):
        self.asked.append(request.mode)
        response.success = request.mode in MODES and request.mode != "sit"
        response.message = "" if response.success else f"{request.mode}: not now or unknown"
        if response.success and self.obeys:
            self.mode = request.mode
        return response

    def _on_rearm(self, _, response):
        self.armed += 1
        self.asked_when_armed = list(self.asked)
        response.success, response.message = self.rearm
        return response

    def offer_reset(self):
        self.reset = self.node.create_service(Trigger, topics.RESET, lambda _, answer: answer)

    def _on_push(self, request, response):
        self.pushes.append(request)
        response.success = True
        return response

    def _on_pose(self, message):
        self.poses.append(message)
        self._taken.publish(message)

    def _on_cancel(self, _):
        self.canceled.set()
        return CancelResponse.ACCEPT

    def _walk_to(self, handle):
        self.goals.append(handle.request)
        if self.on_goal is not None:
            self.on_goal()
            self.canceled.wait(60.0)
            while not handle.is_cancel_requested:
                time.sleep(0.01)
            handle.canceled()
            return WalkTo.Result(success=False, message="canceled", distance=1.5)
        handle.succeed()
        return WalkTo.Result(success=True, message="arrived", distance=0.05)

    def close(self):
        self.canceled.set()
        self._ending.set()
        self._thread.join()
        self._executor.shutdown(timeout_sec=5)
        self._action.destroy()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def domain(monkeypatch):
    number = 1 + os.getpid() * 19 % 100
    monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setattr("humanoid_bringup.link.FIRST_NODE", 60.0)
    return number


@pytest.fixture
def graph(domain):
    graph = Graph(domain)
    yield graph
    graph.close()


@pytest.fixture
def say(graph, capsys):
    def say(*words):
        code = main([str(word) for word in words])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return say


@pytest.fixture
def answer(say):
    def answer(*words):
        code, shown, errors = say(*words, "--json")
        assert shown, errors
        (line,) = shown.splitlines()
        return code, json.loads(line)

    return answer


def test_every_json_answer_says_whether_it_went_well(graph, answer):
    for words in (
        ("mode",),
        ("mode", "stand"),
        ("mode", "stand", "--wait", "30"),
        ("walk", "0.1", "0", "0", "--seconds", "0.1"),
        ("walk-to", "1", "0"),
        ("pose",),
        ("push",),
        ("status",),
        ("rearm",),
    ):
        code, said = answer(*words)
        assert (code, said["ok"]) == (Exit.OK, True), words


@pytest.mark.parametrize(
    "words",
    [
        ("mode", "wlak"),
        ("walk", "0", "0", "0", "--controller", "wlak"),
        ("walk-to", "1", "0", "--controller", "wlak"),
        ("rearm", "--mode", "wlak"),
    ],
)
def test_a_mode_that_the_controller_does_not_have_is_a_wrong_name(graph, say, words):
    code, _, errors = say(*words)
    assert code == Exit.CONFIGURATION
    assert "wlak" in errors
    assert graph.armed == 0
    assert graph.twists == graph.goals == []


@pytest.mark.parametrize("words", [("mode", "sit"), ("walk", "0", "0", "0", "--controller", "sit")])
def test_a_mode_that_is_refused_now_is_a_no(graph, say, words):
    assert say(*words)[0] == Exit.FAILED


def test_a_walk_faster_than_the_robot_walks_is_told_before_and_in_the_answer(graph, say, answer):
    code, shown, _ = say("walk", "2", "0", "-1", "--seconds", "0.1")
    assert code == Exit.OK
    assert shown.splitlines()[:2] == [
        "forward 2.000 clamped to 1.000",
        "turning -1.000 clamped to -0.800",
    ]
    _, said = answer("walk", "2", "0", "-1", "--seconds", "0.1")
    assert said["velocity"] == [1.0, 0.0, -0.8]
    assert len(said["clamped"]) == 2


def test_a_policy_walks_within_its_own_range(graph, answer):
    _, said = answer("walk", "0.9", "5", "0", "--seconds", "0.1", "--controller", "fastsac")
    assert (said["velocity"][0], said["velocity"][1] < 5.0) == (0.9, True)
    assert [text.split()[0] for text in said["clamped"]] == ["left"]


def test_a_pose_out_of_range_is_told_before_and_in_the_answer(graph, say, answer):
    code, shown, _ = say("pose", "--shift", "1", "0", "--lean", "0", "-2", "0")
    assert code == Exit.OK
    assert shown.splitlines() == [
        "CoM x 1.000 clamped to 0.030",
        "pitch -2.000 clamped to -0.300",
        "taken, clamped as said",
    ]
    _, said = answer("pose", "--height", "9")
    assert 0.5 < said["height_m"] < 1.0
    assert said["clamped"][0].startswith("height 9.000 clamped to ")
    assert graph.poses[-1].pose.position.z == 9.0  # the controller's own word counts


def test_an_order_within_its_range_is_taken_without_remarks(graph, say, answer):
    assert say("pose", "--shift", "0.01", "-0.01")[1] == "taken\n"
    assert answer("walk", "0.1", "0", "0", "--seconds", "0.1")[1]["clamped"] == []


def test_a_controller_whose_files_are_elsewhere_is_sent_the_order_without_remarks(graph, answer):
    graph.node.undeclare_parameter("robot")
    graph.node.declare_parameter("robot", "/nowhere/robot.yaml")
    code, said = answer("pose", "--height", "9")
    assert (code, said["height_m"], said["clamped"]) == (Exit.OK, 9.0, [])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_walk_to_is_canceled_by_a_signal_and_says_so(graph, say, number, code):
    graph.on_goal = lambda: os.kill(os.getpid(), number)
    assert say("walk-to", "2", "0", "--json")[0] == code
    assert graph.canceled.is_set()


def test_a_walk_to_that_takes_too_long_is_canceled_and_a_no(graph, answer):
    graph.on_goal = lambda: None
    code, said = answer("walk-to", "2", "0", "--timeout", "0.3")
    assert (code, said["ok"], said["distance"]) == (Exit.FAILED, False, 1.5)


@pytest.mark.parametrize("simulated", [False, True])
def test_the_refusal_to_arm_a_robot_that_lies_says_what_helps(graph, say, simulated):
    graph.rearm, graph.active = (False, "fault fallen: tilted"), ["fallen: tilted"]
    if simulated:
        graph.offer_reset()
    code, _, errors = say("rearm")
    assert code == Exit.FAILED
    step = "humanoid reset && humanoid rearm --mode stand" if simulated else "set it on its feet"
    assert step in errors
    assert "let it get up: humanoid rearm --mode get_up" in errors


def test_a_robot_that_lies_is_asked_to_get_up_before_it_is_armed(graph, say):
    code, shown, _ = say("rearm", "--mode", "get_up")
    assert (code, graph.armed) == (Exit.OK, 1)
    assert graph.asked_when_armed == graph.asked == ["get_up"]
    assert "on the way to 'get_up'" in shown


def test_a_robot_is_armed_before_it_is_asked_for_any_other_mode(graph, say):
    assert say("rearm", "--mode", "stand")[0] == Exit.OK
    assert (graph.asked_when_armed, graph.asked) == ([], ["stand"])


def test_a_controller_that_does_not_get_up_keeps_the_robot_from_being_armed(
    graph, say, monkeypatch
):
    monkeypatch.setattr("humanoid_bringup.commands.rearm.TAKEN", 0.2)
    graph.obeys = False
    code, _, errors = say("rearm", "--mode", "get_up")
    assert (code, graph.armed) == (Exit.FAILED, 0)
    assert "did not go to 'get_up'" in errors


def test_a_refusal_for_another_reason_stays_as_it_is(graph, say):
    graph.rearm = (False, "no fresh command")
    assert say("rearm")[2] == "humanoid: no fresh command\n"
    assert graph.asked == []


def test_a_push_is_a_force_in_the_ordered_direction(graph, answer):
    _, said = answer("push", "--force", "50", "--direction", "left", "--duration", "0.2")
    assert said["impulse_ns"] == pytest.approx(10.0)
    assert graph.pushes[0].force == Vector3(x=0.0, y=50.0, z=0.0)
