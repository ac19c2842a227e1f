"""MicroStrain inertial sensors as an IMU on a serial bus."""

from dataclasses import dataclass

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.protocol import BoardError, Conversation
from humanoid_hal.drivers.imu.axes import Reading
from humanoid_hal.drivers.imu.stream import ImuOptions, StreamedImu
from humanoid_hal.drivers.imu.talk import ask
from humanoid_hal.drivers.microstrain import codec

Fields = dict[int, bytes]


@dataclass(frozen=True)
class MicrostrainOptions(ImuOptions):
    """Of the bus's `options`."""

    # Rate of the stream; must divide the device's base rate (1000 Hz on most).
    rate: int = key(500, unit="Hz", min=1, max=1000)
    # Ask for the complementary filter's orientation too.
    orientation: bool = True


class Microstrain(StreamedImu):
    """Scaled accelerometer and gyroscope, and the complementary filter's quaternion."""

    name = "MicroStrain IMU"
    default_baud = 921_600
    Options = MicrostrainOptions
    frames = codec.FORMAT

    def measurement(self, frame: bytes) -> Reading | None:
        """See :meth:`StreamedImu.measurement`."""
        return codec.parse_reading(frame) if frame[2] == codec.SENSOR_DATA else None

    def configure(self) -> Conversation[bytes, tuple[str, ...]]:
        """See :meth:`StreamedImu.configure`.

        Sensors up to the 5 series do not know the newer commands; who refuses the base rate's is
        spoken to in the legacy ones.
        """
        yield from _command(codec.BASE, codec.SET_TO_IDLE, "set to idle")
        info = yield from _command(codec.BASE, codec.DEVICE_INFO, "device information")
        code, fields = yield from _ask(
            codec.COMMANDS_3DM, codec.BASE_RATE, "base rate", bytes((codec.SENSOR_DATA,))
        )
        legacy = code == codec.UNKNOWN_COMMAND
        if legacy:
            fields = yield from _command(
                codec.COMMANDS_3DM, codec.LEGACY_BASE_RATE, "base rate (legacy)"
            )
            rate = fields.get(codec.LEGACY_BASE_RATE_REPLY, b"")
        else:
            rate = fields.get(codec.BASE_RATE_REPLY, b"")[1:]
        decimation = self._decimation(int.from_bytes(rate, "big"))
        yield from self._format(legacy, decimation)
        stream = codec.LEGACY_IMU_STREAM if legacy else codec.SENSOR_DATA
        yield from _command(
            codec.COMMANDS_3DM, codec.STREAM_CONTROL, "stream on", bytes((codec.WRITE, stream, 1))
        )
        yield from _command(codec.BASE, codec.RESUME, "resume")
        return (_describe(info.get(codec.DEVICE_INFO_REPLY, b"")),)

    def _decimation(self, base: int) -> int:
        rate = self.options.rate
        if base < rate or base % rate:
            raise BoardError(
                f"the MicroStrain IMU measures at {base} Hz, which `rate` {rate} does not divide; "
                "choose one that does"
            )
        return base // rate

    def _format(self, legacy: bool, decimation: int) -> Conversation[bytes, None]:
        """Set the fields of the stream and read them back."""
        fields = [codec.SCALED_ACCELERATION, codec.SCALED_GYROSCOPE]
        if self.options.orientation:
            fields.append(codec.QUATERNION)
        wanted = codec.pack_format([(field, decimation) for field in fields])
        command, reply, select = codec.MESSAGE_FORMAT, codec.MESSAGE_FORMAT_REPLY, b"\x80"
        if legacy:
            command, reply, select = codec.LEGACY_FORMAT, codec.LEGACY_FORMAT_REPLY, b""
        where = codec.COMMANDS_3DM
        yield from _command(
            where, command, "set the message format", bytes((codec.WRITE,)) + select + wanted
        )
        answer = yield from _command(
            where,
            command,
            "read the message format back",
            bytes((codec.READ,)) + select + (b"\x00" if legacy else b""),
        )
        found = answer.get(reply, b"")[len(select) :]
        if found != wanted:
            raise BoardError(
                f"the MicroStrain IMU is set to {found.hex(' ')} instead of {wanted.hex(' ')} "
                "(count, then field and decimation each); this model lacks one of the fields"
            )


def _ask(
    descriptor: int, command: int, what: str, data: bytes = b""
) -> Conversation[bytes, tuple[int, Fields]]:
    """Error code and fields of the answer to a command."""

    def answer(packet: bytes) -> tuple[int, Fields] | None:
        return codec.parse_answer(packet, command) if packet[2] == descriptor else None

    sent = codec.make_command(descriptor, command, data)
    return (yield from ask(codec.FORMAT, sent, answer, what))


def _command(
    descriptor: int, command: int, what: str, data: bytes = b""
) -> Conversation[bytes, Fields]:
    """The fields of the answer to a command. Raises BoardError where it is refused."""
    code, fields = yield from _ask(descriptor, command, what, data)
    if code != codec.OK:
        raise BoardError(f"the MicroStrain IMU refused '{what}': {codec.describe_error(code)}")
    return fields


def _describe(info: bytes) -> str:
    """Firmware, then five texts of 16 characters: model name and number, serial, lot, options."""
    texts = [info[at : at + 16].decode("ascii", "replace").strip(" \0") for at in (2, 18, 34)]
    firmware = int.from_bytes(info[:2], "big")
    return f"MicroStrain {texts[0]} ({texts[1]}), serial {texts[2]}, firmware {firmware}"
