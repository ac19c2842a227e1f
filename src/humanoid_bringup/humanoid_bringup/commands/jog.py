"""Move one joint a little and back, without a graph; every other joint holds where it stands.

For first steps on new hardware: does the joint go where it is told, by how much, with how much
effort? Torque comes on for the whole robot: hang it up. It goes off at the end, on Ctrl-C, and when
the joint does not follow. Not through the gate: limits, distance and speed are checked here.

examples:
  humanoid jog left_knee_joint 0.1 --robot mine --hardware real
  humanoid jog left_knee_joint -0.05 --speed 0.1 --hardware real --json

exit codes: 0 it followed; 1 it did not, or did not answer; 2 no such joint, too far or too fast;
3 wrong hardware file; 6 the hardware cannot be opened.
"""

import argparse
from dataclasses import asdict

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, finite, positive
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.hardware import add_hardware, check_joint, load
from humanoid_bringup.signals import Interrupts

#: Of the distance: a joint that moved less did not follow.
FOLLOWED = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("joint", help="name in the joint table")
    parser.add_argument("distance", type=finite, help="[rad], at most 0.5")
    parser.add_argument("--speed", type=positive, default=0.2, help="[rad/s] (default: 0.2)")
    add_hardware(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """There and back."""
    from humanoid_hal.tools.jog import Jog, check_stroke

    try:
        check_stroke(arguments.distance, arguments.speed)
    except ValueError as problem:
        raise HumanoidError(str(problem), Exit.USAGE) from problem
    hardware = load(arguments.robot, arguments.hardware)
    check_joint(arguments.joint, hardware.robot.joint_names)
    with Interrupts() as interrupts, hardware.opened(torque=True) as driver:
        if not arguments.json:
            console.say(
                f"moving {arguments.joint} by {arguments.distance:+g} rad and back, with torque on"
            )
        jog = Jog(driver, hardware.robot, arguments.joint, 1.0 / hardware.rate)
        try:
            done = jog.run(
                arguments.distance, arguments.speed, lambda: interrupts.received is not None
            )
        except ValueError as problem:
            raise HumanoidError(str(problem), Exit.USAGE) from problem
    followed = done.moved * done.asked > FOLLOWED * done.asked**2
    if arguments.json:
        console.print_json({"ok": followed, **asdict(done)})
    else:
        console.say(
            f"moved {done.moved:+.4f} of {done.asked:+.4f} rad, came back to {done.back:+.4f}; "
            f"largest effort {done.effort:.2f} N m; {done.missed} answers missed; torque off"
        )
    if not followed:
        wrong_way = done.moved * done.asked < 0.0 and abs(done.moved) > FOLLOWED * abs(done.asked)
        cause = "it moved the other way: check `direction`" if wrong_way else "it hardly moved"
        raise HumanoidError(f"{arguments.joint} did not follow: {cause}")
    return Exit.OK
