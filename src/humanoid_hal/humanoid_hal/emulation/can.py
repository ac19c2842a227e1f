"""What the emulated boards of all CAN families share: who is there, and what goes wrong."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.device import Array
from humanoid_hal.can.frames import select
from humanoid_hal.emulation.boards import BoardFault, Boards, Reply
from humanoid_hal.emulation.motors import Motors

#: Bytes that are left of the replies of a board with the fault `garbage`. What the wire does to a frame
#: is no concern here: CAN controllers check a CRC and throw such frames away.
_CUT = 3


#: Boards of a bus by their places: an array, or a slice where views do instead of copies.
Index = NDArray[np.intp] | slice
EVERYBODY = slice(None)


class CanBoards(Boards[CanBatch]):
    """See :class:`Boards`. Subclasses execute frames and make replies."""

    medium: ClassVar[Literal["serial", "can"]] = "can"

    def __init__(self, motors: Motors, options: Any = None) -> None:
        """See :meth:`Boards.__init__`."""
        self.motors, self.options = motors, options
        self.ids = [device.id for device in motors.devices]
        n = len(self.ids)
        self.present = np.ones(n, np.bool_)  # False: unplugged, or without power
        self.at = {board: index for index, board in enumerate(self.ids)}
        self._in_order = np.arange(n).tobytes()
        self._faults: dict[int, dict[str, float]] = {}  # by index, word to value
        self._asked = np.zeros(n, np.int64)
        self._frozen = np.full((3, n), np.nan)  # what a stuck board repeats
        self._last = np.zeros((3, n))  # what a delayed board tells
        self._now = self._measure()

    # -- what a family says ---------------------------------------------------------------------

    @abstractmethod
    def execute(self, payload: CanBatch, now: float) -> Sequence[tuple[int, CanBatch]]:
        """Obey frames in order; replies with the index of their board (-1: of several)."""

    def watch(self, now: float) -> None:
        """What boards do by themselves: watchdogs, temperatures, voltages."""

    @abstractmethod
    def reboot(self, index: int) -> None:
        """Restart: torque off, RAM forgotten."""

    @abstractmethod
    def overload(self, index: int) -> None:
        """The family's overload error."""

    # -- the contract ---------------------------------------------------------------------------

    def receive(
        self, payload: CanBatch, now: float, baud: int | None = None
    ) -> Sequence[Reply[CanBatch]]:
        """See :meth:`Boards.receive`."""
        self.watch(now)
        return [self._reply(index, batch) for index, batch in self.execute(payload, now) if batch]

    def tick(self, now: float) -> Sequence[Reply[CanBatch]]:
        """See :meth:`Boards.tick`."""
        self._last, self._now = self._now, self._measure()
        self.watch(now)
        return ()

    def inject(self, fault: BoardFault) -> None:
        """See :meth:`Boards.inject`."""
        index = self.at[fault.id]
        if fault.kind == "reboot":
            self.reboot(index)
        elif fault.kind == "overload":
            self.overload(index)
        else:
            self._faults.setdefault(index, {})[fault.kind] = fault.value
            self._frozen[:, index] = self._measure()[:, index]

    def clear(self) -> None:
        """See :meth:`Boards.clear`."""
        self._faults.clear()

    # -- for subclasses -------------------------------------------------------------------------

    def are_all(self, index: NDArray[np.intp]) -> bool:
        """Whether these are all boards in their order, and nothing is wrong with any of them."""
        return index.tobytes() == self._in_order and not self._faults and bool(self.present.all())

    def hears(self, index: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which of these different boards take a frame that is sent to them now."""
        self._asked[index] += 1
        heard: NDArray[np.bool_] = self.present[index]
        if self._faults:
            heard = heard.copy()
            for place, board in enumerate(index):
                own = self._faults.get(int(board), {})
                skips = "intermittent" in own and self._asked[board] % 2 == 0
                heard[place] &= "off" not in own and not skips
        return heard

    def measured(self, index: Index) -> tuple[Array, Array, Array]:
        """Position, velocity and torque of the shafts as these boards tell them."""
        values = self._measure()[:, index]
        for place, board in enumerate(self._places(index) if self._faults else ()):
            own = self._faults.get(int(board), {})
            if "delayed" in own:
                values[:, place] = self._last[:, board]
            if "stuck" in own:
                values[:, place] = self._frozen[:, board]
            values[0, place] += own.get("wrong", 0.0)
        return values[0], values[1], values[2]

    def temperature(self) -> Array:
        """[degC] of all boards."""
        return self._with("overheat", self.motors.temperature)

    def voltage(self) -> Array:
        """[V] of all boards."""
        return self._with("brownout", self.motors.voltage)

    def set_law(self, index: Index, law: Sequence[Array] | Array) -> None:
        """Position, velocity, torque, stiffness and damping that powered boards execute."""
        motors = self.motors
        powered = motors.powered[index]
        here: NDArray[np.bool_] | slice = EVERYBODY
        if np.count_nonzero(powered) < len(powered):
            index, here = self._places(index)[powered], powered
        for target, values in zip(
            (motors.target, motors.speed, motors.effort, motors.stiffness, motors.damping),
            law,
            strict=True,
        ):
            target[index] = values[here]

    def _places(self, index: Index) -> NDArray[np.intp]:
        places: NDArray[np.intp] = np.arange(len(self.ids))[index]
        return places

    def switch(self, index: int, on: bool) -> None:
        """Torque on or off; it begins without gains."""
        self.motors.relax(index)
        self.motors.powered[index] = on

    def _measure(self) -> Array:
        motors = self.motors
        return np.array((motors.position, motors.velocity, motors.torque))

    def _with(self, word: str, values: Array) -> Array:
        """`values` with those injected instead; not the caller's own."""
        if not self._faults:
            return values
        told = values.copy()
        for index, own in self._faults.items():
            told[index] = own.get(word, told[index])
        return told

    def _reply(self, index: int, batch: CanBatch) -> Reply[CanBatch]:
        own = self._faults.get(index, {}) if index >= 0 else {}
        if "garbage" in own:
            data = batch.data.copy()
            data[:, _CUT:] = 0
            batch = CanBatch(batch.ids, np.minimum(batch.lengths, _CUT), data, batch.fd)
        return Reply(batch, own.get("slow", 0.0))

    def separate(self, index: Index, batch: CanBatch) -> Sequence[tuple[int, CanBatch]]:
        """A batch of one reply per board, in one piece where no board has a fault of its own."""
        if not self._faults:
            return [(-1, batch)]
        places = self._places(index)
        one = np.arange(len(places))
        return [(int(board), select(batch, one[i : i + 1])) for i, board in enumerate(places)]
