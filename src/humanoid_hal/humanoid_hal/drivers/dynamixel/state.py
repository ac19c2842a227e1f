"""The state of all servos of a bus: who is asked for what, and what they answered."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from humanoid_hal.bus.asked import AskedState
from humanoid_hal.bus.device import Array
from humanoid_hal.bus.protocol import Counters
from humanoid_hal.drivers.dynamixel.blocks import (
    FAST,
    MARK,
    MARK_AT,
    SLOW,
    TORQUE_AT,
    Bytes,
    FastReader,
    StateReader,
)
from humanoid_hal.drivers.dynamixel.codec import (
    ALERT,
    Instruction,
    Packet,
    make_bulk_read,
    make_sync_read,
    scanner,
)
from humanoid_hal.drivers.dynamixel.registers import Table

#: Requests, with what reads their answers, that are kept: one per row of devices asked.
_REMEMBERED = 100


class StateCycle(AskedState[Packet]):
    """One instance per bus; arrays are in the order of `ids`, shape (n,)."""

    def __init__(
        self, ids: Sequence[int], table: Table, fast: bool, slow_every: int, counters: Counters
    ) -> None:
        super().__init__(ids, scanner(), counters)
        n = len(ids)
        self._address = table["indirect_data"].address
        self._fast, self._slow_every = fast, slow_every
        self._questions: dict[tuple[int, ...], tuple[bytes, StateReader | FastReader]] = {}
        self._reader: StateReader | FastReader | None = None  # None: any form is expected
        self._slow_next = 0
        self._bytes = np.zeros((n, FAST.itemsize), dtype=np.uint8)
        records = self._bytes.view(FAST)[:, 0]
        self.position, self.velocity, self.current = (
            records[name] for name in ("position", "velocity", "current")
        )  # the same bytes as numbers
        self.temperature: Array = np.full(n, np.nan)  # [degC]
        self.voltage: Array = np.full(n, np.nan)  # [V]
        self.error = np.zeros(n, dtype=np.uint8)  # hardware error registers
        self.torque_off = np.zeros(n, dtype=bool)  # although it was switched on
        self.rebooted = np.zeros(n, dtype=bool)  # its registers are not mapped any more
        self._alert = False  # somebody's hardware error is set, or was when it was last seen
        self._odd = False  # any of the two above
        self._torque = False  # was switched on

    @property
    def width(self) -> int:
        """[bytes] of the mapped state."""
        return SLOW.itemsize

    def reset(self) -> None:
        """Everybody was found anew."""
        super().reset()
        self.error[:] = 0
        self._alert = False
        self.expect(False)

    def expect(self, torque: bool) -> None:
        """See :meth:`AskedState.expect`."""
        self._torque, self._odd = torque, False
        self.torque_off[:] = self.rebooted[:] = False
        self._questions.clear()

    @property
    def troubled(self) -> bool:
        """Whether any device may have a fault."""
        return self._alert or self._odd

    def request(self) -> bytes:
        """Begin a cycle."""
        order = self.begin()
        slow = self._slow_every and self._cycle % self._slow_every == 0
        if slow or self._alert or not order:
            self._reader = None
            return self._ask_slow()
        request, self._reader = self._ask(order, self._fast and order == self._roll.everybody)
        return request

    def retry(self) -> bytes | None:
        """Ask the missing again, those behind the first silent one before it."""
        self.drain()
        missing = self._roll.again()
        if not missing:
            return None
        self._reader = None
        self._scanner.clear()
        return self._ask(missing, False)[0]

    def receive(self, payload: bytes) -> None:
        """Take bytes of any number of answers."""
        if self._reader is None:
            self.scan(payload)
            return
        self._buffer += payload
        if len(self._buffer) < self._reader.size:
            return
        found = self._reader.read(self._buffer)
        if found is None:
            self.drain()
            return
        self._buffer = b""
        self._counters.good += len(self._roll.order)
        self._take_all(found)

    # -- asking -----------------------------------------------------------------------------------

    def _ask(self, order: tuple[int, ...], fast: bool) -> tuple[bytes, "StateReader | FastReader"]:
        """A request, and what reads its answer."""
        key = (*order, -1) if fast else order
        if key not in self._questions:
            if len(self._questions) > _REMEMBERED:
                self._questions.clear()
            ids = self._ids[list(order)].tolist()
            request = make_sync_read(ids, self._address, FAST.itemsize, fast)
            kind = FastReader if fast else StateReader
            self._questions[key] = request, kind(ids, self._torque)
        return self._questions[key]

    def _ask_slow(self) -> bytes:
        """The state of all, and of one of them also voltage, temperature and errors."""
        if not self._roll.order:
            return b""
        turn = self._roll.order[self._slow_next % len(self._roll.order)]
        self._slow_next += 1
        blocks = [
            (int(self._ids[i]), self._address, (SLOW if i == turn else FAST).itemsize)
            for i in self._roll.order
        ]
        return make_bulk_read(blocks)

    # -- answers ----------------------------------------------------------------------------------

    def drain(self) -> None:
        """What did not have the usual form is looked through frame by frame."""
        if self._buffer:
            self._reader = None
        super().drain()

    def take(self, frame: Packet) -> bool:
        """See :meth:`AskedState.take`."""
        index = self._index.get(frame.id, -1)
        data = frame.parameters[1:]
        state = len(data) in (FAST.itemsize, SLOW.itemsize)
        if frame.instruction != Instruction.STATUS or not state:
            return False
        # A rebooted servo has forgotten the mapping, and its answer is not its state.
        if index >= 0 and data[MARK_AT] != MARK:
            self.rebooted[index] = self._odd = True
            return True
        if not self._roll.hear(index):
            return self._roll.excuse(index)
        self.rebooted[index] = False
        self._bytes[index] = np.frombuffer(data, dtype=np.uint8, count=FAST.itemsize)
        self.torque_off[index] = data[TORQUE_AT] == 0 and self._torque
        self._odd |= bool(self.torque_off[index])
        alert = bool(frame.parameters[0] & ALERT)
        self._alert |= alert
        if len(data) == SLOW.itemsize:
            slow = np.frombuffer(data, dtype=SLOW)
            self.voltage[index] = slow["voltage"][0] * 0.1
            self.temperature[index] = slow["temperature"][0]
            self.error[index] = slow["error"][0]
            self._alert = alert or bool(self.error.any())
        return True

    def _take_all(self, states: Bytes) -> None:
        """The answers of all that were asked, in order, without anything to remark."""
        roll = self._roll
        order: Any = slice(None) if roll.order == roll.everybody else list(roll.order)
        roll.hear_all()
        self._bytes[order] = states
        if self._odd:
            self.rebooted[order] = self.torque_off[order] = False
            self._odd = bool(self.rebooted.any() or self.torque_off.any())
