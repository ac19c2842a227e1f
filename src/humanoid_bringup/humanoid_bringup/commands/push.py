"""Push the simulated robot with a constant force for a while.

Give the force, or the impulse that force and duration make together.

examples:
  humanoid push                                        9 N·s forward at the torso, in 0.1 s
  humanoid push --impulse 12 --direction left
  humanoid push --force 80 --direction 45 --duration 0.2 --link left_wrist_yaw_link

exit codes: 0 pushed; 1 refused, with the reason; 4 no graph.
"""

import argparse
import math

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, add_namespace, positive
from humanoid_bringup.errors import Exit, HumanoidError

#: unit vectors in the world frame (REP-103: x forward, y left, z up at the start pose)
DIRECTIONS = {
    "forward": (1.0, 0.0, 0.0),
    "backward": (-1.0, 0.0, 0.0),
    "left": (0.0, 1.0, 0.0),
    "right": (0.0, -1.0, 0.0),
    "up": (0.0, 0.0, 1.0),
    "down": (0.0, 0.0, -1.0),
}


def direction(text: str) -> tuple[float, float, float]:
    """A named direction, or degrees counter-clockwise from forward, as a unit vector."""
    if text in DIRECTIONS:
        return DIRECTIONS[text]
    try:
        angle = math.radians(float(text))
    except ValueError:
        angle = math.nan
    if not math.isfinite(angle):
        raise argparse.ArgumentTypeError(
            f"'{text}' is neither degrees nor one of {', '.join(DIRECTIONS)}"
        )
    return (math.cos(angle), math.sin(angle), 0.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--impulse", type=positive, default=9.0, help="[N s] (default: 9)")
    amount.add_argument("--force", type=positive, help="[N]")
    parser.add_argument(
        "--direction",
        type=direction,
        default="forward",
        help=f"{', '.join(DIRECTIONS)}, or degrees counter-clockwise from forward, world frame",
    )
    parser.add_argument("--duration", type=positive, default=0.1, help="[s] (default: 0.1)")
    parser.add_argument("--link", default="", help="link of the URDF (default: the torso)")
    add_namespace(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Push once."""
    from geometry_msgs.msg import Vector3

    from humanoid_bringup.link import Link
    from humanoid_interfaces.srv import Push
    from humanoid_runtime import topics

    newtons = arguments.force or arguments.impulse / arguments.duration
    x, y, z = (newtons * part for part in arguments.direction)
    request = Push.Request(
        link=arguments.link, force=Vector3(x=x, y=y, z=z), duration=arguments.duration
    )
    with Link(arguments.namespace) as link:
        answer = link.call(Push, topics.PUSH, request)
    if not answer.success:
        raise HumanoidError(answer.message)
    impulse = newtons * arguments.duration
    if arguments.json:
        console.print_json(
            {
                "ok": True,
                "force_n": [x, y, z],
                "duration_s": arguments.duration,
                "impulse_ns": impulse,
            }
        )
    else:
        console.say(f"pushed: {newtons:.1f} N for {arguments.duration:g} s ({impulse:.2f} N·s)")
    return Exit.OK
