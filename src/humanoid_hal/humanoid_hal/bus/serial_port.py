"""Serial ports: pyserial opens and sets them, then the descriptor is used directly.

pyserial's own read and write cost a select per call and lose what a short read means; the cycle
needs neither.
"""

import errno
import os
import select
import termios
import time

import serial

from humanoid_hal.bus.transport import PortOptions, Transport, TransportError

#: [bytes] of one read; a tty's own buffer holds half of it.
_CHUNK = 8192
#: [s] that a full output queue may take to accept a payload.
_PATIENCE = 0.005


class SerialPort(Transport[bytes]):
    """A tty, 8N1, opened exclusively."""

    def __init__(self, options: PortOptions, baud: int) -> None:
        super().__init__(options, baud)
        self._port: serial.Serial | None = None
        self._fd = -1
        self._exclusive = True
        self._echo = b""  # sent, and still to come back
        self._sent = self._received = 0  # [bytes] since it was opened

    @property
    def descriptor(self) -> int:
        """See :attr:`Transport.descriptor`."""
        return self._fd

    @property
    def traffic(self) -> tuple[int, int]:
        """See :attr:`Transport.traffic`."""
        return self._sent, self._received

    def share(self) -> None:
        """See :meth:`Transport.share`."""
        self._exclusive = False

    def open(self) -> None:
        """See :meth:`Transport.open`."""
        name = self.options.port
        try:
            port = serial.Serial(name, self.baud, timeout=0, exclusive=self._exclusive)
        except (OSError, ValueError, termios.error) as error:
            raise TransportError(f"{name} cannot be opened: {_reason(error, name)}") from error
        try:
            port.set_low_latency_mode(True)  # asks FTDI chips for 1 ms instead of 16
        except (OSError, ValueError, NotImplementedError):
            pass  # not an adapter that has a latency timer
        self._port, self._fd = port, port.fileno()
        self._echo, self._sent, self._received = b"", 0, 0
        try:
            _tell_silence_from_end(self._fd)
        except (OSError, termios.error) as error:
            self.close()
            raise TransportError(f"{name} cannot be opened: {_reason(error, name)}") from error

    def close(self) -> None:
        """See :meth:`Transport.close`."""
        port, self._port, self._fd = self._port, None, -1
        if port is not None:
            try:
                port.close()
            except (OSError, ValueError):
                pass  # it is gone already

    def send(self, payload: bytes) -> None:
        """See :meth:`Transport.send`."""
        until = None
        rest = payload
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
                continue
            except BlockingIOError:
                pass
            except OSError as error:
                raise self._gone(error) from error
            now = time.monotonic()
            until = now + _PATIENCE if until is None else until
            if now >= until:
                raise TransportError(
                    f"{self.options.port} does not take bytes: its output queue stays full"
                )
            select.select((), (self._fd,), (), until - now)
        self._sent += len(payload)
        if self.options.echo:
            self._echo += payload
            if len(self._echo) > _CHUNK:  # it does not come back; what does is not waited for
                self._echo = payload

    def receive(self) -> bytes:
        """See :meth:`Transport.receive`."""
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._gone(error) from error
        if not data:  # end of file: the device behind the descriptor is gone
            raise self._gone(OSError(errno.EIO, os.strerror(errno.EIO)))
        self._received += len(data)
        return self._without_echo(data) if self._echo else data

    def join(self, parts: list[bytes]) -> bytes:
        """See :meth:`Transport.join`."""
        return b"".join(parts)

    def _without_echo(self, data: bytes) -> bytes:
        """`data` without what comes back of our own; the first difference ends the search."""
        length = min(len(data), len(self._echo))
        if data[:length] == self._echo[:length]:
            self._echo = self._echo[length:]
            return data[length:]
        self._echo = b""
        return data

    def _gone(self, error: OSError) -> TransportError:
        reason = error.strerror or str(error)
        return TransportError(f"{self.options.port} is gone ({reason}); plug the adapter in again")


def _tell_silence_from_end(descriptor: int) -> None:
    """With VMIN 0, pyserial's setting, a read of a silent port looks like the end of a dead one."""
    attributes = termios.tcgetattr(descriptor)
    attributes[6][termios.VMIN] = 1
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    os.set_blocking(descriptor, False)


def _reason(error: Exception, name: str) -> str:
    """Why a port did not open, with the next step."""
    number = getattr(error, "errno", None)
    if isinstance(error, termios.error):  # pyserial passes it on; it has no errno
        return f"{error.args[-1]}; it went while it was set up: plug the adapter in again"
    if number == errno.ENOENT:
        return "there is no such port; is the adapter plugged in?"
    if number in (errno.EACCES, errno.EPERM):
        return "no permission; add yourself to the group of the device (often dialout)"
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively" in str(error):
        return "another process has it open; end that one first"
    return str(error)
