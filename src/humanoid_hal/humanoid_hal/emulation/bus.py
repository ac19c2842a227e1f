"""One emulated wire: boards behind a pty, with the time that bytes take."""

import heapq
import itertools
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from humanoid_hal.bus.can import EXTENDED, CanBatch
from humanoid_hal.emulation.boards import Boards, Reply
from humanoid_hal.emulation.pty import PtyPort

#: Start bit, 8 data bits, stop bit.
_BITS_PER_BYTE = 10
#: Bits of a classic CAN frame besides data: 11-bit id, CRC, acknowledge, interframe space; a tenth
#: more for stuffing. 29-bit ids add 20.
_CAN_BITS, _CAN_STUFFING = 47, 1.1


class Adapter(ABC):
    """A serial CAN adapter: what the host's bytes mean."""

    @abstractmethod
    def receive(self, data: bytes) -> tuple[CanBatch, bytes]:
        """Frames for the wire, and the adapter's own answers to the host."""

    @abstractmethod
    def send(self, batch: CanBatch) -> bytes:
        """Frames from the wire as bytes for the host."""


@dataclass
class WireOptions:
    """How the wire behaves. Rates are shares of replies."""

    timed: bool = True  # bytes take their time; False: everything at once
    latency: float = 0.0  # [s] of the adapter, each way's sum; FTDI chips: 0.001 or 0.016
    echo: bool = False  # the host hears itself
    drop: float = 0.0
    corrupt: float = 0.0
    seed: int = 1


class EmulatedBus:
    """See the module docstring."""

    def __init__(
        self,
        name: str,
        port: PtyPort,
        boards: Boards[Any],
        wire: WireOptions | None = None,
        adapter: Adapter | None = None,
        bitrate: int = 1_000_000,
    ) -> None:
        """`adapter` and `bitrate` [bit/s] are for CAN; serial wires run at the host's baud."""
        self.name, self.port, self.boards, self.adapter = name, port, boards, adapter
        self.wire = wire or WireOptions()
        self._bitrate = bitrate
        self._random = random.Random(self.wire.seed)
        self._free = 0.0  # [s] when the wire falls silent
        self._queue: list[tuple[float, int, bytes]] = []
        self._count = itertools.count()

    @property
    def due(self) -> float:
        """[s] when the next reply reaches the host."""
        return self._queue[0][0] if self._queue else float("inf")

    def pump(self, now: float) -> bool:
        """Serve the host at `now` [s]; whether anything was there to do."""
        data = self.port.read() if self.port.plugged else b""
        if data:
            self._hear(data, now)
        return self._deliver(now) or bool(data)

    def tick(self, now: float) -> None:
        """Let time pass for the boards; what they say to an unplugged adapter is lost."""
        said = self.boards.tick(now)
        if said and self.port.plugged:
            self._answer(said, now, None if self.adapter is not None else self.port.baud())
        self._deliver(now)

    def _hear(self, data: bytes, now: float) -> None:
        if self.wire.echo:
            self._push(now, data)
        payload: Any = data
        baud: int | None = None
        if self.adapter is None:
            baud = self.port.baud()
        else:
            payload, own = self.adapter.receive(data)
            if own:
                self._push(now, own)
            if not payload:
                return
        self._free = max(now, self._free) + self._duration(payload, baud)
        self._answer(self.boards.receive(payload, self._time(now), baud), now, baud)

    def _time(self, now: float) -> float:
        return self._free if self.wire.timed else now

    def _answer(self, replies: Sequence[Reply[Any]], now: float, baud: int | None) -> None:
        for reply in replies:
            start = max(now, self._free) + reply.gap
            self._free = start + self._duration(reply.payload, baud)
            self._push(self._time(now) + self.wire.latency, self._spoiled(self._bytes(reply)))

    def _bytes(self, reply: Reply[Any]) -> bytes:
        if self.adapter is not None:
            return self.adapter.send(reply.payload)
        payload: bytes = reply.payload
        return payload

    def _spoiled(self, data: bytes) -> bytes:
        """`data` after what the wire did to it."""
        if self.wire.drop and self._random.random() < self.wire.drop:
            return b""
        if self.wire.corrupt and data and self._random.random() < self.wire.corrupt:
            at = self._random.randrange(len(data))
            return data[:at] + bytes([data[at] ^ 1 << self._random.randrange(8)]) + data[at + 1 :]
        return data

    def _push(self, at: float, data: bytes) -> None:
        heapq.heappush(self._queue, (at if self.wire.timed else 0.0, next(self._count), data))

    def _deliver(self, now: float) -> bool:
        ready = []
        while self._queue and self._queue[0][0] <= now:
            ready.append(heapq.heappop(self._queue)[2])
        if ready and self.port.plugged:
            self.port.write(b"".join(ready))
        return bool(ready)

    def _duration(self, payload: Any, baud: int | None) -> float:
        """[s] on the wire."""
        if not self.wire.timed:
            return 0.0
        if self.adapter is not None:
            extended = 20 * np.count_nonzero(payload.ids >= EXTENDED)
            bits = len(payload) * _CAN_BITS + extended + 8 * sum(payload.lengths.tolist())
            return float(bits * _CAN_STUFFING / self._bitrate)
        return len(payload) * _BITS_PER_BYTE / (baud or self._bitrate)
