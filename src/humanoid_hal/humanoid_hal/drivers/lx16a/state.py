"""The state of all LX-16A servos of a bus: asked one after the other, one slow question per cycle.

There is no group read, and each answer holds one value. So a cycle asks every servo for its
position, and one of them for something else: whether it has torque, its temperature, its voltage.
"""

from collections.abc import Sequence

import numpy as np

from humanoid_hal.bus.asked import AskedState
from humanoid_hal.bus.device import Array
from humanoid_hal.bus.protocol import Counters, Mask
from humanoid_hal.drivers.lx16a.codec import POS_READ, Packet, make_packet, scanner
from humanoid_hal.drivers.lx16a.registers import TABLE

#: What is asked in turns; torque as often as all the rest.
_SLOW = ("torque_enable", "temperature", "torque_enable", "voltage")
_SLOW_READS = frozenset(TABLE[name].read for name in _SLOW)


class StateCycle(AskedState[Packet]):
    """One per bus; arrays are in the order of `ids`, shape (n,)."""

    def __init__(self, ids: Sequence[int], slow_every: int, counters: Counters) -> None:
        super().__init__(ids, scanner(), counters)
        n = len(ids)
        self.counts: Array = np.zeros(n)  # newest positions
        self.temperature: Array = np.full(n, np.nan)  # [degC]
        self.voltage: Array = np.full(n, np.nan)  # [V]
        self.unpowered: Mask = np.zeros(n, dtype=bool)  # it says so, although it was switched on
        self.doubted: Mask = np.zeros(n, dtype=bool)  # was silent: may have restarted meanwhile
        self._on = False
        self._slow_every = slow_every
        self._slow_next = 0
        self._questions = [make_packet(id, POS_READ) for id in ids]
        self._row: list[int] = []  # whose turn is still to come; the first was asked
        self._slow: tuple[int, str] | None = None  # still to be asked or answered
        self._asked_slow = False

    @property
    def complete(self) -> bool:
        """Whether all that were asked have answered."""
        return self._roll.complete and self._slow is None

    def expect(self, torque: bool) -> None:
        """See :meth:`AskedState.expect`."""
        self._on = torque
        self.unpowered[:] = self.doubted[:] = False

    def request(self) -> bytes:
        """Begin a cycle."""
        self._row = list(self.begin())
        self._slow = self._next_slow()
        self._asked_slow = False
        return self._next() or b""

    def retry(self) -> bytes | None:
        """The silent one loses its turn; nobody waits twice for what is slow."""
        if self._roll.complete or self._asked_slow:
            if self._slow is not None:
                self._roll.owe([self._slow[0]])
            self._slow = None
        self._row = list(self._roll.again())
        return self._next()

    def following(self) -> bytes | None:
        """The next question once the last one is answered."""
        if self._row and self._roll.answered[self._row[0]]:
            self._row.pop(0)
            return self._next()
        return None

    def take(self, frame: Packet) -> bool:
        """See :meth:`AskedState.take`."""
        index, data = self._index.get(frame.id, -1), frame.parameters
        if frame.command == POS_READ and len(data) == 2:
            if not self._roll.hear(index):
                return self._roll.excuse(index)
            self.counts[index] = int.from_bytes(data, "little", signed=True)
            return True
        if self._slow is None or not self._asked_slow:
            return frame.command in _SLOW_READS and self._roll.excuse(index)
        device, name = self._slow
        entry = TABLE[name]
        if (index, frame.command, len(data)) != (device, entry.read, entry.size):
            return frame.command in _SLOW_READS and self._roll.excuse(index)
        self._slow = None
        self._learn(index, name, entry.decode(data))
        return True

    def end(self) -> Mask:
        """End the cycle: who answered."""
        fresh = super().end()
        if self._on:
            self.doubted |= ~fresh
        return fresh

    def _learn(self, index: int, name: str, value: float) -> None:
        if name == "temperature":
            self.temperature[index] = value
        elif name == "voltage":
            self.voltage[index] = value
        elif self._on:
            self.doubted[index] = False
            self.unpowered[index] |= value == 0.0

    def _next(self) -> bytes | None:
        if self._row:
            return self._questions[self._row[0]]
        if self._slow is None or self._asked_slow:
            return None
        self._asked_slow = True
        device, name = self._slow
        return make_packet(int(self._ids[device]), TABLE[name].read)

    def _next_slow(self) -> tuple[int, str] | None:
        """Who is asked for what besides: first those that answer again after a silence."""
        row = self._roll.order
        if not row:
            return None
        back = [index for index in row if self.doubted[index] and not self._roll.missed(index)]
        if back:
            return back[0], "torque_enable"
        if not self._slow_every or self._cycle % self._slow_every:
            return None
        turn, self._slow_next = self._slow_next, self._slow_next + 1
        return row[turn % len(row)], _SLOW[turn // len(row) % len(_SLOW)]
