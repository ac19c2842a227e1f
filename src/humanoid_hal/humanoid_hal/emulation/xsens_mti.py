"""An emulated Xsens MTi."""

import numpy as np

from humanoid_hal.bus.framing import FrameReader
from humanoid_hal.drivers.imu.axes import Array
from humanoid_hal.drivers.xsens_mti import codec
from humanoid_hal.emulation.imu import EmulatedImu


class EmulatedXsens(EmulatedImu):
    """Configuration and measurement states, output configuration, MTData2."""

    product, device_id, firmware = b"MTi-630-8A1G6       ", 0x0680_0001, (1, 12, 0)
    #: Highest rate of each data id it knows; others are refused.
    rates = {  # noqa: RUF012
        codec.PACKET_COUNTER: codec.EVERY_PACKET,
        codec.STATUS_WORD: codec.EVERY_PACKET,
        codec.QUATERNION: 400,
        codec.ACCELERATION: 400,
        codec.RATE_OF_TURN: 400,
    }

    def power_on(self) -> None:
        """See :meth:`EmulatedImu.power_on`."""
        super().power_on()
        self.outputs: tuple[tuple[int, int], ...] = ((codec.QUATERNION, 100),)
        self._reader = FrameReader(codec.FORMAT)

    def answer(self, data: bytes, now: float) -> bytes:
        """See :meth:`EmulatedImu.answer`."""
        return b"".join(self._answer(frame) for frame in self._reader.feed(data))

    def measurement(self, count: int) -> bytes:
        """See :meth:`EmulatedImu.measurement`."""
        return codec.make_mtdata2([(item, self._content(item, count)) for item, _ in self.outputs])

    def _answer(self, frame: bytes) -> bytes:
        message, data = frame[2], frame[4:-1]
        if message == codec.GO_TO_CONFIG:
            self.streaming = False
        elif message == codec.GO_TO_MEASUREMENT:
            self.streaming = True
        elif self.streaming:
            return b""  # only those two are heard while it measures
        contents = {
            codec.REQUEST_DEVICE_ID: self.device_id.to_bytes(4, "big"),
            codec.REQUEST_PRODUCT_CODE: self.product,
            codec.REQUEST_FIRMWARE: bytes((*self.firmware, *bytes(8))),
        }
        if message == codec.OUTPUT_CONFIGURATION:
            return self._configure(codec.parse_outputs(data))
        return codec.make_message(message + 1, contents.get(message, b""))

    def _configure(self, items: tuple[tuple[int, int], ...]) -> bytes:
        if any(item not in self.rates for item, _ in items):
            return codec.make_message(codec.ERROR, b"\x21")
        if items:
            self.outputs = tuple((item, min(rate, self.rates[item])) for item, rate in items)
            paced = [rate for _, rate in self.outputs if rate != codec.EVERY_PACKET]
            self.rate = float(max(paced, default=1))
        return codec.make_output_acknowledgement(self.outputs)

    def _content(self, item: int, count: int) -> bytes:
        motion = self.motion
        if item == codec.PACKET_COUNTER:
            return (count & 0xFFFF).to_bytes(2, "big")
        if item == codec.STATUS_WORD:
            return (3).to_bytes(4, "big")
        values: dict[int, Array] = {
            codec.QUATERNION: np.roll(self.orientation, 1),
            codec.ACCELERATION: motion.linear_acceleration,
            codec.RATE_OF_TURN: motion.angular_velocity,
        }
        return values[item].astype(">f4").tobytes()
