"""Promises of the ramp to the ready pose."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from humanoid_control.controller import JointTargets, References, State
from humanoid_control.ready import ReadyConfig, ReadyController
from humanoid_description.robot import RobotDescription

MakeState = Callable[..., State]
CONFIG = ReadyConfig(speed=0.5, shortest=0.2)


def limp(position: np.ndarray) -> JointTargets:
    zeros = np.zeros_like(position)
    return JointTargets(position, zeros, zeros, zeros, zeros)


def ramp(
    robot: RobotDescription, make_state: MakeState, start: np.ndarray, ticks: int = 2000
) -> list[JointTargets]:
    """The whole ramp of a robot that follows exactly."""
    ready = ReadyController(robot, CONFIG)
    ready.start(make_state(0, start), limp(start))
    answers, position = [], start
    for tick in range(ticks):
        answers.append(ready.update(make_state(tick, position), References()))
        position = answers[-1].position
    assert ready.busy() is None
    return answers


def test_the_ramp_starts_where_the_robot_is_and_ends_at_rest_in_the_pose(
    robot: RobotDescription, make_state: MakeState
) -> None:
    start = np.array([-0.5, 0.3, 0.0, 0.2])
    answers = ramp(robot, make_state, start)
    assert np.array_equal(answers[0].position, start)
    assert np.array_equal(answers[-1].position, robot.poses["ready"])
    assert not answers[-1].velocity.any()


def test_no_joint_is_faster_than_configured_and_velocity_belongs_to_position(
    robot: RobotDescription, make_state: MakeState
) -> None:
    answers = ramp(robot, make_state, np.array([-0.5, 0.3, 0.0, 0.2]))
    position = np.array([answer.position for answer in answers])
    velocity = np.array([answer.velocity for answer in answers])
    assert np.abs(velocity).max() <= CONFIG.speed * (1.0 + 1e-9)
    assert np.abs(velocity).max() > 0.9 * CONFIG.speed
    assert np.abs(np.diff(position, axis=0)).max() <= CONFIG.speed * 0.002 * (1.0 + 1e-9)
    assert np.allclose(np.diff(position, axis=0) / 0.002, velocity[1:], atol=0.01)


def test_while_not_armed_it_commands_the_measured_position(
    robot: RobotDescription, make_state: MakeState
) -> None:
    ready = ReadyController(robot, CONFIG)
    ready.start(make_state(0, 0.3, armed=False), limp(np.full(4, 0.3)))
    for tick, moved_by_hand in enumerate((0.3, 0.35, 0.1)):
        answer = ready.update(make_state(tick, moved_by_hand, armed=False), References())
        assert np.array_equal(answer.position, np.full(4, moved_by_hand))
        assert np.array_equal(answer.stiffness, robot.column("stiffness"))
        assert not answer.velocity.any()
    assert "not armed" in str(ready.busy())


def test_its_ramp_begins_with_the_first_armed_sample(
    robot: RobotDescription, make_state: MakeState
) -> None:
    ready = ReadyController(robot, CONFIG)
    ready.start(make_state(0, 0.3, armed=False), limp(np.full(4, 0.3)))
    for tick in range(500):
        ready.update(make_state(tick, 0.3, armed=False), References())
    first = ready.update(make_state(500, 0.3), References())
    assert np.array_equal(first.position, np.full(4, 0.3))
    assert "left" in str(ready.busy())


def test_it_takes_over_the_torque_of_a_loaded_joint(
    robot: RobotDescription, make_state: MakeState
) -> None:
    measured = np.array([0.2, 0.0, 0.1, -0.1])
    last = JointTargets(
        measured + 0.1,
        np.zeros(4),
        np.array([5.0, -3.0, 0.0, 1.0]),
        np.full(4, 20.0),
        np.full(4, 1.0),
    )
    torque = last.effort + last.stiffness * 0.1
    ready = ReadyController(robot, CONFIG)
    ready.start(make_state(0, measured), last)
    answer = ready.update(make_state(0, measured), References())
    assert np.allclose(answer.stiffness * (answer.position - measured), torque)


def test_it_starts_inside_the_position_limits_whatever_the_torque_was(
    robot: RobotDescription, make_state: MakeState
) -> None:
    last = replace(limp(np.zeros(4)), effort=np.array([1e4, -1e4, 0.0, 0.0]))
    ready = ReadyController(robot, CONFIG)
    ready.start(make_state(0), last)
    answer = ready.update(make_state(0), References())
    assert np.all(answer.position >= robot.column("lower"))
    assert np.all(answer.position <= robot.column("upper"))


def test_when_the_ramp_is_over_it_follows_the_posture_reference(
    robot: RobotDescription, make_state: MakeState
) -> None:
    pose = robot.poses["ready"]
    ready = ReadyController(robot, CONFIG)
    ready.start(make_state(0, pose), limp(pose))
    for tick in range(200):
        ready.update(make_state(tick, pose), References())
    asked = References(position=pose + 0.1, velocity=np.full(4, 0.2))
    answer = ready.update(make_state(201, pose), asked)
    assert np.array_equal(answer.position, pose + 0.1)
    assert np.array_equal(answer.velocity, np.full(4, 0.2))


def test_it_is_not_finished_while_a_joint_does_not_reach_the_pose(
    robot: RobotDescription, make_state: MakeState
) -> None:
    pose = robot.poses["ready"].copy()
    pose[2] += 0.5
    ready = ReadyController(robot, CONFIG)
    ready.start(make_state(0, pose), limp(pose))
    for tick in range(2000):
        ready.update(make_state(tick, pose), References())
    assert "'arm' is 0.50 rad from the ready pose" in str(ready.busy())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fall": 1}, "is falling"),
        ({"fall": 2}, "has fallen"),
        ({"roll": 0.5}, "tilted by 0.50 rad"),
        ({"roll": -0.5}, "tilted by 0.50 rad"),
        ({"position": [0.5, 0.0, -0.25, 2.2]}, "'wrist' is 2.10 rad"),
        ({"position": [0.5, np.nan, -0.25, 0.1]}, "'waist' is nan rad"),
    ],
)
def test_it_refuses_and_says_what_to_do(
    robot: RobotDescription, make_state: MakeState, change: dict[str, object], reason: str
) -> None:
    message = ReadyController(robot, ReadyConfig()).blocked(make_state(**change))
    assert message is not None
    assert reason in message
    assert "set" in message or "by hand" in message


def test_it_accepts_up_to_its_limits(robot: RobotDescription, make_state: MakeState) -> None:
    ready = ReadyController(robot, ReadyConfig(tilt=0.4, farthest=2.0))
    assert ready.blocked(make_state(position=robot.poses["ready"] - 1.999, roll=0.399)) is None


def test_an_invalid_estimate_does_not_keep_a_hanging_robot_from_ready(
    robot: RobotDescription, make_state: MakeState
) -> None:
    state = make_state(position=robot.poses["ready"], roll=2.0, valid=False)
    assert ReadyController(robot, ReadyConfig()).blocked(state) is None
