"""CAN through python-can: SocketCAN and every other interface that it knows, by name.

One frame costs python-can several microseconds where slcan's batches cost less than one; with seven
motors on a bus that does not matter.
"""

import errno
from collections import deque
from typing import Any

from humanoid_hal.bus.can import NO_FRAMES, CanBatch, joined
from humanoid_hal.bus.transport import PortOptions, Transport, TransportError
from humanoid_hal.can.faults import BusOffError
from humanoid_hal.can.frames import EXTENDED, REMOTE

#: Bits of the identifier of a SocketCAN error frame (linux/can/error.h).
ERROR_BUS_OFF = 0x40
#: Most frames taken in one call; the rest waits for the next.
_BUDGET = 512
#: [bit/s] of the data phase of CAN FD.
DATA_BIT_RATE = 5_000_000


class PythonCanPort(Transport[CanBatch]):
    """See :class:`Transport`."""

    def __init__(self, options: PortOptions, baud: int) -> None:
        """`baud` [bit/s]; the interface is `options.transport`, or SocketCAN."""
        super().__init__(options, baud)
        self.interface, _, kind = (options.transport or "socketcan").partition("+")
        # SocketCAN takes classic frames through an FD socket, too.
        self.fd = kind == "fd" or self.interface == "socketcan"
        self._bus: Any = None
        self._descriptor = -1
        # Own frames that are still to come back, where the interface echoes them; some never do.
        self._sent: deque[tuple[int, bytes]] = deque(maxlen=_BUDGET)
        #: Error frames seen.
        self.errors = 0

    @property
    def descriptor(self) -> int:
        """See :attr:`Transport.descriptor`."""
        return self._descriptor

    def open(self) -> None:
        """See :meth:`Transport.open`."""
        try:
            import can  # on first use: serial buses do not need it
        except ImportError as error:
            raise TransportError("python-can is not installed: pip install python-can") from error
        try:
            self._bus = can.Bus(**self._settings())
            self._descriptor = self._file_number()
        except (can.CanError, OSError, ValueError, TypeError, ImportError) as error:
            raise TransportError(
                f"{self.interface} '{self.options.port}' cannot be opened: {error}; "
                "is the interface up (`humanoid can-up`)?"
            ) from error
        self._sent.clear()

    def close(self) -> None:
        """See :meth:`Transport.close`."""
        bus, self._bus, self._descriptor = self._bus, None, -1
        if bus is not None:
            try:
                bus.shutdown()
            except Exception:  # whatever the interface's own library raises
                pass

    def send(self, payload: CanBatch) -> None:
        """See :meth:`Transport.send`. What was not taken is dropped, never queued."""
        import can

        echoes = self.interface == "udp_multicast"
        for identifier, data in payload.frames():
            message = can.Message(
                arbitration_id=identifier & ~(EXTENDED | REMOTE),
                is_extended_id=bool(identifier & EXTENDED),
                is_remote_frame=bool(identifier & REMOTE),
                data=data,
                is_fd=payload.fd,
                bitrate_switch=payload.fd,
            )
            try:
                self._bus.send(message)
            except (can.CanError, OSError) as error:
                raise self._refused(error) from error
            if echoes:
                self._sent.append((identifier, data))

    def receive(self) -> CanBatch:
        """See :meth:`Transport.receive`."""
        import can

        found = []
        fd = False
        try:
            for _ in range(_BUDGET):
                message = self._bus.recv(timeout=0)
                if message is None:
                    break
                if message.is_error_frame:
                    self._error_frame(message.arbitration_id)
                elif not message.is_remote_frame:
                    identifier = message.arbitration_id | EXTENDED * message.is_extended_id
                    found.append((identifier, bytes(message.data)))
                    fd = fd or message.is_fd
        except (can.CanError, OSError) as error:
            raise self._refused(error) from error
        if self._sent:
            found = [frame for frame in found if not self._is_own(frame)]
        return CanBatch.of(found, fd) if found else NO_FRAMES

    def join(self, parts: list[CanBatch]) -> CanBatch:
        """See :meth:`Transport.join`."""
        return joined(parts)

    def _settings(self) -> dict[str, Any]:
        """What python-can wants to know of the interface."""
        settings: dict[str, Any] = {
            "interface": self.interface,
            "channel": self.options.port,
            "fd": self.fd,
        }
        if self.interface == "udp_multicast":
            settings["hop_limit"] = 0  # frames stay on this machine
        elif self.interface != "socketcan":  # whose bit rate is `ip link`'s
            settings["bitrate"] = self.baud
            if self.fd:
                settings["data_bitrate"] = DATA_BIT_RATE
        return settings

    def _is_own(self, frame: tuple[int, bytes]) -> bool:
        """Whether an arrived frame is the echo of one that was sent."""
        if frame not in self._sent:
            return False
        self._sent.remove(frame)
        return True

    def _file_number(self) -> int:
        """What can be waited for; -1: this interface has nothing such."""
        try:
            return int(self._bus.fileno())
        except (NotImplementedError, AttributeError):
            return -1

    def _error_frame(self, kind: int) -> None:
        self.errors += 1
        if kind & ERROR_BUS_OFF:
            raise BusOffError(
                f"{self.options.port} is off the bus; check wiring, termination and bit rate, then "
                "`humanoid can-up` if it does not restart by itself"
            )

    def _refused(self, error: Exception) -> TransportError:
        """Why a frame did not go out or in. ENOBUFS: nobody acknowledges, or the adapter hangs."""
        number = getattr(error, "error_code", None) or getattr(error, "errno", None)
        if number in (errno.ENOBUFS, errno.EAGAIN) or "buffer full" in str(error):
            return BusOffError(
                f"{self.options.port}: transmit queue full: no board acknowledges (is motor power "
                "on?), or the adapter hangs"
            )
        return TransportError(f"{self.options.port} is gone ({error}); plug the adapter in again")
