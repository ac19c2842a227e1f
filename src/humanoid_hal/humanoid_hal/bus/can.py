"""CAN frames by the batch: one cycle's frames of a bus as arrays, nothing per frame in Python."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Set in `ids` for a 29-bit identifier; the value is Linux's CAN_EFF_FLAG.
EXTENDED = 0x8000_0000


@dataclass(frozen=True, slots=True)
class CanBatch:
    """Frames in the order of the wire.

    Data beyond a frame's length are zero. `data` has 8 columns for classic CAN, up to 64 for FD.
    """

    ids: NDArray[np.uint32]  # shape (k,), 29-bit ones with EXTENDED set
    lengths: NDArray[np.uint8]  # shape (k,), [bytes]
    data: NDArray[np.uint8]  # shape (k, 8) or (k, 64)
    fd: bool = False  # CAN FD with bit-rate switch

    def __len__(self) -> int:
        return len(self.ids)

    def __bool__(self) -> bool:
        return len(self.ids) > 0

    @classmethod
    def of(cls, frames: Sequence[tuple[int, bytes]], fd: bool = False) -> "CanBatch":
        """From (id, data) pairs; raises ValueError when data are longer than a frame."""
        width = 64 if fd else 8
        data = np.zeros((len(frames), width), dtype=np.uint8)
        for row, (_, content) in zip(data, frames, strict=True):
            if len(content) > width:
                raise ValueError(f"a CAN frame holds {width} bytes, not {len(content)}")
            row[: len(content)] = np.frombuffer(content, dtype=np.uint8)
        return cls(
            np.array([number for number, _ in frames], dtype=np.uint32),
            np.array([len(content) for _, content in frames], dtype=np.uint8),
            data,
            fd,
        )

    def frames(self) -> list[tuple[int, bytes]]:
        """(id, data) pairs; for conversations and tests, not for the cycle."""
        return [
            (int(number), row[:length].tobytes())
            for number, length, row in zip(self.ids, self.lengths, self.data, strict=True)
        ]


NO_FRAMES = CanBatch.of([])


def joined(batches: Sequence[CanBatch]) -> CanBatch:
    """All frames of `batches`, in order; rows of classic CAN are widened if any batch is FD."""
    if len(batches) == 1:
        return batches[0]
    if not batches:
        return NO_FRAMES
    width = max(batch.data.shape[1] for batch in batches)
    data = np.zeros((sum(map(len, batches)), width), dtype=np.uint8)
    row = 0
    for batch in batches:
        data[row : row + len(batch), : batch.data.shape[1]] = batch.data
        row += len(batch)
    return CanBatch(
        np.concatenate([batch.ids for batch in batches]),
        np.concatenate([batch.lengths for batch in batches]),
        data,
        any(batch.fd for batch in batches),
    )
