"""An emulated slcan adapter: text of the host in, text to the host out, boards on its CAN side.

Pure: no port and no clock.
"""

from typing import Protocol

from humanoid_hal.bus.can import NO_FRAMES, CanBatch
from humanoid_hal.can import slcan

_VERSION = b"V1013\r"


class CanBoards(Protocol):
    """What hangs on the CAN side."""

    def receive(self, batch: CanBatch, now: float) -> CanBatch:
        """Frames in at `now` [s], the boards' frames out."""


class SlcanAdapter:
    """See the module docstring. `jammed`: it refuses frames, as one that is off the bus does."""

    def __init__(self, boards: CanBoards, bit_rate: int = 1_000_000) -> None:
        """`bit_rate` [bit/s] of the boards: with another one nobody understands anybody."""
        self.boards = boards
        self.jammed = False
        self.open = False
        self._bit_rate, self._wanted = slcan.BIT_RATES[bit_rate], b""
        self._rest = b""

    def receive(self, text: bytes, now: float) -> bytes:
        """What the adapter answers, the boards' frames included."""
        lines = (self._rest + text).split(b"\r")
        self._rest = lines.pop()
        answer, frames = [], []
        for line in lines:
            if line[:1] in b"tTrRbBdD" and line:
                frames.append(line)
            elif line:
                answer.append(self._order(line))
        if frames:
            answer.append(self._send(frames, now))
        return b"".join(answer)

    def _order(self, line: bytes) -> bytes:
        if line == b"O":
            self.open = bool(self._wanted)
            return b"\r" if self.open else b"\a"
        if line == b"C":
            was, self.open = self.open, False
            return b"\r" if was else b"\a"
        if line[:1] == b"S" and not self.open and line + b"\r" in slcan.BIT_RATES.values():
            self._wanted = line + b"\r"
            return b"\r"
        if line == b"V":
            return _VERSION
        if line == b"F":
            return b"F80\r" if self.jammed else b"F00\r"
        return b"\a"

    def _send(self, lines: list[bytes], now: float) -> bytes:
        if not self.open or self.jammed:
            return b"\a" * len(lines)
        if self._wanted != self._bit_rate:
            return b"\a" * len(lines)  # no acknowledge: error frames until bus off
        batch = slcan.Decoder().decode(b"\r".join(lines) + b"\r").frames
        return slcan.encode(self.boards.receive(batch, now) if batch else NO_FRAMES)
