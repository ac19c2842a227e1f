"""Whether the hardware file fits the robot and the wires. All functions raise DriverError."""

from collections.abc import Sequence

from humanoid_description import RobotDescription
from humanoid_description.problems import nearest
from humanoid_hal.driver import DriverError
from humanoid_hal.drivers.boards.bus import ActuatorBus
from humanoid_hal.drivers.boards.options import BoardsOptions


def check_joints(robot: RobotDescription, options: BoardsOptions) -> None:
    """Every joint of the table is on a bus, and no other."""
    for name in options.joints:
        if name not in robot.index:
            raise DriverError(
                f"robot '{robot.name}' has no joint '{name}'{nearest(name, robot.joint_names)}; "
                "key `joints` of the hardware file"
            )
    missing = [name for name in robot.joint_names if name not in options.joints]
    if missing:
        raise DriverError(
            f"{len(missing)} joints of robot '{robot.name}' are on no bus: {', '.join(missing)}; "
            "name them under `joints` of the hardware file"
        )


def check_rate(buses: Sequence[ActuatorBus], options: BoardsOptions) -> None:
    """Every wire is fast enough for the control rate."""
    for bus in buses:
        limit = bus.fastest(options.reply_share)
        if limit < options.control_rate:
            raise DriverError(
                f"bus '{bus.link.name}': {len(bus.devices)} devices at {bus.link.transport.baud} "
                f"baud allow {limit:.0f} Hz at best, `rate` asks for {options.control_rate:g}; "
                "lower it, put some on another bus, or change `reply_share`"
            )
