"""An emulated MicroStrain sensor, of the 7 series or, `legacy`, of the 5 series."""

import struct

import numpy as np

from humanoid_hal.bus.framing import FrameReader
from humanoid_hal.drivers.imu.axes import GRAVITY, from_frd, from_ned_frd
from humanoid_hal.drivers.microstrain import codec
from humanoid_hal.emulation.imu import EmulatedImu

Answer = tuple[int, list[tuple[int, bytes]]]  # error code, fields


class EmulatedMicrostrain(EmulatedImu):
    """Idle and streaming states, message format, scaled data and quaternion."""

    base_rate = 1000
    fields = (codec.SCALED_ACCELERATION, codec.SCALED_GYROSCOPE, codec.QUATERNION)

    #: Whether it knows the commands of the 5 series only.
    legacy = False

    def power_on(self) -> None:
        """See :meth:`EmulatedImu.power_on`."""
        super().power_on()
        self.streaming = False
        self.format: list[tuple[int, int]] = []  # (field, decimation)
        self._enabled = False
        self._reader = FrameReader(codec.FORMAT)

    def answer(self, data: bytes, now: float) -> bytes:
        """See :meth:`EmulatedImu.answer`."""
        return b"".join(self._packet(packet) for packet in self._reader.feed(data))

    def measurement(self, count: int) -> bytes:
        """See :meth:`EmulatedImu.measurement`."""
        motion = self.motion
        values = {
            codec.SCALED_ACCELERATION: from_frd(motion.linear_acceleration) / GRAVITY,
            codec.SCALED_GYROSCOPE: from_frd(motion.angular_velocity),
            codec.QUATERNION: np.roll(from_ned_frd(self.orientation), 1),
        }
        contents = [(field, values[field].astype(">f4").tobytes()) for field, _ in self.format]
        return codec.make_packet(codec.SENSOR_DATA, contents)

    def _packet(self, packet: bytes) -> bytes:
        answers: list[tuple[int, bytes]] = []
        for command, data in codec.parse_fields(packet):
            code, fields = self._command(packet[2], command, data)
            answers += [(codec.ACKNOWLEDGE, bytes((command, code))), *fields]
        return codec.make_packet(packet[2], answers) if answers else b""

    def _command(self, descriptor: int, command: int, data: bytes) -> Answer:
        if descriptor == codec.BASE:
            if command in (codec.SET_TO_IDLE, codec.RESUME):
                self.streaming = command == codec.RESUME and self._enabled
            elif command == codec.DEVICE_INFO:
                texts = ("3DM-CV7-AHRS", "6286-9912", "6286.150001", "", "8g, 500d/s")
                info = b"".join(text.rjust(16).encode() for text in texts)
                return codec.OK, [(codec.DEVICE_INFO_REPLY, struct.pack(">H", 1130) + info)]
            elif command != codec.PING:
                return codec.UNKNOWN_COMMAND, []
            return codec.OK, []
        if descriptor != codec.COMMANDS_3DM:
            return codec.UNKNOWN_COMMAND, []
        return self._command_3dm(command, data)

    def _command_3dm(self, command: int, data: bytes) -> Answer:
        rate = struct.pack(">H", self.base_rate)
        newer = (codec.BASE_RATE, codec.MESSAGE_FORMAT)
        older = (codec.LEGACY_BASE_RATE, codec.LEGACY_FORMAT)
        if command in (newer if self.legacy else older):
            return codec.UNKNOWN_COMMAND, []
        if command == codec.BASE_RATE:
            return codec.OK, [(codec.BASE_RATE_REPLY, data[:1] + rate)]
        if command == codec.LEGACY_BASE_RATE:
            return codec.OK, [(codec.LEGACY_BASE_RATE_REPLY, rate)]
        if command == codec.MESSAGE_FORMAT:
            return self._set_format(data[:1], data[2:], codec.MESSAGE_FORMAT_REPLY, data[1:2])
        if command == codec.LEGACY_FORMAT:
            return self._set_format(data[:1], data[1:], codec.LEGACY_FORMAT_REPLY, b"")
        if command == codec.STREAM_CONTROL:
            self._enabled = data[2:3] == b"\x01"
            return codec.OK, []
        return codec.UNKNOWN_COMMAND, []

    def _set_format(self, function: bytes, data: bytes, reply: int, select: bytes) -> Answer:
        if function == bytes((codec.READ,)):
            return codec.OK, [(reply, select + codec.pack_format(self.format))]
        items = list(struct.iter_unpack(">BH", data[1 : 1 + 3 * data[0]])) if data else []
        if not items or any(field not in self.fields or not step for field, step in items):
            return 0x03, []
        self.format = [(field, step) for field, step in items]
        self.rate = self.base_rate / min(step for _, step in self.format)
        return codec.OK, []
