"""The Xsens MTi as an IMU on a serial bus."""

from collections.abc import Sequence
from dataclasses import dataclass

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.protocol import BoardError, Conversation
from humanoid_hal.drivers.imu.axes import Reading
from humanoid_hal.drivers.imu.stream import ImuOptions, StreamedImu
from humanoid_hal.drivers.imu.talk import ask
from humanoid_hal.drivers.xsens_mti import codec

Items = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class XsensOptions(ImuOptions):
    """Of the bus's `options`."""

    # Rate of the stream; MTi 1-series up to 100 (800 for rate and acceleration), others 400.
    rate: int = key(400, unit="Hz", min=1, max=2000)
    # Ask for the device's own orientation too; not all models have one.
    orientation: bool = True


class XsensMti(StreamedImu):
    """MTData2 with packet counter, rate of turn, acceleration and, if asked for, quaternion."""

    name = "Xsens MTi"
    default_baud = 921_600
    Options = XsensOptions
    frames = codec.FORMAT

    def measurement(self, frame: bytes) -> Reading | None:
        """See :meth:`StreamedImu.measurement`."""
        return codec.parse_reading(frame[4:-1]) if frame[2] == codec.MTDATA2 else None

    def wanted(self) -> Items:
        """What the device is told to send, as (data id, rate [Hz])."""
        rate = self.options.rate
        items = [(codec.PACKET_COUNTER, codec.EVERY_PACKET)]
        if self.options.orientation:
            items.append((codec.QUATERNION, rate))
        items += [(codec.ACCELERATION, rate), (codec.RATE_OF_TURN, rate)]
        return (*items, (codec.STATUS_WORD, codec.EVERY_PACKET))

    def configure(self) -> Conversation[bytes, tuple[str, ...]]:
        """See :meth:`StreamedImu.configure`."""
        yield from _request(codec.GO_TO_CONFIG, "go to configuration")
        identity = yield from _request(codec.REQUEST_DEVICE_ID, "device id")
        product = yield from _request(codec.REQUEST_PRODUCT_CODE, "product code")
        firmware = yield from _request(codec.REQUEST_FIRMWARE, "firmware")
        wanted = self.wanted()
        yield from _configure(wanted, "set the outputs")
        found = yield from _configure((), "read the outputs back")
        if found != wanted:
            raise BoardError(
                f"the Xsens MTi is set to {_words(found)} instead of {_words(wanted)}; choose a "
                "`rate` and `orientation` that this model has"
            )
        yield from _request(codec.GO_TO_MEASUREMENT, "go to measurement")
        version = ".".join(str(part) for part in firmware[:3])
        name = product.decode("ascii", "replace").strip(" \0")
        return (f"Xsens {name}, id {identity.hex().upper()}, firmware {version}",)


def _request(message: int, what: str, data: bytes = b"") -> Conversation[bytes, bytes]:
    """Send a message; returns the content of its acknowledgement. Raises BoardError."""

    def answer(frame: bytes) -> tuple[int, bytes] | None:
        if frame[2] in (message + 1, codec.ERROR):
            return frame[2], frame[4:-1]
        return None

    sent = codec.make_message(message, data)
    kind, content = yield from ask(codec.FORMAT, sent, answer, what)
    if kind == codec.ERROR:
        raise BoardError(f"the Xsens MTi refused '{what}': {codec.describe_error(content)}")
    return content


def _configure(items: Items, what: str) -> Conversation[bytes, Items]:
    data = codec.make_output_configuration(items)[4:-1]
    return codec.parse_outputs((yield from _request(codec.OUTPUT_CONFIGURATION, what, data)))


def _words(items: Sequence[tuple[int, int]]) -> str:
    return ", ".join(f"0x{item:04X} at {rate} Hz" for item, rate in items) or "nothing"
