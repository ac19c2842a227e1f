"""Clear latched faults and arm: also how a robot on hardware is armed for the first time.

Refused, with the reason, until every arming check holds: all joints fresh, a command that starts
from the measured pose, one publisher of commands, no fault that is still there.

A robot on its feet sinks in damping: --mode asks for a mode at the moment it is armed.

examples:
  humanoid rearm
  humanoid reset && humanoid rearm --mode stand

exit codes: 0 armed; 1 refused; 4 no graph.
"""

import argparse

from humanoid_bringup.commands import triggers
from humanoid_bringup.errors import Exit, HumanoidError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--mode", help="mode to ask for as soon as it is armed")
    triggers.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Call the services."""
    from humanoid_bringup.link import Link
    from humanoid_interfaces.srv import SetMode
    from humanoid_runtime import topics

    with Link(arguments.namespace) as link:
        if arguments.mode:
            link.find(SetMode, topics.SET_MODE)  # armed, a robot sinks until it has its mode
        said = triggers.call(link, topics.REARM, timeout=15.0)
        if arguments.mode:
            answer = link.call(SetMode, topics.SET_MODE, SetMode.Request(mode=arguments.mode))
            if not answer.success:
                raise HumanoidError(answer.message)
            said += f", on the way to '{arguments.mode}'"
    triggers.report(arguments, said)
    return Exit.OK
