"""Fall detection: row 17 of the fault table.

Falling is declared at a tilt, or at a lower one when tilting further fast, as Hamburg Bit-Bots do
(bitbots_hcm, fall_checker.py: 40 degrees or 4 rad/s, the rate's limit shrinking with the tilt).
"""

from math import acos, sqrt

import numpy as np
from numpy.typing import NDArray

from humanoid_perception.config import FallConfig
from humanoid_perception.types import FALLEN, FALLING, UPRIGHT

Array = NDArray[np.float64]

# Below this sine the direction of the tilt is undefined, and any turning about a horizontal axis
# tilts.
_VERTICAL = 0.05


def tilt_and_rate(up: Array, angular_velocity: Array) -> tuple[float, float]:
    """Tilt [rad] in 0 … pi and its rate [rad/s], positive when tilting further.

    `up` (3,): the vertical as a unit vector in the base frame, `angular_velocity` (3,) [rad/s] of
    the base in the base frame.
    """
    x, y, z = up.tolist()
    wx, wy, _ = angular_velocity.tolist()
    tilt = acos(min(1.0, max(-1.0, z)))
    sine = sqrt(x * x + y * y)
    if sine < _VERTICAL:
        return tilt, sqrt(wx * wx + wy * wy)
    # d(up)/dt = up x w, and z = cos(tilt)
    return tilt, (wx * y - wy * x) / sine


class FallDetector:
    """UPRIGHT → FALLING → FALLEN → UPRIGHT, each step with its delay."""

    def __init__(self, config: FallConfig) -> None:
        self._config = config
        self.state = UPRIGHT
        self._falling = self._lying = self._standing = 0.0  # how long each condition holds [s]

    def reset(self) -> None:
        """Forget everything; upright."""
        self.state = UPRIGHT
        self._falling = self._lying = self._standing = 0.0

    def update(self, tilt: float, tilt_rate: float, turning: float, dt: float) -> int:
        """Return the state after one more sample.

        `tilt` [rad] and `tilt_rate` [rad/s] as :func:`tilt_and_rate` gives them, `turning` [rad/s]
        the magnitude of the angular velocity, `dt` [s] since the sample before.
        """
        config = self._config
        margin = 1.0 - tilt / config.falling
        falling = margin <= 0.0 or tilt_rate >= config.rate * margin
        self._falling = self._falling + dt if falling else 0.0
        lying = tilt > config.fallen and turning < config.still
        self._lying = self._lying + dt if lying else 0.0
        standing = tilt < config.upright and not falling
        self._standing = self._standing + dt if standing else 0.0

        if self._lying >= config.still_delay and lying:
            self.state = FALLEN
        elif self.state == UPRIGHT and falling and self._falling >= config.delay:
            self.state = FALLING
        elif self.state != UPRIGHT and standing and self._standing >= config.upright_delay:
            self.state = UPRIGHT
        return self.state
