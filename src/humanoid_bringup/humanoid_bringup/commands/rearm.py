"""Clear latched faults and arm: also how a robot on hardware is armed for the first time.

Refused, with the reason, until every arming check holds: all joints fresh, a command that starts
from the measured pose, one publisher of commands, no fault that is still there.

examples:
  humanoid rearm
  humanoid rearm && humanoid mode stand --wait 10

exit codes: 0 armed; 1 refused; 4 no graph.
"""

import argparse

from humanoid_bringup.commands import triggers

add_arguments = triggers.add_arguments


def run(arguments: argparse.Namespace) -> int:
    """Call the service."""
    from humanoid_runtime import topics

    return triggers.trigger(arguments, topics.REARM, timeout=15.0)
