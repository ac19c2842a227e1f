"""Watches a graph that is being started, for progress lines and the verdict."""

import time
from collections.abc import Sequence

from humanoid_bringup.environment import domain
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.graph import NodeSpec
from humanoid_bringup.link import Link
from humanoid_bringup.progress import Progress, View
from humanoid_interfaces.msg import ModeState, SafetyState
from humanoid_runtime import topics
from humanoid_runtime.stamps import to_nanoseconds


class Observer(Link):
    """A link that keeps a :class:`View` of the graph."""

    def __init__(self, specs: Sequence[NodeSpec]) -> None:
        super().__init__(specs[0].namespace)
        self._expected = {self.absolute(name) for spec in specs for name in spec.node_names}
        self._view = View()
        self._heard = time.monotonic()
        self.node.create_subscription(ModeState, topics.MODE, self._on_mode, topics.EVENT)
        self.node.create_subscription(
            SafetyState, topics.SAFETY_STATE, self._on_safety, topics.EVENT
        )

    def refuse_second_graph(self) -> None:
        """Raises HumanoidError when a graph runs here already."""
        self.spin(0.3)
        running = sorted(self._expected & self.nodes())
        if running:
            raise HumanoidError(
                f"{', '.join(running)} already runs in ROS_DOMAIN_ID="
                f"{domain()}: stop it first, or set another "
                "ROS_DOMAIN_ID or --namespace",
                Exit.ENVIRONMENT,
            )

    def view(self) -> View:
        """What the graph last said."""
        if self._view.nodes < len(self._expected):
            self._view.nodes = len(self._expected & self.nodes())
        return self._view

    def silence(self) -> float:
        """[s] since the controller last said its mode."""
        return time.monotonic() - self._heard

    def line(self, progress: Progress) -> str:
        """The live line."""
        view = self._view
        if progress.reached_after is None:
            waiting = f", waiting for {view.waiting_for}" if view.waiting_for else ""
            return f"  starting: {view.nodes} nodes, mode {view.mode or 'unknown'}{waiting}"
        factor = progress.real_time_factor()
        return (
            f"  {view.mode}  {progress.lasted:8.1f} s  "
            f"{f'{factor:.2f}x  ' if factor else ''}safety {view.safety}  (Ctrl-C stops)"
        )

    def _on_mode(self, message: ModeState) -> None:
        self._heard = time.monotonic()
        self._view.stamp = to_nanoseconds(message.header.stamp)
        self._view.mode, self._view.waiting_for = message.mode, message.waiting_for

    def _on_safety(self, message: SafetyState) -> None:
        self._view.armed, self._view.reaction = message.armed, message.reaction
        self._view.active = tuple(message.active)
        self._view.latched = tuple(message.latched)
