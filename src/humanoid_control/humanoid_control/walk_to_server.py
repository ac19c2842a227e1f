"""The action `walk_to`: goals in, walking velocities to the control core, feedback and results out.

Velocities are ordered on the grid of the samples' stamps, as anybody could on `cmd_vel`, and
repeated on ``orders/cmd_vel``: a recording of a walk replays without this action.
"""

from collections.abc import Callable
from math import isfinite, nan
from typing import Any

from geometry_msgs.msg import TwistStamped
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.node import Node
from rclpy.task import Future

from humanoid_control.controller import State
from humanoid_control.core import ControlCore
from humanoid_control.messages import BASE_FOOTPRINT, velocity
from humanoid_control.velocity import VelocityError
from humanoid_control.walk_to import ARRIVED, Pose, Progress, WalkToConfig, WalkToPlanner
from humanoid_interfaces.action import WalkTo
from humanoid_runtime import topics

ODOM = "odom"
PERIOD = 50_000_000  # [ns] of sample time between two orders
CANCELED = "canceled: it comes to stand"
FEEDBACK = 4  # orders between two feedbacks


class WalkToServer:
    """Serves one goal at a time; a new one ends the one before."""

    def __init__(
        self, node: Node, core: ControlCore, config: WalkToConfig, taken: Callable[[Any], None]
    ) -> None:
        """`taken` is told each order that the core took."""
        self._node, self._core, self._config, self._taken = node, core, config, taken
        self._pose: Pose | None = None
        self._planner: WalkToPlanner | None = None
        self._handle: Any = None
        self._done = Future()
        self._due = 0
        self._orders = 0
        self._progress: Progress | None = None
        self._server = ActionServer(
            node,
            WalkTo,
            topics.WALK_TO,
            self._execute,
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel,
        )

    def close(self) -> None:
        """Release the action."""
        self._server.destroy()

    def on_state(self, state: State) -> None:
        """After each answered sample: order the velocity of the moment, if a goal is there."""
        if self._handle is None:
            self._pose = None if not state.valid else Pose.of(state.q)
            return
        if self._due - PERIOD <= state.stamp < self._due:  # stamps that went back are due
            return
        self._due = state.stamp + PERIOD
        self._pose = Pose.of(state.q)
        self._advance(self._pose)

    def interrupt(self, reason: str) -> None:
        """End the goal, if there is one: somebody else orders now."""
        if self._handle is not None:
            self._done.set_result((False, reason))
            self._handle = None

    def _on_goal(self, goal: Any) -> GoalResponse:
        refusal = self._refusal(goal)
        if refusal:
            self._node.get_logger().warning(f"walk_to refused: {refusal}")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_cancel(self, handle: Any) -> CancelResponse:
        """End the goal now: the next sample may be long in coming. Before its turn: in its turn."""
        if self._is_current(handle):
            self._finish(CANCELED)
        return CancelResponse.ACCEPT

    def _is_current(self, handle: Any) -> bool:
        return self._handle is not None and self._handle.goal_id == handle.goal_id

    def _refusal(self, goal: Any) -> str:
        if goal.frame_id not in (ODOM, BASE_FOOTPRINT):
            return f"frame '{goal.frame_id}': give it in '{ODOM}' or '{BASE_FOOTPRINT}'"
        if not all(map(isfinite, (goal.x, goal.y, goal.yaw))):
            return "x, y and yaw must be finite"
        if not self._core.walks:
            return f"mode {self._core.mode_state.mode} does not walk: ask for 'walk' first"
        if self._pose is None:
            return "the estimated pose is not valid"
        return ""

    async def _execute(self, handle: Any) -> Any:
        """The life of a goal, between whose turns the samples come."""
        self.interrupt("another goal came")
        request, done = handle.request, Future()
        self._progress = None
        if handle.is_cancel_requested:  # between acceptance and its turn
            done.set_result((False, CANCELED))
        elif refusal := self._refusal(request):  # so much may have changed since acceptance
            done.set_result((False, refusal))
        else:
            self._begin(handle, done)
        success, message = await done
        progress = self._progress
        if handle.is_cancel_requested:
            handle.canceled()
        elif success:
            handle.succeed()
        else:
            handle.abort()
        left = (progress.distance, progress.turn) if progress else (nan, nan)
        return WalkTo.Result(success=success, message=message, distance=left[0], turn=left[1])

    def _begin(self, handle: Any, done: Future) -> None:
        request, start = handle.request, Pose(0.0, 0.0, 0.0)
        if request.frame_id == BASE_FOOTPRINT and self._pose is not None:
            start = self._pose
        goal = start.after(request.x, request.y, request.yaw)
        self._planner = WalkToPlanner(self._config, goal, any_heading=request.any_heading)
        self._handle, self._done, self._orders = handle, done, 0

    def _advance(self, pose: Pose) -> None:
        assert self._planner is not None
        progress = self._progress = self._planner.step(pose)
        refusal = self._order(progress.twist)
        if refusal:
            self._done.set_result((False, refusal))
            self._handle = None
        elif progress.phase == ARRIVED:
            self._finish("arrived", success=True)
        elif self._orders % FEEDBACK == 0:
            self._handle.publish_feedback(
                WalkTo.Feedback(
                    distance=progress.distance, turn=progress.turn, phase=progress.phase
                )
            )
        self._orders += 1

    def _finish(self, message: str, *, success: bool = False) -> None:
        self._order((0.0, 0.0, 0.0))
        self._done.set_result((success, message))
        self._handle = None

    def _order(self, twist: Any) -> str:
        """Order a velocity; why it was refused, or ""."""
        message = TwistStamped()
        message.header.frame_id = BASE_FOOTPRINT
        message.twist.linear.x, message.twist.linear.y = float(twist[0]), float(twist[1])
        message.twist.angular.z = float(twist[2])
        try:
            self._core.on_velocity(velocity(message))
        except VelocityError as error:
            return str(error)
        self._taken(message)
        return ""
