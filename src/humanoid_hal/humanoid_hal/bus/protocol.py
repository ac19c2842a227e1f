"""What a board family implements: bytes and frames in, values out; no port, no clock, no thread.

One object speaks with all devices of one bus. A payload is ``bytes`` on a serial bus and a
:class:`~humanoid_hal.bus.can.CanBatch` on CAN. Positions, speeds and torques are those of the
devices' output shafts, in SI units; joints are made elsewhere (:mod:`humanoid_hal.bus.device`).

The cycle, called by the driver::

    send(protocol.request())            # asks for the state; may be empty, see below
    while not protocol.complete:
        protocol.receive(payload)       # whatever arrived: half frames, noise, several replies
    readings = protocol.readings()      # who did not answer is not fresh
    send(protocol.command(command))     # while torque is on

Boards that answer commands instead of requests: `command` opens the next cycle of answers, and the
`request` after it is empty. Boards that must be spoken to in turns: after every `receive`, what
`following` says is sent.

What is not cyclic (start-up, torque on, scanning) is a *conversation*: a generator that yields
:class:`Ask` and is sent back all that arrived. It raises BoardError, saying which device, what was
expected and what to do.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.device import Array, Device
from humanoid_hal.bus.feet import FootBoard
from humanoid_hal.driver import Command, DriverError, ImuSample, NoOptions

Mask = NDArray[np.bool_]
P = TypeVar("P", bytes, CanBatch)
T = TypeVar("T")


class BoardError(DriverError):
    """A board is not there, not what the hardware file says, or refused what was asked."""


def finite(values: Array) -> Array:
    """`values` of a command. Raises BoardError if one is not finite: no code of a board stands for it."""
    if np.count_nonzero(np.isfinite(values)) != values.size:
        raise BoardError(
            "a command is not finite, and nothing of it was sent; the gate lets no such command "
            f"pass, so this is an error in the HAL: {values.tolist()}"
        )
    return values


def law_of(command: Command) -> Array:
    """Position, velocity, effort, stiffness and damping, shape (5, n). Raises BoardError as finite."""
    return finite(
        np.array(
            (
                command.position,
                command.velocity,
                command.effort,
                command.stiffness,
                command.damping,
            )
        )
    )


@dataclass(slots=True)
class Ask(Generic[P]):
    """One step of a conversation: send `payload`, then listen."""

    payload: P
    timeout: float  # [s] at most
    # Given all that arrived since: whether to stop listening. None: listen for the whole time.
    until: Callable[[P], bool] | None = None


Conversation = Generator[Ask[P], P, T]


@dataclass(slots=True)
class Counters:
    """Frames of one bus since the protocol was made."""

    good: int = 0
    corrupt: int = 0  # checksum, length or content wrong
    foreign: int = 0  # correct, but nobody was asked for it: echo, second master, equal ids

    @property
    def total(self) -> int:
        """All frames seen."""
        return self.good + self.corrupt + self.foreign


@dataclass(frozen=True, slots=True)
class DeviceFault:
    """What a board says is wrong with it."""

    device: int  # index in the protocol's devices
    name: str  # of the fault table; the driver makes arm_… of it where there is such a row
    reason: str


@dataclass(slots=True)
class Readings:
    """One cycle's answers, in the order of the devices; shape (n,). NaN: the board does not say."""

    position: Array  # [rad] of the output shaft
    velocity: Array  # [rad/s]
    effort: Array  # [N m]
    fresh: Mask  # answered in this very cycle
    temperature: Array  # [degC] the newest known
    voltage: Array  # [V] the newest known
    faults: tuple[DeviceFault, ...] = ()


