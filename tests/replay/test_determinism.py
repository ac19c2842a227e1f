"""Bit for bit: what was recorded comes out again, and the smallest change is seen."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import yaml

from humanoid_bringup.bags.bag import Bag, BagError
from humanoid_bringup.bags.compare import Tolerance
from humanoid_bringup.bags.session import Job, run
from humanoid_bringup.bags.simulated import record_simulation
from humanoid_bringup.bags.source import BEGAN, MID_RUN
from humanoid_bringup.bags.writer import BagWriter
from humanoid_bringup.errors import Exit, HumanoidError

from .make_bags import squat

ROBOT = Path(__file__).parents[2] / "config" / "robots" / "g1"


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    """A robot that gets an order while it stands, simulated here and now."""
    path = tmp_path_factory.mktemp("fresh") / "stand"
    record_simulation(path, 1.0, squat, seed=11)
    return path


@pytest.mark.parametrize("node", ["estimator", "controller", "fall"])
def test_a_replay_on_the_same_machine_is_equal_in_every_bit(bag, node):
    verdict = run(Job(bag, (node,), check=True)).verdict
    assert verdict
    assert verdict.topics[0].compared == 501


def test_two_replays_write_equal_files(bag, tmp_path):
    sums = []
    for folder in ("a", "b"):
        output = tmp_path / folder / "out"
        run(Job(bag, ("estimator", "controller"), output=output))
        files = sorted(output.iterdir())
        sums.append([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])
    assert sums[0] == sums[1]


def test_a_chained_replay_is_the_closed_loop_again(bag):
    verdict = run(Job(bag, ("estimator", "controller"), check=True, chain=True)).verdict
    assert verdict


def change_by_one_ulp(tmp_path, section, name):
    content = yaml.safe_load((ROBOT / "control.yaml").read_text()) or {}
    from humanoid_control.config import ControlConfig

    default = getattr(getattr(ControlConfig(), section), name)
    part = content.setdefault(section, {})
    value = float(part.get(name, default))
    part[name] = float(np.nextafter(value, np.inf))
    path = tmp_path / "control.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_one_ulp_in_one_gain_fails_and_names_the_first_message(bag, tmp_path):
    config = change_by_one_ulp(tmp_path, "modes", "blend")
    verdict = run(Job(bag, ("controller",), check=True, configs={"control": config})).verdict
    assert not verdict
    assert verdict.first.topic == "joint_commands"
    assert verdict.first.stamp is not None
    assert verdict.first.expected != verdict.first.actual
    result = run(
        Job(bag, ("controller",), check=True, configs={"control": config}, tolerances=LOOSE)
    )
    assert result.verdict


def loose():
    from humanoid_bringup.bags.compare import Tolerance

    return (Tolerance("*", 1e-6, 1e-6),)


LOOSE = loose()


def without(bag, path, dropped):
    """A copy of `bag` without the messages (topic, index) of `dropped`."""
    seen = dict.fromkeys((topic for topic, _ in dropped), -1)
    with Bag(bag) as source, BagWriter(path, custom=source.custom) as writer:
        for topic in source.topics.values():
            writer.add(topic)
        for message in source.messages():
            if message.topic in seen:
                seen[message.topic] += 1
                if (message.topic, seen[message.topic]) in dropped:
                    continue
            writer.write(message.topic, message.time, message.data)
    return path


@pytest.mark.parametrize(
    ("node", "takes", "emits"),
    [
        ("estimator", "/joint_states", "/robot_state"),
        ("controller", "/robot_state", "/joint_commands"),
    ],
)
def test_a_sample_that_the_recorded_node_skipped_is_skipped_again(
    bag, tmp_path, node, takes, emits
):
    """A node that is late leaves samples out; the recorder has them all the same."""
    late = without(bag, tmp_path / "late", {(takes, 300), (takes, 301)})
    run(Job(late, (node,), output=tmp_path / "answers"))
    recorded = tmp_path / "recorded"
    with (
        Bag(bag) as whole,
        Bag(tmp_path / "answers") as answers,
        BagWriter(recorded, custom=whole.custom) as writer,
    ):
        for topic in whole.topics.values():
            writer.add(topic)
        others = (m for m in whole.messages() if m.topic not in answers.topics)
        for message in sorted([*others, *answers.messages()], key=lambda m: m.time):
            writer.write(message.topic, message.time, message.data)
    verdict = run(Job(recorded, (node,), check=True)).verdict
    assert verdict, verdict
    assert verdict.topics[0].compared == 499


@pytest.mark.parametrize("topic", ["/robot_state", "/joint_commands"])
def test_an_answer_that_is_missing_in_the_bag_fails_the_check(bag, tmp_path, topic):
    node = {"/robot_state": "estimator", "/joint_commands": "controller"}[topic]
    path = without(bag, tmp_path / "gap", {(topic, 300)})
    assert not run(Job(path, (node,), check=True)).verdict


def test_a_part_of_a_bag_can_be_replayed(bag):
    outcome = run(Job(bag, until=0.2)).outcome
    assert 95 <= outcome.emitted["robot_state"] <= 101


@pytest.fixture(scope="module")
def middle(bag, tmp_path_factory):
    """What `humanoid record` has of a run that it joined after half a second."""
    path = tmp_path_factory.mktemp("joined") / "stand"
    with Bag(bag) as source, BagWriter(path, custom={**source.custom, BEGAN: MID_RUN}) as writer:
        for topic in source.topics.values():
            writer.add(topic)
        for message in source.messages():
            if message.time >= source.start + 500_000_000:
                writer.write(message.topic, message.time, message.data)
    return path


@pytest.mark.parametrize("node", ["estimator", "controller"])
def test_a_bag_that_began_in_mid_run_is_not_checked_bit_for_bit_and_says_why(middle, bag, node):
    for job in (Job(middle, (node,), check=True), Job(bag, (node,), check=True, start=0.5)):
        with pytest.raises(BagError, match="middle of a run") as caught:
            run(job)
        assert node in str(caught.value)
        assert "sim --record" in str(caught.value)
    assert run(Job(middle, (node,))).outcome.emitted  # a replay without a verdict is welcome


def test_a_check_that_fails_on_a_bag_without_a_note_says_that_this_may_be_why(bag, tmp_path):
    path = without(bag, tmp_path / "gap", {("/robot_state", 300)})
    assert "may have been recorded in the middle" in str(run(Job(path, check=True)).verdict)
    assert "may have been" not in str(run(Job(bag, check=True)).verdict)


def test_a_bag_that_began_in_mid_run_is_checked_within_tolerances_and_by_own_nodes(middle):
    job = Job(middle, ("estimator",), check=True, tolerances=[Tolerance("*", 100.0)])
    assert "recorded in the middle of a run" in str(run(job).verdict)
    own = "tests.replay.own_nodes:Height"
    with pytest.raises(HumanoidError, match="nothing is both emitted"):  # the next question
        run(Job(middle, (own,), check=True))


def test_renamed_topics_are_found_again(bag, tmp_path):
    from dataclasses import replace

    moved = tmp_path / "moved"
    with Bag(bag) as source, BagWriter(moved, custom=source.custom) as writer:
        for topic in source.topics.values():
            name = "/sensors/imu" if topic.name == "/imu/data" else topic.name
            writer.add(replace(topic, name=name))
        for message in source.messages():
            name = "/sensors/imu" if message.topic == "/imu/data" else message.topic
            writer.write(name, message.time, message.data)
    remaps = {"/sensors/imu": "/imu/data"}
    assert run(Job(moved, check=True, remaps=remaps)).verdict
    assert not run(Job(moved, check=True)).verdict
    with pytest.raises(HumanoidError, match="no topic /nowhere"):
        run(Job(moved, remaps={"/nowhere": "/imu/data"}))


def test_a_bag_of_a_robot_with_other_joints_is_mapped(bag, tmp_path):
    """Reorder, rename, turn and shift the joints of a bag; a mapping undoes it."""
    moved = tmp_path / "theirs"
    with Bag(bag) as source, BagWriter(moved, custom=source.custom) as writer:
        decoder = source.decoder()
        for topic in source.topics.values():
            writer.add(topic)
        for message in source.messages():
            data = message.data
            if message.topic == "/joint_states":
                state = decoder.decode("sensor_msgs/msg/JointState", data)
                names = [f"m_{name}" for name in state.name][::-1]
                state.name = names
                state.position = -(state.position[::-1] - 0.25)
                state.velocity, state.effort = -state.velocity[::-1], -state.effort[::-1]
                data = decoder.encode("sensor_msgs/msg/JointState", state)
            writer.write(message.topic, message.time, data)
    with Bag(bag) as source:
        first = next(source.messages(["/joint_states"]))
        names = source.decoder().decode("sensor_msgs/msg/JointState", first.data).name
    mapping = tmp_path / "map.yaml"
    rules = {name: {"name": f"m_{name}", "sign": -1, "offset": 0.25} for name in names}
    mapping.write_text(yaml.safe_dump({"joints": rules}))
    with Bag(moved) as theirs:
        from humanoid_bringup.bags.mapping import Mapper, load_mapping

        mapper = Mapper(load_mapping(mapping), tuple(names), theirs.decoder())
        back = [
            mapper.convert("sensor_msgs/msg/JointState", message.data)
            for message in theirs.messages(["/joint_states"])
        ]
        decoder = theirs.decoder()
        shown = decoder.decode("sensor_msgs/msg/JointState", back[-1])
    with Bag(bag) as source:
        *_, last = source.messages(["/joint_states"])
        expected = decoder.decode("sensor_msgs/msg/JointState", last.data)
    assert shown.name == expected.name
    np.testing.assert_allclose(shown.position, expected.position, atol=1e-15)
    np.testing.assert_array_equal(shown.velocity, expected.velocity)
    with pytest.raises(HumanoidError, match="lacks the joint"):
        run(Job(moved))


def test_a_mapping_with_a_joint_that_is_not_ours_is_refused(bag, tmp_path):
    mapping = tmp_path / "map.yaml"
    mapping.write_text("joints:\n  elbow: {name: theirs}\n")
    with pytest.raises(HumanoidError, match="'elbow', which is no joint"):
        run(Job(bag, mapping=mapping))
    mapping.write_text("joints:\n  elbow: {sign: 2}\n")
    with pytest.raises(HumanoidError, match="sign"):
        run(Job(bag, mapping=mapping))


def test_two_nodes_that_emit_the_same_topic_are_refused(bag):
    with pytest.raises(HumanoidError, match="both emit robot_state"):
        run(Job(bag, ("estimator", "fall")))


def test_a_topic_of_the_wrong_type_is_refused(bag):
    with pytest.raises(BagError, match="not sensor_msgs/msg/Imu"):
        run(Job(bag, remaps={"/odom": "/imu/data", "/imu/data": "/elsewhere"}))


def test_what_is_not_recorded_cannot_be_checked(bag):
    with pytest.raises(HumanoidError, match="cannot check: 'gated_commands'") as refusal:
        run(Job(bag, ("supervisor",), check=True, topics=("gated_commands",)))
    assert refusal.value.code == Exit.USAGE


def test_the_gate_takes_what_it_took_when_it_was_recorded(bag):
    outcome = run(Job(bag, ("supervisor",))).outcome
    assert outcome.emitted["gated_commands"] > 490
