"""The part of an IMU protocol that all streaming sensors share."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.framing import Format, FrameReader
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation, Counters, ImuProtocol
from humanoid_hal.driver import ImuSample
from humanoid_hal.drivers.imu.axes import GRAVITY, Array, Mounting, Reading, rotate

#: Readings that must come at start-up, and within [s].
FIRST_READINGS = 5
FIRST_WITHIN = 1.0
#: Mean specific force at start-up in multiples of g: outside, units or scale are wrong.
AT_REST = (0.5, 1.5)
#: [rad] between measured gravity and the orientation's idea of it that is worth a remark.
TILT_REMARK = 0.35


@dataclass(frozen=True)
class ImuOptions:
    """Options that every IMU has."""

    # [rad] orientation of the device's case (x forward, y left, z up) in the IMU frame of the joint
    # table, fixed axes x, y, z. Zero where the joint table says already how it is mounted.
    rpy: Array = key(default_factory=lambda: np.zeros(3), unit="rad", shape=(3,))


class StreamedImu(ImuProtocol[bytes]):
    """Frames in, the mean of a cycle's readings out.

    A device that is faster than the cycle is averaged over it (rate and force), so that vibration
    does not fold down to low frequencies; the orientation is the newest. A reading with a number
    that is not finite is no reading. A stream keeps its own time: what comes between two cycles
    belongs to the later one.
    """

    medium = "serial"
    Options: ClassVar[type[Any]] = ImuOptions
    #: Its name in messages.
    name: ClassVar[str]
    frames: ClassVar[Format]
    #: [Hz] of a device without the option `rate`.
    FIXED_RATE: ClassVar[float] = 0.0

    def __init__(self, options: Any = None) -> None:
        """Raises BoardError where `options` ask for what the device cannot do."""
        self.options = options or self.Options()
        self.rate = float(getattr(self.options, "rate", self.FIXED_RATE))
        self.counters = Counters()
        self._mounting = Mounting(self.options.rpy)
        self._reader = FrameReader(self.frames)
        self._readings: list[Reading] = []

    @property
    def complete(self) -> bool:
        """See :attr:`Protocol.complete`."""
        return bool(self._readings)

    def request(self) -> bytes:
        """See :meth:`Protocol.request`; a stream is not asked."""
        return b""

    def receive(self, payload: bytes) -> None:
        """See :meth:`Protocol.receive`."""
        for frame in self._reader.feed(payload):
            self.counters.good += 1
            reading = self.measurement(frame)
            if reading is not None:
                self._keep(reading)
        self.counters.corrupt += self._reader.bad
        self._reader.bad = 0

    def reading(self) -> ImuSample | None:
        """See :meth:`ImuProtocol.reading`."""
        readings, self._readings = self._readings, []
        if not readings:
            return None
        rates = [
            np.full(3, np.nan) if r.angular_velocity is None else r.angular_velocity
            for r in readings
        ]
        force = np.mean([r.linear_acceleration for r in readings], axis=0)
        return ImuSample(np.mean(rates, axis=0), force, readings[-1].orientation)

    def startup(self) -> Conversation[bytes, tuple[str, ...]]:
        """Configure the device and hear its first readings; see :meth:`Protocol.startup`."""
        remarks = yield from self.configure()
        first = yield from self._first_readings()
        self._reader.clear()
        self._readings.clear()
        return remarks + check_at_rest(self.name, first)

    @abstractmethod
    def measurement(self, frame: bytes) -> Reading | None:
        """The reading that a good frame completes, in the device's own frame; None: none."""

    @abstractmethod
    def configure(self) -> Conversation[bytes, tuple[str, ...]]:
        """Set what the device sends and read it back; returns remarks."""

    def _keep(self, reading: Reading) -> None:
        numbers = [reading.linear_acceleration]
        if reading.angular_velocity is not None:
            numbers.append(reading.angular_velocity)
        if np.isfinite(numbers).all():
            self._readings.append(self._mounting(reading))
        else:
            self.counters.good -= 1
            self.counters.corrupt += 1

    def _first_readings(self) -> Conversation[bytes, list[Reading]]:
        def readings(data: bytes) -> list[Reading]:
            probe = type(self)(self.options)
            probe.receive(data)
            return probe._readings

        def enough(data: bytes) -> bool:
            return len(readings(data)) >= FIRST_READINGS

        found = readings((yield Ask(b"", FIRST_WITHIN, enough)))
        if len(found) < FIRST_READINGS:
            raise BoardError(
                f"the {self.name} sent {len(found)} readings in {FIRST_WITHIN:g} s, expected at "
                f"least {FIRST_READINGS}; check its power, the baud rate and what it is set to send"
            )
        return found


def check_at_rest(name: str, readings: list[Reading]) -> tuple[str, ...]:
    """Remarks on the first readings of a robot that stands or hangs still.

    Raises BoardError where the force is not gravity: units, scale or sensor are wrong.
    """
    force = np.mean([reading.linear_acceleration for reading in readings], axis=0)
    size = float(np.linalg.norm(force)) / GRAVITY
    if not AT_REST[0] <= size <= AT_REST[1]:
        raise BoardError(
            f"the {name} measures {size:.2f} g at start-up, expected about 1: wrong protocol or "
            "range, a broken sensor, or the robot is in motion"
        )
    orientation = readings[-1].orientation
    if orientation is None:
        return ()
    up = rotate(orientation, force / np.linalg.norm(force))[2]
    tilt = float(np.arccos(np.clip(up, -1.0, 1.0)))
    if tilt <= TILT_REMARK:
        return ()
    return (
        f"the {name}'s own orientation is {np.degrees(tilt):.0f} degrees off the gravity it "
        "measures; do not use it before its filter has settled",
    )
