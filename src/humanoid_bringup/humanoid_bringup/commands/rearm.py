"""Clear latched faults and arm: also how a robot on hardware is armed for the first time.

Refused, with the reason, until every arming check holds: all joints fresh, a command that starts
from the measured pose, one publisher of commands, no fault that is still there.

A robot on its feet sinks in damping: --mode asks for a mode at the moment it is armed.

A robot that lies is armed for one mode only: to get up. Keep clear of it: it needs the room of a
lying person on all sides, and can fall again.

examples:
  humanoid rearm
  humanoid reset && humanoid rearm --mode stand
  humanoid rearm --mode get_up

exit codes: 0 armed; 1 refused; 3 no such mode: nothing was armed; 4 no graph.
"""

import argparse
from typing import TYPE_CHECKING

from humanoid_bringup import modes
from humanoid_bringup.commands import triggers
from humanoid_bringup.diagnosis import after_fall, fallen
from humanoid_bringup.errors import Exit, HumanoidError

if TYPE_CHECKING:
    from humanoid_bringup.link import Link

TAKEN = 5.0  # [s] within which the controller goes to a mode it has accepted
HEARD = 1.0  # [s] within which the HAL has said its safety state; it does at 10 Hz


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--mode", help="mode to ask for as soon as it is armed")
    triggers.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Call the services."""
    from humanoid_bringup.link import Link
    from humanoid_interfaces.msg import SafetyState
    from humanoid_interfaces.srv import SetMode
    from humanoid_runtime import topics

    with Link(arguments.namespace) as link:
        link.watch(SafetyState, topics.SAFETY_STATE)
        modes.watch(link)
        if arguments.mode:
            link.find(SetMode, topics.SET_MODE)  # armed, a robot sinks until it has its mode
            if not modes.has(link, arguments.mode):
                modes.ask(link, arguments.mode)  # refused before anything is armed
        before = arguments.mode == modes.GET_UP
        if before:
            _prepare_to_get_up(link)
        try:
            said = triggers.call(link, topics.REARM, timeout=15.0)
        except HumanoidError as refusal:
            raise _with_next_step(refusal, link) from refusal
        if arguments.mode:
            if not before:
                modes.ask(link, arguments.mode)
            said += f", on the way to '{arguments.mode}'"
    triggers.report(arguments, said)
    return Exit.OK


def _prepare_to_get_up(link: "Link") -> None:
    """Have the controller say that it was asked to get up: else the HAL refuses a robot that lies.

    It waits for the arming for some seconds, then gives the request up.
    """
    modes.ask(link, modes.GET_UP)
    if not link.wait(lambda: modes.present(link) == modes.GET_UP, TAKEN):
        raise HumanoidError(f"the controller did not go to '{modes.GET_UP}': humanoid mode")


def _with_next_step(refusal: HumanoidError, link: "Link") -> HumanoidError:
    """The refusal, and what to do where the robot lies."""
    from humanoid_runtime import topics

    heard = (topics.SAFETY_STATE, topics.MODE)
    link.wait(lambda: all(link.latest(topic) is not None for topic in heard), HEARD)
    safety = link.latest(topics.SAFETY_STATE)
    if safety is None or not fallen(safety.active):
        return refusal
    way = after_fall(link.offers(topics.RESET), modes.gets_up(link))
    return HumanoidError(f"{refusal} -> {way}", refusal.code)
