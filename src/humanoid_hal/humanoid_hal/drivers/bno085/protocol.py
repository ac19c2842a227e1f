"""The BNO085 in UART-RVC mode as an IMU on a serial bus."""

from humanoid_hal.bus.protocol import Conversation
from humanoid_hal.drivers.bno085 import codec
from humanoid_hal.drivers.imu.axes import Reading
from humanoid_hal.drivers.imu.stream import StreamedImu


class Bno085Rvc(StreamedImu):
    """Angles and acceleration at 100 Hz. It has no angular velocity: not enough for balance."""

    name = "BNO085 (UART-RVC)"
    gyroscope = False
    FIXED_RATE = 100.0
    default_baud = 115_200
    frames = codec.FORMAT

    def measurement(self, frame: bytes) -> Reading | None:
        """See :meth:`StreamedImu.measurement`."""
        return codec.parse_reading(frame)

    def configure(self) -> Conversation[bytes, tuple[str, ...]]:
        """Nothing can be set: the mode is strapped with two pins and its rate is fixed."""
        return ("the BNO085 sends no angular velocity in UART-RVC mode: no balance with it",)
        yield
