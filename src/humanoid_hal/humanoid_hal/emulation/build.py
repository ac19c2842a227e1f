"""An emulator for what a hardware file of boards describes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from humanoid_description import RobotDescription
from humanoid_hal.bus.families import find_protocol
from humanoid_hal.driver import DriverError
from humanoid_hal.drivers.boards.options import BoardsOptions, BusOptions
from humanoid_hal.emulation.boards import find_emulator
from humanoid_hal.emulation.bus import Adapter, EmulatedBus, WireOptions
from humanoid_hal.emulation.emulator import Emulator
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.plant import FreeMotors, Group, Plant
from humanoid_hal.emulation.pty import PtyPort
from humanoid_hal.lookup import Registry, UnknownNameError

#: Serial CAN adapters by the name of the transport that speaks with them.
ADAPTERS = Registry(
    "emulated adapter",
    "humanoid_hal.adapters",
    {
        "fdcanusb": "humanoid_hal.emulation.fdcanusb:FdcanusbAdapter",
        "slcan": "humanoid_hal.emulation.slcan:SlcanAdapter",
        "slcan+fd": "humanoid_hal.emulation.slcan:SlcanAdapter",
    },
)


def build_emulator(
    robot: RobotDescription,
    options: BoardsOptions,
    make: Callable[[Sequence[Group]], Plant],
    period: float,
    wire: WireOptions,
) -> Emulator:
    """Boards for every bus, plugged in at the buses' ports. Raises DriverError.

    `make` returns the plant that moves the motors; `period` [s] is its step.
    """
    motors = {name: Motors(options.devices(name)) for name in options.buses}
    groups = [
        Group(mine, np.array([robot.index[d.joint] for d in mine.devices], dtype=np.intp))
        for mine in motors.values()
        if mine.devices
    ]
    buses = [_bus(name, bus, motors[name], wire) for name, bus in options.buses.items()]
    rows = {foot.name: row for row, foot in enumerate(robot.feet)}
    for bus in buses:
        boards = options.foot_boards(bus.name)
        if boards:
            bus.boards.attach(boards, [rows[board.foot] for board in boards])
    return Emulator(buses, make(groups), period)


def make_plant(robot: RobotDescription, groups: Sequence[Group], options: Any) -> Plant:
    """The plant that the options of the driver `emulated` name."""
    if options.plant == "motors":
        return FreeMotors(robot, groups, options.control_rate)
    from humanoid_hal.emulation.physics import Physics

    return Physics(robot, groups, options.physics)


def _bus(name: str, options: BusOptions, motors: Motors, wire: WireOptions) -> EmulatedBus:
    kind = find_protocol(options.protocol)
    baud = options.baud or kind.default_baud
    try:
        boards = find_emulator(options.protocol)(motors, options.options or kind.Options())
        adapter: Adapter | None = None
        if kind.medium == "can":
            adapter = ADAPTERS.find(options.transport, Adapter)()  # type: ignore[type-abstract]
    except UnknownNameError as error:
        raise DriverError(f"bus '{name}' cannot be emulated: {error}") from error
    boards.preset(baud)
    return EmulatedBus(name, PtyPort(Path(options.port)), boards, wire, adapter, baud)
