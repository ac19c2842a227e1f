"""An emulated slcan adapter: the text of the host on one side, frames on the other."""

from humanoid_hal.bus.can import NO_FRAMES, CanBatch
from humanoid_hal.can import slcan
from humanoid_hal.emulation.bus import Adapter

_VERSION = b"V1013\r"


class SlcanAdapter(Adapter):
    """See :class:`Adapter`. `jammed`: it refuses frames, as one that is off the bus does."""

    def __init__(self, bit_rate: int = 1_000_000) -> None:
        """`bit_rate` [bit/s] of the boards: with another one nobody understands anybody."""
        self.jammed = False
        self.open = False
        self._bit_rate, self._wanted = slcan.BIT_RATES[bit_rate], b""
        self._rest = b""

    def receive(self, data: bytes) -> tuple[CanBatch, bytes]:
        """See :meth:`Adapter.receive`."""
        usual = slcan.decode_usual(data) if self._ready and not self._rest else None
        if usual is not None:
            return usual, b""
        lines = (self._rest + data).split(b"\r")
        self._rest = lines.pop()
        answers, frames = [], []
        for line in lines:
            if line[:1] and line[:1] in b"tTrRbBdD":
                frames.append(line)
            elif line:
                answers.append(self._order(line))
        batch = NO_FRAMES
        if frames and not self._ready:
            # Closed, or nobody acknowledges: the queue is full at once.
            answers.append(b"\a" * len(frames))
        elif frames:
            batch = slcan.Decoder().decode(b"\r".join(frames) + b"\r").frames
        return batch, b"".join(answers)

    def send(self, batch: CanBatch) -> bytes:
        """See :meth:`Adapter.send`."""
        return slcan.encode(batch) if self.open and not self.jammed else b""

    @property
    def _ready(self) -> bool:
        """Whether frames go out: the channel is open, and somebody acknowledges."""
        return self.open and not self.jammed and self._wanted == self._bit_rate

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
        if line + b"\r" == slcan.FAST_DATA and not self.open:
            return b"\r"
        if line == b"V":
            return _VERSION
        if line == b"F":
            return b"F80\r" if self.jammed else b"F00\r"
        return b"\a"
