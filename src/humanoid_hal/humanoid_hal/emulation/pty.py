"""A pseudo-terminal as a serial adapter: it can be unplugged, and never blocks its server."""

import array
import contextlib
import fcntl
import os
import tty
from pathlib import Path

#: linux/asm-generic/ioctls.h; fills a struct termios2 of 11 words, the last of which is the output
#: speed as a plain number.
_TCGETS2 = 0x802C542A
_WORDS = 11
#: [bytes] of one read; a tty's own buffer holds half of it.
_CHUNK = 8192


class PtyPort:
    """The master side; the host opens `path`, a link that lives while the port is plugged in."""

    def __init__(self, path: Path) -> None:
        """Plug in at `path`, replacing a dead link there."""
        self.path = path
        self.master = -1
        self.received = self.sent = 0  # [bytes] from and to the host since it was plugged in
        self.dropped = 0  # [bytes] that the host did not fetch
        self.plug()

    @property
    def plugged(self) -> bool:
        """Whether the host can open it."""
        return self.master >= 0

    def plug(self) -> None:
        """Appear (again), as a new device behind the same name."""
        if self.plugged:
            return
        self.master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self.master, False)
        self.received = self.sent = 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(slave))
        self._slave = slave  # kept open: a master without a slave reads errors

    def unplug(self) -> None:
        """Vanish: the host's reads and writes fail."""
        if not self.plugged:
            return
        self.path.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self.master)
        self.master = -1

    def read(self) -> bytes:
        """What the host has written; may be empty."""
        try:
            data = os.read(self.master, _CHUNK)
        except OSError:  # nothing there, or nobody
            return b""
        self.received += len(data)
        return data

    def write(self, data: bytes) -> None:
        """Send to the host; what does not fit is lost, as in a real adapter."""
        sent = 0
        with contextlib.suppress(OSError):
            sent = os.write(self.master, data)
        self.sent += sent
        self.dropped += len(data) - sent

    def baud(self) -> int:
        """The rate that the host has set."""
        words = array.array("I", [0] * (_WORDS + 1))
        fcntl.ioctl(self.master, _TCGETS2, words)
        return words[_WORDS - 1]
