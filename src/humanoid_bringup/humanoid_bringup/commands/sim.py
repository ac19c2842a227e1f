"""Bring up a robot in simulation. It arms and stands up by itself; Ctrl-C ends it.

examples:
  humanoid sim                                  the G1 in MuJoCo, in real time
  humanoid sim --robot talos --viewer           another robot, in the simulator's window
  humanoid sim --free-running --seconds 10      as fast as it goes; exit code 0 if it still stands
  humanoid sim --video stand.mp4 --seconds 5    what a camera sees

exit codes: 0 stopped by a signal, or still standing after --seconds; 1 fell or did not stand up;
3 configuration; 5 a node died; 6 environment; 130 or 143 interrupted before --seconds were over.
"""

import argparse

from humanoid_bringup import session
from humanoid_bringup.arguments import add_graph, graph_options, positive
from humanoid_bringup.commands import check_config
from humanoid_bringup.graph import graph, option_help


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--robot", default="g1", help="name or robot.yaml (default: g1)")
    parser.add_argument(
        "--hardware", default="mujoco", help="simulator: name or file (default: mujoco)"
    )
    parser.add_argument(
        "--free-running", action="store_true", help="as fast as it goes instead of real time"
    )
    parser.add_argument(
        "--seconds",
        type=positive,
        help="end after so many simulated seconds in the mode; exit code 0 if it still holds",
    )
    parser.add_argument("--mode", default="stand", help="mode to walk to (default: stand)")
    parser.add_argument("--seed", type=int, default=-1, help=option_help("seed"))
    parser.add_argument("--viewer", action="store_true", help=option_help("viewer"))
    parser.add_argument("--video", default="", metavar="FILE", help=option_help("video"))
    parser.add_argument("--truth", action="store_true", help=option_help("publish_truth"))
    add_graph(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the simulation in the foreground."""
    options = graph_options(
        arguments,
        autostart="active",
        startup_mode=arguments.mode,
        paced=not arguments.free_running,
        publish_truth=arguments.truth,
        viewer=arguments.viewer,
        video=arguments.video,
        seed=arguments.seed,
    )
    check_config.require(arguments.robot, arguments.hardware)
    return session.run(
        f"{arguments.robot} on {arguments.hardware}",
        graph(arguments.robot, arguments.hardware, options),
        arguments.mode,
        arguments.seconds,
        arguments.json,
        arguments.verbose,
    )
