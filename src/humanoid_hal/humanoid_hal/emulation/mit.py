"""Emulated MIT motors of one CAN bus: Damiao, CubeMars AK, RobStride in MIT mode.

Pure: frames and the time in, frames out. The plant writes `position`, `velocity` and `torque` of the
shafts and executes :meth:`law`; every array has shape (n,).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.can import NO_FRAMES, CanBatch, joined
from humanoid_hal.can.frames import classic
from humanoid_hal.driver import Command
from humanoid_hal.drivers.mit import codec
from humanoid_hal.drivers.mit import damiao_registers as registers
from humanoid_hal.drivers.mit.damiao_registers import Register, Status
from humanoid_hal.drivers.mit.models import Scale, stack

_SPECIAL = (codec.ENABLE, codec.DISABLE, codec.SET_ZERO, codec.CLEAR_FAULT)


class MitBoards:
    """What all of them share: the torque law, special payloads, one reply to each command."""

    def __init__(self, ids: Sequence[int], scales: Sequence[Scale]) -> None:
        """`ids` and full scales of the boards."""
        n = len(ids)
        self.ids = list(ids)
        self.scales = stack(scales)
        self.position, self.velocity, self.torque = np.zeros(n), np.zeros(n), np.zeros(n)
        self.temperature = np.full(n, 30.0)  # [degC]
        self.enabled = np.zeros(n, np.bool_)
        self.present = np.ones(n, np.bool_)  # False: unplugged or without power
        self._law = np.zeros((5, n))
        self._offset = np.zeros(n)  # [rad] what "here is zero" subtracts
        self._fed = np.zeros(n)  # [s] when the last command came
        self._at = {board: index for index, board in enumerate(ids)}

    def law(self, now: float) -> Command:
        """What the shafts execute at `now` [s]: nothing where torque is off."""
        self.watch(now)
        position, velocity, torque, stiffness, damping = np.where(self.enabled, self._law, 0.0)
        return Command(position + self._offset, velocity, torque, stiffness, damping)

    def watch(self, now: float) -> None:
        """What boards do by themselves."""

    def power_cycle(self, index: int) -> None:
        """The board restarts: torque off, nothing remembered."""
        self.enabled[index] = False
        self._law[:, index] = 0.0

    def receive(self, batch: CanBatch, now: float) -> CanBatch:
        """Execute frames in order; the replies."""
        self.watch(now)
        index = np.array([self._at.get(int(i), -1) for i in batch.ids], np.intp)
        simple = (index >= 0) & (batch.lengths == 8)
        special = (batch.data[:, :6] == 0xFF).all(axis=1)
        if simple.all() and not special.any() and len(np.unique(index)) == len(index):
            here = self.present[index]
            return self._obey(index[here], batch.data[here], now)
        parts = []
        for row, (identifier, payload) in enumerate(batch.frames()):
            if not simple[row]:
                parts.append(self.other(identifier, payload, now))
            elif self.present[index[row]]:
                one = index[row : row + 1]
                if special[row]:
                    parts.append(self.special(int(one[0]), payload[6], payload[7], now))
                else:
                    parts.append(self._obey(one, batch.data[row : row + 1], now))
        return joined([part for part in parts if part])

    def _obey(self, index: NDArray[np.intp], data: NDArray[np.uint8], now: float) -> CanBatch:
        """MIT commands to different boards."""
        law = codec.unpack_command(self._scales(index), data)
        self._law[:, index] = law
        self._fed[index] = now
        return self.reply(index)

    def _scales(self, index: NDArray[np.intp]) -> codec.Scales:
        s = self.scales
        return codec.Scales(
            s.position[index],
            s.velocity[index],
            s.torque[index],
            s.stiffness[index],
            s.damping[index],
        )

    def special(self, index: int, argument: int, code: int, now: float) -> CanBatch:
        """One special payload."""
        self._fed[index] = now
        if code == codec.ENABLE:
            self.switch(index, True)
        elif code == codec.DISABLE:
            self.switch(index, False)
        elif code == codec.SET_ZERO:
            self._offset[index] = self.position[index]
        elif code == codec.CLEAR_FAULT:
            self.clear(index)
        return self.reply(np.array([index]))

    def switch(self, index: int, on: bool) -> None:
        """Torque on or off; begins without gains."""
        self.enabled[index] = on
        self._law[:, index] = 0.0

    def clear(self, index: int) -> None:
        """Forget a fault."""

    def other(self, identifier: int, payload: bytes, now: float) -> CanBatch:
        """A frame that is no command to one of these boards."""
        return NO_FRAMES

    def reply(self, index: NDArray[np.intp]) -> CanBatch:
        """State replies of boards."""
        raise NotImplementedError

    def _state(self, index: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Payloads of 8 bytes with the MIT state in bytes 1 to 5."""
        data = np.zeros((len(index), 8), np.uint8)
        data[:, 1:6] = codec.pack_state(
            self._scales(index),
            (self.position - self._offset)[index],
            self.velocity[index],
            self.torque[index],
        )
        return data

    def _degrees(self, index: NDArray[np.intp], offset: float = 0.0) -> NDArray[np.uint8]:
        return np.clip(np.rint(self.temperature[index] + offset), 0, 255).astype(np.uint8)


