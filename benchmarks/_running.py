"""A standing robot on the real graph, for the benchmarks that measure it from outside."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from humanoid_bringup.errors import HumanoidError
from humanoid_bringup.graph import Options, graph
from humanoid_bringup.process import Processes, new_run_directory
from humanoid_bringup.survey import Survey
from humanoid_runtime import topics

#: [s] of real time a start may take
START_LIMIT = 60.0


def own_domain() -> None:
    """Keep away from a graph that runs already."""
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)


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


def check(processes: Processes) -> None:
    """Raises HumanoidError when a node ended."""
    ended = processes.failed()
    if ended is not None:
        raise HumanoidError(str(ended))
