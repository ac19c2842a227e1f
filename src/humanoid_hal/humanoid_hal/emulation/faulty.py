"""What injected faults do to the answers of emulated boards."""

import random

from humanoid_hal.emulation.boards import BoardFault


class Faulty:
    """The faults of one bus, by id; see :class:`BoardFault` for the words."""

    def __init__(self) -> None:
        self.faults: dict[int, BoardFault] = {}
        self._stuck: dict[int, bytes] = {}
        self._asked: dict[int, int] = {}
        self._random = random.Random(1)

    def clear(self) -> None:
        """No faults any more."""
        self.faults.clear()
        self._stuck.clear()

    def value(self, id: int, kind: str) -> float | None:
        """The value of the fault `kind` if that is what device `id` has."""
        fault = self.faults.get(id)
        return fault.value if fault is not None and fault.kind == kind else None

    def mutes(self, id: int) -> bool:
        """Whether the device does not answer this time."""
        fault = self.faults.get(id)
        if fault is None:
            return False
        if fault.kind == "intermittent":
            self._asked[id] = self._asked.get(id, 0) + 1
            return self._asked[id] % 2 == 0
        return fault.kind == "off"

    def held(self, id: int, data: bytes) -> bytes:
        """What is read: always the first reading of a stuck device."""
        if self.value(id, "stuck") is None:
            return data
        return self._stuck.setdefault(id, data)[: len(data)]

    def spoiled(self, id: int, packet: bytes) -> bytes:
        """What arrives of a packet."""
        if self.value(id, "garbage") is None:
            return packet
        return bytes(self._random.randrange(256) for _ in packet)

    def lateness(self, id: int) -> float:
        """[s] it answers too late."""
        return self.value(id, "slow") or 0.0
