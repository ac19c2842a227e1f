"""CAN through a serial adapter (slcan): whole cycles of frames in one write and few reads.

The port of the hardware file is the adapter's tty; ``/dev/ttyUSB0@1000000`` also names the speed of its
UART, which adapters with their own USB do not have.
"""

import re
import time

from humanoid_hal.bus.can import NO_FRAMES, CanBatch
from humanoid_hal.bus.transport import PortOptions, TransportError
from humanoid_hal.can import slcan
from humanoid_hal.can.faults import BusOffError
from humanoid_hal.can.tty_port import REFUSALS, TtyCanPort

#: [baud] of the UART where the port does not say.
TTY_BAUD = 2_000_000
#: [s] an adapter gets to answer the orders of its opening; many never do.
_PATIENCE = 0.02
#: In what an adapter says: its version, or the end; an answer to an order: BEL, or a CR on its own.
_VERSION_TOLD = re.compile(rb"([Vv][^\r\a]*\r|\Z)")
_ANSWER = re.compile(rb"\a|(?<![^\r\a])\r")


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
        self._said: bytes | None = None  # since it was opened, until all orders are answered
        self._until = 0.0  # [s] steady; how long answers to them are expected

    def open(self) -> None:
        """See :meth:`Transport.open`. Closing the channel first empties the adapter's queue.

        It waits for no answer: :meth:`receive` raises TransportError if the adapter refuses an order.
        """
        self._tty.open()
        try:
            self._tty.send(b"\r" + slcan.CLOSE + b"".join(self._orders) + slcan.VERSION)
        except TransportError:
            self._tty.close()
            raise
        self._decoder.reset()
        self._refused = 0
        self._said, self._until = b"", time.monotonic() + _PATIENCE

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
        if self._said is not None:
            chunk = self._after_opening(chunk)
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

    def _after_opening(self, chunk: bytes) -> bytes:
        """What stands behind the answer to the last order; what stands before it is of another time."""
        said, version, rest = re.split(_VERSION_TOLD, (self._said or b"") + chunk, maxsplit=1)
        if not version:
            if time.monotonic() > self._until:  # it is one of those that never answer
                self._said = None
                return chunk
            self._said = said
            if said.count(b"\a") > len(self._orders) + 1:
                raise self._strange("every order")
            return b""
        self._said = None
        # From the last one back: older firmware has no answer to an empty line.
        answers = re.findall(_ANSWER, said)[:0:-1]
        for order, answer in zip(self._orders[::-1], answers, strict=False):
            if answer == b"\a":
                raise self._strange(f"'{order.decode().strip()}'")
        return rest

    def _strange(self, what: str) -> TransportError:
        return TransportError(
            f"{self.options.port}: the adapter refuses {what}; is it an slcan adapter, and does it "
            "know the bit rate?"
        )
