"""CAN FD through an fdcanusb, or straight to a moteus board's UART."""

from humanoid_hal.bus.can import NO_FRAMES, CanBatch
from humanoid_hal.bus.transport import PortOptions
from humanoid_hal.can import fdcanusb
from humanoid_hal.can.faults import BusOffError
from humanoid_hal.can.tty_port import REFUSALS, TtyCanPort

#: [baud] of a UART; the adapter's USB does not care.
TTY_BAUD = 921_600


class FdcanusbPort(TtyCanPort):
    """See :class:`Transport`."""

    def __init__(self, options: PortOptions, baud: int) -> None:
        """`baud` [bit/s] is the adapter's own setting, and only said here."""
        super().__init__(options, baud, options.port, TTY_BAUD)
        self._decoder = fdcanusb.Decoder()

    def open(self) -> None:
        """See :meth:`Transport.open`."""
        self._tty.open()
        self._tty.send(b"\n")  # ends what a process before may have left unfinished
        self._decoder.reset()
        self.refusals = 0

    def close(self) -> None:
        """See :meth:`Transport.close`."""
        self._tty.close()

    def send(self, payload: CanBatch) -> None:
        """See :meth:`Transport.send`."""
        self._tty.send(fdcanusb.encode(payload))

    def receive(self) -> CanBatch:
        """See :meth:`Transport.receive`."""
        chunk = self._tty.receive()
        if not chunk:
            return NO_FRAMES
        received = self._decoder.decode(chunk)
        self.bad += received.bad
        self.refusals = self.refusals + received.refused if received.refused else 0
        if self.refusals >= REFUSALS:
            raise BusOffError(
                f"{self.options.port}: the adapter refuses frames; check power, wiring and termination"
            )
        return received.frames
