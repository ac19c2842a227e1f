"""Stop the robot: damping now, and it stays disarmed until `humanoid rearm`.

A standing robot sinks to the ground in damping. With --emergency the torque goes off at once and
stays off. When the service does not answer, the HAL's lifecycle is deactivated instead. This is no
replacement for the hardware emergency stop.

examples:
  humanoid stop
  humanoid stop --emergency

exit codes: 0 stopped; 4 nobody answers: use the hardware emergency stop.
"""

import argparse

from humanoid_bringup import console
from humanoid_bringup.commands import triggers
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.graph import HAL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--emergency", action="store_true", help="torque off at once, latched: a robot falls"
    )
    triggers.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask, then insist."""
    from humanoid_runtime import topics

    service = topics.EMERGENCY_STOP if arguments.emergency else topics.STOP
    try:
        return triggers.trigger(arguments, service, timeout=1.0)
    except HumanoidError as problem:
        console.error(str(problem))
    try:
        _deactivate(arguments)
    except HumanoidError as problem:
        raise HumanoidError(
            "not stopped: use the hardware emergency stop, or end the process of the HAL",
            Exit.NO_GRAPH,
        ) from problem
    return Exit.OK


def _deactivate(arguments: argparse.Namespace) -> None:
    """The standard way to make a lifecycle node harmless."""
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    from humanoid_bringup.link import Link

    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_DEACTIVATE))
    with Link(arguments.namespace) as link:
        answer = link.call(ChangeState, f"{HAL}/change_state", request, timeout=2.0)
    if not answer.success:
        raise HumanoidError("the HAL refused to deactivate")
    triggers.report(arguments, "the HAL is deactivated (its stop service did not answer)")
