"""Walk by keyboard.

Each key adds to the velocity; holding it down, or Enter now and then, keeps the robot going. A dead
man's switch: without a key for --timeout seconds the robot comes to stand. Needs a terminal.

keys: w/s forward and back, q/e left and right, a/d turn left and right, Enter keep on, space stop,
x quit

examples:
  humanoid teleop
  humanoid teleop --controller fastsac --timeout 2

exit codes: 0 ended by key; 1 refused, or walking ended by itself, with the reason; 2 not on a
terminal; 3 no such mode; 4 no graph.
"""

import argparse
import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator

from humanoid_bringup import console, modes
from humanoid_bringup.arguments import add_json, add_namespace, positive
from humanoid_bringup.commands.walk import PERIOD, add_controller, enter
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.teleoperation import HELP, Teleoperation

Twist = tuple[float, float, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--timeout", type=positive, default=1.0, help="[s] without a key: stop (default: 1)"
    )
    add_controller(parser)
    add_namespace(parser)
    add_json(parser, "print one JSON object when it ends")


def run(arguments: argparse.Namespace) -> int:
    """Read keys, publish velocities."""
    if not sys.stdin.isatty():
        raise HumanoidError("teleop reads keys: run it on a terminal", Exit.USAGE)
    from geometry_msgs.msg import TwistStamped

    from humanoid_bringup.link import Link
    from humanoid_runtime import topics

    with Link(arguments.namespace) as link:
        modes.watch(link)
        enter(link, arguments.controller)
        publisher = link.node.create_publisher(TwistStamped, topics.CMD_VEL, topics.EVENT)
        link.discover(lambda: publisher.get_subscription_count() > 0)

        def publish(twist: Twist) -> None:
            order = TwistStamped()
            order.header.frame_id = "base_footprint"
            order.twist.linear.x, order.twist.linear.y, order.twist.angular.z = twist
            publisher.publish(order)
            link.spin(0.0)
            mode = modes.present(link)
            if mode != arguments.controller:
                raise HumanoidError(f"walking ended: the controller is in mode '{mode}'")

        console.say(HELP)
        start = time.monotonic()
        try:
            drive(sys.stdin.fileno(), Teleoperation(arguments.timeout), publish)
        finally:
            console.clear()
            link.spin(0.2)  # a reliable publisher must live until its message is acknowledged
    if arguments.json:
        console.print_json({"ok": True, "seconds": round(time.monotonic() - start, 1)})
    return Exit.OK


def drive(
    terminal: int,
    keys: Teleoperation,
    publish: Callable[[Twist], None],
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Publish a velocity each :data:`PERIOD` until a key, or the end of the input, ends it.

    `terminal` is a file descriptor. The last velocity published is zero, whatever happens.
    """
    try:
        with raw(terminal):
            while not keys.ended:
                if select.select([terminal], [], [], PERIOD)[0]:
                    typed = os.read(terminal, 64)
                    if not typed:
                        break
                    keys.press(typed.decode(errors="ignore"), now())
                twist = keys.twist(now())
                publish(twist)
                console.live(
                    "forward {:+.2f} m/s  left {:+.2f} m/s  turn {:+.2f} rad/s".format(*twist)
                )
    finally:
        publish((0.0, 0.0, 0.0))


@contextlib.contextmanager
def raw(terminal: int) -> Iterator[None]:
    """The terminal gives each key at once and shows none; afterwards as before."""
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
