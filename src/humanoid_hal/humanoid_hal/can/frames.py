"""A batch of CAN frames as arrays: what codecs make and read, and what transports carry.

Bits 31 to 29 of an identifier are flags as in Linux' ``linux/can.h``, so that one number names a
frame: 0x80000000 extended (29 bits), 0x40000000 remote request, 0x20000000 error frame.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

EXTENDED = 0x8000_0000
REMOTE = 0x4000_0000
ERROR = 0x2000_0000
#: Lengths that a CAN-FD frame can have (ISO 11898-1); the position is its DLC.
FD_LENGTHS = np.array((0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64), np.uint8)


@dataclass(frozen=True, slots=True)
class Frames:
    """`n` frames in the order of the wire."""

    ids: NDArray[np.uint32]  # shape (n,), flags included
    lengths: NDArray[np.uint8]  # shape (n,), bytes of `data` that count
    data: NDArray[np.uint8]  # shape (n, 8), of CAN FD (n, 64); zero beyond `lengths`
    fd: bool = False  # CAN-FD frames with bit-rate switching

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Identifier and payload of each frame, for what is not in a hurry."""
        for identifier, length, data in zip(self.ids, self.lengths, self.data, strict=True):
            yield int(identifier), data[:length].tobytes()

    def select(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> "Frames":
        """The frames of a mask or of indices."""
        return Frames(self.ids[which], self.lengths[which], self.data[which], self.fd)


def classic(ids: ArrayLike, data: NDArray[np.uint8]) -> Frames:
    """Frames of 8 bytes each: `ids` (n,), `data` (n, 8)."""
    identifiers = np.asarray(ids, np.uint32)
    return Frames(identifiers, np.full(len(identifiers), 8, np.uint8), data)


def frames_of(items: Iterable[tuple[int, bytes]], fd: bool = False) -> Frames:
    """Frames of any lengths. Raises ValueError on a payload that is too long or of no FD length."""
    pairs = list(items)
    data = np.zeros((len(pairs), 64 if fd else 8), np.uint8)
    lengths = np.array([len(payload) for _, payload in pairs], np.uint8)
    for row, (identifier, payload) in zip(data, pairs, strict=True):
        if len(payload) > data.shape[1] or (fd and len(payload) not in FD_LENGTHS):
            raise ValueError(
                f"frame {identifier:#x}: {len(payload)} bytes are no payload of "
                f"CAN{'-FD' if fd else ''}"
            )
        row[: len(payload)] = np.frombuffer(payload, np.uint8)
    return Frames(np.array([i for i, _ in pairs], np.uint32), lengths, data, fd)


def no_frames(fd: bool = False) -> Frames:
    """An empty batch."""
    return frames_of((), fd)


def joined(parts: Iterable[Frames]) -> Frames:
    """All frames of `parts`, in order; all of them classic or all of them FD."""
    batches = [part for part in parts if len(part)]
    if not batches:
        return no_frames()
    if len(batches) == 1:
        return batches[0]
    return Frames(
        np.concatenate([part.ids for part in batches]),
        np.concatenate([part.lengths for part in batches]),
        np.concatenate([part.data for part in batches]),
        batches[0].fd,
    )
