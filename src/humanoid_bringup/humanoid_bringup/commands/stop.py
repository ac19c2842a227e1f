"""Stop the robot: damping now, and it stays disarmed until `humanoid rearm`.

A standing robot sinks to the ground in damping. With --emergency the torque goes off at once and
stays off. When the service does not answer, the HAL's lifecycle is deactivated instead.

When no graph answers and the boards are named, their torque is switched off directly: the ports are
opened even if another process holds them, and neither ROS nor a running HAL is needed. With
--direct that is done at once. This is no replacement for the hardware emergency stop.

examples:
  humanoid stop
  humanoid stop --emergency
  humanoid stop --robot mine --hardware real            without a graph: torque off at the boards
  humanoid stop --direct --port /dev/ttyUSB0 --protocol dynamixel --ids 1-20

exit codes: 0 stopped; 1 torque-off was sent, not every board acknowledged; 3 wrong hardware file;
4 nobody answers, and no boards were named; 6 a port cannot be opened: use the emergency stop.
"""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from humanoid_bringup import console
from humanoid_bringup.arguments import whole
from humanoid_bringup.commands import triggers
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.graph import HAL
from humanoid_bringup.hardware import add_hardware, load

if TYPE_CHECKING:
    from humanoid_hal.tools.stop import Stopped, Target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--emergency", action="store_true", help="torque off at once, latched: a robot falls"
    )
    parser.add_argument(
        "--direct", action="store_true", help="do not ask the graph: torque off at the boards"
    )
    add_hardware(parser, required=False)
    parser.add_argument("--port", help="boards that no hardware file names: where")
    parser.add_argument("--protocol", help="what they speak")
    parser.add_argument("--baud", type=whole(1), help="[baud] or [bit/s] (default: the family's)")
    parser.add_argument("--ids", default="", help="which, e.g. 1-20,30")
    parser.add_argument("--transport", default="", help="serial, slcan, or one of python-can's")
    triggers.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask, then insist, then do it without the graph."""
    named = bool(arguments.hardware or arguments.port)
    if arguments.direct and not named:
        raise HumanoidError("--direct needs --hardware, or --port with --protocol", Exit.USAGE)
    if not arguments.direct:
        try:
            return _ask_graph(arguments, patient=not named)
        except Exception as problem:  # a broken ROS is no reason not to stop
            if not named and getattr(problem, "code", None) == Exit.USAGE:
                raise
            if not (named and isinstance(problem, HumanoidError)):  # that says: no graph
                console.error(str(problem))
            if not named:
                raise HumanoidError(
                    "not stopped: use the hardware emergency stop, end the process of the HAL, or "
                    "name the boards with --hardware",
                    Exit.NO_GRAPH,
                ) from problem
    return _stop_boards(arguments)


def _ask_graph(arguments: argparse.Namespace, patient: bool) -> int:
    """Raises HumanoidError, or whatever a broken ROS raises. Not `patient`: one question only."""
    from humanoid_runtime import topics

    service = topics.EMERGENCY_STOP if arguments.emergency else topics.STOP
    try:
        return triggers.trigger(arguments, service, timeout=1.0)
    except HumanoidError as problem:
        if not patient or problem.code == Exit.USAGE:
            raise
        console.error(str(problem))
    return _deactivate(arguments)


def _deactivate(arguments: argparse.Namespace) -> int:
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
    return Exit.OK


def _stop_boards(arguments: argparse.Namespace) -> int:
    from humanoid_hal.tools.stop import stop

    stopped = stop(_targets(arguments))
    if arguments.json:
        rows = [
            {"bus": s.bus, "sent": s.sent, "acknowledged": s.acknowledged, "reason": s.reason}
            for s in stopped
        ]
        ok = all(one.acknowledged for one in stopped)
        console.print_json({"ok": ok, "direct": True, "buses": rows})
    else:
        for one in stopped:
            console.say(f"{one.bus}: {_words(one)}")
    if not all(one.sent for one in stopped):
        raise HumanoidError(
            "not stopped everywhere: use the hardware emergency stop", Exit.ENVIRONMENT
        )
    return Exit.OK if all(one.acknowledged for one in stopped) else Exit.FAILED


def _targets(arguments: argparse.Namespace) -> "Sequence[Target]":
    from humanoid_hal.driver import DriverError
    from humanoid_hal.lookup import UnknownNameError
    from humanoid_hal.tools.scan import ids_of
    from humanoid_hal.tools.stop import Target, targets
    from humanoid_hal.tools.wire import Place, family

    try:
        if arguments.hardware:
            return targets(load(arguments.robot, arguments.hardware).boards())
        if not (arguments.protocol and arguments.ids):
            raise HumanoidError("--port needs --protocol and --ids", Exit.USAGE)
        baud = arguments.baud or family(arguments.protocol).default_baud
        place = Place(arguments.port, arguments.protocol, baud, arguments.transport)
        return [Target(arguments.port, place, ids_of(arguments.ids))]
    except (UnknownNameError, ValueError) as problem:
        raise HumanoidError(str(problem), Exit.USAGE) from problem
    except DriverError as problem:
        raise HumanoidError(str(problem), Exit.CONFIGURATION) from problem


def _words(stopped: "Stopped") -> str:
    if stopped.acknowledged:
        return "torque off, acknowledged"
    return (
        f"torque-off sent; {stopped.reason}" if stopped.sent else f"NOT stopped: {stopped.reason}"
    )
