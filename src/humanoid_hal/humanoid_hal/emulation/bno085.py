"""An emulated BNO085 in UART-RVC mode."""

from math import asin, atan2

import numpy as np

from humanoid_hal.drivers.bno085 import codec
from humanoid_hal.drivers.imu.axes import rotate
from humanoid_hal.emulation.imu import EmulatedImu


class EmulatedBno085(EmulatedImu):
    """100 frames a second, whatever it is told."""

    def answer(self, data: bytes, now: float) -> bytes:
        """See :meth:`EmulatedImu.answer`."""
        return b""

    def measurement(self, count: int) -> bytes:
        """See :meth:`EmulatedImu.measurement`."""
        q = self.orientation
        x, y, z = (rotate(q, axis) for axis in np.eye(3))
        # Columns of Rz(yaw) Rx(pitch) Ry(roll).
        yaw, pitch, roll = atan2(-y[0], y[1]), asin(float(np.clip(y[2], -1, 1))), atan2(-x[2], z[2])
        angles = [round(angle / codec.ANGLE_SCALE) for angle in (yaw, pitch, roll)]
        force = np.round(self.motion.linear_acceleration / codec.ACCELERATION_SCALE)
        a, b, c = (int(value) for value in np.clip(force, -32768, 32767))
        return codec.make_frame(count, (angles[0], angles[1], angles[2]), (a, b, c))
