"""The bench of the mock driver: faults as its options have them, but at once."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bench import Bench

if TYPE_CHECKING:
    from humanoid_hal.drivers.mock.driver import MockDriver

#: [s] without a command after which the pretended boards switch torque off.
WATCHDOG = 0.1


class MockBench(Bench):
    """The bench of one :class:`MockDriver`."""

    def __init__(self, driver: "MockDriver") -> None:
        self._driver = driver

    def position(self) -> NDArray[np.float64]:
        """See :meth:`Bench.position`."""
        return self._driver.position.copy()

    def torque(self) -> NDArray[np.bool_]:
        """See :meth:`Bench.torque`."""
        return np.full(len(self._driver.position), self._driver.enabled)

    def silence(self, joint: str) -> None:
        """See :meth:`Bench.silence`."""
        self._driver.inject("off", joint)

    def garble(self) -> None:
        """See :meth:`Bench.garble`. What is damaged reads NaN."""
        self._driver.inject("garbage")

    def unplug(self) -> None:
        """See :meth:`Bench.unplug`. Torque is off at once."""
        self._driver.inject("raise")
        self._driver.enabled = False

    def mend(self) -> None:
        """See :meth:`Bench.mend`."""
        self._driver.faults.clear()

    def abandon(self, duration: float) -> None:
        """See :meth:`Bench.abandon`."""
        if self._driver.capabilities.board_watchdog and duration >= WATCHDOG:
            self._driver.enabled = False
