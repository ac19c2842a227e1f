"""Force cells under a sole, read as registers of a board: from counts to a wrench."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from humanoid_hal.bus.device import Array

#: Share of the heaviest load that a cell may read below zero: noise, and what a tare left over.
BELOW = 0.1


@dataclass(frozen=True)
class FootBoard:
    """One board. Its cells stand side by side in its registers; arrays have shape (cells,)."""

    foot: str  # name of the sole
    id: int  # address of the board on its bus
    address: int  # of the first cell
    counts: "np.dtype[Any]"  # of one cell
    names: tuple[str, ...]  # of the cells
    place: Array  # shape (cells, 2), [m] x and y in the sole frame
    scale: Array  # [N] per count
    offset: Array  # [counts] without load
    heaviest: float  # [N] largest load that a cell can bear

    @property
    def size(self) -> int:
        """[bytes] of all cells."""
        return len(self.names) * self.counts.itemsize

    def __str__(self) -> str:
        return f"{self.foot} (id {self.id})"

    def counted(self, data: bytes) -> Array:
        """The counts of each cell."""
        return np.frombuffer(data, dtype=self.counts).astype(float)

    def forces(self, data: bytes) -> Array:
        """Load of each cell [N], positive: the ground pushes up."""
        return self.scale * (self.counted(data) - self.offset)

    def implausible(self, forces: Array) -> str:
        """What cannot be true about `forces` [N]; '' if they can."""
        fits = (forces >= -BELOW * self.heaviest) & (forces <= self.heaviest)
        wrong = np.flatnonzero(~fits)  # NaN does not fit
        if not wrong.size:
            return ""
        cell = int(wrong[0])
        return f"cell {self.names[cell]} reads {forces[cell]:.0f} N of {self.heaviest:g} at most"

    def wrench(self, forces: Array) -> Array:
        """What the ground does to the foot, shape (6,), sole frame.

        Cells measure force along z only: forces along x and y, and the torque about z, are 0.
        """
        total = np.zeros(6)
        total[2] = forces.sum()
        total[3] = forces @ self.place[:, 1]
        total[4] = -forces @ self.place[:, 0]
        return total


class ReadsFeet(ABC):
    """A protocol that also reads foot boards."""

    @abstractmethod
    def cells(self) -> Sequence[bytes | None]:
        """The registers of each board, of this very cycle; None: it did not answer. Ends it."""
