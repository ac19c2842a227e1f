"""Emulated MIT motors: Damiao, CubeMars AK, RobStride in MIT mode."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.device import Device
from humanoid_hal.can.frames import classic
from humanoid_hal.drivers.mit import codec
from humanoid_hal.drivers.mit.models import (
    CUBEMARS,
    ROBSTRIDE,
    Candidate,
    Scale,
    candidates_of,
    stack,
)
from humanoid_hal.drivers.mit.protocol import stated_scale
from humanoid_hal.emulation.can import EVERYBODY, CanBoards, Index
from humanoid_hal.emulation.motors import Motors

Replies = Sequence[tuple[int, CanBatch]]
#: [degC] and [V] at which CubeMars and RobStride boards give up, where their manuals say.
HOT, WEAK = 145.0, 12.0


def scale_on_board(table: dict[str, tuple[Candidate, ...]], device: Device) -> Scale:
    """What an emulated board has: the stated scale, else the first published one."""
    return stated_scale(device) or candidates_of(table, device.model)[0].scale


class MitBoards(CanBoards):
    """What all of them share: the torque law, special payloads, one reply to each command."""

    #: Models of the maker.
    table: dict[str, tuple[Candidate, ...]]

    def __init__(self, motors: Motors, options: Any = None) -> None:
        """See :meth:`Boards.__init__`."""
        super().__init__(motors, options)
        self.scales = stack(scale_on_board(self.table, device) for device in motors.devices)
        self.offset = np.zeros(len(self.ids))  # [rad] what "here is zero" subtracts
        self.fed = np.zeros(len(self.ids))  # [s] when the last order came

    @abstractmethod
    def state(self, index: Index) -> CanBatch:
        """State replies of boards."""

    def execute(self, payload: CanBatch, now: float) -> Replies:
        """See :meth:`CanBoards.execute`. A whole cycle of commands is done at once."""
        index = self._rows(payload.ids)
        if (
            len(set(index.tolist()) - {-1}) == len(index)
            and payload.lengths.tobytes() == bytes([8]) * len(index)
            and not np.count_nonzero(payload.data[:, 0] == 0xFF)
        ):
            return self._obey(index, payload.data, now)
        simple = (index >= 0) & (payload.lengths == 8)
        special = (payload.data[:, :6] == 0xFF).all(axis=1)
        replies: list[tuple[int, CanBatch]] = []
        for row, (identifier, data) in enumerate(payload.frames()):
            one = index[row : row + 1]
            if not simple[row]:
                replies += self.other(identifier, data)
            elif not special[row]:
                replies += self._obey(one, payload.data[row : row + 1], now)
            elif self.hears(one)[0]:
                self.fed[one] = now
                replies.append((int(one[0]), self.special(int(one[0]), data[6], data[7])))
        return replies

    def _rows(self, ids: NDArray[np.uint32]) -> NDArray[np.intp]:
        """The board that each frame is sent to, or -1."""
        return np.array([self.at.get(i, -1) for i in ids.tolist()], np.intp)

    def _obey(self, rows: NDArray[np.intp], data: NDArray[np.uint8], now: float) -> Replies:
        """MIT commands to different boards."""
        index: Index = EVERYBODY
        if not self.are_all(rows):
            here = self.hears(rows)
            index, data = rows[here], data[here]
            if not index.size:
                return ()
        law = codec.unpack_command(self._scales_of(index), data)
        law[0] += self.offset[index]
        self.set_law(index, law)
        self.fed[index] = now
        return self.separate(index, self.state(index))

    def _scales_of(self, index: Index) -> codec.Scales:
        return self.scales if isinstance(index, slice) else self.scales.at(index)

    def special(self, index: int, argument: int, code: int) -> CanBatch:
        """One special payload."""
        if code in (codec.ENABLE, codec.DISABLE):
            self.switch(index, code == codec.ENABLE)
        elif code == codec.SET_ZERO:
            self.offset[index] = self.motors.position[index]
        elif code == codec.CLEAR_FAULT:
            self.forgive(index)
        return self.state(np.array([index]))

    def forgive(self, index: int) -> None:
        """Forget a fault."""

    def other(self, identifier: int, data: bytes) -> Replies:
        """A frame that is no command to one of these boards."""
        return ()

    def payloads(self, index: Index) -> NDArray[np.uint8]:
        """Payloads of 8 bytes with the MIT state in bytes 1 to 5."""
        position, velocity, torque = self.measured(index)
        return codec.pack_state(
            self._scales_of(index), position - self.offset[index], velocity, torque
        )

    def degrees(self, index: Index, offset: float = 0.0) -> NDArray[np.uint8]:
        """Temperatures as one byte."""
        degrees = np.rint(self.temperature()[index] + offset)
        return np.minimum(np.maximum(degrees, 0.0), 255.0).astype(np.uint8)

    def first_bytes(self, index: Index) -> NDArray[np.uint8]:
        """The boards' ids."""
        return np.array(self.ids, np.uint8)[index]


