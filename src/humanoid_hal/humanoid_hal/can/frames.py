"""What codecs need beside :class:`~humanoid_hal.bus.can.CanBatch`: a flag, lengths, short cuts."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from humanoid_hal.bus.can import EXTENDED, CanBatch

__all__ = ["EXTENDED", "FD_LENGTHS", "REMOTE", "classic", "padded", "select"]

#: Set in `ids` for a remote request; the value is Linux's CAN_RTR_FLAG.
REMOTE = 0x4000_0000
#: Lengths that a CAN-FD frame can have (ISO 11898-1); the position is its DLC.
FD_LENGTHS = np.array((0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64), np.uint8)


def classic(ids: ArrayLike, data: NDArray[np.uint8]) -> CanBatch:
    """Frames of 8 bytes each: `ids` (n,), `data` (n, 8)."""
    identifiers = np.asarray(ids, np.uint32)
    return CanBatch(identifiers, np.full(len(identifiers), 8, np.uint8), data)


def select(batch: CanBatch, which: NDArray[np.bool_] | NDArray[np.intp]) -> CanBatch:
    """The frames of a mask or of indices."""
    return CanBatch(batch.ids[which], batch.lengths[which], batch.data[which], batch.fd)


def padded(length: int) -> int:
    """The shortest length of a CAN-FD frame that holds `length` bytes; at most 64."""
    return int(FD_LENGTHS[np.searchsorted(FD_LENGTHS, length)])
