"""VectorNav sensors as an IMU on a serial bus."""

from dataclasses import dataclass

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.protocol import BoardError, Conversation
from humanoid_hal.drivers.imu.axes import Reading
from humanoid_hal.drivers.imu.stream import ImuOptions, StreamedImu
from humanoid_hal.drivers.imu.talk import ask
from humanoid_hal.drivers.vectornav import codec

Words = tuple[str, ...]


@dataclass(frozen=True)
class VectorNavOptions(ImuOptions):
    """Of the bus's `options`."""

    # Rate of the stream; must divide `sensor_rate`. 54 bytes each: 400 Hz need 230400 baud.
    rate: int = key(400, unit="Hz", min=1, max=1000)
    # How often the sensor measures: 800 on VN-100 and 200, 400 on VN-300.
    sensor_rate: int = key(800, unit="Hz", min=100, max=1000)


class VectorNav(StreamedImu):
    """Binary output 1 with time, quaternion, angular rate and acceleration."""

    name = "VectorNav"
    default_baud = 921_600
    Options = VectorNavOptions
    frames = codec.FORMAT

    def __init__(self, options: VectorNavOptions | None = None) -> None:
        super().__init__(options)
        rate, sensor = self.options.rate, self.options.sensor_rate
        if sensor % rate:
            raise BoardError(
                f"VectorNav: `rate` {rate} Hz does not divide `sensor_rate` {sensor} Hz"
            )
        self._divisor = sensor // rate

    def measurement(self, frame: bytes) -> Reading | None:
        """See :meth:`StreamedImu.measurement`."""
        return codec.parse_reading(frame)

    def configure(self) -> Conversation[bytes, tuple[str, ...]]:
        """See :meth:`StreamedImu.configure`."""
        yield from _sentence("VNASY", "0")
        model = yield from _sentence("VNRRG", codec.MODEL)
        yield from _sentence("VNWRG", codec.ASCII_OUTPUT, "0")
        setting = ("3", str(self._divisor), "01", f"{codec.COMMON:04X}")
        yield from _sentence("VNWRG", codec.BINARY_OUTPUT, *setting)
        found = yield from _sentence("VNRRG", codec.BINARY_OUTPUT)
        if _numbers(found[2:]) != _numbers(setting):
            raise BoardError(
                f"the VectorNav's binary output is {','.join(found[2:])} instead of "
                f"{','.join(setting)}; its firmware may be too old for these fields"
            )
        yield from _sentence("VNASY", "1")
        return (f"VectorNav {model[2] if len(model) > 2 else '?'}",)


def _sentence(*words: str | int) -> Conversation[bytes, Words]:
    """Send a sentence; returns the words of the answer. Raises BoardError on $VNERR."""
    sent = codec.make_sentence(*words)
    expected = codec.parse_sentence(sent)

    def answer(sentence: bytes) -> Words | None:
        found = codec.parse_sentence(sentence)
        same = 1 if expected[0] == "VNASY" else 2
        return found if found[0] == "VNERR" or found[:same] == expected[:same] else None

    text = sent.decode().strip()
    found = yield from ask(codec.SENTENCES, sent, answer, text)
    if found[0] == "VNERR":
        raise BoardError(
            f"the VectorNav refused '{text}': {codec.describe_error(found[1] if found[1:] else '')}"
        )
    return found


def _numbers(words: Words) -> tuple[int, ...] | None:
    """Port and divisor are decimal, groups and fields hexadecimal; None: not four numbers."""
    try:
        port, divisor, groups, fields = words
        return int(port), int(divisor), int(groups, 16), int(fields, 16)
    except ValueError:
        return None
