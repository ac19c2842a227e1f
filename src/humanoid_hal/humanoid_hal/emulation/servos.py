"""What emulated servos on a serial bus have in common: their faults, and finding them by id."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from humanoid_hal.emulation.boards import BoardFault, Boards, Reply
from humanoid_hal.emulation.faulty import Faulty
from humanoid_hal.emulation.motors import Motors


class EmulatedServo(Protocol):
    """One servo."""

    @property
    def id(self) -> int:
        """Its address on the bus."""

    @property
    def index(self) -> int:
        """Its place among the motors."""


S = TypeVar("S", bound=EmulatedServo)
T = TypeVar("T")


class ServoBoards(Boards[bytes], Generic[S]):
    """All servos of one bus."""

    medium = "serial"

    def __init__(self, motors: Motors, servos: Iterable[S]) -> None:
        self.motors, self.servos = motors, list(servos)
        self._faulty = Faulty()
        self._now = 0.0  # [s] of the last tick

    def tick(self, now: float) -> Sequence[Reply[bytes]]:
        """See :meth:`Boards.tick`."""
        for servo in self.servos:
            for kind, column in (
                ("overheat", self.motors.temperature),
                ("brownout", self.motors.voltage),
            ):
                value = self._faulty.value(servo.id, kind)
                if value is not None:
                    column[servo.index] = value
            self.age(servo, now)
        self._now = now
        return ()

    def inject(self, fault: BoardFault) -> None:
        """See :meth:`Boards.inject`."""
        servo = next((servo for servo in self.servos if servo.id == fault.id), None)
        if servo is None:
            raise ValueError(f"there is no servo with id {fault.id} on this bus")
        if fault.kind == "reboot":
            self.restart(servo)
        elif fault.kind == "overload":
            self.overload(servo)
        else:
            self._faulty.faults[fault.id] = fault

    def clear(self) -> None:
        """See :meth:`Boards.clear`."""
        self._faulty.clear()

    def age(self, servo: S, now: float) -> None:
        """Time has passed for `servo` until `now` [s]."""

    @abstractmethod
    def restart(self, servo: S) -> None:
        """It loses its RAM."""

    @abstractmethod
    def overload(self, servo: S) -> None:
        """It has the family's overload error. Raises ValueError where there is none."""

    def misread(self, servo: S, read: Callable[[], T]) -> T:
        """What `read` measures of the motor, with the faults `wrong` and `delayed` in it."""
        motors, at = self.motors, servo.index
        columns = (motors.position, motors.velocity, motors.torque)
        true = [column[at] for column in columns]
        if self._faulty.value(servo.id, "delayed") is not None:
            for column, old in zip(columns, motors.before[:, at], strict=True):
                column[at] = old
        motors.position[at] += self._faulty.value(servo.id, "wrong") or 0.0
        try:
            return read()
        finally:
            for column, value in zip(columns, true, strict=True):
                column[at] = value


def raw_baud(rates: Mapping[int, int], baud: int, otherwise: int) -> int:
    """The register value of a rate."""
    return next((raw for raw, rate in rates.items() if rate == baud), otherwise)
