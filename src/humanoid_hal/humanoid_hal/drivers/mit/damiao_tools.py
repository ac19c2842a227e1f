"""Setting up single Damiao boards."""

from collections.abc import Callable, Sequence

from humanoid_description.problems import nearest
from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.protocol import BoardError, Conversation, Found, Tools
from humanoid_hal.can.conversation import ask_each
from humanoid_hal.drivers.mit import codec
from humanoid_hal.drivers.mit import damiao_registers as registers
from humanoid_hal.drivers.mit.damiao_registers import Register
from humanoid_hal.drivers.mit.models import DAMIAO
from humanoid_hal.drivers.mit.tools import disable

#: Ids that a scan asks where none are named.
_USUAL = range(1, 0x80)


class DamiaoTools(Tools[CanBatch]):
    """See :class:`Tools`. Registers are named as in :class:`Register`."""

    bauds = (1_000_000, 500_000, 250_000, 125_000)

    def scan(self, ids: Sequence[int] | None = None) -> Conversation[CanBatch, tuple[Found, ...]]:
        """See :meth:`Tools.scan`. Boards do not tell their model: it is guessed by full scale."""
        asked = list(_USUAL if ids is None else ids)
        versions = yield from self._read_each(asked, Register.SW_VER, tries=1)
        here = sorted(versions)
        values = []
        for register in (Register.PMAX, Register.VMAX, Register.TMAX, Register.VBUS):
            values.append((yield from self._read_each(here, register)))
        found = []
        for i in here:
            position, velocity, torque, voltage = (answers.get(i) for answers in values)
            found.append(
                Found(
                    i,
                    _guess(position, velocity, torque),
                    f"{versions[i]:g}",
                    voltage,
                    note=f"full scale {position} rad, {velocity} rad/s, {torque} N m",
                )
            )
        return tuple(found)

    def read(self, id: int, register: str) -> Conversation[CanBatch, float]:
        """See :meth:`Tools.read`."""
        number = _named(register)
        answers = yield from self._read_each([id], number)
        if id not in answers:
            raise BoardError(f"id {id} does not answer; `humanoid scan` shows who does")
        return answers[id]

    def write(self, id: int, register: str, value: float) -> Conversation[CanBatch, None]:
        """See :meth:`Tools.write`. Kept over a power cycle; torque goes off for it."""
        number = _named(register)
        yield from self._set(id, number, value)
        found = yield from self.read(id, register)
        if abs(found - value) > 1e-6 * abs(value):
            raise BoardError(f"id {id}: {register} reads {found:g} after writing {value:g}")
        yield from self._store(id)

    def set_id(self, id: int, new: int) -> Conversation[CanBatch, None]:
        """See :meth:`Tools.set_id`; the feedback identifier becomes `new` + 16."""
        if not 1 <= new <= 0x7FE:
            raise BoardError(f"id must be in 1..{0x7FE}, not {new}")
        if (yield from self._read_each([new], Register.ESC_ID, tries=1)):
            raise BoardError(f"id {new} is taken; choose a free one")
        yield from self._set(id, Register.MST_ID, (new + 0x10) & 0x7FF)
        yield from self._set(id, Register.ESC_ID, new)
        if (yield from self.read(new, "ESC_ID")) != new:
            raise BoardError(f"id {id} did not become {new}; `humanoid scan` shows what it is now")
        yield from self._store(new)

    def set_baud(self, id: int, baud: int) -> Conversation[CanBatch, None]:
        """See :meth:`Tools.set_baud`; from the next restart."""
        if baud not in registers.BAUD_CODES:
            known = ", ".join(map(str, registers.BAUD_CODES))
            raise BoardError(f"no bit rate {baud}; known: {known}")
        yield from self.write(id, "CAN_BAUD", registers.BAUD_CODES[baud])

    def reboot(self, id: int) -> Conversation[CanBatch, None]:
        """Clears latched errors: there is no restart."""
        answers = yield from ask_each(
            lambda ids: _special(codec.CLEAR_FAULT, ids), _state_of(id), [id]
        )
        if not answers:
            raise BoardError(f"id {id} does not answer; `humanoid scan` shows who does")

    def stop(self, ids: Sequence[int]) -> CanBatch:
        """See :meth:`Tools.stop`."""
        return disable(ids)

    def _read_each(
        self, ids: Sequence[int], register: int, tries: int = 3
    ) -> Conversation[CanBatch, dict[int, float]]:
        return (
            yield from ask_each(
                lambda missing: registers.make_read(missing, register),
                registers.hear(registers.READ, register),
                ids,
                timeout=0.1,
                tries=tries,
            )
        )

    def _set(self, id: int, register: int, value: float) -> Conversation[CanBatch, None]:
        answers = yield from ask_each(
            lambda ids: registers.make_write(ids, register, value),
            registers.hear(registers.WRITE, register),
            [id],
        )
        if not answers:
            raise BoardError(f"id {id} does not answer to writing {Register(register).name}")

    def _store(self, id: int) -> Conversation[CanBatch, None]:
        answers = yield from ask_each(
            registers.make_store, registers.hear(registers.STORE, 1), [id], timeout=0.5
        )
        if not answers:
            raise BoardError(f"id {id} does not answer to storing; torque must be off")


def _named(register: str) -> Register:
    names = Register.__members__
    if register not in names:
        raise BoardError(
            f"no register '{register}'{nearest(register, names)}; known: {', '.join(names)}"
        )
    return names[register]


def _special(code: int, ids: Sequence[int]) -> CanBatch:
    batch = disable(ids)
    batch.data[:, 7] = code
    return batch


def _state_of(id: int) -> Callable[[int, bytes], tuple[int, int] | None]:
    """A reader of state replies of the board `id`: its status."""

    def read(identifier: int, payload: bytes) -> tuple[int, int] | None:
        mine = len(payload) == 8 and payload[0] & 0xF == id & 0xF
        return (id, payload[0] >> 4) if mine else None

    return read


def _guess(position: float | None, velocity: float | None, torque: float | None) -> str:
    """The models whose published scale this is."""
    names = [
        model
        for model, candidates in DAMIAO.items()
        if any(
            (item.scale.velocity, item.scale.torque) == (velocity, torque) for item in candidates
        )
    ]
    return " or ".join(names) if names else "unknown"
