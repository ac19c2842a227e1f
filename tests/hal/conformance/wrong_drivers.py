"""Drivers that break one promise each, and keep all others. The mock driver is what they spoil."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from humanoid_description import RobotDescription
from humanoid_hal.driver import Command, DriverError, ImuSample, Sample
from humanoid_hal.drivers.mock import MockDriver, MockFault, MockHardwareDriver
from humanoid_hal.drivers.mock.bench import MockBench

#: promise -> drivers that break it
WRONG: dict[str, list[type[MockDriver]]] = {}


def breaks(promise: str) -> Callable[[type[MockDriver]], type[MockDriver]]:
    def register(driver: type[MockDriver]) -> type[MockDriver]:
        WRONG.setdefault(promise, []).append(driver)
        return driver

    return register


class Spoiled(MockDriver):
    """Spoils what is read and what is written."""

    def spoil(self, sample: Sample) -> Sample:
        return sample

    def twist(self, command: Command) -> Command:
        return command

    def read(self) -> Sample:
        return self.spoil(replace(super().read()))

    def write(self, command: Command) -> None:
        super().write(self.twist(command))


@breaks("declared")
class NoImu(Spoiled):
    """Declares an IMU and gives none."""

    def spoil(self, sample: Sample) -> Sample:
        return replace(sample, imu=None)


@breaks("declared")
class ThreeByOne(Spoiled):
    """Gives columns where rows are due."""

    def spoil(self, sample: Sample) -> Sample:
        return replace(sample, temperature=np.full((len(sample.position), 1), 20.0))


@breaks("stamps")
class ForgetfulClock(Spoiled):
    """Starts its stamps anew when torque comes for the second time."""

    since = 0

    def enable(self, on: bool) -> None:
        super().enable(on)
        if on and self.switched.count(True) > 1:
            self.since = self._cycle * self.period

    def spoil(self, sample: Sample) -> Sample:
        return replace(sample, stamp=sample.stamp - self.since)


@breaks("stamps")
class FloatingStamps(Spoiled):
    """Stamps in floating point."""

    def spoil(self, sample: Sample) -> Sample:
        return replace(sample, stamp=float(sample.stamp))  # type: ignore[arg-type]


@breaks("rate")
class HalfRate(Spoiled):
    """Takes two periods for one."""

    def spoil(self, sample: Sample) -> Sample:
        return replace(sample, stamp=2 * sample.stamp)


@breaks("rate")
class Hasty(MockHardwareDriver):
    """Waits for half of its period."""

    def _wait(self) -> None:
        self._next -= self.period // 2
        super()._wait()


@breaks("jitter")
class Limping(Spoiled):
    """Its time moves in long and short steps."""

    def spoil(self, sample: Sample) -> Sample:
        return replace(sample, stamp=sample.stamp + self._cycle % 2 * self.period // 4)


@breaks("enable-order")
class OnAtOpen(MockDriver):
    """Has torque as soon as the port is open."""

    def open(self) -> None:
        super().open()
        self.enabled = True


@breaks("enable-order")
class OldTarget(MockDriver):
    """Takes up the last target when torque comes back."""

    last: Command | None = None

    def write(self, command: Command) -> None:
        super().write(command)
        self.last = self._command

    def enable(self, on: bool) -> None:
        super().enable(on)
        self._command = self.last if on else None


@breaks("stop-path")
class HoldsOn(MockDriver):
    """Keeps its torque with a dead joint on the bus: stops at the first error."""

    def enable(self, on: bool) -> None:
        if not on and any(fault.kind == "off" for fault in self.faults):
            raise DriverError("no answer")
        super().enable(on)


@breaks("stop-path")
class KeepsPushing(MockDriver):
    """Switches off by sending nothing any more."""

    def enable(self, on: bool) -> None:
        last = self._command
        super().enable(on)
        if not on:
            self._command = last


@breaks("close-after-error")
class RaisesAtClose(MockDriver):
    """Cannot be closed once the connection is lost."""

    def close(self) -> None:
        if any(fault.kind == "raise" for fault in self.faults):
            raise DriverError("cannot say goodbye")
        super().close()


@breaks("close-after-error")
class ClosesOnce(MockDriver):
    """Closes a port that is closed already."""

    def close(self) -> None:
        if not self.is_open:
            raise OSError(9, "Bad file descriptor")
        super().close()


@breaks("units")
class Degrees(Spoiled):
    """Reads degrees."""

    def spoil(self, sample: Sample) -> Sample:
        return replace(sample, position=np.degrees(sample.position))


@breaks("units")
class Rpm(Spoiled):
    """Reads turns per minute."""

    def spoil(self, sample: Sample) -> Sample:
        return replace(sample, velocity=sample.velocity * 30.0 / np.pi)


@breaks("units")
class Gee(Spoiled):
    """Reads accelerations in multiples of gravity."""

    def spoil(self, sample: Sample) -> Sample:
        assert sample.imu is not None
        gee = ImuSample(sample.imu.angular_velocity, sample.imu.linear_acceleration / 9.80665)
        return replace(sample, imu=gee)


@breaks("units")
class Percent(Spoiled):
    """Reads effort in parts of a thousand of the limit, as many boards do."""

    def spoil(self, sample: Sample) -> Sample:
        return replace(sample, effort=1000.0 * sample.effort / self._effort_limit)


@breaks("sign")
class Mirrored(Spoiled):
    """One joint turns the other way, in reading and in writing."""

    def flip(self, values: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        signs = np.ones(len(values))
        signs[1] = -1.0
        return values * signs

    def spoil(self, sample: Sample) -> Sample:
        return replace(
            sample,
            position=self.flip(sample.position),
            velocity=self.flip(sample.velocity),
            effort=self.flip(sample.effort),
        )

    def twist(self, command: Command) -> Command:
        return replace(
            command, position=self.flip(command.position), velocity=self.flip(command.velocity),
            effort=self.flip(command.effort),
        )  # fmt: skip


@breaks("sign")
class Swapped(Spoiled):
    """Two boards have each other's id."""

    def swap(self, values: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return values[[1, 0, *range(2, len(values))]]

    def spoil(self, sample: Sample) -> Sample:
        swapped = (self.swap(getattr(sample, name)) for name in ("position", "velocity", "effort"))
        return replace(
            sample, **dict(zip(("position", "velocity", "effort"), swapped, strict=True))
        )

    def twist(self, command: Command) -> Command:
        return Command(*(self.swap(getattr(command, name)) for name in Command.__slots__))


@breaks("zero")
class Shifted(Spoiled):
    """Was mounted one tooth off."""

    def spoil(self, sample: Sample) -> Sample:
        return replace(sample, position=sample.position + 0.1)

    def twist(self, command: Command) -> Command:
        return replace(command, position=command.position - 0.1)


@breaks("limits")
class WrapsAround(Spoiled):
    """Its effort goes into too few bits."""

    def twist(self, command: Command) -> Command:
        span = 1.3 * self._effort_limit
        return replace(command, effort=(command.effort + span) % (2.0 * span) - span)


@breaks("freshness")
class AlwaysFresh(Spoiled):
    """Gives the last known state for fresh."""

    def spoil(self, sample: Sample) -> Sample:
        return replace(sample, fresh=np.ones_like(sample.fresh))


@breaks("partial-loss")
class AllOrNothing(Spoiled):
    """Gives up at the first board that does not answer."""

    def spoil(self, sample: Sample) -> Sample:
        return replace(sample, fresh=np.full_like(sample.fresh, sample.fresh.all()))


@breaks("partial-loss")
class NeverBack(Spoiled):
    """Does not ask a board again that once was silent."""

    def __init__(self, robot: RobotDescription, options: object = None) -> None:
        super().__init__(robot, options)  # type: ignore[arg-type]
        self._alive = np.ones(len(robot.joints), dtype=bool)

    def spoil(self, sample: Sample) -> Sample:
        self._alive &= sample.fresh
        return replace(sample, fresh=self._alive.copy())


@breaks("disconnect")
class LeaksOsError(MockDriver):
    """Lets the port's own exception through."""

    def read(self) -> Sample:
        try:
            return super().read()
        except DriverError as error:
            raise OSError(5, "Input/output error") from error


class Rearming(MockBench):
    """Boards that come back with torque."""

    def mend(self) -> None:
        lost = any(fault.kind == "raise" for fault in self._driver.faults)
        super().mend()
        self._driver.enabled = self._driver.enabled or lost


@breaks("replug")
class BackWithTorque(MockDriver):
    """Switches torque on again by itself."""

    def __init__(self, robot: RobotDescription, options: object = None) -> None:
        super().__init__(robot, options)  # type: ignore[arg-type]
        self.bench = Rearming(self)


@breaks("garbage")
class Believes(Spoiled):
    """Takes what arrives for true."""

    def spoil(self, sample: Sample) -> Sample:
        return replace(sample, position=np.nan_to_num(sample.position, nan=327.67))


@breaks("watchdog")
class PaperWatchdog(MockDriver):
    """Says that its boards have a watchdog, and none was set."""

    def __init__(self, robot: RobotDescription, options: object = None) -> None:
        super().__init__(robot, options)  # type: ignore[arg-type]
        self.bench.abandon = lambda duration: None  # type: ignore[method-assign]


__all__ = ["WRONG", "MockFault"]
