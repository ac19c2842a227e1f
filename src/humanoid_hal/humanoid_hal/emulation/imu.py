"""What all emulated inertial sensors share: a stream that a host configures and that can fail."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.driver import ImuSample
from humanoid_hal.drivers.imu.axes import GRAVITY
from humanoid_hal.emulation.boards import BoardFault, Boards, Reply
from humanoid_hal.emulation.motors import Motors

Array = NDArray[np.float64]

#: [s] Measurements that were due longer ago than this are not sent any more.
_BACKLOG = 0.1


def level_orientation(force: Array) -> Array:
    """An orientation (xyzw) with heading 0 in which the specific force `force` points up."""
    norm = float(np.linalg.norm(force))
    if norm < 1e-6:
        return np.array([0.0, 0.0, 0.0, 1.0])
    x, y, z = force / norm
    half = np.sqrt(max((1.0 + z) / 2.0, 1e-12))
    found: Array = np.array([y / (2.0 * half), -x / (2.0 * half), 0.0, half])
    return found / np.linalg.norm(found)


class EmulatedImu(Boards[bytes]):
    """A sensor at the end of a serial line; see :class:`Boards`.

    `motion` is what it measures. `rate` [Hz] and `streaming` are set by the host, and start as
    what the class says whenever the sensor gets power.
    """

    medium = "serial"
    #: Faults that it can have; the id is ignored.
    FAULTS: ClassVar[tuple[str, ...]] = (
        "off", "stuck", "garbage", "wrong", "slow", "delayed", "intermittent", "reboot",
    )  # fmt: skip

    def __init__(self, motors: Motors | None = None, options: Any = None) -> None:
        """`motors` and `options` are not needed."""
        self.motion = ImuSample(np.zeros(3), np.array([0.0, 0.0, GRAVITY]), level_orientation(_UP))
        self.fault, self._value = "", 0.0
        self._next: float | None = None  # [s] when the next measurement is due
        self._last = b""
        self._random = np.random.default_rng(1)
        self.power_on()

    def power_on(self) -> None:
        """Everything is as it is saved in the device."""
        self.count = 0  # measurements since
        self.rate, self.streaming = 100.0, True

    @property
    def orientation(self) -> Array:
        """xyzw, sensor in world; from gravity where nobody said."""
        found = self.motion.orientation
        return level_orientation(self.motion.linear_acceleration) if found is None else found

    def receive(self, payload: bytes, now: float, baud: int | None) -> Sequence[Reply[bytes]]:
        """See :meth:`Boards.receive`. The sensor follows the host's baud rate."""
        if self.fault == "off":
            return ()
        answer = self.answer(payload, now)
        return [Reply(answer)] if answer else ()

    def tick(self, now: float) -> Sequence[Reply[bytes]]:
        """See :meth:`Boards.tick`: the measurements due until `now`."""
        if self._next is None or now - self._next > _BACKLOG:
            self._next = now
        sent = b""
        while self._next <= now:
            self._next += 1.0 / self.rate
            self.count += 1
            if self.streaming:
                sent += self._through_fault(self.count)
        return [Reply(sent, self._value if self.fault == "slow" else 0.0)] if sent else ()

    def feel(self, imu: ImuSample) -> None:
        """See :meth:`Boards.feel`."""
        self.motion = imu

    def inject(self, fault: BoardFault) -> None:
        """See :meth:`Boards.inject`."""
        if fault.kind not in self.FAULTS:
            super().inject(fault)
        if fault.kind == "reboot":
            self.power_on()
        else:
            self.fault, self._value = fault.kind, fault.value

    def clear(self) -> None:
        """See :meth:`Boards.clear`."""
        self.fault = ""

    @abstractmethod
    def answer(self, data: bytes, now: float) -> bytes:
        """What the sensor sends back to `data` of the host at `now` [s]."""

    @abstractmethod
    def measurement(self, count: int) -> bytes:
        """The bytes of measurement number `count`."""

    def _measured(self, count: int) -> bytes:
        """With the fault `wrong` in it."""
        if self.fault != "wrong":
            return self.measurement(count)
        true = self.motion
        self.motion = replace(
            true, linear_acceleration=true.linear_acceleration + self._value * _UP
        )
        try:
            return self.measurement(count)
        finally:
            self.motion = true

    def _through_fault(self, count: int) -> bytes:
        if self.fault == "off" or (self.fault == "intermittent" and count % 2):
            return b""
        before = self._last
        if self.fault != "stuck" or not self._last:
            self._last = self._measured(count)
        if self.fault != "garbage":
            return before if before and self.fault == "delayed" else self._last
        spoiled = bytearray(self._last)
        for at in self._random.integers(0, len(spoiled), 3):
            spoiled[at] ^= 1 << int(self._random.integers(8))
        return bytes(spoiled)


_UP = np.array([0.0, 0.0, 1.0])
