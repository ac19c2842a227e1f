"""The bench of the MuJoCo driver: the truth of its world. It has no wire to cut."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bench import Bench

if TYPE_CHECKING:
    from humanoid_hal.drivers.mujoco.driver import MujocoDriver


class MujocoBench(Bench):
    """The bench of one :class:`MujocoDriver`."""

    def __init__(self, driver: "MujocoDriver") -> None:
        self._driver = driver

    def position(self) -> NDArray[np.float64]:
        """See :meth:`Bench.position`."""
        return self._driver.data.qpos[7:].copy()

    def torque(self) -> NDArray[np.bool_]:
        """See :meth:`Bench.torque`."""
        return np.full(self._driver.model.nu, self._driver.enabled)
