"""Emulated boards behind a pseudo-terminal, served by a thread, for the packages of others."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from humanoid_hal.emulation.bus import EmulatedBus, WireOptions
from humanoid_hal.emulation.pty import PtyPort


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Any, Any], str]]:
    """A function that puts boards and an adapter behind a pty and returns its path."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def run(bus: EmulatedBus) -> None:
        begin = time.monotonic()
        while not over.is_set():
            now = time.monotonic() - begin
            busy = bus.pump(now)
            bus.tick(now)
            if not busy:
                time.sleep(0.0005)
        bus.port.unplug()

    def start(boards: Any, adapter: Any) -> str:
        path = tmp_path / "adapter"
        bus = EmulatedBus("bus", PtyPort(path), boards, WireOptions(timed=False), adapter)
        thread = threading.Thread(target=run, args=(bus,), daemon=True)
        thread.start()
        threads.append(thread)
        return str(path)

    yield start
    over.set()
    for thread in threads:
        thread.join()
