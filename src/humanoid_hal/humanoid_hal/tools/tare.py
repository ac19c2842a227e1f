"""What force cells count without load: the mean while the feet hang in the air."""

from collections.abc import Sequence

import numpy as np

from humanoid_hal.bus.feet import FootBoard
from humanoid_hal.driver import Array

#: Share of readings that must have arrived.
FRESH = 0.9
#: Share of the heaviest load by which a cell may wander meanwhile.
STILL = 0.02


def tared(board: FootBoard, counts: Sequence[Array], asked: int) -> Array:
    """Offset of each cell [counts] from `counts` (each of shape (cells,)) that came of `asked` questions.

    Raises ValueError when the readings are no good; the message says what to do.
    """
    if len(counts) < FRESH * asked or not len(counts):
        raise ValueError(
            f"{board}: {asked - len(counts)} of {asked} readings are missing; check the bus"
        )
    rows = np.array(counts)
    wander = np.abs(board.scale) * np.ptp(rows, axis=0)  # [N]
    worst = int(np.argmax(wander))
    if not wander[worst] <= STILL * board.heaviest:  # nor NaN
        raise ValueError(
            f"{board}: cell {board.names[worst]} wanders by {wander[worst]:.1f} N; hang the robot up, "
            "its feet still and free"
        )
    mean: Array = rows.mean(axis=0)
    return mean
