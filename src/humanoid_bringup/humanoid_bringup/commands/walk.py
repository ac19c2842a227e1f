"""Walk with a velocity, then come to stand.

The controller is asked for mode 'walk', or another one that walks, and gets the velocity on the
topic cmd_vel, renewed until the time is over or Ctrl-C is pressed. It speeds up and slows down
gently, and stays in its mode, standing.

examples:
  humanoid walk 0.4 0 0                  forward at 0.4 m/s until Ctrl-C
  humanoid walk 0.3 0 0.4 --seconds 10   a left-hand bend for 10 s
  humanoid walk -0.2 0 0                 backward
  humanoid walk 0.8 0 0 --controller fastsac   on a learned policy

exit codes: 0 walked; 1 refused, or walking ended by itself, with the reason; 4 no graph.
"""

import argparse
import math
from typing import TYPE_CHECKING, Any

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, add_namespace, finite, positive
from humanoid_bringup.errors import Exit, HumanoidError

if TYPE_CHECKING:
    from humanoid_bringup.link import Link

PERIOD = 0.05  # [s] between two messages; the controller waits 0.5 s for the next
ENTERING = 15.0  # [s] within which the mode must be reached: standing up takes the longest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("vx", type=finite, help="[m/s] forward")
    parser.add_argument("vy", type=finite, help="[m/s] to the left")
    parser.add_argument("wz", type=finite, help="[rad/s] turning anticlockwise")
    parser.add_argument("--seconds", type=positive, default=math.inf, help="(default: no end)")
    add_controller(parser)
    add_namespace(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask for the mode, publish the velocity, and stop."""
    from geometry_msgs.msg import TwistStamped

    from humanoid_bringup.link import Link
    from humanoid_interfaces.msg import ModeState
    from humanoid_runtime import topics

    order, rest = TwistStamped(), TwistStamped()
    order.header.frame_id = rest.header.frame_id = "base_footprint"
    order.twist.linear.x, order.twist.linear.y = arguments.vx, arguments.vy
    order.twist.angular.z = arguments.wz
    with Link(arguments.namespace) as link:
        link.watch(ModeState, topics.MODE)
        enter(link, arguments.controller)
        publisher = link.node.create_publisher(TwistStamped, topics.CMD_VEL, topics.EVENT)
        link.discover(lambda: publisher.get_subscription_count() > 0)
        if not arguments.json:
            console.say("walking; Ctrl-C stops it")
        try:
            seconds = _walk(link, publisher, order, arguments)
        finally:
            publisher.publish(rest)
            link.spin(0.2)  # a reliable publisher must live until its message is acknowledged
    if arguments.json:
        velocity = [arguments.vx, arguments.vy, arguments.wz]
        console.print_json({"velocity": velocity, "seconds": round(seconds, 2)})
    return Exit.OK


def add_controller(parser: argparse.ArgumentParser) -> None:
    """`--controller`."""
    parser.add_argument(
        "--controller",
        default="walk",
        metavar="MODE",
        help="mode that walks: walk (model-based), or a policy of control.yaml "
        "(default: %(default)s)",
    )


def enter(link: "Link", mode: str) -> None:
    """Bring the controller, whose mode `link` watches, to `mode`. Raises HumanoidError."""
    from humanoid_interfaces.srv import SetMode
    from humanoid_runtime import topics

    answer = link.call(SetMode, topics.SET_MODE, SetMode.Request(mode=mode))
    if not answer.success:
        raise HumanoidError(answer.message)
    if not link.wait(lambda: present_mode(link) == mode, ENTERING):
        state = link.latest(topics.MODE)
        waiting = (state and state.waiting_for) or "the transition"
        raise HumanoidError(
            f"mode '{mode}' was not reached in {ENTERING:g} s: waiting for {waiting}"
        )


def _walk(link: "Link", publisher: Any, order: Any, arguments: argparse.Namespace) -> float:
    """Renew the order; returns the time walked [s]. Raises HumanoidError when the mode ends."""
    walked = 0.0
    while walked < arguments.seconds:
        publisher.publish(order)
        step = min(PERIOD, arguments.seconds - walked)
        link.spin(step)
        walked += step
        mode = present_mode(link)
        if mode != arguments.controller:
            raise HumanoidError(f"walking ended: the controller is in mode '{mode}'")
    return walked


def present_mode(link: "Link") -> str | None:
    """The mode that the controller said last, or None."""
    from humanoid_runtime import topics

    state = link.latest(topics.MODE)
    return None if state is None else str(state.mode)
