"""Frames out of a byte stream: partial chunks, checksums, resynchronisation. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

#: What `Format.length` answers where no frame begins, and where more bytes are needed to tell.
NO_FRAME = -1
UNDECIDED = 0


@dataclass(frozen=True)
class Format:
    """How the frames of one family are told from noise."""

    # Bytes every frame begins with.
    sync: bytes
    # Length of the longest frame.
    longest: int
    # (buffer, start) -> length [bytes] of the frame that begins at `start`, NO_FRAME or UNDECIDED.
    length: Callable[[bytes | bytearray, int], int]
    # (frame) -> whether its checksum holds.
    valid: Callable[[bytes], bool]


class FrameReader:
    """Collects chunks of any size and returns the good frames in them.

    A complete good frame is returned with the very chunk that completes it, whatever stands before
    it: a false start that claims more bytes than have come does not hold up the frames behind it.
    The buffer never grows beyond one frame.
    """

    def __init__(self, form: Format) -> None:
        self._form = form
        self._buffer = bytearray()
        self._lost = False
        #: Runs of bytes that were no good frame: each is one corrupted, truncated or foreign frame.
        self.bad = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The frames that `chunk` completes, oldest first."""
        buffer, form = self._buffer, self._form
        buffer += chunk
        frames: list[bytes] = []
        end = 0  # of the last good frame
        waiting: int | None = None  # start of the first frame that may still be completed
        start = buffer.find(form.sync)
        while start >= 0:
            length = form.length(buffer, start)
            if length > form.longest:
                length = NO_FRAME
            if length == UNDECIDED or start + length > len(buffer):
                waiting = start if waiting is None else waiting
            elif length != NO_FRAME:
                frame = bytes(buffer[start : start + length])
                if form.valid(frame):
                    self._drop(start - end)
                    self._lost = False
                    frames.append(frame)
                    end, waiting = start + length, None
                    start = buffer.find(form.sync, end)
                    continue
            start = buffer.find(form.sync, start + 1)
        keep = self._tail(end) if waiting is None else waiting
        self._drop(keep - end)
        del buffer[:keep]
        return frames

    @property
    def pending(self) -> int:
        """[bytes] kept of frames that have begun."""
        return len(self._buffer)

    def clear(self) -> None:
        """Forget what has come so far."""
        self._buffer.clear()
        self._lost = False

    def _tail(self, end: int) -> int:
        """Where the beginning of a sync pattern stands at the end of the buffer."""
        buffer, sync = self._buffer, self._form.sync
        for size in range(min(len(sync) - 1, len(buffer) - end), 0, -1):
            if buffer.endswith(sync[:size]):
                return len(buffer) - size
        return len(buffer)

    def _drop(self, count: int) -> None:
        if count and not self._lost:
            self.bad += 1
            self._lost = True


P = TypeVar("P")


class Scanner(Generic[P]):
    """Finds the packets in whatever arrives; keeps one that has begun until it is complete."""

    def __init__(self, form: Format, parse: Callable[[bytes], P]) -> None:
        """`parse` makes a packet of a good frame."""
        self._frames, self._parse = FrameReader(form), parse
        self._least = len(form.sync)

    @property
    def corrupt(self) -> int:
        """Runs of bytes that were no frame."""
        return self._frames.bad

    @property
    def pending(self) -> bool:
        """Whether a frame has begun that is not complete."""
        return self._frames.pending >= self._least

    def clear(self) -> None:
        """Forget what is incomplete."""
        self._frames.clear()

    def feed(self, data: bytes) -> Iterator[P]:
        """Yield the packets that `data` completes."""
        return map(self._parse, self._frames.feed(data))


def fixed_length(length: int) -> Callable[[bytes | bytearray, int], int]:
    """For frames that all have `length` bytes."""
    return lambda buffer, start: length
