"""Emulated RobStride and CyberGear boards on their private protocol."""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.can import EXTENDED, CanBatch
from humanoid_hal.can.frames import select
from humanoid_hal.drivers.mit.models import ROBSTRIDE, stack
from humanoid_hal.drivers.robstride import codec, parameters
from humanoid_hal.drivers.robstride.codec import Type
from humanoid_hal.drivers.robstride.parameters import Parameter
from humanoid_hal.emulation.can import CanBoards
from humanoid_hal.emulation.mit import HOT, WEAK, scale_on_board
from humanoid_hal.emulation.motors import Motors

Replies = Sequence[tuple[int, CanBatch]]
Index = NDArray[np.intp]
_UNDER_VOLTAGE, _OVER_TEMPERATURE, _STALL = 1 << 0, 1 << 2, 1 << 4
_KNOWN = {
    p.index: p
    for p in (
        parameters.RUN_MODE,
        parameters.MECH_POS,
        parameters.MECH_VEL,
        parameters.VBUS,
        parameters.CAN_TIMEOUT,
    )
}


class RobStrideBoards(CanBoards):
    """See :class:`Boards`. A CyberGear has no watchdog."""

    def __init__(self, motors: Motors, options: Any = None) -> None:
        """See :meth:`Boards.__init__`."""
        super().__init__(motors, options)
        n = len(self.ids)
        devices = motors.devices
        self.scales = stack(scale_on_board(ROBSTRIDE, device) for device in devices)
        self.faults = np.zeros(n, np.int64)
        self.offset = np.zeros(n)  # [rad] what "here is zero" subtracts
        self.fed = np.zeros(n)  # [s] when the last order came
        self.host = codec.HOST  # who asked last, and is answered
        self.stored = [dict.fromkeys(_KNOWN, 0.0) for _ in devices]
        self.ram = [dict(values) for values in self.stored]
        for values, device in zip(self.ram, devices, strict=True):
            if device.model == "CyberGear":
                del values[parameters.CAN_TIMEOUT.index]

    def watch(self, now: float) -> None:
        """Watchdogs and protections."""
        self.faults[self.temperature() >= HOT] |= _OVER_TEMPERATURE
        self.faults[self.voltage() < WEAK] |= _UNDER_VOLTAGE
        for index in np.flatnonzero(self.motors.powered):
            timeout = self.ram[index].get(parameters.CAN_TIMEOUT.index, 0.0)
            late = now - self.fed[index] > timeout * parameters.TIMEOUT_UNIT
            if self.faults[index] or (timeout and late):
                self.switch(int(index), False)

    def reboot(self, index: int) -> None:
        """See :meth:`CanBoards.reboot`."""
        self.switch(index, False)
        self.faults[index] = 0
        self.ram[index] = {key: self.stored[index][key] for key in self.ram[index]}

    def overload(self, index: int) -> None:
        """See :meth:`CanBoards.overload`."""
        self.faults[index] |= _STALL

    def execute(self, payload: CanBatch, now: float) -> Replies:
        """See :meth:`CanBoards.execute`. A whole cycle of commands is done at once."""
        index = np.array([self.at.get(int(i) & 0xFF, -1) for i in payload.ids], np.intp)
        control = (payload.ids >> 24) == (EXTENDED >> 24 | Type.CONTROL)
        if control.all() and (index >= 0).all() and len(np.unique(index)) == len(index):
            return self._obey(index, payload, now)
        replies: list[tuple[int, CanBatch]] = []
        for row, (identifier, data) in enumerate(payload.frames()):
            one = index[row : row + 1]
            if one[0] < 0 or not identifier & EXTENDED or len(data) != 8:
                continue
            if control[row]:
                replies += self._obey(one, select(payload, np.array([row])), now)
            elif self.hears(one)[0]:
                self.fed[one] = now
                replies.append((int(one[0]), self._order(int(one[0]), identifier, data)))
        return replies

    def _obey(self, index: Index, batch: CanBatch, now: float) -> Replies:
        here = self.hears(index)
        index = index[here]
        if not index.size:
            return ()
        law = codec.parse_control(self.scales.at(index), select(batch, here))
        self.set_law(index, (law[0] + self.offset[index], *law[1:]))
        self.fed[index] = now
        return self.separate(index, self.state(index))

    def state(self, index: Index) -> CanBatch:
        """Feedback of boards."""
        position, velocity, torque = self.measured(index)
        mode = np.where(self.motors.powered[index], codec.MODE_RUN, codec.MODE_RESET)
        return codec.make_feedback(
            np.array(self.ids)[index],
            self.host,
            self.scales.at(index),
            position - self.offset[index],
            velocity,
            torque,
            self.temperature()[index],
            self.faults[index],
            mode,
        )

    def _order(self, index: int, identifier: int, data: bytes) -> CanBatch:
        """Everything but a command of the cycle; the answer."""
        kind = identifier >> 24 & 0x1F
        self.host = identifier >> 8 & 0xFF
        if kind == Type.GET_ID:
            return self._identity(index)
        if kind == Type.READ:
            return self._read(index, data)
        if kind == Type.SET_ID:
            self.ids[index] = identifier >> 16 & 0xFF
            self.at = {board: place for place, board in enumerate(self.ids)}
            return self._identity(index)
        if kind == Type.ENABLE:
            self.switch(index, not self.faults[index])
        elif kind == Type.STOP:
            self.switch(index, False)
            self.faults[index] *= not data[0]
            self.watch(self.fed[index])
        elif kind == Type.SET_ZERO:
            self.offset[index] = self.motors.position[index]
        elif kind == Type.SAVE:
            self.stored[index].update(self.ram[index])
        elif kind == Type.WRITE:
            (number,) = struct.unpack_from("<H", data)
            if number in self.ram[index]:
                self.ram[index][number] = _KNOWN[number].unpack(data[4:])
        return self.state(np.array([index]))

    def _read(self, index: int, data: bytes) -> CanBatch:
        (number,) = struct.unpack_from("<H", data)
        board = self.ids[index]
        if number not in self.ram[index]:
            return codec.make_parameter(board, number, bytes(4), ok=False, host=self.host)
        parameter = _KNOWN[number]
        raw = parameter.pack(self._value(index, parameter))
        return codec.make_parameter(board, number, raw, host=self.host)

    def _value(self, index: int, parameter: Parameter) -> float:
        if parameter is parameters.VBUS:
            return float(self.voltage()[index])
        if parameter is parameters.MECH_POS:
            return float(self.motors.position[index] - self.offset[index])
        if parameter is parameters.MECH_VEL:
            return float(self.motors.velocity[index])
        return self.ram[index][parameter.index]

    def _identity(self, index: int) -> CanBatch:
        return codec.make_identity(self.ids[index], struct.pack("<Q", 0x5253_0000 + index))
