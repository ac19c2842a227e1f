"""CAN through a serial adapter (slcan): whole cycles of frames in one write and few reads.

The port of the hardware file is the adapter's tty; ``/dev/ttyUSB0@1000000`` also names the speed of its
UART, which adapters with their own USB do not have.
"""

import time

from humanoid_hal.bus.can import NO_FRAMES, CanBatch
from humanoid_hal.bus.transport import PortOptions, TransportError
from humanoid_hal.can import slcan
from humanoid_hal.can.faults import BusOffError
from humanoid_hal.can.tty_port import REFUSALS, TtyCanPort

#: [baud] of the UART where the port does not say.
TTY_BAUD = 2_000_000
#: [s] an adapter gets to answer an order; many never do.
_PATIENCE = 0.02


class SlcanPort(TtyCanPort):
    """See :class:`Transport`."""

    def __init__(self, options: PortOptions, baud: int) -> None:
        """`baud` [bit/s] of the CAN bus. Raises TransportError if slcan has no such bit rate."""
        if baud not in slcan.BIT_RATES:
            known = ", ".join(map(str, slcan.BIT_RATES))
            raise TransportError(f"slcan knows no bit rate {baud}; known: {known}")
        name, _, speed = options.port.partition("@")
        if speed and not speed.isdigit():
            raise TransportError(f"port '{options.port}': after @ stands a baud rate")
        super().__init__(options, baud, name, int(speed) if speed else TTY_BAUD)
        fast = (slcan.FAST_DATA,) if options.transport.endswith("+fd") else ()
        self._orders = (slcan.BIT_RATES[baud], *fast, slcan.OPEN)
        self._decoder = slcan.Decoder()
        self._refused = 0  # in a row

    def open(self) -> None:
        """See :meth:`Transport.open`. Closing the channel first empties the adapter's queue."""
        self._tty.open()
        try:
            self._order(b"\r" + slcan.CLOSE)  # BEL if it was closed: fine
            for order in self._orders:
                # Twice: on a busy computer the first BEL may be the late answer to CLOSE.
                if self._order(order) and self._order(order):
                    raise TransportError(
                        f"{self.options.port}: the adapter refuses '{order.decode().strip()}'; is it "
                        "an slcan adapter, and does it know the bit rate?"
                    )
        except TransportError:
            self._tty.close()
            raise
        self._decoder.reset()
        self._refused = 0

    def close(self) -> None:
        """See :meth:`Transport.close`."""
        try:
            self._tty.send(slcan.CLOSE)
        except (TransportError, OSError):
            pass  # it is gone, or was never open
        self._tty.close()

    def send(self, payload: CanBatch) -> None:
        """See :meth:`Transport.send`."""
        self._tty.send(slcan.encode(payload))

    def receive(self) -> CanBatch:
        """See :meth:`Transport.receive`. Raises BusOffError when the adapter takes no frames."""
        chunk = self._tty.receive()
        if not chunk:
            return NO_FRAMES
        received = self._decoder.decode(chunk)
        self.bad += received.bad
        self.refusals += received.refused
        self._refused = self._refused + received.refused if received.refused else 0
        if self._refused >= REFUSALS:
            raise BusOffError(
                f"{self.options.port}: the adapter refuses frames (transmit queue full or bus off); "
                "check power, wiring and termination"
            )
        return received.frames

    def _order(self, text: bytes) -> bool:
        """Send an order; whether the adapter refused its last part."""
        self._tty.send(text)
        wanted = text.count(b"\r")
        until = time.monotonic() + _PATIENCE
        answer = b""
        while time.monotonic() < until and sum(map(answer.count, (b"\r", b"\a"))) < wanted:
            answer += self._tty.receive()
            time.sleep(0.0005)
        return answer.endswith(b"\a")
