"""The bench of emulated boards: everything that can go wrong between a computer and its boards."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bench import Bench
from humanoid_hal.driver import Array
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.plant import Group

if TYPE_CHECKING:
    from humanoid_hal.drivers.emulated.driver import EmulatedDriver


class EmulatedBench(Bench):
    """The bench of one :class:`EmulatedDriver`."""

    def __init__(self, driver: "EmulatedDriver") -> None:
        self._driver = driver

    def position(self) -> Array:
        """See :meth:`Bench.position`."""
        truth = np.zeros(sum(len(group.columns) for group in self._groups))
        for group in self._groups:
            motors = group.motors
            truth[group.columns] = motors.shafts.position_to_joint(motors.position)
        return truth

    def torque(self) -> NDArray[np.bool_]:
        """See :meth:`Bench.torque`."""
        on = np.zeros(sum(len(group.columns) for group in self._groups), dtype=bool)
        for group in self._groups:
            on[group.columns] = group.motors.powered
        return on

    def obeying(self) -> NDArray[np.bool_]:
        """See :meth:`Bench.obeying`: those that have a target or an effort."""
        obey = np.zeros(sum(len(group.columns) for group in self._groups), dtype=bool)
        for group in self._groups:
            motors = group.motors
            obey[group.columns] = motors.powered & ((motors.stiffness != 0) | (motors.effort != 0))
        return obey

    def silence(self, joint: str) -> None:
        """See :meth:`Bench.silence`."""
        where = self._driver.options.joints[joint]
        self._driver.emulator.inject(where.bus, BoardFault("off", where.id))

    def garble(self) -> None:
        """See :meth:`Bench.garble`."""
        for where in self._driver.options.joints.values():
            self._driver.emulator.inject(where.bus, BoardFault("garbage", where.id))

    def unplug(self) -> None:
        """See :meth:`Bench.unplug`."""
        for bus in self._driver.emulator.buses.values():
            bus.port.unplug()

    def mend(self) -> None:
        """See :meth:`Bench.mend`."""
        for bus in self._driver.emulator.buses.values():
            bus.boards.clear()
            bus.port.plug()

    def abandon(self, duration: float) -> None:
        """See :meth:`Bench.abandon`."""
        emulator = self._driver.emulator
        emulator.pump()
        for _ in range(round(duration / emulator.period)):
            emulator.advance()

    @property
    def _groups(self) -> Sequence[Group]:
        return self._driver.emulator.plant.groups
