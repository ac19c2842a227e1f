"""Setting up single boards that know special payloads only (CubeMars, RobStride in MIT mode)."""

from collections.abc import Sequence

import numpy as np

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.protocol import BoardError, Conversation, Found, Tools
from humanoid_hal.can.conversation import ask_each
from humanoid_hal.can.frames import EXTENDED, classic
from humanoid_hal.drivers.mit import codec


def disable(ids: Sequence[int]) -> CanBatch:
    """Torque off."""
    return classic(np.array(ids, np.uint32), codec.special(codec.DISABLE, len(ids)))


def hear(identifier: int, payload: bytes) -> tuple[int, int] | None:
    """The board whose state this may be, and the length of the reply."""
    if identifier & EXTENDED or len(payload) not in (6, 8):
        return None
    return payload[0], len(payload)


class SpecialTools(Tools[CanBatch]):
    """Finds boards by switching their torque off; the rest is for the maker's own program."""

    bauds = (1_000_000,)

    def __init__(self, family: str) -> None:
        """`family` in words, for messages."""
        self._family = family

    def scan(self, ids: Sequence[int] | None = None) -> Conversation[CanBatch, tuple[Found, ...]]:
        """See :meth:`Tools.scan`. Every board that answers has its torque off."""
        asked = list(ids if ids is not None else range(1, 128))
        answers = yield from ask_each(disable, hear, asked, timeout=0.2, tries=2)
        return tuple(
            Found(i, "unknown", note=f"{self._family}, reply of {answers[i]} bytes")
            for i in sorted(answers)
        )

    def read(self, id: int, register: str) -> Conversation[CanBatch, float]:
        """There are no registers."""
        raise self._refuse(f"read '{register}'")
        yield

    def write(self, id: int, register: str, value: float) -> Conversation[CanBatch, None]:
        """There are no registers."""
        raise self._refuse(f"write '{register}'")
        yield

    def set_id(self, id: int, new: int) -> Conversation[CanBatch, None]:
        """Not over this protocol."""
        raise self._refuse("set an id")
        yield

    def set_baud(self, id: int, baud: int) -> Conversation[CanBatch, None]:
        """Not over this protocol."""
        raise self._refuse("set the bit rate")
        yield

    def reboot(self, id: int) -> Conversation[CanBatch, None]:
        """Not over this protocol."""
        raise self._refuse("restart")
        yield

    def stop(self, ids: Sequence[int]) -> CanBatch:
        """See :meth:`Tools.stop`."""
        return disable(ids)

    def _refuse(self, what: str) -> BoardError:
        return BoardError(f"{self._family} boards cannot {what} over CAN; use the maker's program")
