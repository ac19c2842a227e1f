"""Emulated MIT motors: Damiao, CubeMars AK, RobStride in MIT mode."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.device import Device
from humanoid_hal.can.frames import classic
from humanoid_hal.drivers.mit import codec
from humanoid_hal.drivers.mit import damiao_registers as registers
from humanoid_hal.drivers.mit.damiao_registers import Register, Status
from humanoid_hal.drivers.mit.models import (
    CUBEMARS,
    DAMIAO,
    ROBSTRIDE,
    Candidate,
    Scale,
    candidates_of,
    stack,
)
from humanoid_hal.drivers.mit.protocol import stated_scale
from humanoid_hal.emulation.can import CanBoards
from humanoid_hal.emulation.motors import Motors

Index = NDArray[np.intp]
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
        index = np.array([self.at.get(int(i), -1) for i in payload.ids], np.intp)
        simple = (index >= 0) & (payload.lengths == 8)
        special = (payload.data[:, :6] == 0xFF).all(axis=1)
        if simple.all() and not special.any() and len(np.unique(index)) == len(index):
            return self._obey(index, payload.data, now)
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

    def _obey(self, index: Index, data: NDArray[np.uint8], now: float) -> Replies:
        """MIT commands to different boards."""
        here = self.hears(index)
        index = index[here]
        if not index.size:
            return ()
        law = codec.unpack_command(self.scales.at(index), data[here])
        self.set_law(index, (law[0] + self.offset[index], *law[1:]))
        self.fed[index] = now
        return self.separate(index, self.state(index))

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
            self.scales.at(index), position - self.offset[index], velocity, torque
        )

    def degrees(self, index: Index, offset: float = 0.0) -> NDArray[np.uint8]:
        """Temperatures as one byte."""
        return np.clip(np.rint(self.temperature()[index] + offset), 0, 255).astype(np.uint8)

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
        lengths = np.full(len(index), self.length, np.uint8)
        return CanBatch(np.zeros(len(index), np.uint32), lengths, data)


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
        return classic(np.full(len(index), self.host, np.uint32), data)


@dataclass
class DamiaoMemory:
    """Registers of one board, and what it would have after a restart."""

    values: dict[int, float]
    stored: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stored = dict(self.values)


def _memory(device: Device, scale: Scale) -> DamiaoMemory:
    return DamiaoMemory(
        {
            Register.UV_VALUE: 15.0,
            Register.OT_VALUE: 100.0,
            Register.MST_ID: device.settings.get("master_id", device.id + 0x10),
            Register.ESC_ID: device.id,
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


class DamiaoBoards(MitBoards):
    """DM motors, with registers, status and watchdog."""

    table = DAMIAO

    def __init__(self, motors: Motors, options: Any = None) -> None:
        """See :meth:`Boards.__init__`."""
        super().__init__(motors, options)
        self.status = np.full(len(self.ids), int(Status.DISABLED))
        self.memory = [_memory(device, scale_on_board(DAMIAO, device)) for device in motors.devices]
        self._cache()

    def fail(self, index: int, status: int) -> None:
        """Something goes wrong: torque off, latched until cleared."""
        self.status[index] = status
        super().switch(index, False)

    def watch(self, now: float) -> None:
        """Watchdogs and protections of boards with torque."""
        on = self.motors.powered
        if not on.any():
            return
        late = (self._timeout > 0) & (now - self.fed > self._timeout)
        for status, wrong in (
            (Status.COMMUNICATION_LOST, late),
            (Status.ROTOR_TEMPERATURE, self.temperature() >= self._hot),
            (Status.UNDER_VOLTAGE, self.voltage() < self._weak),
        ):
            for index in np.flatnonzero(wrong & on):
                self.fail(int(index), status)

    def reboot(self, index: int) -> None:
        """See :meth:`CanBoards.reboot`. Registers are those stored."""
        self.fail(index, Status.DISABLED)
        self.memory[index].values = dict(self.memory[index].stored)
        self._cache()

    def overload(self, index: int) -> None:
        """See :meth:`CanBoards.overload`."""
        self.fail(index, Status.OVERLOAD)

    def switch(self, index: int, on: bool) -> None:
        """A faulty board stays off, and stays faulty."""
        healthy = self.status[index] in (Status.DISABLED, Status.ENABLED)
        super().switch(index, on and healthy)
        if healthy:
            self.status[index] = Status.ENABLED if on else Status.DISABLED

    def forgive(self, index: int) -> None:
        """See :meth:`MitBoards.forgive`."""
        if self.status[index] != Status.ENABLED:
            self.status[index] = Status.DISABLED

    def other(self, identifier: int, data: bytes) -> Replies:
        """Register access."""
        access = registers.parse_register(data)
        if identifier != registers.REGISTER_ID or access is None:
            return ()
        index = self.at.get(access.board, -1)
        if index < 0 or not self.hears(np.array([index]))[0]:
            return ()
        if access.operation == registers.REFRESH:
            return [(index, self.state(np.array([index])))]
        master = int(self._masters[index])  # also of the answer to its own change
        answer = self._access(index, access)
        if answer is None:
            return ()
        payload = data[:4] + registers.to_bytes(access.register, answer)
        return [(index, CanBatch.of([(master, payload)]))]

    def _access(self, index: int, access: registers.RegisterValue) -> float | None:
        """Execute; the value in the answer, or None: there is no answer."""
        memory = self.memory[index]
        if access.operation == registers.STORE:
            if self.motors.powered[index]:
                return None
            memory.stored = dict(memory.values)
            return 0.0
        if access.register == Register.VBUS:
            return float(self.voltage()[index])
        if access.register not in memory.values:
            return None
        if access.operation == registers.WRITE:
            memory.values[access.register] = access.value
            self._cache()
            return access.value
        return memory.values[access.register]

    def _cache(self) -> None:
        """The registers as arrays."""

        def column(register: Register) -> NDArray[np.float64]:
            return np.array([memory.values[register] for memory in self.memory])

        self._timeout = column(Register.TIMEOUT) * registers.TIMEOUT_UNIT
        self._hot, self._weak = column(Register.OT_VALUE), column(Register.UV_VALUE)
        self._masters = column(Register.MST_ID).astype(np.uint32)
        self.scales = codec.Scales(
            column(Register.PMAX),
            column(Register.VMAX),
            column(Register.TMAX),
            *self.scales.full[3:],
        )
        self.ids[:] = [int(i) for i in column(Register.ESC_ID)]
        self.at = {board: index for index, board in enumerate(self.ids)}

    def state(self, index: Index) -> CanBatch:
        """To the feedback identifier of each."""
        data = self.payloads(index)
        low = np.array(self.ids, np.int64)[index] & 0xF
        data[:, 0] = self.status[index] << 4 | low
        data[:, 6] = data[:, 7] = self.degrees(index)
        return classic(self._masters[index], data)
