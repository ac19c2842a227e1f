"""The driver contract: what stands between the HAL and any hardware, simulators included.

A driver knows one robot's joints in table order and SI units. It knows no ROS, no safety policy and
no limits: the gate above it has checked every command before ``write`` is called.

The HAL calls, always from one thread::

    driver = Driver(robot, options)   # nothing opened, nothing moved
    driver.open()                     # ports open, state readable, no torque
    while running:
        sample = driver.read()        # waits for the next sample; steps a simulator
        ...
        driver.enable(True)           # after the arming checks: torque on, watchdogs set
        driver.write(command)         # every cycle while enabled
    driver.enable(False)              # torque off
    driver.close()                    # always, also after an error; never raises

Register a driver as an entry point of the group ``humanoid_hal.drivers``.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from humanoid_description import RobotDescription
from humanoid_hal.bench import Bench

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Capabilities:
    """What a driver can honour, as data; the HAL refuses or adapts at start-up."""

    simulated: bool  # owns simulated time: the HAL runs it in lock-step and publishes /clock
    effort: bool  # honours `effort`, `stiffness` and `damping`; if not, position targets only
    wrenches: bool  # samples carry foot wrenches
    imu: bool  # samples carry the IMU, with its gyroscope; False: without (NaN), or no IMU
    board_watchdog: bool  # boards go safe by themselves when commands stop


@dataclass(slots=True)
class ImuSample:
    """REP-145: in the sensor frame; at rest the accelerometer reads +9.81 upward."""

    angular_velocity: Array  # shape (3,), [rad/s]
    linear_acceleration: Array  # shape (3,), [m/s^2] specific force
    orientation: Array | None = None  # shape (4,), xyzw, sensor in world; None: not provided


@dataclass(slots=True)
class Sample:
    """One consistent reading of all sensors."""

    stamp: int  # [ns] when it was measured; strictly increasing, equal only while paused
    position: Array  # shape (n,), [rad]
    velocity: Array  # shape (n,), [rad/s]
    effort: Array  # shape (n,), [N m]
    fresh: NDArray[np.bool_]  # shape (n,), the joint answered in this very cycle
    imu: ImuSample | None = None
    wrenches: Array | None = None  # shape (feet, 6), ground on foot, force then torque, sole frames
    temperature: Array | None = None  # shape (n,), [degC]; NaN where unknown
    voltage: float | None = None  # [V] lowest supply voltage seen
    faults: tuple[str, ...] = ()  # the driver's own, as 'name: reason' (names of the fault table)


@dataclass(slots=True)
class Command:
    """tau = effort + stiffness (position - q) + damping (velocity - dq); arrays of shape (n,)."""

    position: Array  # [rad]
    velocity: Array  # [rad/s]
    effort: Array  # [N m]
    stiffness: Array  # [N m/rad]
    damping: Array  # [N m s/rad]


class DriverError(Exception):
    """The hardware did not do what was asked. The message says what, and the next step."""


@dataclass(frozen=True)
class NoOptions:
    """Of a driver that has nothing to configure."""


class Driver(ABC):
    """See the module docstring for the order of calls. Every method may raise DriverError."""

    #: What it can do, whatever its options; a driver that cannot say overrides :meth:`capable`.
    capabilities: Capabilities
    #: A frozen dataclass with a default for every field (see humanoid_description.strict_yaml): the
    #: key `options` of the hardware file. The HAL sets what it knows of `control_rate` [Hz],
    #: `seed`, `viewer` and `record`.
    Options: ClassVar[type[Any]] = NoOptions
    #: What :meth:`open` found or changed that an operator should read in the log.
    remarks: tuple[str, ...] = ()
    #: The simulated world behind the driver; None on real hardware.
    world: "World | None" = None
    #: Where the conformance kit injects faults; None on real hardware.
    bench: Bench | None = None

    @abstractmethod
    def __init__(self, robot: RobotDescription, options: Any = None) -> None:
        """Check `options` (of type `Options`; None: defaults) against `robot`. Opens nothing."""

    @classmethod
    def capable(cls, options: Any) -> Capabilities:
        """What a driver with these `options` (of type `Options`) can honour."""
        return cls.capabilities

    @abstractmethod
    def open(self) -> None:
        """Open the ports. No torque."""

    @abstractmethod
    def close(self) -> None:
        """Torque off and release everything. Safe at any time and repeatedly; never raises."""

    @abstractmethod
    def read(self) -> Sample:
        """Return the next sample.

        A simulator advances by one control period under the last command; until ``enable(True)``
        was called for the first time its world stands still and the same sample is returned again.
        A joint that did not answer is not ``fresh``. A lost bus is a fault of the sample, which a
        driver that can reconnect keeps returning.
        """

    @abstractmethod
    def enable(self, on: bool) -> None:
        """Switch torque. ``True`` also sets the boards' watchdogs and reads them back."""

    @abstractmethod
    def write(self, command: Command) -> None:
        """Send one command to every actuator."""


class World(ABC):
    """What only a simulator has: for tests, benchmarks and ``humanoid push``, never for control."""

    @abstractmethod
    def push(self, link: str, force: Array, duration: float) -> None:
        """Push `link` with `force` (shape (3,), [N], world frame) for `duration` [s] from now on.

        Raises ValueError on an unknown link or a non-finite value.
        """

    @abstractmethod
    def reset(self) -> None:
        """Back to the start pose, torque off, still until enabled; stamps keep increasing."""

    @abstractmethod
    def truth(self) -> tuple[Array, Array]:
        """Base pose (x y z, qx qy qz qw) in the world; twist (linear, angular) in the base."""
