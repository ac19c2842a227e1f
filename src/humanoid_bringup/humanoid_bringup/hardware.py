"""The hardware that a verb works on: a robot's hardware file, or a driver with its defaults."""

import argparse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.locate import find_hardware, find_robot, hardware_files, nearest

if TYPE_CHECKING:
    from humanoid_description import RobotDescription
    from humanoid_hal.driver import Driver


@dataclass(frozen=True)
class Hardware:
    """What the files say."""

    robot: "RobotDescription"
    driver: "type[Driver]"
    options: Any
    rate: float  # [Hz]
    path: Path | None  # of the hardware file; None: a driver was named
    accepts_no_watchdog: bool  # arming.accept_no_board_watchdog

    def make(self) -> "Driver":
        """The driver, not open. Raises HumanoidError."""
        from humanoid_hal.driver import DriverError

        try:
            return self.driver(self.robot, self.options)
        except DriverError as problem:
            raise HumanoidError(str(problem), Exit.CONFIGURATION) from problem

    @contextmanager
    def opened(self, *, torque: bool = False) -> "Iterator[Driver]":
        """The open driver; closed afterwards. `torque`: it will be armed. Raises HumanoidError.

        A DriverError inside is a HumanoidError outside.
        """
        from humanoid_hal.driver import DriverError

        driver = self.make()
        capable = driver.capabilities
        watched = capable.simulated or capable.board_watchdog or self.accepts_no_watchdog
        if torque and not watched:
            raise HumanoidError(
                "the boards have no watchdog: they keep torque on if this process dies; set "
                "arming.accept_no_board_watchdog in the hardware file to accept that"
            )
        try:
            driver.open()
        except DriverError as problem:
            driver.close()
            raise HumanoidError(str(problem), Exit.ENVIRONMENT) from problem
        try:
            yield driver
        except DriverError as problem:
            raise HumanoidError(str(problem)) from problem
        finally:
            driver.close()

    def boards(self) -> Any:
        """The options of a driver of boards. Raises HumanoidError if it is another driver."""
        from humanoid_hal.drivers.boards.options import BoardsOptions

        if not isinstance(self.options, BoardsOptions):
            raise HumanoidError(
                f"{self.path or self.driver.__name__} has no buses: its driver is not 'boards'; "
                "name a hardware file of real or emulated boards",
                Exit.CONFIGURATION,
            )
        return self.options


def add_hardware(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """`--robot` and `--hardware`."""
    parser.add_argument("--robot", default="g1", help="name or directory (default: g1)")
    parser.add_argument(
        "--hardware", required=required, help="a hardware file, or a robot's hardware by name"
    )


def check_joint(name: str, known: Iterable[str]) -> None:
    """Raises HumanoidError, with the nearest, when `name` is not among the `known` joints."""
    names = list(known)
    if name not in names:
        guess = nearest(name, names)
        hint = f"did you mean '{guess}'?" if guess else f"known: {', '.join(names)}"
        raise HumanoidError(f"no joint '{name}' there; {hint}", Exit.USAGE)


def load(robot: str, hardware: str, rate: float | None = None) -> Hardware:
    """Read the files; `rate` [Hz] replaces the file's. Raises HumanoidError."""
    from humanoid_description import DescriptionError, load_robot
    from humanoid_hal.drivers import DriverLookupError, find_driver
    from humanoid_hal.hardware import HardwareConfig, load_hardware, with_options

    robot_file = find_robot(robot)
    try:
        description = load_robot(robot_file)
        if Path(hardware).suffix in (".yaml", ".yml") or hardware in hardware_files(robot_file):
            path = find_hardware(robot_file, hardware)
            config, driver = load_hardware(path)
        else:
            path, driver = None, find_driver(hardware)
            config = HardwareConfig(hardware, options=driver.Options())
    except (DescriptionError, DriverLookupError) as problem:
        raise HumanoidError(str(problem), Exit.CONFIGURATION) from problem
    rate = rate or config.rate
    return Hardware(
        description,
        driver,
        with_options(config, control_rate=rate).options,
        rate,
        path,
        config.arming.accept_no_board_watchdog,
    )
