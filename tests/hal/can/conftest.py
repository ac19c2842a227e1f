"""An slcan adapter behind a pseudo-terminal, served by a thread."""

import os
import pty
import select
import threading
import tty
from collections.abc import Iterator

import pytest

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.emulation.slcan import SlcanAdapter


class Served:
    """The adapter, and the path of its tty. Frames come back with the identifier raised by one."""

    def __init__(self) -> None:
        self.adapter = SlcanAdapter()
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._over, self._kick = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            ready = select.select((self._master, self._over), (), ())[0]
            if self._over in ready:
                return
            batch, answer = self.adapter.receive(os.read(self._master, 65536))
            back = CanBatch(batch.ids + 1, batch.lengths, batch.data, batch.fd)
            answer += self.adapter.send(back)
            if answer:
                os.write(self._master, answer)

    def unplug(self) -> None:
        """Pull the adapter."""
        os.write(self._kick, b"x")
        self._thread.join()
        for descriptor in (self._master, self._slave):
            os.close(descriptor)

    def close(self) -> None:
        if self._thread.is_alive():
            self.unplug()
        os.close(self._over)
        os.close(self._kick)


@pytest.fixture
def served() -> Iterator[Served]:
    adapter = Served()
    yield adapter
    adapter.close()
