"""What CAN adapters behind a tty have in common."""

from dataclasses import replace

from humanoid_hal.bus.can import CanBatch, joined
from humanoid_hal.bus.serial_port import SerialPort
from humanoid_hal.bus.transport import PortOptions, Transport

#: Refused frames in a row after which an adapter's queue counts as stuck (row 22).
REFUSALS = 3


class TtyCanPort(Transport[CanBatch]):
    """See :class:`Transport`; the tty is `self._tty`."""

    def __init__(self, options: PortOptions, baud: int, tty: str, tty_baud: int) -> None:
        """`baud` [bit/s] of the CAN bus, `tty_baud` [baud] of the UART of the adapter at `tty`."""
        super().__init__(options, baud)
        self._tty = SerialPort(replace(options, port=tty, baud=None, echo=False), tty_baud)
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

    def join(self, parts: list[CanBatch]) -> CanBatch:
        """See :meth:`Transport.join`."""
        return joined(parts)
