"""Write what a Gazebo server needs to hold a robot: world, torque law, bridge. Then start it by hand.

`humanoid sim --hardware gazebo` does all that by itself; this is for a server of your own: another
machine, another world, Gazebo's options. A hardware file with `options: {server: attach}` then uses
the server that runs.

examples:
  humanoid gazebo g1 gazebo_g1                  writes the folder gazebo_g1, and says how to start
  humanoid gazebo g1 gazebo_g1 --world steps    flat, slope, steps or push

exit codes: 0 written; 3 no such robot or file; 6 the folder cannot be written.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.locate import find_hardware, find_robot
from humanoid_description.sdf_world import WORLDS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("robot", help="name or robot.yaml")
    parser.add_argument("folder", type=Path, help="where to; made if it is not there")
    parser.add_argument("--world", choices=WORLDS, help="in place of the hardware file's")
    parser.add_argument(
        "--hardware", default="gazebo", help="hardware file with the options (default: gazebo)"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the files."""
    from humanoid_description import load_robot
    from humanoid_hal.drivers.gazebo.files import write_files
    from humanoid_hal.drivers.gazebo.options import GazeboOptions
    from humanoid_hal.hardware import load_hardware, with_options

    robot_file = find_robot(arguments.robot)
    config, _ = load_hardware(find_hardware(robot_file, arguments.hardware))
    if not isinstance(config.options, GazeboOptions):
        raise HumanoidError(
            f"hardware '{arguments.hardware}' has the driver '{config.driver}', not gazebo",
            Exit.CONFIGURATION,
        )
    options = with_options(config, control_rate=config.rate).options
    if arguments.world:
        options = replace(options, world=arguments.world)
    folder = arguments.folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        world = write_files(load_robot(robot_file), options, folder)
    except OSError as error:
        raise HumanoidError(
            f"cannot write to {folder}: {error.strerror}", Exit.ENVIRONMENT
        ) from error
    if arguments.json:
        console.print_json({"world": str(world), "files": sorted(p.name for p in folder.iterdir())})
        return Exit.OK
    console.say(f"wrote {folder}; start the server in a terminal without this environment:")
    console.say(f"  GZ_SIM_SYSTEM_PLUGIN_PATH={folder} gz sim -s {world}")
    return Exit.OK
