"""`humanoid record` and `humanoid replay --live` in this process, beside a node in a thread."""

import json
import os
import signal
import threading
import time

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu
from std_msgs.msg import String
from std_srvs.srv import Trigger

from humanoid_bringup import link
from humanoid_bringup.bags import live
from humanoid_bringup.bags.bag import Bag
from humanoid_bringup.bags.check import check
from humanoid_bringup.cli import main
from humanoid_bringup.errors import Exit
from humanoid_bringup.qos import EXPECTED
from humanoid_runtime import topics

from .bags.conftest import write_bag

PATIENCE = 60.0  # [s] bound of every wait


class Robot:
    """Publishes imu/data and listens to what is played, in a thread."""

    def __init__(self, domain, name="humanoid_control"):
        self._context = Context()
        rclpy.init(args=[], context=self._context, domain_id=domain)
        self.node = node = rclpy.create_node(name, context=self._context)
        node.declare_parameter("robot", "g1")
        node.declare_parameter("startup_mode", "ready")
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(node)
        self.imu = None
        self.played, self.clock = [], []
        node.create_subscription(Imu, "/played/imu", self._on_imu, EXPECTED)
        node.create_subscription(Clock, "/clock", self.clock.append, 10)
        self._latched = node.create_publisher(String, "robot_description", topics.LATCHED)
        self._latched.publish(String(data="<robot/>"))
        self._tasks = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def publish(self):
        self.imu = self.node.create_publisher(Imu, "imu/data", topics.EVENT)

    def publish_until_taken(self, seconds):
        """Publish, and interrupt the command `seconds` after it began to listen."""
        self.publish()
        since = []

        def end():
            if self.imu.get_subscription_count():
                since.append(time.monotonic())
            if not since or time.monotonic() < since[0] + seconds:
                return False
            os.kill(os.getpid(), signal.SIGINT)
            return True

        self.until_done(end)

    def until_done(self, *tasks):
        """Call each in the thread until it returns True."""
        self._tasks += [(time.monotonic() + PATIENCE, task) for task in tasks]

    def _on_imu(self, message):
        self.played.append(message.header.stamp.nanosec)

    def _run(self):
        while not self._ending.is_set():
            if self.imu is not None:
                self.imu.publish(Imu())
            self._executor.spin_once(timeout_sec=0.005)
            self._tasks = [(due, task) for due, task in self._tasks if not task()]
            if any(time.monotonic() > due for due, _ in self._tasks):
                self._tasks.clear()
                os.kill(os.getpid(), signal.SIGINT)  # so that the command under test ends

    def close(self):
        self._ending.set()
        self._thread.join()
        self._executor.shutdown(timeout_sec=0)
        self.node.destroy_node()
        self._context.try_shutdown()


@pytest.fixture
def domain(monkeypatch):
    number = 1 + os.getpid() * 17 % 100
    monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setattr("humanoid_bringup.recorder.give_way", lambda: None)  # not this process
    monkeypatch.setattr(link, "FIRST_NODE", PATIENCE)
    return number


@pytest.fixture
def robot(domain):
    robot = Robot(domain)
    yield robot
    robot.close()


