"""An emulated WitMotion WT901."""

import struct

import numpy as np

from humanoid_hal.drivers.witmotion import codec
from humanoid_hal.emulation.imu import EmulatedImu

_COMMAND = 5  # bytes


class EmulatedWitMotion(EmulatedImu):
    """Registers behind their lock, and one frame per quantity."""

    scales = {  # noqa: RUF012
        codec.ACCELERATION: codec.ACCELERATION_SCALE,
        codec.RATE: codec.RATE_SCALE,
        codec.QUATERNION: codec.QUATERNION_SCALE,
    }

    def power_on(self) -> None:
        """See :meth:`EmulatedImu.power_on`."""
        super().power_on()
        self.rate = 10.0
        self.registers = np.zeros(256, dtype=np.uint16)
        self.registers[codec.CONTENT] = 0x1E  # acceleration, rate, angle, magnetic field
        self.registers[codec.OUTPUT_RATE] = 0x06
        self._unlocked = float("-inf")  # [s] until
        self._buffer = b""

    def answer(self, data: bytes, now: float) -> bytes:
        """See :meth:`EmulatedImu.answer`."""
        answers = b""
        self._buffer += data
        while (start := self._buffer.find(b"\xff\xaa")) >= 0:
            if len(self._buffer) < start + _COMMAND:
                break
            answers += self._command(self._buffer[start : start + _COMMAND], now)
            self._buffer = self._buffer[start + _COMMAND :]
        return answers

    def measurement(self, count: int) -> bytes:
        """See :meth:`EmulatedImu.measurement`."""
        motion = self.motion
        values = {
            codec.ACCELERATION: (*motion.linear_acceleration, 25.0 * codec.ACCELERATION_SCALE),
            codec.RATE: (*motion.angular_velocity, 0.0),
            codec.QUATERNION: np.roll(self.orientation, 1),
        }
        content = int(self.registers[codec.CONTENT])
        sent = b""
        for kind, bit in codec.CONTENT_BITS.items():
            if content & bit and kind in values:
                raw = np.round(np.array(values[kind]) / self.scales[kind])
                a, b, c, d = (int(x) for x in np.clip(raw, -32768, 32767))
                sent += codec.make_frame(kind, (a, b, c, d))
        return sent

    def _command(self, command: bytes, now: float) -> bytes:
        register, value = command[2], int.from_bytes(command[3:], "little")
        if command == codec.make_unlock():
            self._unlocked = now + 10.0
        elif register == 0x27:
            first = value & 0xFF
            four = self.registers[first : first + 4]
            a, b, c, d = struct.unpack("<4h", four.astype("<u2").tobytes().ljust(8, b"\0"))
            return codec.make_frame(codec.REGISTERS, (a, b, c, d))
        elif now <= self._unlocked:
            self.registers[register] = value
            rates = {code: rate for rate, code in codec.RATES.items()}
            self.rate = float(rates.get(int(self.registers[codec.OUTPUT_RATE]), 10))
        return b""
