"""An emulated fdcanusb: the text of the host on one side, CAN FD frames on the other."""

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.can import fdcanusb
from humanoid_hal.emulation.bus import Adapter


class FdcanusbAdapter(Adapter):
    """See :class:`Adapter`. `jammed`: it refuses frames, as one that is off the bus does."""

    def __init__(self) -> None:
        self.jammed = False
        self._decoder = fdcanusb.Decoder(b"can send")

    def receive(self, data: bytes) -> tuple[CanBatch, bytes]:
        """See :meth:`Adapter.receive`."""
        batch = self._decoder.decode(data).frames
        if self.jammed:
            return CanBatch.of([], fd=True), b"ERR\r\n" * len(batch)
        return batch, b"OK\r\n" * len(batch)

    def send(self, batch: CanBatch) -> bytes:
        """See :meth:`Adapter.send`."""
        return b"" if self.jammed else fdcanusb.encode(batch, b"rcv").replace(b"\n", b"\r\n")
