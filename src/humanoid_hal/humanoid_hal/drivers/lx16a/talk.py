"""Conversations with single LX-16A servos. Writing is not answered: it is read back."""

from collections.abc import Sequence

from humanoid_hal.bus.asked import TRIES, ask
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation, Found, Tools
from humanoid_hal.drivers.lx16a.codec import ID_READ, LAST_ID, Packet, make_packet, packets
from humanoid_hal.drivers.lx16a.registers import TABLE, Register, find

#: [s] a servo gets to answer a scan, and to take what was written before it is read back.
_SCAN_TIMEOUT, _SETTLE = 0.02, 0.01


def query(
    id: int, command: int, size: int, what: str, tries: int = TRIES
) -> Conversation[bytes, bytes]:
    """The `size` bytes that `id` answers to a read command. Raises BoardError."""

    def answer(data: bytes) -> bytes | None:
        return _answer(id, command, size, data)

    return (yield from ask(id, make_packet(id, command), what, answer, tries))


def read(id: int, name: str) -> Conversation[bytes, float]:
    """The value of a register, in its unit."""
    entry = find(name)
    return entry.decode((yield from query(id, entry.read, entry.size, f"read {name}")))


def write(id: int, name: str, value: float, tries: int = TRIES) -> Conversation[bytes, None]:
    """Set a register, keep it where that is a command of its own, and read it back."""
    entry = find(name)
    if entry.write is None:
        raise BoardError(f"id {id}: {name} can only be read")
    back = yield from _write(id, name, entry, value)
    for _ in range(tries - 1):  # nobody said that it was heard
        if abs(back - value) <= entry.scale / 2:
            break
        back = yield from _write(id, name, entry, value)
    if abs(back - value) > entry.scale / 2:
        raise BoardError(f"id {id} did not keep {name}: wrote {value:g}, read {back:g}")


def _write(id: int, name: str, entry: Register, value: float) -> Conversation[bytes, float]:
    """Tell it once; what it has afterwards."""
    assert entry.write is not None
    before = bytes(entry.size)
    if len({other.field for other in TABLE.values() if other.read == entry.read}) > 1:
        before = yield from query(id, entry.read, entry.size, f"read {name}")
    try:
        frame = make_packet(id, entry.write, entry.encode(value, before))
    except OverflowError:
        raise BoardError(f"id {id}: {name} cannot be {value:g} {entry.unit}") from None
    yield Ask(frame, _SETTLE)
    if entry.keep is not None:
        yield Ask(make_packet(id, entry.keep), _SETTLE)
    return (yield from read(id, name))


def _answer(id: int, command: int, size: int, data: bytes) -> bytes | None:
    return next(
        (p.parameters for p in packets(data) if _answers(p, id, command, size)),
        None,
    )


def _answers(packet: Packet, id: int, command: int, size: int) -> bool:
    return (packet.id, packet.command, len(packet.parameters)) == (id, command, size)


class Lx16aTools(Tools[bytes]):
    """See :class:`~humanoid_hal.bus.protocol.Tools`."""

    bauds = (115_200,)

    def scan(self, ids: Sequence[int] | None = None) -> Conversation[bytes, tuple[Found, ...]]:
        """Every id is asked in turn: answers to a broadcast would collide."""
        found = []
        for id in range(LAST_ID + 1) if ids is None else ids:
            if (yield from self._present(id, _SCAN_TIMEOUT)):
                found.append((yield from self._describe(id)))
        return tuple(found)

    def read(self, id: int, register: str) -> Conversation[bytes, float]:
        """See :meth:`Tools.read`."""
        return (yield from read(id, register))

    def write(self, id: int, register: str, value: float) -> Conversation[bytes, None]:
        """See :meth:`Tools.write`."""
        yield from write(id, register, value)

    def set_id(self, id: int, new: int) -> Conversation[bytes, None]:
        """See :meth:`Tools.set_id`."""
        if not 0 <= new <= LAST_ID:
            raise BoardError(f"an LX-16A id is 0 to {LAST_ID} (got {new})")
        if new == id:
            return
        for _ in range(TRIES):
            if (yield from self._present(new)):
                raise BoardError(f"id {new} is taken by another device on this bus")
        yield from read(id, "id")  # it is there
        command = TABLE["id"].write
        assert command is not None
        yield Ask(make_packet(id, command, bytes([new])), _SETTLE)
        yield from read(new, "id")

    def set_baud(self, id: int, baud: int) -> Conversation[bytes, None]:
        """It is fixed."""
        if baud not in self.bauds:
            raise BoardError("LX-16A servos speak 115200 baud and nothing else")
        yield from read(id, "id")

    def reboot(self, id: int) -> Conversation[bytes, None]:
        """They know no restart and latch no error: torque off."""
        yield from write(id, "torque_enable", 0)

    def stop(self, ids: Sequence[int]) -> bytes:
        """See :meth:`Tools.stop`."""
        command = TABLE["torque_enable"].write
        assert command is not None
        return b"".join(make_packet(id, command, b"\0") for id in ids)

    def _present(self, id: int, timeout: float = 0.05) -> Conversation[bytes, bool]:
        def answer(data: bytes) -> bool:
            return _answer(id, ID_READ, 1, data) is not None

        return answer((yield Ask(make_packet(id, ID_READ), timeout, answer)))

    def _describe(self, id: int) -> Conversation[bytes, Found]:
        try:
            voltage = yield from read(id, "voltage")
            temperature = yield from read(id, "temperature")
        except BoardError as error:
            return Found(id, "unknown", note=str(error))
        return Found(
            id, "unknown", "", voltage, temperature, "these servos do not tell their model"
        )