class CubeMarsBoards(MitBoards):
    """AK motors: `short` replies with 6 bytes, as older firmware does."""

    def __init__(self, ids: Sequence[int], scales: Sequence[Scale], *, short: bool = False) -> None:
        super().__init__(ids, scales)
        self.error = np.zeros(len(ids), np.uint8)
        self._length = 6 if short else 8

    def reply(self, index: NDArray[np.intp]) -> CanBatch:
        """To identifier 0."""
        data = self._state(index)
        data[:, 0] = np.array(self.ids, np.uint8)[index]
        if self._length == 8:
            data[:, 6], data[:, 7] = self._degrees(index, 40.0), self.error[index]
        lengths = np.full(len(index), self._length, np.uint8)
        return CanBatch(np.zeros(len(index), np.uint32), lengths, data)


class RobStrideMitBoards(MitBoards):
    """RobStride motors in MIT mode."""

    def __init__(self, ids: Sequence[int], scales: Sequence[Scale], host: int = 0xFD) -> None:
        super().__init__(ids, scales)
        self.faults = np.zeros(len(ids), np.uint32)  # bits of robstride.codec.FAULT_BITS
        self._host = host

    def special(self, index: int, argument: int, code: int, now: float) -> CanBatch:
        """With an argument some have another meaning."""
        if code == codec.CLEAR_FAULT and argument != 0xFF:
            word = int(self.faults[index]).to_bytes(4, "little")
            return CanBatch.of([(self._host, bytes([self.ids[index]]) + word + bytes(3))])
        if code == codec.ENABLE and argument != 0xFF:  # run mode
            return self.reply(np.array([index]))
        return super().special(index, argument, code, now)

    def switch(self, index: int, on: bool) -> None:
        """A faulty board stays off."""
        super().switch(index, on and not self.faults[index])

    def clear(self, index: int) -> None:
        """Forget a fault."""
        self.faults[index] = 0

    def reply(self, index: NDArray[np.intp]) -> CanBatch:
        """To the host's identifier."""
        data = self._state(index)
        data[:, 0] = np.array(self.ids, np.uint8)[index]
        tenths = np.rint(self.temperature[index] * 10.0).astype(np.uint16)
        data[:, 6], data[:, 7] = tenths >> 8, tenths & 0xFF
        return classic(np.full(len(index), self._host, np.uint32), data)


@dataclass
class DamiaoMemory:
    """Registers of one board, and what it would have after a restart."""

    values: dict[int, float]
    stored: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stored = dict(self.values)


