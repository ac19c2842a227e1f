"""Setting up single moteus boards. Registers are configuration names, as moteus_tool has them."""

from collections.abc import Sequence

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation, Found, Tools
from humanoid_hal.can.conversation import ask_each
from humanoid_hal.drivers.moteus import codec
from humanoid_hal.drivers.moteus.console import ask_line, get_config, set_config, subframes_in
from humanoid_hal.drivers.moteus.registers import Register

_QUESTION = (
    codec.make_register(codec.READ, Register.FIRMWARE, codec.INT32)
    + codec.make_register(codec.READ, Register.VOLTAGE, codec.FLOAT)
    + codec.make_register(codec.READ, Register.TEMPERATURE, codec.FLOAT)
)


def _hear(identifier: int, payload: bytes) -> tuple[int, dict[int, float]] | None:
    """A board and the registers it tells."""
    sender = int(codec.senders(CanBatch.of([(identifier, payload)], fd=True))[0])
    values = {p.register: p.value for p in subframes_in(payload) if p.kind == codec.REPLY}
    return (sender, values) if sender >= 0 and values else None


class MoteusTools(Tools[CanBatch]):
    """See :class:`Tools`."""

    bauds = (1_000_000,)

    def scan(self, ids: Sequence[int] | None = None) -> Conversation[CanBatch, tuple[Found, ...]]:
        """See :meth:`Tools.scan`."""
        asked = list(range(1, 127) if ids is None else ids)
        answers = yield from ask_each(
            lambda missing: codec.make_frames(missing, _QUESTION),
            _hear,
            asked,
            timeout=0.2,
            tries=2,
        )
        return tuple(
            Found(
                i,
                "moteus",
                f"register map {round(answers[i].get(Register.FIRMWARE, 0)):#x}",
                answers[i].get(Register.VOLTAGE),
                answers[i].get(Register.TEMPERATURE),
            )
            for i in sorted(answers)
        )

    def read(self, id: int, register: str) -> Conversation[CanBatch, float]:
        """See :meth:`Tools.read`."""
        return (yield from get_config(_device(id), register))

    def write(self, id: int, register: str, value: float) -> Conversation[CanBatch, None]:
        """See :meth:`Tools.write`. Kept over a power cycle."""
        yield from set_config(_device(id), register, value)
        yield from self._keep(id)

    def set_id(self, id: int, new: int) -> Conversation[CanBatch, None]:
        """See :meth:`Tools.set_id`; at once."""
        if not 1 <= new <= 126:
            raise BoardError(f"id must be in 1..126, not {new}")
        if (yield from self.scan([new])):
            raise BoardError(f"id {new} is taken; choose a free one")
        order = f"conf set id.id {new}\n".encode()
        yield Ask(codec.make_console([id], order), 0.05)  # its answer comes from the new id
        if not (yield from self.scan([new])):
            raise BoardError(f"id {id} did not become {new}; `humanoid scan` shows what it is now")
        yield Ask(codec.make_console_poll([new]), 0.02)  # the old answer, which nobody wants
        yield from self._keep(new)

    def set_baud(self, id: int, baud: int) -> Conversation[CanBatch, None]:
        """Boards speak 1 Mbit/s and 5 Mbit/s for data only."""
        raise BoardError("moteus boards know one bit rate: 1 Mbit/s, with 5 Mbit/s for data")
        yield

    def reboot(self, id: int) -> Conversation[CanBatch, None]:
        """Stops, which clears faults and time-outs."""
        if not (yield from ask_each(codec.make_stop, _hear, [id])):
            raise BoardError(f"id {id} does not answer; `humanoid scan` shows who does")

    def stop(self, ids: Sequence[int]) -> CanBatch:
        """See :meth:`Tools.stop`."""
        return codec.make_stop(ids)

    def _keep(self, id: int) -> Conversation[CanBatch, None]:
        line = yield from ask_line(_device(id), "conf write")
        if line != "OK":
            raise BoardError(f"id {id}: 'conf write' gives '{line}'; torque must be off")


def _device(id: int) -> Device:
    return Device("", id, "moteus")