class Protocol(ABC, Generic[P]):
    """See the module docstring. Every conversation may raise BoardError."""

    #: Which payload it speaks.
    medium: ClassVar[Literal["serial", "can"]]
    #: [baud] or [bit/s] where the hardware file says nothing.
    default_baud: ClassVar[int]
    #: A frozen dataclass with a default for every field: the bus's `options` in the hardware file.
    Options: ClassVar[type[Any]] = NoOptions

    #: Whether devices are spoken to one after the other, each when the last one has answered.
    takes_turns: ClassVar[bool] = False

    counters: Counters

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether all who were asked in this cycle have answered."""

    @abstractmethod
    def request(self) -> P:
        """Begin a cycle: forget the answers of the last one; return what asks for the new ones."""

    @abstractmethod
    def receive(self, payload: P) -> None:
        """Take what arrived. Never raises on content: bad frames are dropped and counted."""

    @abstractmethod
    def startup(self) -> Conversation[P, tuple[str, ...]]:
        """Find every device, check models and settings, set what the cycle needs; no torque.

        Returns remarks for the operator. Also run after a reconnect.
        """

    @classmethod
    def footed(cls, devices: Sequence[Device], options: Any, boards: Sequence[FootBoard]) -> Any:
        """A protocol for `devices` (none: without) that also reads the foot boards of its bus.

        It is a :class:`~humanoid_hal.bus.feet.ReadsFeet`. Raises BoardError where there is none.
        """
        raise BoardError("its protocol reads no force sensors; put them on a bus with `dynamixel`")

    def retry(self) -> P | None:
        """What asks those who have not answered once more, after a silence; None: nothing."""
        return None

    def following(self) -> P | None:
        """What is to be sent now that something was received; None: nothing. See `takes_turns`."""
        return None

    def cycle_time(self, baud: int) -> tuple[float, float]:
        """[s] that questions with answers, and commands, occupy a wire at `baud` in each cycle.

        At best: adapters add to it. Zeros: the family does not say.
        """
        return 0.0, 0.0


class ActuatorProtocol(Protocol[P]):
    """A family of servos or motor boards."""

    #: Tools for devices that no robot file names; see :class:`Tools`.
    tools: "ClassVar[Tools[Any]]"

    @abstractmethod
    def __init__(self, devices: Sequence[Device], options: Any = None) -> None:
        """Check `devices` and `options` (of type `Options`). Raises BoardError."""

    @classmethod
    @abstractmethod
    def honours_effort(cls, options: Any) -> bool:
        """Whether it executes the whole torque law, or follows positions only."""

    @classmethod
    @abstractmethod
    def has_watchdog(cls, options: Any) -> bool:
        """Whether :meth:`enable` sets a watchdog on every board and reads it back."""

    @abstractmethod
    def readings(self) -> Readings:
        """End the cycle's listening. The arrays are the caller's own."""

    @abstractmethod
    def command(self, command: Command) -> P:
        """What makes the devices execute `command` (of their shafts). While enabled only."""

    @abstractmethod
    def enable(self, on: bool) -> Conversation[P, None]:
        """Switch torque and wait for acknowledgement. On: goals := measured, watchdogs first."""

    @abstractmethod
    def stop(self) -> P:
        """What takes torque off every device at once, without waiting for an answer."""


class ImuProtocol(Protocol[P]):
    """An IMU.

    One that streams has nothing to `request`, forgets nothing there, and is complete once it has a
    reading that :meth:`reading` has not returned yet.
    """

    #: Whether it measures angular velocity. Without, readings hold NaN there: no balance with it.
    gyroscope: ClassVar[bool] = True
    #: [Hz] at which it sends new readings; None: whenever it is asked.
    rate: float | None = None

    @abstractmethod
    def __init__(self, options: Any = None) -> None:
        """Check `options` (of type `Options`). Raises BoardError."""

    @abstractmethod
    def reading(self) -> ImuSample | None:
        """The newest reading since the last call, REP-145 units, sensor frame; None: none."""


@dataclass(frozen=True)
class Found:
    """A device that answered a scan. None: this family or this device does not say."""

    id: int
    model: str  # name in the family's table, or 'unknown (number)'
    firmware: str = ""
    voltage: float | None = None  # [V]
    temperature: float | None = None  # [degC]
    note: str = ""


class Tools(ABC, Generic[P]):
    """Conversations with single devices, for scanning and setting up; torque stays off.

    Registers have the names and units of the family's table.
    """

    #: Baud rates that the family knows, the most usual first.
    bauds: ClassVar[tuple[int, ...]]

    @abstractmethod
    def scan(self, ids: Sequence[int] | None = None) -> Conversation[P, tuple[Found, ...]]:
        """All devices that answer among `ids`; None: every id of the family."""

    @abstractmethod
    def read(self, id: int, register: str) -> Conversation[P, float]:
        """A register's value in its unit."""

    @abstractmethod
    def write(self, id: int, register: str, value: float) -> Conversation[P, None]:
        """Set a register, unlocking what must be, and read it back."""

    @abstractmethod
    def set_id(self, id: int, new: int) -> Conversation[P, None]:
        """Give the device `id` another id, and hear it under that one."""

    @abstractmethod
    def set_baud(self, id: int, baud: int) -> Conversation[P, None]:
        """Make the device speak `baud` from its next restart or at once, as the family does.

        What it leaves open is for :meth:`finish`.
        """

    def finish(self, id: int) -> Conversation[P, None]:
        """End the set-up of the device, at the rate that :meth:`set_baud` gave it."""
        return
        yield

    @abstractmethod
    def reboot(self, id: int) -> Conversation[P, None]:
        """Restart the device, or clear its latched errors where it knows no restart."""

    @abstractmethod
    def stop(self, ids: Sequence[int]) -> P:
        """What takes torque off these devices at once, without waiting for an answer."""
