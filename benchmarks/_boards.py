"""Emulated Dynamixels for the benchmark `bus`, in a process of their own: argv[1] is a directory.

With bus time and return delays. The state never changes, so that answers can be given from memory:
what is measured is the host, and an emulator written in Python would be too slow at 1000 Hz.
"""

import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from humanoid_hal.bus.device import Device
from humanoid_hal.drivers.dynamixel.codec import Instruction
from humanoid_hal.emulation.boards import Reply
from humanoid_hal.emulation.bus import EmulatedBus
from humanoid_hal.emulation.dynamixel import DynamixelBoards
from humanoid_hal.emulation.emulator import serve
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.pty import PtyPort

BUSES, EACH, BAUD = 4, 7, 4_000_000
MODEL = "XM540-W270"


def devices() -> list[Device]:
    """Of one bus."""
    return [Device("", id, MODEL) for id in range(1, EACH + 1)]


class Remembering(DynamixelBoards):
    """Answers group reads from memory until something is written singly; ignores group writes."""

    def __init__(self, motors: Motors) -> None:
        super().__init__(motors)
        self._memory: dict[bytes, Sequence[Reply[bytes]]] = {}

    def receive(self, payload: bytes, now: float, baud: int | None) -> Sequence[Reply[bytes]]:
        """See :meth:`Boards.receive`."""
        while len(payload) > 7 and payload[7] == Instruction.SYNC_WRITE:
            payload = payload[7 + (payload[5] | payload[6] << 8) :]
        if len(payload) < 8:
            return ()
        kind = payload[7]
        if kind not in (Instruction.SYNC_READ, Instruction.FAST_SYNC_READ, Instruction.BULK_READ):
            self._memory.clear()
            return super().receive(payload, now, baud)
        if payload not in self._memory:
            self._memory[payload] = super().receive(payload, now, baud)
        return self._memory[payload]


def main() -> None:
    """Serve until stdin ends."""
    buses = []
    for number in range(BUSES):
        boards = Remembering(Motors(devices()))
        boards.preset(BAUD)
        buses.append(EmulatedBus(f"{number}", PtyPort(Path(sys.argv[1]) / f"bus{number}"), boards))
    print("ready", flush=True)
    end = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), end.set()), daemon=True).start()
    while not end.is_set():
        serve(buses, 0.5, time.monotonic)
    for bus in buses:
        bus.port.unplug()


if __name__ == "__main__":
    main()
