"""Conversations with single Dynamixels: one packet out, its status packet back."""

from collections.abc import Callable, Sequence
from typing import Any

from humanoid_description.problems import nearest
from humanoid_hal.bus import asked
from humanoid_hal.bus.asked import TIMEOUT
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation, Found, Tools
from humanoid_hal.drivers.dynamixel.codec import (
    ERRORS,
    LAST_ID,
    Packet,
    make_ping,
    make_read,
    make_reboot,
    make_sync_write,
    make_write,
    statuses,
)
from humanoid_hal.drivers.dynamixel.models import MODELS, NAMES, model_name
from humanoid_hal.drivers.dynamixel.registers import (
    BAUD_RATES,
    EEPROM_END,
    P_SERIES,
    X_SERIES,
    Register,
    Table,
)

_PING = 3  # [bytes] of the answer to a ping: model number and firmware
#: [s] a broadcast ping may take: 253 devices with 3 ms each, as ROBOTIS' SDK waits.
_SCAN = 0.8
#: [s] a restart takes at most; X series 0.3 s measured by users.
_RESTART = 1.0

Talk = Conversation[bytes, Any]


def ask(
    id: int, packet: bytes, what: str, size: int = 0, tries: int = asked.TRIES
) -> Conversation[bytes, bytes]:
    """Send `packet` to `id` and return the `size` bytes of its answer.

    Answers of another length are late ones to an earlier question. Raises BoardError when refused
    or silent.
    """

    def find(data: bytes) -> Packet | None:
        return _of(id, size, data)

    answer = yield from asked.ask(id, packet, what, find, tries)
    error = answer.parameters[0] & 0x7F
    if error:
        raise BoardError(f"id {id} refuses to {what}: {ERRORS.get(error, f'error {error}')}")
    return answer.parameters[1:]


def read(id: int, register: Register, what: str) -> Conversation[bytes, float]:
    """The value of a register."""
    return register.decode((yield from _read(id, register, what)))


def _read(id: int, register: Register, what: str) -> Conversation[bytes, bytes]:
    packet = make_read(id, register.address, register.size)
    return (yield from ask(id, packet, f"read {what}", register.size))


def write(id: int, register: Register, value: float, what: str) -> Conversation[bytes, None]:
    """Set a register and read it back."""
    try:
        data = register.encode(value)
    except OverflowError:
        raise BoardError(f"id {id}: {what} cannot be {value:g} {register.unit}") from None
    yield from ask(id, make_write(id, register.address, data), f"set {what} to {value:g}")
    back = yield from _read(id, register, what)
    if back != data:
        raise BoardError(
            f"id {id} did not keep {what}: wrote {value:g}, read {register.decode(back):g}"
        )


def identify(id: int) -> Conversation[bytes, tuple[int, int]]:
    """Model number and firmware."""
    data = yield from ask(id, make_ping(id), "answer a ping", _PING)
    return data[0] | data[1] << 8, data[2]


def _from(id: int, size: int) -> Callable[[bytes], bool]:
    """Whether `id` has answered with `size` bytes in what arrived."""
    return lambda data: _of(id, size, data) is not None


def _pinged(data: bytes) -> set[int]:
    """Who has answered a ping: with model number and firmware."""
    return {packet.id for packet in statuses(data) if len(packet.parameters) == 1 + _PING}


def _of(id: int, size: int, data: bytes) -> Packet | None:
    """The answer of `id` with `size` bytes, or its refusal, which has none."""
    for packet in statuses(data):
        length = len(packet.parameters) - 1
        refused = length == 0 and packet.parameters[0] & 0x7F
        if packet.id == id and (length == size or refused):
            return packet
    return None


