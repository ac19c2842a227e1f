"""Conversations with single Feetech servos."""

from collections.abc import Callable, Sequence

from humanoid_description.problems import nearest
from humanoid_hal.bus import asked
from humanoid_hal.bus.asked import TIMEOUT
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation, Found, Tools
from humanoid_hal.drivers.feetech.codec import (
    LAST_ID,
    Packet,
    make_ping,
    make_read,
    make_sync_write,
    make_write,
    packets,
)
from humanoid_hal.drivers.feetech.registers import (
    BAUD_RATES,
    EEPROM_END,
    SCS,
    STS,
    Order,
    Register,
    Table,
    model_name,
)

_SCAN_TIMEOUT = 0.02


class Talk:
    """Reads and writes registers of one series."""

    def __init__(self, table: Table, order: Order) -> None:
        self.table, self.order = table, order

    def ask(self, id: int, packet: bytes, what: str, size: int = 0) -> Conversation[bytes, Packet]:
        """The answer of `id`, with `size` bytes of data. Raises BoardError when there is none."""

        def find(data: bytes) -> Packet | None:
            return _of(id, size, data)

        return (yield from asked.ask(id, packet, what, find))

    def read(self, id: int, name: str) -> Conversation[bytes, float]:
        """The value of a register, in its unit."""
        entry = self.register(name)
        packet = make_read(id, entry.address, entry.size)
        answer = yield from self.ask(id, packet, f"read {name}", entry.size)
        return entry.decode(answer.parameters, self.order)

    def write(self, id: int, name: str, value: float) -> Conversation[bytes, None]:
        """Set a register, unlocking EEPROM for it, and read it back."""
        entry = self.register(name)
        try:
            data = entry.encode(value, self.order)
        except OverflowError:
            raise BoardError(f"id {id}: {name} cannot be {value:g} {entry.unit}") from None
        packet = make_write(id, entry.address, data)
        if entry.address < EEPROM_END:
            yield from self.unlock(id)
            try:
                yield from self.ask(id, packet, f"set {name} to {value:g}")
            except BoardError:
                # Whether it was heard or not: an open EEPROM takes whatever comes by.
                yield Ask(self._lock(id, b"\1"), TIMEOUT, _from(id, 0))
                raise
            yield from self.ask(id, self._lock(id, b"\1"), "lock its EEPROM")
        else:
            yield from self.ask(id, packet, f"set {name} to {value:g}")
        back = yield from self.read(id, name)
        if abs(back - value) > entry.scale / 2:
            raise BoardError(f"id {id} did not keep {name}: wrote {value:g}, read {back:g}")

    def unlock(self, id: int) -> Conversation[bytes, None]:
        """Open its EEPROM."""
        yield from self.ask(id, self._lock(id, b"\0"), "unlock its EEPROM")

    def _lock(self, id: int, value: bytes) -> bytes:
        return make_write(id, self.table["lock"].address, value)

    def register(self, name: str) -> Register:
        """Raises BoardError, naming the nearest."""
        if name not in self.table:
            known = ", ".join(self.table)
            raise BoardError(f"no register '{name}'{nearest(name, self.table)}; known: {known}")
        return self.table[name]


def _from(id: int, size: int) -> Callable[[bytes], bool]:
    return lambda data: _of(id, size, data) is not None


def _of(id: int, size: int, data: bytes) -> Packet | None:
    return next((p for p in packets(data) if p.id == id and len(p.parameters) == size), None)


class FeetechTools(Tools[bytes]):
    """See :class:`~humanoid_hal.bus.protocol.Tools`."""

    bauds = tuple(BAUD_RATES.values())

    def __init__(self, table: Table, order: Order) -> None:
        self._talk = Talk(table, order)

    def scan(self, ids: Sequence[int] | None = None) -> Conversation[bytes, tuple[Found, ...]]:
        """Every id is asked in turn: answers to a broadcast ping would collide."""
        found = []
        for id in range(LAST_ID + 1) if ids is None else ids:
            data = yield Ask(make_ping(id), _SCAN_TIMEOUT, _from(id, 0))
            if _of(id, 0, data) is not None:
                found.append((yield from self._describe(id)))
        return tuple(found)

    def read(self, id: int, register: str) -> Conversation[bytes, float]:
        """See :meth:`Tools.read`."""
        return (yield from self._talk.read(id, register))

    def write(self, id: int, register: str, value: float) -> Conversation[bytes, None]:
        """See :meth:`Tools.write`."""
        yield from self._talk.write(id, register, value)

    def set_id(self, id: int, new: int) -> Conversation[bytes, None]:
        """See :meth:`Tools.set_id`."""
        if not 0 <= new <= LAST_ID:
            raise BoardError(f"a Feetech id is 0 to {LAST_ID} (got {new})")
        if new == id:
            return
        data = yield Ask(make_ping(new), TIMEOUT, _from(new, 0))
        if _of(new, 0, data) is not None:
            raise BoardError(f"id {new} is taken by another device on this bus")
        yield from self._talk.unlock(id)
        packet = make_write(id, self._talk.table["id"].address, bytes([new]))
        yield Ask(packet, TIMEOUT, lambda data: bool(packets(data)))  # it answers as either
        yield from self._talk.write(new, "lock", 1)

    def set_baud(self, id: int, baud: int) -> Conversation[bytes, None]:
        """Acts at once; the answer, at either rate, is not needed.

        Its EEPROM stays open until :meth:`finish`, which must speak the new rate.
        """
        raw = next((raw for raw, rate in BAUD_RATES.items() if rate == baud), None)
        if raw is None:
            known = ", ".join(map(str, BAUD_RATES.values()))
            raise BoardError(f"no Feetech servo speaks {baud} baud; known: {known}")
        yield from self._talk.unlock(id)
        packet = make_write(id, self._talk.table["baud_rate"].address, bytes([raw]))
        yield Ask(packet, TIMEOUT, _from(id, 0))

    def finish(self, id: int) -> Conversation[bytes, None]:
        """Lock its EEPROM."""
        if not (yield from self._talk.read(id, "lock")):
            yield from self._talk.write(id, "lock", 1)

    def reboot(self, id: int) -> Conversation[bytes, None]:
        """They know no restart: torque off clears an overload."""
        yield from self._talk.write(id, "torque_enable", 0)

    def stop(self, ids: Sequence[int]) -> bytes:
        """See :meth:`Tools.stop`."""
        address = self._talk.table["torque_enable"].address
        return make_sync_write(address, 1, dict.fromkeys(ids, b"\0"))

    def _describe(self, id: int) -> Conversation[bytes, Found]:
        try:
            number = int((yield from self._talk.read(id, "model_number")))
            firmware = int((yield from self._talk.read(id, "firmware")))
            voltage = yield from self._talk.read(id, "voltage")
            temperature = yield from self._talk.read(id, "temperature")
        except BoardError as error:
            return Found(id, "unknown", note=str(error))
        return Found(id, model_name(number), str(firmware), voltage, temperature)


STS_TALK, SCS_TALK = Talk(STS, "little"), Talk(SCS, "big")
