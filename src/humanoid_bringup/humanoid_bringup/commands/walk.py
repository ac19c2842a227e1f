"""Walk with a velocity, then come to stand.

The controller is asked for mode 'walk', or another one that walks, and gets the velocity on the
topic cmd_vel, renewed until the time is over or Ctrl-C is pressed. It speeds up and slows down
gently, and stays in its mode, standing.

examples:
  humanoid walk 0.4 0 0                  forward at 0.4 m/s until Ctrl-C
  humanoid walk 0.3 0 0.4 --seconds 10   a left-hand bend for 10 s
  humanoid walk -0.2 0 0                 backward
  humanoid walk 0.8 0 0 --controller fastsac   on a learned policy

exit codes: 0 walked; 1 refused, or walking ended by itself, with the reason; 3 no such mode;
4 no graph; 130 Ctrl-C.
"""

import argparse
import math
from typing import TYPE_CHECKING, Any

from humanoid_bringup import console, modes, ranges
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
    from humanoid_runtime import topics

    order, rest = TwistStamped(), TwistStamped()
    order.header.frame_id = rest.header.frame_id = "base_footprint"
    order.twist.linear.x, order.twist.linear.y = arguments.vx, arguments.vy
    order.twist.angular.z = arguments.wz
    with Link(arguments.namespace) as link:
        modes.watch(link)
        enter(link, arguments.controller)
        publisher = link.node.create_publisher(TwistStamped, topics.CMD_VEL, topics.EVENT)
        link.discover(lambda: publisher.get_subscription_count() > 0)
        asked = (arguments.vx, arguments.vy, arguments.wz)
        clamped = ranges.velocity(link, arguments.controller, asked)
        if not arguments.json:
            for change in clamped.changes:
                console.say(change)
            console.say("walking; Ctrl-C stops it")
        try:
            seconds = _walk(link, publisher, order, arguments)
        finally:
            publisher.publish(rest)
            link.spin(0.2)  # a reliable publisher must live until its message is acknowledged
    if arguments.json:
        console.print_json(
            {
                "ok": True,
                "velocity": list(clamped.values),
                "clamped": list(clamped.changes),
                "seconds": round(seconds, 2),
            }
        )
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
    modes.ask(link, mode)
    if not link.wait(lambda: modes.present(link) == mode, ENTERING):
        state = modes.state(link)
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
        mode = modes.present(link)
        if mode != arguments.controller:
            raise HumanoidError(f"walking ended: the controller is in mode '{mode}'")
    return walked
