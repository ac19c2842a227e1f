"""An emulated VectorNav VN-100."""

from humanoid_hal.bus.framing import FrameReader
from humanoid_hal.drivers.imu.axes import Array, from_frd, from_ned_frd
from humanoid_hal.drivers.vectornav import codec
from humanoid_hal.emulation.imu import EmulatedImu


class EmulatedVectorNav(EmulatedImu):
    """ASCII registers 1, 6 and 75, those of measurements, asynchronous pause, one binary output."""

    sensor_rate = 800

    def power_on(self) -> None:
        """See :meth:`EmulatedImu.power_on`."""
        super().power_on()
        self.rate, self.streaming = 40.0, False
        self.registers = {
            codec.MODEL: ["VN-100T-CR"],
            codec.ASCII_OUTPUT: ["14"],
            codec.BINARY_OUTPUT: ["0", "1", "00"],
        }
        self._paused = False
        self._reader = FrameReader(codec.SENTENCES)

    def answer(self, data: bytes, now: float) -> bytes:
        """See :meth:`EmulatedImu.answer`."""
        return b"".join(self._answer(sentence) for sentence in self._reader.feed(data))

    def measurement(self, count: int) -> bytes:
        """See :meth:`EmulatedImu.measurement`."""
        quaternion, rate, acceleration = self._motion_registers().values()
        return codec.make_measurement(
            round(count * 1e9 / self.rate), quaternion, rate, acceleration
        )

    def _motion_registers(self) -> dict[int, Array]:
        """Register -> what it holds now."""
        return {
            codec.QUATERNION: from_ned_frd(self.orientation),
            codec.RATE: from_frd(self.motion.angular_velocity),
            codec.ACCELERATION: from_frd(self.motion.linear_acceleration),
        }

    def _answer(self, sentence: bytes) -> bytes:
        command, *words = codec.parse_sentence(sentence)
        if command == "VNASY" and words in (["0"], ["1"]):
            self._paused = words == ["0"]
            self._switch()
            return codec.make_sentence(command, *words)
        try:
            number = int(words[0])
            measured = {k: [f"{x:+.6f}" for x in v] for k, v in self._motion_registers().items()}
            register = (self.registers | measured)[number]
        except (IndexError, ValueError, KeyError):
            return codec.make_sentence("VNERR", "08")
        if command == "VNWRG":
            if number == codec.MODEL or number in measured or not self._write(number, words[1:]):
                return codec.make_sentence("VNERR", "07")
        elif command != "VNRRG":
            return codec.make_sentence("VNERR", "04")
        else:
            words = [words[0], *register]
        return codec.make_sentence(command, *words)

    def _write(self, number: int, values: list[str]) -> bool:
        if number == codec.BINARY_OUTPUT:
            try:
                port, divisor, groups, fields = values
                known = (int(groups, 16), int(fields, 16)) == (1, codec.COMMON)
                if int(port) > 3 or int(divisor) < 1 or not known:
                    return False
            except ValueError:
                return False
            self.rate = self.sensor_rate / int(divisor)
        self.registers[number] = values
        self._switch()
        return True

    def _switch(self) -> None:
        self.streaming = not self._paused and self.registers[codec.BINARY_OUTPUT][0] != "0"
