"""Boards with force cells that speak Dynamixel Protocol 2.0, on a bus with servos or alone.

They are read one by one, with the plain read instruction, once all servos have answered: Bit-Bots'
BitFoot, after Rhoban's ForceFoot, answers nothing but that and a ping (firmware of
github.com/bit-bots/bit_foot: four int32 from address 36). A dead board delays no servo; it is asked
once per cycle, and rarely when it has been silent.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

from humanoid_hal.bus.asked import AskedCycle
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.feet import FootBoard, ReadsFeet
from humanoid_hal.bus.protocol import BoardError, Conversation, Counters
from humanoid_hal.bus.rollcall import PROBE_EVERY
from humanoid_hal.drivers.dynamixel.codec import Instruction, Packet, make_read
from humanoid_hal.drivers.dynamixel.options import DynamixelOptions
from humanoid_hal.drivers.dynamixel.protocol import DynamixelProtocol
from humanoid_hal.drivers.dynamixel.registers import X_SERIES, Table
from humanoid_hal.drivers.dynamixel.state import StateCycle
from humanoid_hal.drivers.dynamixel.talk import ask

#: Questions in a row without an answer after which a board is asked rarely.
_SILENT = 3


class FootCycle:
    """Whom to ask, and what they answered."""

    def __init__(self, boards: Sequence[FootBoard]) -> None:
        self.boards = tuple(boards)
        self._questions = [make_read(board.id, board.address, board.size) for board in boards]
        self._answers: list[bytes | None] = [None] * len(boards)
        self._silent = [0] * len(boards)  # questions in a row
        self._row: deque[int] = deque()  # still to be asked
        self._asked: int | None = None
        self._cycle = 0

    @property
    def complete(self) -> bool:
        """Whether nobody is still to be asked or to answer."""
        return not self._row and self._asked is None

    def begin(self) -> None:
        """Begin a cycle."""
        self._cycle += 1
        probing = self._cycle % PROBE_EVERY == 0
        self._row = deque(i for i, n in enumerate(self._silent) if n < _SILENT or probing)
        self._answers, self._asked = [None] * len(self.boards), None

    def next(self) -> bytes | None:
        """The next question, if none is open."""
        if self._asked is not None or not self._row:
            return None
        self._asked = self._row.popleft()
        self._silent[self._asked] += 1  # until it answers
        return self._questions[self._asked]

    def skip(self) -> None:
        """Who was asked does not answer."""
        self._asked = None

    def take(self, packet: Packet) -> bool:
        """Use an answer; False: it is none of a board that was asked."""
        if self._asked is None:
            return False
        board, (error, *_) = self.boards[self._asked], packet.parameters
        data = packet.parameters[1:]
        right = packet.id == board.id and len(data) == board.size and not error & 0x7F
        if packet.instruction != Instruction.STATUS or not right:
            return False
        self._answers[self._asked], self._silent[self._asked] = data, 0
        self._asked = None
        return True

    def end(self) -> list[bytes | None]:
        """The answers of this cycle."""
        self._row.clear()
        self._asked = None
        return self._answers


class FootedState(StateCycle):
    """The state of the servos, then that of the boards."""

    def __init__(
        self, ids: Sequence[int], table: Table, options: DynamixelOptions, counters: Counters,
        boards: Sequence[FootBoard],
    ) -> None:  # fmt: skip
        super().__init__(ids, table, options.fast, options.slow_every, counters)
        self.feet = FootCycle(boards)

    @property
    def complete(self) -> bool:
        """Whether all that were asked have answered."""
        return self._servos_done and self.feet.complete

    def request(self) -> bytes:
        """Begin a cycle."""
        self.feet.begin()
        return super().request() or self._ask_foot() or b""

    def following(self) -> bytes | None:
        """The next board, once the servos are done."""
        return self._ask_foot() if self._servos_done else None

    def retry(self) -> bytes | None:
        """Servos are asked once more, boards are not."""
        if not self._servos_done:
            return super().retry()
        self.feet.skip()
        return self._ask_foot()

    def take(self, frame: Packet) -> bool:
        """See :meth:`AskedState.take`."""
        return bool(frame.parameters and self.feet.take(frame)) or super().take(frame)

    @property
    def _servos_done(self) -> bool:
        return self._roll.complete or not self._roll.order

    def _ask_foot(self) -> bytes | None:
        question = self.feet.next()
        if question is not None:
            self._reader = None  # what comes now has no usual form
        return question


class _Footed(AskedCycle, ReadsFeet):
    """What both protocols share."""

    _state: FootedState

    def following(self) -> bytes | None:
        """See :meth:`Protocol.following`."""
        return self._state.following()

    def cells(self) -> list[bytes | None]:
        """See :meth:`ReadsFeet.cells`."""
        return self._state.feet.end()

    def _find_boards(self) -> Conversation[bytes, None]:
        for board in self._state.feet.boards:
            try:
                packet = make_read(board.id, board.address, board.size)
                yield from ask(board.id, packet, "read its force cells", board.size)
            except BoardError as error:
                raise BoardError(f"{board}: {error}") from error


class FootedDynamixels(_Footed, DynamixelProtocol):
    """Servos and foot boards on one bus."""

    _state: FootedState

    def __init__(
        self, devices: Sequence[Device], options: DynamixelOptions, boards: Sequence[FootBoard]
    ) -> None:
        """Raises BoardError."""
        super().__init__(devices, options)
        self._state = FootedState(self._ids, self._table, options, self.counters, boards)

    def startup(self) -> Conversation[bytes, tuple[str, ...]]:
        """See :meth:`Protocol.startup`."""
        remarks = yield from super().startup()
        yield from self._find_boards()
        return remarks


class DynamixelFeet(_Footed):
    """Foot boards alone on a bus."""

    default_baud = DynamixelProtocol.default_baud

    def __init__(self, boards: Sequence[FootBoard], options: Any = None) -> None:
        self.counters = Counters()
        options = options or DynamixelOptions()
        self._state = FootedState((), X_SERIES, options, self.counters, boards)

    def receive(self, payload: bytes) -> None:
        """See :meth:`Protocol.receive`."""
        self._state.scan(payload)

    def cells(self) -> list[bytes | None]:
        """See :meth:`ReadsFeet.cells`."""
        self._state.end()
        return super().cells()

    def startup(self) -> Conversation[bytes, tuple[str, ...]]:
        """See :meth:`Protocol.startup`."""
        yield from self._find_boards()
        return ()
