"""Orders and faults after which the robot does not simply stand on."""

import pytest

from humanoid_bringup.errors import Exit
from humanoid_bringup.link import Link
from humanoid_interfaces.msg import JointCommand, SafetyState
from humanoid_runtime import topics

from .conftest import PATIENCE, answer, healthcheck, humanoid

pytestmark = pytest.mark.slow


def test_stop_damps_disarms_and_stays_so(own_robot):
    assert humanoid("stop")[0] == Exit.OK
    with Link() as link:
        link.watch(SafetyState, topics.SAFETY_STATE)

        def state():
            return link.latest(topics.SAFETY_STATE)

        assert link.wait(
            lambda: state() and state().reaction >= SafetyState.DAMP and not state().armed, PATIENCE
        )
    code, _, errors = humanoid("mode", "stand", "--wait", "1")
    assert code == Exit.FAILED, errors
    assert humanoid("doctor")[0] != Exit.OK
    assert healthcheck() == 1
    assert own_robot.process.poll() is None


def test_after_a_stop_reset_and_rearm_the_robot_stands_again(own_robot):
    assert humanoid("stop")[0] == Exit.OK
    assert humanoid("reset")[0] == Exit.OK
    code, _, errors = humanoid("rearm", "--mode", "stand")
    assert code == Exit.OK, errors
    code, _, errors = humanoid("mode", "stand", "--wait", f"{PATIENCE:g}")
    assert code == Exit.OK, errors


def test_a_second_publisher_of_commands_is_named_and_the_robot_stands_on(own_robot):
    with Link() as link:
        intruder = link.node.create_publisher(JointCommand, topics.JOINT_COMMANDS, topics.STREAM)
        link.watch(SafetyState, topics.SAFETY_STATE)

        def noticed():
            intruder.publish(JointCommand(sequence=1))
            state = link.latest(topics.SAFETY_STATE)
            return state and any("second_publisher" in text for text in state.active)

        assert link.wait(noticed, PATIENCE)
        code, shown, _ = humanoid("doctor")
        assert code == Exit.FAILED
        assert "joint_commands: 2 publishers" in shown
        assert link.node.get_name() in shown
        assert link.latest(topics.SAFETY_STATE).armed
    assert answer("mode")[1]["mode"] == "stand"
