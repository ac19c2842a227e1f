"""The bus of the boards driver that carries the IMU."""

import time
from dataclasses import dataclass, field
from typing import Any

from humanoid_hal.bus.exchange import LinkState
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.driver import ImuSample
from humanoid_hal.drivers.boards.bus import Bus

#: Smallest share of samples with new IMU values (perception's `health.imu_rate`).
IMU_SHARE = 0.9
#: [s] of silence after which an IMU has lost its settings rather than a few readings.
IMU_SILENCE = 0.5


@dataclass
class ImuBus(Bus):
    """A bus with an IMU."""

    # [s] steady time of the newest reading; 0: not since it was set up
    heard_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.protocol: Any = self.link.protocol

    def remarks(self, control_rate: float) -> tuple[str, ...]:
        """A remark if the IMU has no new reading for most samples at `control_rate` [Hz]."""
        rate = self.protocol.rate
        needed = IMU_SHARE * control_rate
        if rate is None or rate >= needed:
            return ()
        return (
            f"the IMU sends {rate:g} readings a second, {needed:g} are needed at a control rate of "
            f"{control_rate:g} Hz: the estimator will call it lost; raise the bus's `rate` or lower "
            "the control rate",
        )

    def sample(self) -> ImuSample | None:
        """The newest reading; an IMU that has been silent for long is set up anew, as after a restart."""
        if self.link.state is not LinkState.READY:
            self.heard_at = 0.0  # its silence counts from when it is set up
            return None
        reading: ImuSample | None = self.protocol.reading()
        now = time.monotonic()
        if reading is not None or not self.heard_at:
            self.heard_at = now
        elif now - self.heard_at > IMU_SILENCE:
            self.heard_at = 0.0
            self.link.lose(BoardError(f"the IMU was silent for {IMU_SILENCE:g} s"))
        return reading
