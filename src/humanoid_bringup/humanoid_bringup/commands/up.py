"""Bring up a robot on its hardware. It reads and does not move until it is armed; Ctrl-C stops it.

Stopping sends the stop frames of the boards. Keep the hardware emergency stop within reach.

examples:
  humanoid up --robot g1 --hardware mock        the graph without any hardware
  humanoid up --robot mine --hardware real      then: humanoid rearm --mode ready
  humanoid up --robot mine --hardware real --realtime --cpus 2,3,3

exit codes: 0 stopped by a signal; 3 configuration; 5 a node died; 6 environment.
"""

import argparse

from humanoid_bringup import session
from humanoid_bringup.arguments import add_graph, graph_options
from humanoid_bringup.commands import check_config
from humanoid_bringup.graph import AUTOSTART, graph, option_help


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--robot", required=True, help="name or robot.yaml")
    parser.add_argument("--hardware", required=True, help="name or hardware file")
    parser.add_argument(
        "--autostart",
        choices=AUTOSTART,
        default="inactive",
        help=f"{option_help('autostart')} (default: inactive)",
    )
    parser.add_argument("--mode", default="damping", help="mode at start (default: damping)")
    add_graph(parser, incidents=True)


def run(arguments: argparse.Namespace) -> int:
    """Run the robot in the foreground."""
    options = graph_options(arguments, autostart=arguments.autostart, startup_mode=arguments.mode)
    check_config.require(arguments.robot, arguments.hardware, arguments.mode)
    return session.run(
        f"{arguments.robot} on {arguments.hardware}",
        graph(arguments.robot, arguments.hardware, options),
        arguments.mode,
        None,
        arguments.json,
        arguments.verbose,
    )
