"""CAN FD through an fdcanusb, or straight to a moteus board's UART."""

from dataclasses import replace

from humanoid_hal.bus.can import NO_FRAMES, CanBatch, joined
from humanoid_hal.bus.serial_port import SerialPort
from humanoid_hal.bus.transport import PortOptions, Transport
from humanoid_hal.can import fdcanusb
from humanoid_hal.can.faults import BusOffError

#: [baud] of a UART; the adapter's USB does not care.
TTY_BAUD = 921_600
#: Refused frames after which the adapter counts as stuck (row 22).
REFUSALS = 3


class FdcanusbPort(Transport[CanBatch]):
    """See :class:`Transport`."""

    def __init__(self, options: PortOptions, baud: int) -> None:
        """`baud` [bit/s] is the adapter's own setting, and only said here."""
        super().__init__(options, baud)
        self._tty = SerialPort(replace(options, baud=None, echo=False), TTY_BAUD)
        self._decoder = fdcanusb.Decoder()
        #: Lines that could not be read, and frames that the adapter did not take.
        self.bad = self.refusals = 0

    @property
    def descriptor(self) -> int:
        """See :attr:`Transport.descriptor`."""
        return self._tty.descriptor

    @property
    def traffic(self) -> tuple[int, int]:
        """See :attr:`Transport.traffic`."""
        return self._tty.traffic

    def share(self) -> None:
        """See :meth:`Transport.share`."""
        self._tty.share()

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

    def join(self, parts: list[CanBatch]) -> CanBatch:
        """See :meth:`Transport.join`."""
        return joined(parts)
