"""Publishes what the HAL says of itself, and looks at who else publishes commands."""

import time
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray

from humanoid_hal.cycle import Cycle
from humanoid_hal.faults import Reaction
from humanoid_hal.hal import Phase
from humanoid_hal.status import diagnostics, safety_state
from humanoid_interfaces.msg import SafetyState
from humanoid_runtime import topics

if TYPE_CHECKING:
    from humanoid_hal.hal_node import HalNode

#: [s] of real time between two looks at what is slow, two SafetyState, two diagnostics.
SLOW_PERIOD, STATE_PERIOD, DIAGNOSTICS_PERIOD = 0.05, 0.1, 1.0
#: How nodes that play bags begin their names: ours, and rosbag2's.
PLAYERS = ("humanoid_replay", "rosbag2_player")


class Reporter:
    """The topics safety_state and diagnostics of a HAL node, and its log."""

    def __init__(self, node: "HalNode") -> None:
        self._node = node
        self._core = node.core
        self._safety = node.create_publisher(SafetyState, topics.SAFETY_STATE, topics.EVENT)
        self._diagnostics = node.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, topics.EVENT)
        self._looked_at: int | None = None  # publishers of commands when last looked who they are
        self._slow_due = self._state_due = self._diagnostics_due = 0.0
        self._told: tuple[object, ...] = ()
        self._counted = (0.0, 0)  # time and turns of the last diagnostics

    def publish_state(self, stamp: int) -> None:
        """The supervisor's decision at `stamp` [ns]."""
        self._safety.publish(safety_state(self._core, stamp))

    def after_cycle(self, stamp: int) -> None:
        """Say at once what changed."""
        supervisor = self._core.supervisor
        told = (supervisor.reaction, self._core.phase, supervisor.latched)
        if told != self._told:
            self._told = told
            # Before the next sample goes out, so that control sees both together in every run.
            self.publish_state(stamp)
            self._log()

    def report(self, cycle: Cycle) -> None:
        """Publish what is due, between two turns of `cycle`."""
        now = time.monotonic()
        if now < self._slow_due:
            return
        self._slow_due = now + SLOW_PERIOD
        self._core.publishers = self._node.count_publishers(topics.JOINT_COMMANDS)
        if self._core.publishers != self._looked_at:
            self._looked_at = self._core.publishers
            self._core.replayed = self._replaying()
        if now >= self._state_due:
            self._state_due = now + STATE_PERIOD
            self.publish_state(cycle.stamp)
        elif now >= self._diagnostics_due:
            self._diagnostics_due = now + DIAGNOSTICS_PERIOD
            before, turns = self._counted
            self._counted = (now, cycle.turns)
            rate = (cycle.turns - turns) / (now - before)
            self._diagnostics.publish(
                diagnostics(self._core, cycle.latency, rate, self._waiting_for(), cycle.stamp)
            )

    def _replaying(self) -> str:
        """The name of a node that plays a bag onto the command topic, or ""."""
        found = self._node.get_publishers_info_by_topic(topics.JOINT_COMMANDS)
        return next((i.node_name for i in found if i.node_name.startswith(PLAYERS)), "")

    def _waiting_for(self) -> str:
        """What the HAL needs to be armed; empty when it is, or does not try."""
        return "; ".join(self._core.blockers()) if self._core.phase is Phase.ARMING else ""

    def _log(self) -> None:
        supervisor, phase = self._core.supervisor, self._core.phase
        reasons = "; ".join(
            (*supervisor.active, *(f"{name} (latched)" for name in supervisor.latched))
        )
        text = f"{phase.value}, {supervisor.reaction.name}{f': {reasons}' if reasons else ''}"
        logger = self._node.get_logger()
        if supervisor.reaction >= Reaction.HOLD:
            logger.error(text)
        else:
            logger.info(text)
