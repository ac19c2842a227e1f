"""One driver on trial: opened, read, armed and driven as the HAL does, and always closed."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humanoid_description import RobotDescription
from humanoid_hal.bench import Bench
from humanoid_hal.driver import Array, Command, Driver, DriverError, Sample

#: Readings after which a healthy driver must have had every joint fresh, and a mended one again.
PATIENCE = 1000
#: Readings within which a joint that answers nothing is told (row 2 of the fault table).
TOLD_WITHIN = 3


class BrokenPromiseError(Exception):
    """The driver does not keep the promise; the message says what was seen and what was due."""


class NotTestedError(Exception):
    """This cannot be tested on this driver; the message says why."""


@dataclass(frozen=True)
class Subject:
    """A driver, with all that is needed to make it."""

    driver: type[Driver]
    robot: RobotDescription
    options: Any = None  # of the driver's type `Options`; None: its defaults
    # Allow to move real hardware: it must hang free. What is simulated or emulated always moves.
    may_move: bool = False
    # A hardware driver that is slower than its rate breaks a promise; not on a busy computer.
    strict_time: bool = False

    @property
    def period(self) -> int:
        """The control period [ns]. Raises NotTestedError if the driver has no option for the rate."""
        options = self.driver.Options() if self.options is None else self.options
        rate = getattr(options, "control_rate", None)
        if rate is None:
            raise NotTestedError("the driver has no option `control_rate`: its rate is not known")
        return round(1e9 / rate)


class Trial:
    """A context in which a new driver of the subject is open."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.robot = subject.robot
        self.driver = subject.driver(subject.robot, subject.options)
        self.capabilities = self.driver.capabilities
        self.start: Array = np.zeros(len(self.robot.joints))  # [rad] measured when armed
        self._gains = self.robot.column("stiffness"), self.robot.column("damping")
        self._limits = self.robot.column("lower"), self.robot.column("upper")

    def __enter__(self) -> "Trial":
        try:
            self.driver.open()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        with suppress(Exception):  # that close() never raises is a promise of its own
            self.driver.close()

    @property
    def bench(self) -> Bench:
        """Where faults are injected. Raises NotTestedError on hardware that has none."""
        if self.driver.bench is None:
            raise NotTestedError("the driver offers no bench on which faults can be injected")
        return self.driver.bench

    @property
    def imagined(self) -> bool:
        """Whether no real hardware can be hurt."""
        return self.driver.bench is not None or self.capabilities.simulated

    @property
    def may_move(self) -> bool:
        """Whether :meth:`arm` is allowed."""
        return self.imagined or self.subject.may_move

    def read_until(self, wanted: Callable[[Sample], bool], what: str) -> Sample:
        """Read until `wanted` holds. Raises BrokenPromiseError with `what` after PATIENCE readings."""
        for _ in range(PATIENCE):
            sample = self.driver.read()
            if wanted(sample):
                return sample
        raise BrokenPromiseError(f"{what} within {PATIENCE} readings")

    def read_fresh(self) -> Sample:
        """A sample with every joint fresh."""
        return self.read_until(lambda sample: bool(np.all(sample.fresh)), "not all joints fresh")

    def arm(self) -> Sample:
        """Torque on, from a fresh sample; the commands to come are about where it stands."""
        if not self.may_move:
            raise NotTestedError("it moves the robot; hang it up and allow that (--move)")
        sample = self.read_fresh()
        self.start = sample.position.copy()
        self.driver.enable(True)
        return sample

    def turn(self, command: Command) -> Sample:
        """One cycle of the HAL."""
        self.driver.write(command)
        return self.driver.read()

    def hold(self, offset: Array | float = 0.0) -> Command:
        """Stand still `offset` [rad] away from the start, with the table's gains, in its limits."""
        zeros = np.zeros(len(self.start))
        return Command(np.clip(self.start + offset, *self._limits), zeros, zeros, *self._gains)

    def push(self, effort: Array) -> Command:
        """`effort` [N m] and nothing else."""
        zeros = np.zeros(len(self.start))
        return Command(self.start, zeros, effort, zeros, zeros)

    def lost(self, readings: int) -> str:
        """Read until all joints are lost; how that was told, '' if it was not.

        Raises whatever else than DriverError the driver raises.
        """
        for _ in range(readings):
            try:
                sample = self.driver.read()
            except DriverError:
                return "read() raises DriverError"
            if not np.any(sample.fresh):
                return "no joint is fresh"
        return ""

    def names(self, mask: NDArray[np.bool_]) -> str:
        """The joints in `mask`, for people; at most four."""
        found = [self.robot.joint_names[i] for i in np.flatnonzero(mask)]
        return ", ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")
