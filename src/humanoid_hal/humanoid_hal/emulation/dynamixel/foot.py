"""An emulated board with force cells: it answers ping and read, as Bit-Bots' BitFoot does."""

import numpy as np

from humanoid_hal.bus.device import Array
from humanoid_hal.bus.feet import FootBoard

#: Model number and firmware of a BitFoot (github.com/bit-bots/bit_foot, main_green_101.ino).
IDENTITY = (5005).to_bytes(2, "little") + b"\1"


class Foot:
    """The registers of one board."""

    def __init__(self, board: FootBoard, row: int) -> None:
        """`row` of the robot's feet is its sole."""
        self.board, self.row = board, row
        self.extra = 0.0  # [N] that every cell reads too much
        x, y = board.place.T
        # The loads of least squares that make up force and moments; sole frame.
        self._share = np.linalg.pinv(np.array([np.ones(len(x)), y, -x]))
        self._loads: Array = np.zeros(len(x))

    @property
    def id(self) -> int:
        """Its address on the bus."""
        return self.board.id

    def stand(self, wrench: Array) -> None:
        """Feel `wrench`, shape (6,), sole frame."""
        self._loads = self._share @ wrench[2:5]

    def read(self, address: int, length: int) -> bytes:
        """What is there; zeros beside the cells."""
        board = self.board
        counts = (self._loads + self.extra) / board.scale + board.offset
        if board.counts.kind in "iu":
            limits = np.iinfo(board.counts)
            counts = np.clip(np.rint(counts), limits.min, limits.max)
        memory = bytearray(max(board.address + board.size, address + length))
        memory[board.address : board.address + board.size] = counts.astype(board.counts).tobytes()
        return bytes(memory[address : address + length])
