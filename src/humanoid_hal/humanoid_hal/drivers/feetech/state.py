"""The state of all Feetech servos of a bus: who is asked, and what they answered."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.asked import AskedState
from humanoid_hal.bus.protocol import Counters
from humanoid_hal.drivers.feetech.codec import (
    HEADER,
    STATUS_OVERHEAD,
    Packet,
    make_read,
    make_sync_read,
    scanner,
)
from humanoid_hal.drivers.feetech.registers import Order

#: From `present_position` on: position, speed, load, voltage, temperature.
ADDRESS, SIZE = 56, 8
#: Every so many cycles the block begins at `torque_enable`: a servo that restarted has lost it.
WIDE_ADDRESS, WIDE_SIZE = 40, 24
WIDE_EVERY = 25


def layout(order: Order) -> "np.dtype[np.void]":
    """The block as it comes; all but the last two are sign and magnitude."""
    word = "<u2" if order == "little" else ">u2"
    return np.dtype(
        [("position", word), ("speed", word), ("load", word), ("voltage", "u1"), ("heat", "u1")]
    )


class StateCycle(AskedState[Packet]):
    """One per bus. `together`: by sync read; else one after the other."""

    def __init__(
        self, ids: Sequence[int], order: Order, together: bool, counters: Counters
    ) -> None:
        super().__init__(ids, scanner(), counters)
        n = len(ids)
        self._together = together
        self._turn: list[int] = []  # still to be asked
        self._layout = layout(order)
        self.raw = np.zeros(n, dtype=self._layout)
        self.error = np.zeros(n, dtype=np.uint8)  # error bytes
        self.heard = np.zeros(n, dtype=bool)  # at least once
        self.torque_off = np.zeros(n, dtype=bool)  # by the last look at it
        self._block = ADDRESS, SIZE  # what is asked for in this cycle

    def reset(self) -> None:
        """Everybody was found anew."""
        super().reset()
        self.error[:] = 0
        self.heard[:] = self.torque_off[:] = False

    def expect(self, torque: bool) -> None:
        """See :meth:`AskedState.expect`."""
        self.torque_off[:] = False

    def request(self) -> bytes:
        """Begin a cycle."""
        order = self.begin()
        wide = self._cycle % WIDE_EVERY == 0
        self._block = (WIDE_ADDRESS, WIDE_SIZE) if wide else (ADDRESS, SIZE)
        return self._ask(order)

    def retry(self) -> bytes | None:
        """Ask the missing again."""
        self.drain()
        missing = self._roll.again()
        return self._ask(missing) if missing else None

    def following(self) -> bytes | None:
        """The next question where all are asked in turn and the last one has answered."""
        if self._together or not self._turn or not self._roll.answered[self._turn[0]]:
            return None
        self._turn.pop(0)
        return self._next()

    def receive(self, payload: bytes) -> None:
        """Take bytes of any number of answers."""
        if not self._together:
            self.scan(payload)
            return
        self._buffer += payload
        size = self._block[1] + STATUS_OVERHEAD
        if len(self._buffer) >= size * len(self._roll.order) and not self._take_all():
            self.drain()

    def _ask(self, order: tuple[int, ...]) -> bytes:
        if self._together:
            return make_sync_read(self._ids[list(order)].tolist(), *self._block) if order else b""
        self._turn = list(order)
        return self._next() or b""

    def _next(self) -> bytes | None:
        return make_read(int(self._ids[self._turn[0]]), *self._block) if self._turn else None

    def _take_all(self) -> bool:
        """The usual case: every answer is there, in order and correct; all at once."""
        order = list(self._roll.order)
        size = self._block[1] + STATUS_OVERHEAD
        if len(self._buffer) != size * len(order):
            return False
        rows: NDArray[np.uint8] = np.frombuffer(self._buffer, dtype=np.uint8).reshape(-1, size)
        # With a correct checksum all bytes from the id on, checksum included, sum up to 255.
        right = (
            (rows[:, :2] == HEADER[0]).all(axis=1)
            & (rows[:, 2] == self._ids[order])
            & (rows[:, 3] == self._block[1] + 2)
            & (rows[:, 2:].sum(axis=1) & 0xFF == 0xFF)
        )
        if self._roll.answered.any() or not right.all():
            return False
        self._counters.good += len(order)
        self._buffer = b""
        self.raw[order] = rows[:, -1 - SIZE : -1].copy().view(self._layout)[:, 0]
        if self._block[1] == WIDE_SIZE:
            self.torque_off[order] = rows[:, 5] == 0
        self.error[order] = rows[:, 4]
        self._roll.hear_all()
        self.heard[order] = True
        return True

    def take(self, frame: Packet) -> bool:
        """See :meth:`AskedState.take`."""
        index = self._index.get(frame.id, -1)
        data = frame.parameters
        if len(data) not in (SIZE, WIDE_SIZE):
            return False
        if len(data) != self._block[1] or not self._roll.hear(index):
            return self._roll.excuse(index)
        self.raw[index] = np.frombuffer(data[-SIZE:], dtype=self._layout)[0]
        if len(data) == WIDE_SIZE:
            self.torque_off[index] = data[0] == 0
        self.error[index] = frame.kind
        self.heard[index] = True
        return True
