"""Setting up single RobStride and CyberGear boards."""

from collections.abc import Sequence

from humanoid_description.problems import nearest
from humanoid_hal.bus.can import EXTENDED, CanBatch
from humanoid_hal.bus.protocol import BoardError, Conversation, Found, Tools
from humanoid_hal.can.conversation import ask_each
from humanoid_hal.drivers.robstride import codec, parameters
from humanoid_hal.drivers.robstride.codec import Type
from humanoid_hal.drivers.robstride.parameters import Parameter

#: Registers by name.
NAMES = {
    "RUN_MODE": parameters.RUN_MODE,
    "MECH_POS": parameters.MECH_POS,
    "IQ_FILTERED": parameters.IQ_FILTERED,
    "MECH_VEL": parameters.MECH_VEL,
    "VBUS": parameters.VBUS,
    "CAN_TIMEOUT": parameters.CAN_TIMEOUT,
}


class RobStrideTools(Tools[CanBatch]):
    """See :class:`Tools`. Registers are those of NAMES."""

    bauds = (1_000_000, 500_000, 250_000, 125_000)

    def scan(self, ids: Sequence[int] | None = None) -> Conversation[CanBatch, tuple[Found, ...]]:
        """See :meth:`Tools.scan`. Boards do not tell their model."""
        asked = list(range(1, 128) if ids is None else ids)
        serials = yield from ask_each(codec.make_get_id, _identity, asked, timeout=0.2, tries=2)
        here = sorted(serials)
        volts = yield from self._read_each(here, parameters.VBUS)
        return tuple(
            Found(i, "unknown", voltage=volts.get(i), note=f"serial {serials[i].hex()}")
            for i in here
        )

    def read(self, id: int, register: str) -> Conversation[CanBatch, float]:
        """See :meth:`Tools.read`."""
        answers = yield from self._read_each([id], _named(register))
        if id not in answers:
            raise BoardError(f"id {id} does not answer; `humanoid scan` shows who does")
        return answers[id]

    def write(self, id: int, register: str, value: float) -> Conversation[CanBatch, None]:
        """See :meth:`Tools.write`. Kept over a power cycle; torque goes off for it."""
        parameter = _named(register)
        yield from self._order(codec.make_stop([id]), id, "torque off")
        yield from self._order(codec.make_write([id], parameter, value), id, f"write {register}")
        found = yield from self.read(id, register)
        if abs(found - value) > 1e-6 * abs(value):
            raise BoardError(f"id {id}: {register} reads {found:g} after writing {value:g}")
        yield from self._order(codec.make_save([id]), id, "save")

    def set_id(self, id: int, new: int) -> Conversation[CanBatch, None]:
        """See :meth:`Tools.set_id`; at once."""
        if not 1 <= new <= 127:
            raise BoardError(f"id must be in 1..127, not {new}")
        if (yield from ask_each(codec.make_get_id, _identity, [new], tries=1)):
            raise BoardError(f"id {new} is taken; choose a free one")
        yield from self._order(codec.make_stop([id]), id, "torque off")
        answers = yield from ask_each(lambda _: codec.make_set_id([id], new), _identity, [new])
        if not answers:
            raise BoardError(f"id {id} did not become {new}; `humanoid scan` shows what it is now")

    def set_baud(self, id: int, baud: int) -> Conversation[CanBatch, None]:
        """See :meth:`Tools.set_baud`; from the next restart."""
        if baud not in codec.BAUD_CODES:
            raise BoardError(f"no bit rate {baud}; known: {', '.join(map(str, codec.BAUD_CODES))}")
        yield from self._order(codec.make_set_baud([id], baud), id, "bit rate")

    def reboot(self, id: int) -> Conversation[CanBatch, None]:
        """Clears latched errors: there is no restart."""
        yield from self._order(codec.make_stop([id], clear=True), id, "clear faults")

    def stop(self, ids: Sequence[int]) -> CanBatch:
        """See :meth:`Tools.stop`."""
        return codec.make_stop(ids)

    def _read_each(
        self, ids: Sequence[int], parameter: Parameter
    ) -> Conversation[CanBatch, dict[int, float]]:
        def hear(identifier: int, payload: bytes) -> tuple[int, float] | None:
            answer = codec.parse_parameter(identifier, payload)
            if answer is None or answer.index != parameter.index or not answer.ok:
                return None
            return answer.board, parameter.unpack(answer.raw)

        return (
            yield from ask_each(
                lambda missing: codec.make_read(missing, parameter), hear, ids, timeout=0.1
            )
        )

    def _order(self, batch: CanBatch, id: int, what: str) -> Conversation[CanBatch, None]:
        """An order that is answered with the state, or with the identity."""

        def hear(identifier: int, payload: bytes) -> tuple[int, int] | None:
            mine = identifier & EXTENDED and identifier >> 8 & 0xFF == id
            kind = identifier >> 24 & 0x1F
            return (id, kind) if mine and kind in (Type.FEEDBACK, Type.GET_ID) else None

        if not (yield from ask_each(lambda _: batch, hear, [id])):
            raise BoardError(f"id {id} does not answer to '{what}'")


def _identity(identifier: int, payload: bytes) -> tuple[int, bytes] | None:
    answer = codec.parse_identity(identifier, payload)
    return None if answer is None else (answer.board, answer.serial)


def _named(register: str) -> Parameter:
    if register not in NAMES:
        raise BoardError(
            f"no register '{register}'{nearest(register, NAMES)}; known: {', '.join(NAMES)}"
        )
    return NAMES[register]
