"""An emulated fdcanusb: the text of the host on one side, CAN FD frames on the other."""

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.can import fdcanusb
from humanoid_hal.emulation.bus import Adapter


class FdcanusbAdapter(Adapter):
    """See :class:`Adapter`. `jammed`: it refuses frames, as one that is off the bus does."""

    def __init__(self) -> None:
        self.jammed = False
        self._decoder = fdcanusb.Decoder(b"can send")
        self._checked = False  # the host's lines have checksums: so have ours

    def receive(self, data: bytes) -> tuple[CanBatch, bytes]:
        """See :meth:`Adapter.receive`."""
        self._checked = b"*" in data if data else self._checked
        batch = self._decoder.decode(data).frames
        if self.jammed:
            return CanBatch.of([], fd=True), self._text(b"ERR\n" * len(batch))
        return batch, self._text(b"OK\n" * len(batch))

    def send(self, batch: CanBatch) -> bytes:
        """See :meth:`Adapter.send`."""
        return b"" if self.jammed else self._text(fdcanusb.encode(batch, b"rcv"))

    def _text(self, text: bytes) -> bytes:
        text = fdcanusb.with_checksums(text) if self._checked else text
        return text.replace(b"\n", b"\r\n")
