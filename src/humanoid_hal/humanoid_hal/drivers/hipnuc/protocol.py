"""HiPNUC sensors as an IMU on a serial bus."""

from dataclasses import dataclass

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.framing import FrameReader
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation
from humanoid_hal.drivers.hipnuc import codec
from humanoid_hal.drivers.imu.axes import Reading
from humanoid_hal.drivers.imu.stream import ImuOptions, StreamedImu

#: [s] for a command's answer; how long the stream is timed.
ANSWER = 0.3
TIMED = 0.5


@dataclass(frozen=True)
class HipnucOptions(ImuOptions):
    """Of the bus's `options`."""

    # Rate of the stream. 82 bytes each: 500 Hz need 460800 baud.
    rate: int = key(500, unit="Hz", choices=(50, 100, 200, 250, 500, 1000))


class Hipnuc(StreamedImu):
    """The stream of HI91 packets."""

    name = "HiPNUC IMU"
    default_baud = 921_600
    Options = HipnucOptions
    frames = codec.FORMAT

    def measurement(self, frame: bytes) -> Reading | None:
        """See :meth:`StreamedImu.measurement`."""
        return codec.parse_reading(frame)

    def configure(self) -> Conversation[bytes, tuple[str, ...]]:
        """See :meth:`StreamedImu.configure`.

        The rate cannot be read back as a setting: it is taken from the times in the frames.
        """
        yield Ask(codec.make_command("LOG DISABLE"), ANSWER, lambda data: b"OK" in data)
        version = yield Ask(codec.make_command("LOG VERSION"), ANSWER)
        period = 1.0 / self.options.rate
        yield Ask(
            codec.make_command(f"LOG HI91 ONTIME {period:g}"), ANSWER, lambda data: b"OK" in data
        )
        yield Ask(codec.make_command("LOG ENABLE"), ANSWER, lambda data: b"OK" in data)
        stream = yield Ask(b"", TIMED)
        times = [
            codec.parse_time(frame)
            for frame in FrameReader(codec.FORMAT).feed(stream)
            if codec.parse_reading(frame) is not None
        ]
        if len(times) < 2 or times[-1] <= times[0]:
            raise BoardError(
                f"the HiPNUC IMU sent {len(times)} HI91 frames in {TIMED:g} s; check its power, "
                "port and baud rate"
            )
        rate = 1000.0 * (len(times) - 1) / (times[-1] - times[0])
        if not 0.9 * self.options.rate <= rate <= 1.1 * self.options.rate:
            raise BoardError(
                f"the HiPNUC IMU sends {rate:.0f} frames a second instead of {self.options.rate}; "
                "its model or baud rate does not allow more (SERIALCONFIG sets the baud rate)"
            )
        return (f"HiPNUC IMU: {_words(version)}",)


def _words(answer: bytes) -> str:
    """What is text in an answer that binary frames may be mixed with."""
    text = "".join(chr(byte) if 32 <= byte < 127 else " " for byte in answer)
    return " ".join(text.split())[:80] or "says no version"
