"""An emulated HiPNUC sensor."""

from humanoid_hal.drivers.hipnuc import codec
from humanoid_hal.emulation.imu import EmulatedImu


class EmulatedHipnuc(EmulatedImu):
    """Command lines and HI91 frames."""

    highest_rate = 1000.0

    def power_on(self) -> None:
        """See :meth:`EmulatedImu.power_on`."""
        super().power_on()
        self._line = b""

    def answer(self, data: bytes, now: float) -> bytes:
        """See :meth:`EmulatedImu.answer`."""
        *lines, self._line = (self._line + data).split(b"\r\n")
        return b"".join(self._command(line.decode("ascii", "replace").split()) for line in lines)

    def measurement(self, count: int) -> bytes:
        """See :meth:`EmulatedImu.measurement`."""
        motion = self.motion
        return codec.make_hi91(
            round(count * 1000.0 / self.rate),
            motion.linear_acceleration,
            motion.angular_velocity,
            self.orientation,
        )

    def _command(self, words: list[str]) -> bytes:
        if words in (["LOG", "ENABLE"], ["LOG", "DISABLE"]):
            self.streaming = words[1] == "ENABLE"
        elif words == ["LOG", "VERSION"]:
            return b"PNAME=HI14R5N-URT-000\r\nBUILD=Jan 10 2025\r\nAPP_VER=171\r\nOK\r\n"
        elif words[:3] == ["LOG", "HI91", "ONTIME"] and len(words) == 4:
            try:
                self.rate = min(1.0 / float(words[3]), self.highest_rate)
            except (ValueError, ZeroDivisionError):
                return b"ERR\r\n"
        else:
            return b"ERR\r\n"
        return b"OK\r\n"
