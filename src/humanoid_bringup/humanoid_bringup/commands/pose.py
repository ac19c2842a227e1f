"""Move the body while standing. What is not given goes back to its rest value.

examples:
  humanoid pose --height 0.65              squat: base_link 0.65 m above the soles
  humanoid pose --shift 0.02 -0.03         centre of mass 2 cm forward, 3 cm to the right
  humanoid pose --lean 0 0.15 0.3          torso: roll, pitch, yaw [rad]
  humanoid pose                            back to the rest pose

exit codes: 0 the controller took it; 1 it did not; 4 no controller listens.
"""

import argparse
import math
from typing import Any

from humanoid_bringup import console, ranges
from humanoid_bringup.arguments import add_json, add_namespace, finite, positive
from humanoid_bringup.errors import Exit, HumanoidError

#: Times the pose is published, and [s] between two of them, until the controller repeats it.
ATTEMPTS, PATIENCE = 10, 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--height", type=positive, help="[m] of base_link above the soles (default: rest height)"
    )
    parser.add_argument(
        "--shift",
        type=finite,
        nargs=2,
        default=(0.0, 0.0),
        metavar=("FORWARD", "LEFT"),
        help="[m] of the centre of mass from the middle of the feet",
    )
    parser.add_argument(
        "--lean",
        type=finite,
        nargs=3,
        default=(0.0, 0.0, 0.0),
        metavar=("ROLL", "PITCH", "YAW"),
        help="[rad] of the torso",
    )
    add_namespace(parser)
    add_json(parser)


def quaternion(roll: float, pitch: float, yaw: float) -> tuple[float, float, float, float]:
    """Quaternion xyzw of fixed-axes roll, pitch, yaw [rad] (REP-103)."""
    cr, sr = math.cos(roll / 2), math.sin(roll / 2)
    cp, sp = math.cos(pitch / 2), math.sin(pitch / 2)
    cy, sy = math.cos(yaw / 2), math.sin(yaw / 2)
    return (
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
        cr * cp * cy + sr * sp * sy,
    )


def _send(link: Any, publisher: Any, message: Any) -> None:
    """Publish until the controller repeats the order it took: discovery may be one-sided yet."""
    from humanoid_runtime import topics

    for _ in range(ATTEMPTS):
        publisher.publish(message)
        if link.wait(lambda: link.latest(topics.ORDER_POSE) is not None, PATIENCE):
            return
    raise HumanoidError(
        "the controller did not take the pose: it does so in mode 'stand' only; look with "
        "'humanoid status', then 'humanoid mode stand'"
    )


def run(arguments: argparse.Namespace) -> int:
    """Publish one pose to the controller."""
    from geometry_msgs.msg import PoseStamped

    from humanoid_bringup.link import Link
    from humanoid_runtime import topics

    message = PoseStamped()
    message.header.frame_id = "base_footprint"
    position, orientation = message.pose.position, message.pose.orientation
    position.x, position.y = arguments.shift
    position.z = 0.0 if arguments.height is None else arguments.height
    orientation.x, orientation.y, orientation.z, orientation.w = quaternion(*arguments.lean)
    with Link(arguments.namespace) as link:
        publisher = link.node.create_publisher(PoseStamped, topics.BODY_POSE, topics.EVENT)
        link.watch(PoseStamped, topics.ORDER_POSE)
        if not link.discover(lambda: publisher.get_subscription_count() > 0):
            raise HumanoidError(
                f"no controller listens on '{link.absolute(topics.BODY_POSE)}': start the graph "
                "with 'humanoid sim' or 'humanoid up'",
                Exit.NO_GRAPH,
            )
        asked = (*arguments.shift, arguments.height or 0.0, *arguments.lean)
        clamped = ranges.body_pose(link, asked)
        if not arguments.json:
            for change in clamped.changes:
                console.say(change)
        _send(link, publisher, message)
    shift, height, lean = clamped.values[:2], clamped.values[2], clamped.values[3:]
    if arguments.json:
        console.print_json(
            {
                "ok": True,
                "height_m": height or None,
                "shift_m": list(shift),
                "lean_rad": list(lean),
                "clamped": list(clamped.changes),
            }
        )
    else:
        console.say("taken" + (", clamped as said" if clamped.changes else ""))
    return Exit.OK