def say(capsys, *words):
    code = main([str(word) for word in words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


# -- record ------------------------------------------------------------------------------------


def test_what_is_published_is_recorded_with_what_replay_needs_to_know(robot, tmp_path, capsys):
    robot.publish_until_taken(seconds=1.0)
    code, shown, errors = say(capsys, "record", tmp_path / "bag", "--json")
    assert code == Exit.OK, errors
    said = json.loads(shown)
    assert said["topics"]["/imu/data"] >= 2
    assert said["lost"] == {}
    with Bag(tmp_path / "bag") as bag:
        assert bag.count == said["messages"]
        assert (bag.custom["robot"], bag.custom["startup_mode"]) == ("g1", "ready")
        assert bag.custom["began"] == "in the middle of a run"
        assert bag.topics["/robot_description"].count == 1
    check(tmp_path / "bag")


def test_a_controller_that_discovery_finds_after_another_node_is_asked(
    robot, tmp_path, capsys, monkeypatch
):
    found, looks = link.Link.nodes, []

    def late(self):
        looks.append(1)
        return {"/humanoid_hal"} if len(looks) < 5 else found(self)

    monkeypatch.setattr(link.Link, "nodes", late)
    robot.publish_until_taken(seconds=0.5)
    assert say(capsys, "record", tmp_path / "bag")[0] == Exit.OK
    with Bag(tmp_path / "bag") as bag:
        assert bag.custom["robot"] == "g1"


def test_patterns_choose_topics_and_seconds_split_files(robot, tmp_path, capsys):
    robot.publish_until_taken(seconds=2.0)
    words = ("--topics", "/imu/*", "--split-seconds", "0.2")
    code, shown, _ = say(capsys, "record", tmp_path / "bag", *words)
    assert code == Exit.OK
    assert "of 1 topics" in shown
    assert len(list((tmp_path / "bag").glob("*.mcap"))) >= 3
    with Bag(tmp_path / "bag") as bag:
        assert set(bag.topics) == {"/imu/data"}


def test_a_snapshot_is_written_on_a_signal_and_by_the_service(robot, tmp_path, capsys):
    robot.publish()
    client = robot.node.create_client(Trigger, "/snapshot")
    answers = []

    def ask():
        if not client.service_is_ready():
            return False
        client.call_async(Trigger.Request()).add_done_callback(
            lambda future: answers.append(future.result().message)
        )
        os.kill(os.getpid(), signal.SIGUSR1)
        return True

    def end():
        written = [tmp_path / f"snap-{number}" / "metadata.yaml" for number in (1, 2)]
        if not (answers and all(path.is_file() for path in written)):
            return False
        os.kill(os.getpid(), signal.SIGINT)
        return True

    robot.until_done(ask, end)
    code, shown, _ = say(capsys, "record", tmp_path / "snap", "--snapshot", "5", "--json")
    said = json.loads(shown)
    assert code == Exit.OK
    assert said["snapshots"] == [str(tmp_path / "snap-1"), str(tmp_path / "snap-2")]
    assert "messages" in answers[0]
    assert check(tmp_path / "snap-1").messages > 0
    assert not (tmp_path / "snap").exists()


def test_a_full_disk_ends_the_recording_with_a_whole_bag(robot, tmp_path, capsys):
    code, _, errors = say(capsys, "record", tmp_path / "bag", "--reserve-mb", "1e9")
    assert code == Exit.ENVIRONMENT
    assert "is a whole bag" in errors
    Bag(tmp_path / "bag").close()


def test_nothing_that_arrives_and_no_graph_are_two_answers(robot, tmp_path, capsys, monkeypatch):
    words = ("record", tmp_path / "bag", "--seconds", "0.5", "--topics", "/nowhere")
    code, _, errors = say(capsys, *words)
    assert (code, errors.count("\n")) == (Exit.FAILED, 1)
    assert "nothing arrived on /nowhere" in errors
    monkeypatch.setattr(link, "FIRST_NODE", 0.5)
    monkeypatch.setenv("ROS_DOMAIN_ID", str(int(os.environ["ROS_DOMAIN_ID"]) % 100 + 1))
    assert say(capsys, "record", tmp_path / "other")[0] == Exit.NO_GRAPH


def test_an_existing_bag_is_kept(robot, tmp_path, capsys):
    code, _, errors = say(capsys, "record", tmp_path, "--seconds", "1")
    assert code == Exit.USAGE
    assert "is kept" in errors
    assert say(capsys, "sim", "--record", tmp_path)[::2] == (code, errors)  # the same answer


def test_a_place_that_cannot_be_written_is_said_before_anything_starts(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    bag = tmp_path / "file" / "bag"
    code, _, errors = say(capsys, "record", bag)
    assert (code, errors.count("\n")) == (Exit.ENVIRONMENT, 1)
    assert str(bag) in errors
    assert say(capsys, "sim", "--record", bag)[::2] == (code, errors)
    assert say(capsys, "record", tmp_path / "a" / "b" / "c", "--namespace", "1")[0] == Exit.USAGE
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# -- replay --live -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    """0.8 s of IMU messages, 2 ms apart, and a latched text."""
    return write_bag(tmp_path_factory.mktemp("bags") / "imu")


@pytest.fixture
def play(robot, bag, capsys, monkeypatch):
    monkeypatch.setattr(live, "HAL_DISCOVERY", 0.3)

    def play(*words):
        remap = ("--remap", "/imu/data:=/played/imu")
        code, shown, errors = say(capsys, "replay", bag, "--live", "--json", *remap, *words)
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline and not (robot.played and robot.clock):
            time.sleep(0.01)
        return code, json.loads(shown) if shown else errors

    return play


def test_a_bag_is_published_in_its_order_with_a_clock(robot, play):
    code, said = play()
    assert code == Exit.OK
    assert said["published"] == 401
    assert robot.played == sorted(robot.played)
    assert len(robot.played) > 300
    assert len(robot.clock) > 40
    times = [message.clock.sec + message.clock.nanosec * 1e-9 for message in robot.clock]
    assert times == sorted(times)
    assert 1.0 <= times[0] <= times[-1] <= 1.8


def test_a_part_of_a_bag_is_published(play):
    code, said = play("--start", "0.2", "--until", "0.4", "--rate", "5")
    assert (code, said["published"]) == (Exit.OK, 100)


def test_a_range_without_a_message_is_said_to_be_empty_even_in_a_loop(play):
    code, said = play("--start", "1000", "--loop")
    assert code == Exit.BAG
    assert "no message to publish in this range" in said["error"]


def test_the_rate_is_kept(play):
    begin = time.monotonic()
    assert play("--rate", "0.4")[0] == Exit.OK
    assert time.monotonic() - begin >= 0.798 / 0.4  # never earlier


def test_a_loop_goes_on_until_it_is_interrupted(robot, play):
    def end():
        if robot.played.count(2_000_000) < 3:
            return False
        os.kill(os.getpid(), signal.SIGINT)
        return True

    robot.until_done(end)
    code, said = play("--loop", "--rate", "4")
    assert code == Exit.OK
    assert said["published"] > 802


def test_a_paused_replay_publishes_nothing_until_it_is_asked_to_go_on(robot, play, monkeypatch):
    looks = []

    def enter(seconds):
        looks.append(len(robot.played))
        time.sleep(seconds)
        return len(looks) == 5

    monkeypatch.setattr(live, "_enter", enter)
    code, said = play("--pause", "--rate", "4")
    assert (code, said["published"]) == (Exit.OK, 401)
    assert looks[:5] == [0] * 5


def test_beside_a_hal_nothing_is_published(domain, play):
    hal = Robot(domain, "humanoid_hal")
    try:
        code, errors = play()
    finally:
        hal.close()
    assert code == Exit.ENVIRONMENT
    assert "a replay is no robot" in errors["error"]
