"""WitMotion sensors as an IMU on a serial bus."""

from dataclasses import dataclass

import numpy as np

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation
from humanoid_hal.drivers.imu.axes import Reading, unit
from humanoid_hal.drivers.imu.stream import ImuOptions, StreamedImu
from humanoid_hal.drivers.imu.talk import ask
from humanoid_hal.drivers.witmotion import codec

#: What the device is told to send, in the order it sends it; the last one ends a measurement.
KINDS = (codec.ACCELERATION, codec.RATE, codec.QUATERNION)


@dataclass(frozen=True)
class WitMotionOptions(ImuOptions):
    """Of the bus's `options`."""

    # Rate of the stream; 200 Hz need at least 115200 baud.
    rate: int = key(200, unit="Hz", choices=tuple(codec.RATES))


class WitMotion(StreamedImu):
    """One frame each of acceleration, rate and quaternion make a measurement."""

    name = "WitMotion IMU"
    default_baud = 115_200
    Options = WitMotionOptions
    frames = codec.FORMAT

    def __init__(self, options: WitMotionOptions | None = None) -> None:
        super().__init__(options)
        self._parts: dict[int, bytes] = {}

    def measurement(self, frame: bytes) -> Reading | None:
        """See :meth:`StreamedImu.measurement`. Frames of two measurements are never mixed."""
        kind = frame[1]
        if kind == KINDS[0]:
            self._parts.clear()
        self._parts[kind] = frame
        if kind != KINDS[-1]:
            return None
        parts, self._parts = self._parts, {}
        if not all(part in parts for part in KINDS):
            return None
        return Reading(
            codec.parse_rate(parts[codec.RATE]),
            codec.parse_acceleration(parts[codec.ACCELERATION]),
            unit(codec.parse_quaternion(parts[codec.QUATERNION])),
            float(np.int16(codec.parse_values(parts[codec.ACCELERATION])[3])) / 100.0,
        )

    def configure(self) -> Conversation[bytes, tuple[str, ...]]:
        """See :meth:`StreamedImu.configure`. Nothing is saved: a power cycle undoes it."""
        content = sum(codec.CONTENT_BITS[kind] for kind in KINDS)
        wanted = (content, codec.RATES[self.options.rate])
        for write in (
            codec.make_unlock(),
            codec.make_write(codec.CONTENT, wanted[0]),
            codec.make_write(codec.OUTPUT_RATE, wanted[1]),
        ):
            # Nothing answers; the manual asks for a pause between commands.
            yield Ask(write, 0.02)
        found = yield from ask(
            codec.FORMAT,
            codec.make_read(codec.CONTENT),
            lambda frame: codec.parse_values(frame) if frame[1] == codec.REGISTERS else None,
            "read the registers back",
        )
        if found[:2] != wanted:
            raise BoardError(
                f"the WitMotion IMU is set to content 0x{found[0]:04X} and rate code "
                f"0x{found[1]:02X} instead of 0x{wanted[0]:04X} and 0x{wanted[1]:02X}; "
                "this model may lack the quaternion or the rate"
            )
        return ()
