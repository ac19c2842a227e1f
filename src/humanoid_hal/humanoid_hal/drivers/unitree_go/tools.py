"""Finding GO motors. They have no registers; their id is set with Unitree's own program."""

from collections.abc import Sequence

import numpy as np

from humanoid_hal.bus.framing import FrameReader
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation, Found, Tools
from humanoid_hal.drivers.unitree_go import codec
from humanoid_hal.drivers.unitree_go.codec import RotorState

#: [s] a motor gets to reply, and how often it is asked.
PATIENCE = 0.02
TRIES = 3


def ask_state(frame: bytes, id: int, tries: int = TRIES) -> Conversation[bytes, RotorState | None]:
    """Send `frame` until the motor `id` replies; None: it does not."""

    def reply(data: bytes) -> RotorState | None:
        for found in FrameReader(codec.REPLIES).feed(data):
            state = codec.parse_reply(found)
            if state.id == id:
                return state
        return None

    for _ in range(tries):
        data = yield Ask(frame, PATIENCE, lambda data: reply(data) is not None)
        state = reply(data)
        if state is not None:
            return state
    return None


class UnitreeGoTools(Tools[bytes]):
    """See :class:`Tools`. What the motors cannot do raises BoardError with the next step."""

    bauds = (4_000_000,)

    def scan(self, ids: Sequence[int] | None = None) -> Conversation[bytes, tuple[Found, ...]]:
        """Brake every motor and list those that reply."""
        found = []
        for id in codec.IDS if ids is None else ids:
            (frame,) = codec.make_brake(np.array([id]))
            state = yield from ask_state(frame, id, tries=1)
            if state is not None:
                note = codec.ERRORS.get(state.error, "")
                found.append(Found(id, "GO-M8010-6", temperature=state.temperature, note=note))
        return tuple(found)

    def read(self, id: int, register: str) -> Conversation[bytes, float]:
        """There is none."""
        raise BoardError("GO-M8010-6 motors have no registers")
        yield

    def write(self, id: int, register: str, value: float) -> Conversation[bytes, None]:
        """There is none."""
        raise BoardError("GO-M8010-6 motors have no registers")
        yield

    def set_id(self, id: int, new: int) -> Conversation[bytes, None]:
        """Only in the motor's boot loader."""
        raise BoardError(
            "the id of a GO-M8010-6 is set in its boot loader: use Unitree's `changeid` program"
        )
        yield

    def set_baud(self, id: int, baud: int) -> Conversation[bytes, None]:
        """It is fixed."""
        raise BoardError("GO-M8010-6 motors speak 4000000 baud and nothing else")
        yield

    def reboot(self, id: int) -> Conversation[bytes, None]:
        """Not over the wire."""
        raise BoardError("a GO-M8010-6 is restarted by taking its power away")
        yield

    def stop(self, ids: Sequence[int]) -> bytes:
        """The broadcast brakes all; nobody answers it."""
        return b"".join(codec.make_brake(np.array([codec.BROADCAST])))
