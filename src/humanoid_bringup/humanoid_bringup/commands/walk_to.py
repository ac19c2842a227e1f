"""Walk to a place, and turn there.

The controller is asked for a mode that walks and gets the goal as the action walk_to. It turns
towards the goal, walks, and aligns itself near it. Ctrl-C cancels: the robot comes to stand.

examples:
  humanoid walk-to 2 1                the place x 2 m, y 1 m of the frame odom, any heading
  humanoid walk-to 2 1 1.57           and look to the left there
  humanoid walk-to 1 0 0 --relative   one metre ahead of where it stands now

exit codes: 0 arrived; 1 refused, or ended before it arrived, with the reason; 3 no such mode;
4 no graph; 130 canceled by Ctrl-C, 143 by SIGTERM.
"""

import argparse
import math
import time
from typing import TYPE_CHECKING, Any

from humanoid_bringup import console, modes
from humanoid_bringup.arguments import add_json, add_namespace, finite, positive
from humanoid_bringup.commands.walk import add_controller, enter
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.signals import Interrupts

if TYPE_CHECKING:
    from humanoid_bringup.link import Link

ANSWER = 10.0  # [s] within which the controller must answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("x", type=finite, help="[m]")
    parser.add_argument("y", type=finite, help="[m]")
    parser.add_argument("yaw", type=finite, nargs="?", help="[rad] (default: any heading)")
    parser.add_argument(
        "--relative", action="store_true", help="from where it stands now, ahead and to the left"
    )
    parser.add_argument(
        "--timeout", type=positive, default=600.0, help="[s] then cancel (default: %(default)g)"
    )
    add_controller(parser)
    add_namespace(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Send the goal, show what is left, and wait for the end."""
    from humanoid_bringup.link import Link

    with Interrupts() as interrupts, Link(arguments.namespace) as link:
        modes.watch(link)
        enter(link, arguments.controller)
        result = _follow(link, arguments, interrupts)
    away = f"{result.distance:.2f} m away" if math.isfinite(result.distance) else "at once"
    signal = None if result.success else interrupts.received
    if arguments.json:
        left = {"distance": round(result.distance, 3), "turn": round(result.turn, 3)}
        console.print_json({"ok": result.success, "message": result.message, **left})
    elif result.success:
        console.say(f"arrived, {result.distance:.2f} m and {result.turn:.2f} rad from the goal")
    if signal is not None:
        console.error(f"interrupted {away}: {result.message}")
        return 128 + int(signal)
    if not result.success:
        raise HumanoidError(f"walk-to ended {away}: {result.message}")
    return Exit.OK


def _follow(link: "Link", arguments: argparse.Namespace, interrupts: Interrupts) -> Any:
    """The action's result. Raises HumanoidError when it is refused or not answered."""
    from rclpy.action import ActionClient

    from humanoid_interfaces.action import WalkTo
    from humanoid_runtime import topics

    goal = WalkTo.Goal(frame_id="base_footprint" if arguments.relative else "odom")
    goal.x, goal.y, goal.yaw = arguments.x, arguments.y, arguments.yaw or 0.0
    goal.any_heading = arguments.yaw is None
    client = ActionClient(link.node, WalkTo, topics.WALK_TO)
    try:
        if not link.discover(client.server_is_ready):
            raise HumanoidError("the controller does not serve 'walk_to'", Exit.NO_GRAPH)
        asked = client.send_goal_async(goal, feedback_callback=_show)
        if not link.wait(asked.done, ANSWER):  # a signal of meanwhile cancels what is accepted
            raise HumanoidError("the controller does not answer", Exit.NO_GRAPH)
        handle = asked.result()
        if not handle.accepted:
            raise HumanoidError("walk_to is refused; the controller's log says why")
        ended = handle.get_result_async()
        _wait(link, handle, ended, arguments, interrupts)
        console.clear()
        return ended.result().result
    finally:
        client.destroy()


def _wait(
    link: "Link", handle: Any, ended: Any, arguments: argparse.Namespace, interrupts: Interrupts
) -> None:
    """Until the result is there; after the time-out, or at a signal, cancel first."""
    start = time.monotonic()
    link.wait(lambda: ended.done() or interrupts.received, arguments.timeout)
    if ended.done():
        return
    if interrupts.received:
        reason = f"interrupted ({interrupts.received.name})"
    else:
        reason = f"not there after {time.monotonic() - start:.0f} s"
    console.clear()
    if not arguments.json:
        console.say(f"{reason}: canceling, it comes to stand")
    handle.cancel_goal_async()
    if not link.wait(ended.done, ANSWER):
        raise HumanoidError("the controller does not answer to the cancel", Exit.NO_GRAPH)


def _show(message: Any) -> None:
    feedback = message.feedback
    console.live(f"{feedback.phase}: {feedback.distance:.2f} m, {feedback.turn:+.2f} rad left")
