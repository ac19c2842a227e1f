"""Bring up a robot in simulation. It arms and stands up by itself; Ctrl-C ends it.

examples:
  humanoid sim                                  the G1 in MuJoCo, in real time
  humanoid sim --robot talos --viewer           another robot, in the simulator's window
  humanoid sim --hardware gazebo --gui          in Gazebo, with its window; docs/gazebo.md
  humanoid sim --free-running --seconds 10      as fast as it goes; exit code 0 if it still stands
  humanoid sim --video stand.mp4 --seconds 5    what a camera sees

exit codes: 0 stopped by a signal, or still standing after --seconds; 1 fell or did not stand up;
3 configuration; 5 a node died; 6 environment; 130 or 143 interrupted before --seconds were over.
"""

import argparse
from pathlib import Path

from humanoid_bringup import console, session
from humanoid_bringup.arguments import add_graph, graph_options, positive, whole
from humanoid_bringup.commands import check_config
from humanoid_bringup.errors import HumanoidError
from humanoid_bringup.graph import graph, option_help
from humanoid_bringup.locate import find_robot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--robot", default="g1", help="name or robot.yaml (default: g1)")
    parser.add_argument(
        "--hardware", default="mujoco", help="simulator: name or file (default: mujoco)"
    )
    parser.add_argument(
        "--free-running", action="store_true", help="as fast as it goes instead of real time"
    )
    parser.add_argument("--busy-wait", action="store_true", help=option_help("busy_wait"))
    parser.add_argument(
        "--seconds",
        type=positive,
        help="end after so many simulated seconds in the mode; exit code 0 if it still holds",
    )
    parser.add_argument("--mode", default="stand", help="mode to walk to (default: stand)")
    parser.add_argument("--seed", type=whole(-1), default=-1, help=option_help("seed"))
    parser.add_argument("--viewer", "--gui", action="store_true", help=option_help("viewer"))
    parser.add_argument("--video", default="", metavar="FILE", help=option_help("video"))
    parser.add_argument(
        "--composed",
        action=argparse.BooleanOptionalAction,
        default=True,
        help=f"{option_help('composed')} (default here; --cpus needs --no-composed)",
    )
    parser.add_argument("--truth", action="store_true", help=option_help("publish_truth"))
    add_graph(parser, incidents=False)


def run(arguments: argparse.Namespace) -> int:
    """Run the simulation in the foreground."""
    options = graph_options(
        arguments,
        autostart="active",
        startup_mode=arguments.mode,
        paced=not arguments.free_running,
        busy_wait=arguments.busy_wait,
        composed=arguments.composed,
        publish_truth=arguments.truth,
        viewer=arguments.viewer,
        video=arguments.video,
        seed=arguments.seed,
    )
    check_config.require(arguments.robot, arguments.hardware, arguments.mode)
    if arguments.video:
        from humanoid_bringup.render import check_film

        check_film(arguments.video)
    code = session.run(
        f"{arguments.robot} on {arguments.hardware}",
        graph(arguments.robot, arguments.hardware, options),
        arguments.mode,
        arguments.seconds,
        arguments.json,
        arguments.verbose,
    )
    if arguments.video:
        _film(arguments)
    return code


def _film(arguments: argparse.Namespace) -> None:
    """Turn the motion that the HAL recorded beside the video's name into the video."""
    from humanoid_bringup.render import render_film
    from humanoid_description import load_robot

    film = Path(arguments.video).absolute()
    motion = film.with_suffix(".npz")
    if not motion.is_file():
        raise HumanoidError(f"nothing was recorded for {film}: the simulation did not start")
    render_film(
        load_robot(find_robot(arguments.robot)),
        motion,
        film,
        progress=lambda done, total: console.live(f"  drawing {done} of {total} pictures"),
    )
    motion.unlink()
    if not arguments.json:
        console.say(f"wrote {film}")