class CubeMarsBoards(MitBoards):
    """AK motors."""

    table = CUBEMARS
    #: Bytes of a reply: 6 with older firmware.
    length = 8

    def __init__(self, motors: Motors, options: Any = None) -> None:
        """See :meth:`Boards.__init__`."""
        super().__init__(motors, options)
        self.error = np.zeros(len(self.ids), np.uint8)

    def watch(self, now: float) -> None:
        """Errors switch torque off until the next power cycle."""
        for error, wrong in ((1, self.temperature() >= HOT), (4, self.voltage() < WEAK)):
            self.error[wrong & (self.error == 0)] = error
        for index in np.flatnonzero((self.error != 0) & self.motors.powered):
            self.switch(int(index), False)

    def reboot(self, index: int) -> None:
        """See :meth:`CanBoards.reboot`."""
        self.error[index] = 0
        self.switch(index, False)

    def overload(self, index: int) -> None:
        """See :meth:`CanBoards.overload`."""
        self.error[index] = 2

    def state(self, index: Index) -> CanBatch:
        """To identifier 0."""
        data = self.payloads(index)
        data[:, 0] = self.first_bytes(index)
        if self.length == 8:
            data[:, 6], data[:, 7] = self.degrees(index, 40.0), self.error[index]
        lengths = np.full(len(data), self.length, np.uint8)
        return CanBatch(np.zeros(len(data), np.uint32), lengths, data)


class RobStrideMitBoards(MitBoards):
    """RobStride motors in MIT mode."""

    table = ROBSTRIDE

    def __init__(self, motors: Motors, options: Any = None) -> None:
        """See :meth:`Boards.__init__`."""
        super().__init__(motors, options)
        self.faults = np.zeros(len(self.ids), np.uint32)  # bits of robstride.codec.FAULT_BITS
        self.host: int = 0xFD if options is None else options.host_id

    def watch(self, now: float) -> None:
        """Faults switch torque off and stay until cleared."""
        for bit, wrong in ((0, self.temperature() >= HOT), (2, self.voltage() < WEAK)):
            self.faults[wrong] |= 1 << bit
        for index in np.flatnonzero((self.faults != 0) & self.motors.powered):
            self.switch(int(index), False)

    def reboot(self, index: int) -> None:
        """See :meth:`CanBoards.reboot`."""
        self.faults[index] = 0
        self.switch(index, False)

    def overload(self, index: int) -> None:
        """See :meth:`CanBoards.overload`."""
        self.faults[index] |= 1 << 14

    def special(self, index: int, argument: int, code: int) -> CanBatch:
        """With an argument some have another meaning."""
        if code == codec.CLEAR_FAULT and argument != 0xFF:
            word = int(self.faults[index]).to_bytes(4, "little")
            return CanBatch.of([(self.host, bytes([self.ids[index]]) + word + bytes(3))])
        if code == codec.ENABLE and (argument != 0xFF or self.faults[index]):
            return self.state(np.array([index]))  # run mode; or a fault forbids torque
        return super().special(index, argument, code)

    def forgive(self, index: int) -> None:
        """See :meth:`MitBoards.forgive`."""
        self.faults[index] = 0

    def state(self, index: Index) -> CanBatch:
        """To the host's identifier."""
        data = self.payloads(index)
        data[:, 0] = self.first_bytes(index)
        tenths = np.rint(self.temperature()[index] * 10.0).astype(np.uint16)
        data[:, 6], data[:, 7] = tenths >> 8, tenths & 0xFF
        return classic(np.full(len(data), self.host, np.uint32), data)
