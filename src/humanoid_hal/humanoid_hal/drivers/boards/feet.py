"""The force sensors of all feet: from the registers of their boards to the sample's wrenches."""

from collections.abc import Sequence

import numpy as np

from humanoid_description import RobotDescription
from humanoid_description.problems import nearest
from humanoid_hal.bus.feet import FootBoard
from humanoid_hal.driver import Array, DriverError

#: Cycles in a row without a plausible reading that are told (row 2 of the fault table).
SILENT_CYCLES = 3


class FootSensors:
    """One per robot; a foot without a reading of this very cycle has NaN for a wrench."""

    def __init__(self, robot: RobotDescription, feet: Sequence[str]) -> None:
        """`feet` of the hardware file. Raises DriverError unless they are the robot's."""
        self._rows = {foot.name: row for row, foot in enumerate(robot.feet)}
        for name in feet:
            if name not in self._rows:
                raise DriverError(
                    f"robot '{robot.name}' has no foot '{name}'{nearest(name, self._rows)}; key "
                    "`feet` of the hardware file"
                )
        missing = [name for name in self._rows if name not in feet]
        if missing:
            raise DriverError(
                f"{', '.join(missing)} of robot '{robot.name}' has no force sensor; name all feet "
                "under `feet` of the hardware file, or none"
            )
        self._names = tuple(self._rows)
        self._silent = np.zeros(len(self._rows), dtype=np.int64)
        self._why = [""] * len(self._rows)
        #: Newest registers by foot, for people who look for scales and offsets.
        self.newest: dict[str, tuple[FootBoard, bytes]] = {}
        self.begin()

    def begin(self) -> None:
        """Begin a cycle: nothing is known."""
        self.wrenches: Array = np.full((len(self._rows), 6), np.nan)

    def take(self, board: FootBoard, data: bytes | None, reason: str = "no reply") -> None:
        """The registers of a board in this cycle; None: not known, for `reason`."""
        row = self._rows[board.foot]
        self._why[row] = reason
        if data is None:
            return
        self.newest[board.foot] = board, data
        forces = board.forces(data)
        self._why[row] = board.implausible(forces)
        if not self._why[row]:
            self.wrenches[row] = board.wrench(forces)

    def causes(self) -> dict[str, str]:
        """End the cycle: the faults it shows."""
        known = np.isfinite(self.wrenches).all(axis=1)
        self._silent = np.where(known, 0, self._silent + 1)
        lost = np.flatnonzero(self._silent >= SILENT_CYCLES).tolist()
        if not lost:
            return {}
        return {"foot_sensor_lost": "; ".join(f"{self._names[i]}: {self._why[i]}" for i in lost)}