class DynamixelTools(Tools[bytes]):
    """See :class:`~humanoid_hal.bus.protocol.Tools`."""

    bauds = (57600, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 115200, 4_500_000, 9600)

    def scan(self, ids: Sequence[int] | None = None) -> Conversation[bytes, tuple[Found, ...]]:
        """One broadcast ping finds all; given `ids` are pinged one by one."""
        if ids is None:
            data = yield Ask(make_ping(), _SCAN)
            present = _pinged(data)
        else:
            present = set()
            for id in ids:
                data = yield Ask(make_ping(id), TIMEOUT, _from(id, _PING))
                present |= _pinged(data)
        found = []
        for id in sorted(present):
            try:
                found.append((yield from self._describe(id)))
            except BoardError as error:
                found.append(Found(id, "unknown", note=str(error)))
        return tuple(found)

    def read(self, id: int, register: str) -> Conversation[bytes, float]:
        """See :meth:`Tools.read`."""
        table = yield from self._table(id)
        return (yield from read(id, _find(table, register), register))

    def write(self, id: int, register: str, value: float) -> Conversation[bytes, None]:
        """See :meth:`Tools.write`; EEPROM only while torque is off, which is not switched here."""
        table = yield from self._table(id)
        entry = _find(table, register)
        if entry.address < EEPROM_END and (yield from read(id, table["torque_enable"], "torque")):
            raise BoardError(f"id {id} has torque on; take it off before you set {register}")
        yield from write(id, entry, value, register)

    def set_id(self, id: int, new: int) -> Conversation[bytes, None]:
        """See :meth:`Tools.set_id`."""
        if not 0 <= new <= LAST_ID:
            raise BoardError(f"a Dynamixel id is 0 to {LAST_ID} (got {new})")
        if new == id:
            return
        data = yield Ask(make_ping(new), TIMEOUT, _from(new, _PING))
        if _of(new, _PING, data) is not None:
            raise BoardError(f"id {new} is taken by another device on this bus")
        register = X_SERIES["id"]  # at the same place in every table
        yield from ask(id, make_write(id, register.address, register.encode(new)), f"become {new}")
        if int((yield from read(new, register, "id"))) != new:
            raise BoardError(f"id {id} did not become {new}")

    def set_baud(self, id: int, baud: int) -> Conversation[bytes, None]:
        """Acts at once: the answer to this may already come at the new rate, and is not awaited."""
        raw = next((raw for raw, rate in BAUD_RATES.items() if rate == baud), None)
        if raw is None:
            known = ", ".join(map(str, BAUD_RATES.values()))
            raise BoardError(f"no Dynamixel speaks {baud} baud; known: {known}")
        table = yield from self._table(id)
        if (yield from read(id, table["torque_enable"], "torque")):
            raise BoardError(f"id {id} has torque on; take it off before you set its baud rate")
        yield Ask(make_write(id, table["baud_rate"].address, bytes([raw])), TIMEOUT, _from(id, 0))

    def reboot(self, id: int) -> Conversation[bytes, None]:
        """Torque is off afterwards, latched hardware errors are gone, RAM is as after power-on."""
        yield from ask(id, make_reboot(id), "reboot")
        for _ in range(round(_RESTART / TIMEOUT)):
            data = yield Ask(make_ping(id), TIMEOUT, _from(id, _PING))
            if _of(id, _PING, data) is not None:
                return
        raise BoardError(f"id {id} did not come back after a reboot; check its power")

    def stop(self, ids: Sequence[int]) -> bytes:
        """For both series: the register of one does no harm on the other (LED, reserved)."""
        frames = []
        for table in (X_SERIES, P_SERIES):
            address = table["torque_enable"].address
            frames.append(make_sync_write(address, 1, dict.fromkeys(ids, b"\0")))
        return b"".join(frames)

    def _describe(self, id: int) -> Conversation[bytes, Found]:
        number, firmware = yield from identify(id)
        table = _table_of(number)
        if table is None:
            return Found(id, model_name(number), str(firmware), note="control table not known")
        voltage = yield from read(id, table["voltage"], "voltage")
        temperature = yield from read(id, table["temperature"], "temperature")
        error = int((yield from read(id, table["hardware_error"], "hardware error")))
        note = f"hardware error {error:#04x}" if error else ""
        return Found(id, model_name(number), str(firmware), voltage, temperature, note)

    def _table(self, id: int) -> Conversation[bytes, Table]:
        number, _ = yield from identify(id)
        table = _table_of(number)
        if table is None:
            raise BoardError(f"id {id}: the control table of model number {number} is not known")
        return table


def _table_of(number: int) -> Table | None:
    return MODELS[NAMES[number]].table if number in NAMES else None


def _find(table: Table, name: str) -> Register:
    if name not in table:
        raise BoardError(f"no register '{name}'{nearest(name, table)}; known: {', '.join(table)}")
    return table[name]
