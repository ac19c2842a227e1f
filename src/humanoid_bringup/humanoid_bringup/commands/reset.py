"""Put the simulated robot back to its start pose. It stands still there until it is armed again.

examples:
  humanoid reset && humanoid rearm --mode stand

exit codes: 0 done; 1 refused; 4 no graph, or the hardware is not simulated.
"""

import argparse

from humanoid_bringup.commands import triggers

add_arguments = triggers.add_arguments


def run(arguments: argparse.Namespace) -> int:
    """Call the service."""
    from humanoid_runtime import topics

    return triggers.trigger(arguments, topics.RESET)
