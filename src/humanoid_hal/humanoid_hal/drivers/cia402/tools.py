"""Setting up single CANopen drives. Registers are objects, as ``6064:0`` or ``6064:0:i4``."""

import re
from collections.abc import Sequence

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation, Found, Tools
from humanoid_hal.can.conversation import ask_each
from humanoid_hal.drivers.cia402 import codec, objects
from humanoid_hal.drivers.cia402.objects import Object

_REGISTER = re.compile(r"([0-9A-Fa-f]{4}):([0-9]{1,3})(?::([iu])([124]))?")


class CiA402Tools(Tools[CanBatch]):
    """See :class:`Tools`."""

    bauds = (1_000_000, 500_000, 250_000, 125_000)

    def scan(self, ids: Sequence[int] | None = None) -> Conversation[CanBatch, tuple[Found, ...]]:
        """See :meth:`Tools.scan`."""
        asked = list(range(1, 127) if ids is None else ids)
        types = yield from self._read_each(asked, objects.DEVICE_TYPE, tries=1)
        here = sorted(types)
        vendors = yield from self._read_each(here, objects.VENDOR)
        return tuple(
            Found(
                node,
                "CiA 402" if types[node] & 0xFFFF == objects.PROFILE else "unknown",
                note=f"vendor {vendors.get(node, 0):#x}, device type {types[node]:#x}",
            )
            for node in here
        )

    def read(self, id: int, register: str) -> Conversation[CanBatch, float]:
        """See :meth:`Tools.read`."""
        item = parse_object(register)
        answers = yield from ask_each(
            lambda nodes: codec.make_read(nodes, item), codec.hear_sdo(item, write=False), [id]
        )
        return self._value(answers, id, item)

    def write(self, id: int, register: str, value: float) -> Conversation[CanBatch, None]:
        """See :meth:`Tools.write`. In RAM; what keeps it is 1010, where the drive has it."""
        item = parse_object(register)
        answers = yield from ask_each(
            lambda nodes: codec.make_write(nodes, item, round(value)),
            codec.hear_sdo(item, write=True),
            [id],
        )
        self._value(answers, id, item)
        found = yield from self.read(id, register)
        if found != round(value):
            raise BoardError(f"node {id}: {item} reads {found:g} after writing {value:g}")

    def set_id(self, id: int, new: int) -> Conversation[CanBatch, None]:
        """Not in the profile."""
        raise BoardError("node ids are set by switches, LSS or the maker's program")
        yield

    def set_baud(self, id: int, baud: int) -> Conversation[CanBatch, None]:
        """Not in the profile."""
        raise BoardError("bit rates are set by switches, LSS or the maker's program")
        yield

    def reboot(self, id: int) -> Conversation[CanBatch, None]:
        """See :meth:`Tools.reboot`."""
        yield Ask(codec.make_nmt([id], codec.RESET), 0.0, lambda batch: True)

    def stop(self, ids: Sequence[int]) -> CanBatch:
        """See :meth:`Tools.stop`. By SDO: process data may not be mapped."""
        return codec.make_write(ids, objects.CONTROLWORD, objects.DISABLE)

    def _read_each(
        self, nodes: Sequence[int], item: Object, tries: int = 3
    ) -> Conversation[CanBatch, dict[int, int]]:
        answers = yield from ask_each(
            lambda missing: codec.make_read(missing, item),
            codec.hear_sdo(item, write=False),
            nodes,
            timeout=0.1,
            tries=tries,
        )
        return {node: value for node, value in answers.items() if isinstance(value, int)}

    @staticmethod
    def _value(answers: dict[int, int | str], id: int, item: Object) -> float:
        if id not in answers:
            raise BoardError(f"node {id} does not answer; `humanoid scan` shows who does")
        value = answers[id]
        if isinstance(value, str):
            raise BoardError(f"node {id}: {item}: {value}")
        return float(value)


def parse_object(register: str) -> Object:
    """``index:sub`` or ``index:sub:kind``, hexadecimal and decimal; kind u4 if not said."""
    match = _REGISTER.fullmatch(register)
    if match is None:
        raise BoardError(
            f"no register '{register}': write 6064:0:i4 (index, sub-index, i or u, bytes)"
        )
    index, sub, sign, size = match.groups()
    return Object(int(index, 16), int(sub), int(size or 4), sign == "i")
