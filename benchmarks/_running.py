"""A standing robot on the real graph, for the benchmarks that measure it from outside."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager

from geometry_msgs.msg import TwistStamped

from humanoid_bringup import modes
from humanoid_bringup.arguments import whole
from humanoid_bringup.commands.walk import ENTERING, PERIOD
from humanoid_bringup.errors import HumanoidError
from humanoid_bringup.graph import Options, graph
from humanoid_bringup.process import Processes, new_run_directory
from humanoid_bringup.survey import Survey
from humanoid_runtime import realtime, topics

#: [s] of real time a start may take
START_LIMIT = 60.0
#: SCHED_FIFO priority where none is named, `--realtime`'s own. Lower or none where it is forbidden.
PRIORITY = 80


def own_domain() -> None:
    """Keep away from a graph that runs already."""
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)


def add_realtime(parser: argparse.ArgumentParser) -> None:
    """`--realtime`."""
    parser.add_argument(
        "--realtime",
        type=whole(0),
        default=min(PRIORITY, realtime.allowed()),
        metavar="PRIORITY",
        help="SCHED_FIFO priority of the nodes, 0: normal scheduling (here: %(default)s)",
    )


@contextmanager
def running(robot: str, options: Options) -> Iterator[Processes]:
    """The graph of `robot` in MuJoCo as processes. Raises HumanoidError when a node dies."""
    with Processes(graph(robot, "mujoco", options), new_run_directory("benchmark")) as processes:
        processes.start()
        yield processes
        check(processes)


def wait_until_standing(processes: Processes, survey: Survey) -> None:
    """Raises HumanoidError when it does not come to that."""

    def standing() -> bool:
        check(processes)
        mode = survey.latest(topics.MODE)
        return mode is not None and mode.mode == "stand" and not mode.waiting_for

    if not survey.wait(standing, START_LIMIT):
        raise HumanoidError(f"the robot does not stand; logs: {processes.directory}")


@contextmanager
def walking(survey: Survey, speed: float) -> Iterator[str]:
    """In mode 'walk', forward at `speed` [m/s], as `humanoid walk` orders it; the mode's name."""
    modes.ask(survey, "walk")
    publisher = survey.node.create_publisher(TwistStamped, topics.CMD_VEL, topics.EVENT)
    order = TwistStamped()
    order.header.frame_id = "base_footprint"
    order.twist.linear.x = speed
    timer = survey.node.create_timer(PERIOD, lambda: publisher.publish(order))
    survey.wait(lambda: modes.present(survey) == "walk", ENTERING)
    yield "walk"
    survey.node.destroy_timer(timer)


def check(processes: Processes) -> None:
    """Raises HumanoidError when a node ended."""
    ended = processes.failed()
    if ended is not None:
        raise HumanoidError(str(ended))
