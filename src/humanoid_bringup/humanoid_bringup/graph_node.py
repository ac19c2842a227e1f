"""The whole graph in one process and one thread: the same three nodes, the same topics.

While the HAL waits for the command that answers its sample, perception and control work; services
and reports of all three come between two cycles. Nobody sleeps between sample and command, caches
stay warm, and a cycle costs about half of what three processes cost. What is lost is their
isolation: a node that dies takes the others with it, the HAL last. So hardware gets a process per
node, and simulation one for all unless it is asked otherwise.
"""

import sys

from humanoid_control.control_node import ControlNode
from humanoid_hal.hal_node import HalNode
from humanoid_perception.perception_node import PerceptionNode
from humanoid_runtime.main import run_node


class Graph:
    """Runs the HAL's cycle, and the others in its waits."""

    def __init__(self) -> None:
        self._hal = HalNode()
        self._others = (PerceptionNode(), ControlNode())
        self._hal.loop.meanwhile = self._work
        self._hal.neighbours_rest = self._rest

    def run(self) -> None:
        """Work until the process is asked to stop."""
        self._hal.run()

    def close(self) -> None:
        """The HAL first: it brakes the robot."""
        try:
            self._hal.close()
        finally:
            for node in self._others:
                node.close()

    def _work(self) -> bool:
        worked = [node.step() for node in self._others]
        return any(worked)

    def _rest(self) -> None:
        for node in self._others:
            node.rest()


def main() -> int:
    """Run the graph; the process's exit code."""
    return run_node(Graph)


if __name__ == "__main__":
    sys.exit(main())