class DamiaoBoards(MitBoards):
    """DM motors, with registers, status and watchdog."""

    def __init__(self, ids: Sequence[int], scales: Sequence[Scale]) -> None:
        super().__init__(ids, scales)
        self.status = np.full(len(ids), int(Status.DISABLED))
        self.voltage = np.full(len(ids), 48.0)  # [V]
        self.memory = [
            DamiaoMemory(
                {
                    Register.UV_VALUE: 15.0,
                    Register.OT_VALUE: 100.0,
                    Register.MST_ID: board + 0x10,
                    Register.ESC_ID: board,
                    Register.TIMEOUT: 0,
                    Register.CTRL_MODE: registers.MODE_MIT,
                    Register.SW_VER: 5013,
                    Register.GEAR: 10.0,
                    Register.PMAX: scale.position,
                    Register.VMAX: scale.velocity,
                    Register.TMAX: scale.torque,
                    Register.CAN_BAUD: registers.BAUD_CODES[1_000_000],
                }
            )
            for board, scale in zip(ids, scales, strict=True)
        ]

    def fail(self, index: int, status: Status) -> None:
        """Something goes wrong: torque off, latched until cleared."""
        self.status[index] = status
        self.enabled[index] = False

    def watch(self, now: float) -> None:
        """The watchdogs."""
        timeout = np.array([memory.values[Register.TIMEOUT] for memory in self.memory])
        late = now - self._fed > timeout * registers.TIMEOUT_UNIT
        for index in np.flatnonzero(self.enabled & (timeout > 0) & late):
            self.fail(int(index), Status.COMMUNICATION_LOST)

    def power_cycle(self, index: int) -> None:
        """Registers are those stored."""
        super().power_cycle(index)
        self.status[index] = Status.DISABLED
        memory = self.memory[index]
        memory.values = dict(memory.stored)
        self._adopt(index)

    def switch(self, index: int, on: bool) -> None:
        """A faulty board stays off, and stays faulty."""
        if self.status[index] in (Status.DISABLED, Status.ENABLED):
            super().switch(index, on)
            self.status[index] = Status.ENABLED if on else Status.DISABLED
        else:
            super().switch(index, False)

    def clear(self, index: int) -> None:
        """Forget a fault."""
        if self.status[index] != Status.ENABLED:
            self.status[index] = Status.DISABLED

    def other(self, identifier: int, payload: bytes, now: float) -> CanBatch:
        """Register access."""
        access = registers.parse_register(payload)
        if identifier != registers.REGISTER_ID or access is None:
            return NO_FRAMES
        index = self._at.get(access.board, -1)
        if index < 0 or not self.present[index]:
            return NO_FRAMES
        if access.operation == registers.REFRESH:
            return self.reply(np.array([index]))
        values = self.memory[index].values
        if access.operation == registers.STORE:
            if self.enabled[index]:
                return NO_FRAMES
            self.memory[index].stored = dict(values)
            return self._answer(index, payload)
        if access.register == Register.VBUS:
            return self._answer(index, payload, float(self.voltage[index]))
        if access.register not in values:
            return NO_FRAMES
        if access.operation == registers.WRITE:
            values[access.register] = access.value
            answer = self._answer(index, payload, access.value)
            self._adopt(index)
            return answer
        return self._answer(index, payload, values[access.register])

    def _adopt(self, index: int) -> None:
        """Make registers effective."""
        values, scales = self.memory[index].values, self.scales
        scales.position[index] = values[Register.PMAX]
        scales.velocity[index] = values[Register.VMAX]
        scales.torque[index] = values[Register.TMAX]
        del self._at[self.ids[index]]
        self.ids[index] = int(values[Register.ESC_ID])
        self._at[self.ids[index]] = index

    def _answer(self, index: int, payload: bytes, value: float | None = None) -> CanBatch:
        """The payload again, with the value."""
        master = int(self.memory[index].values[Register.MST_ID])
        data = payload
        if value is not None:
            data = payload[:4] + registers.to_bytes(payload[3], value)
        return CanBatch.of([(master, data)])

    def reply(self, index: NDArray[np.intp]) -> CanBatch:
        """To the feedback identifier of each."""
        data = self._state(index)
        low = np.array(self.ids, np.int64)[index] & 0xF
        data[:, 0] = self.status[index] << 4 | low
        data[:, 6] = data[:, 7] = self._degrees(index)
        masters = [int(self.memory[i].values[Register.MST_ID]) for i in index]
        return classic(np.array(masters, np.uint32), data)
