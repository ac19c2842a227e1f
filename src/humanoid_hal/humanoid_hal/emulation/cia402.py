"""Emulated CiA 402 drives on CANopen."""

import struct
from collections.abc import Sequence
from math import pi
from typing import Any

import numpy as np

from humanoid_hal.bus.can import CanBatch, joined
from humanoid_hal.drivers.cia402 import codec, objects
from humanoid_hal.drivers.cia402.objects import Object, State
from humanoid_hal.emulation.boards import Reply
from humanoid_hal.emulation.can import CanBoards
from humanoid_hal.emulation.motors import Motors

#: Of the emulated drives: increments per turn, gear, rated torque [mN m] of the motor.
INCREMENTS, GEAR, RATED = 65536, 10, 1000
#: Position loop of a drive in mode CSP, at its output shaft: [N m/rad], [N m s/rad].
STIFFNESS, DAMPING = 400.0, 8.0
_UNDER_VOLTAGE, _OVER_TEMPERATURE, _OVER_CURRENT, _HEARTBEAT = 0x3220, 0x4310, 0x2310, 0x8130


def _key(item: Object) -> tuple[int, int]:
    return item.index, item.sub


class CiA402Boards(CanBoards):
    """See :class:`Boards`."""

    def __init__(self, motors: Motors, options: Any = None) -> None:
        """See :meth:`Boards.__init__`."""
        super().__init__(motors, options)
        n = len(self.ids)
        self.increment = 2.0 * pi / INCREMENTS / GEAR  # [rad] of the output shaft
        self.permille = RATED * 1e-6 * GEAR  # [N m] of the output shaft
        self.state = [State.SWITCH_ON_DISABLED] * n
        self.error = [0] * n
        self.operational = np.zeros(n, np.bool_)
        self.dictionary: list[dict[tuple[int, int], int]] = [self._factory() for _ in self.ids]
        self._heard: dict[int, float] = {}  # node to the time of its last heartbeat [s]
        self._pending: list[CanBatch] = []  # emergencies and boot-ups that are not sent yet

    @staticmethod
    def _factory() -> dict[tuple[int, int], int]:
        return {
            _key(objects.DEVICE_TYPE): 0x0002_0192,
            _key(objects.VENDOR): 0x5EED,
            _key(objects.CONSUMER_HEARTBEAT): 0,
            _key(objects.ABORT_OPTION): 1,
            _key(objects.MODE): 0,
            _key(objects.TARGET_POSITION): 0,
            _key(objects.TARGET_TORQUE): 0,
            _key(objects.CONTROLWORD): 0,
            _key(objects.INCREMENTS): INCREMENTS,
            _key(objects.ENCODER_TURNS): 1,
            _key(objects.GEAR_MOTOR): GEAR,
            _key(objects.GEAR_SHAFT): 1,
            _key(objects.RATED_TORQUE): RATED,
        }

    # -- CanBoards --------------------------------------------------------------------------------

    def watch(self, now: float) -> None:
        """Heartbeat consumer and protections of drives with their output stage on."""
        degrees, volts = self.temperature(), self.voltage()
        for index in np.flatnonzero(self.motors.powered):
            entry = self.dictionary[index][_key(objects.CONSUMER_HEARTBEAT)]
            limit = (entry & 0xFFFF) * 1e-3
            if limit and now - self._heard.get(entry >> 16, now) > limit:
                self.fail(int(index), _HEARTBEAT)
            elif degrees[index] >= 100.0:
                self.fail(int(index), _OVER_TEMPERATURE)
            elif volts[index] < 10.0:
                self.fail(int(index), _UNDER_VOLTAGE)

    def fail(self, index: int, code: int) -> None:
        """Something goes wrong: output stage off, an emergency message, latched until reset."""
        self.state[index], self.error[index] = State.FAULT, code
        self.switch(index, False)
        message = struct.pack("<HB5x", code, 1)
        self._pending.append(CanBatch.of([(codec.EMERGENCY + self.ids[index], message)]))

    def reboot(self, index: int) -> None:
        """See :meth:`CanBoards.reboot`."""
        self.switch(index, False)
        self.state[index], self.error[index] = State.SWITCH_ON_DISABLED, 0
        self.operational[index] = False
        self.dictionary[index] = self._factory()
        self._pending.append(CanBatch.of([(codec.HEARTBEAT + self.ids[index], b"\0")]))

    def overload(self, index: int) -> None:
        """See :meth:`CanBoards.overload`."""
        self.fail(index, _OVER_CURRENT)

    def tick(self, now: float) -> Sequence[Reply[CanBatch]]:
        """Emergencies and boot-ups."""
        super().tick(now)
        pending, self._pending = self._pending, []
        return [Reply(joined(pending))] if pending else ()

    def execute(self, payload: CanBatch, now: float) -> Sequence[tuple[int, CanBatch]]:
        """See :meth:`CanBoards.execute`."""
        replies: list[tuple[int, CanBatch]] = []
        for identifier, data in payload.frames():
            function, node = identifier & 0x780, identifier & 0x7F
            if identifier == codec.SYNC:
                for index in range(len(self.ids)):
                    if self.operational[index] and self.hears(np.array([index]))[0]:
                        self._follow(index)
                        replies.append((index, self._process_data(index)))
            elif identifier == 0 and len(data) == 2:
                self._nmt(data[0], data[1])
            elif function == codec.HEARTBEAT:
                self._heard[node] = now
            elif (index := self.at.get(node, -1)) >= 0 and self.hears(np.array([index]))[0]:
                if function == codec.SDO_TO and len(data) == 8:
                    replies.append((index, self._sdo(index, data)))
                elif function == codec.RPDO1 and len(data) == 8 and self.operational[index]:
                    control, position, torque = struct.unpack("<Hih", data)
                    values = self.dictionary[index]
                    values[_key(objects.TARGET_POSITION)] = position
                    values[_key(objects.TARGET_TORQUE)] = torque
                    self._control(index, control)
        return replies

    # -- one drive ----------------------------------------------------------------------------------

    def _nmt(self, order: int, node: int) -> None:
        for index in (
            [self.at[node]] if node in self.at else range(len(self.ids)) if not node else ()
        ):
            if order == codec.RESET:
                self.reboot(index)
            else:
                self.operational[index] = order == codec.START

    def _control(self, index: int, word: int) -> None:
        """The state machine of the drive profile."""
        state = self.state[index]
        if state is State.FAULT:
            self.state[index] = State.SWITCH_ON_DISABLED if word & 0x80 else State.FAULT
            self.error[index] *= self.state[index] is State.FAULT
        elif not word & 0x02:  # disable voltage
            self.state[index] = State.SWITCH_ON_DISABLED
        elif word & 0x0F == objects.SHUTDOWN:
            self.state[index] = State.READY_TO_SWITCH_ON
        elif word & 0x0F == objects.SWITCH_ON and state is not State.SWITCH_ON_DISABLED:
            self.state[index] = State.SWITCHED_ON
        elif word & 0x0F == objects.ENABLE_OPERATION and state is State.SWITCHED_ON:
            self.state[index] = State.OPERATION_ENABLED
        on = self.state[index] is State.OPERATION_ENABLED
        if on != self.motors.powered[index]:
            self.switch(index, on)
            self._follow(index)

    def _follow(self, index: int) -> None:
        """Act on the newest targets."""
        values = self.dictionary[index]
        if values[_key(objects.MODE)] == objects.CSP:
            target = values[_key(objects.TARGET_POSITION)] * self.increment
            law = (target, 0.0, 0.0, STIFFNESS, DAMPING)
        else:
            law = (0.0, 0.0, values[_key(objects.TARGET_TORQUE)] * self.permille, 0.0, 0.0)
        self.set_law(np.array([index]), tuple(np.array([value]) for value in law))

    def _actual(self, index: int) -> dict[tuple[int, int], int]:
        """Objects that are measured."""
        position, velocity, torque = (float(v[0]) for v in self.measured(np.array([index])))
        return {
            _key(objects.STATUSWORD): self.state[index].value[1] | 0x0200,
            _key(objects.POSITION): round(position / self.increment),
            _key(objects.VELOCITY): round(velocity / self.increment),
            _key(objects.TORQUE): round(torque / self.permille),
            _key(objects.ERROR_CODE): self.error[index],
            _key(objects.MODE_DISPLAY): self.dictionary[index][_key(objects.MODE)],
        }

    def _process_data(self, index: int) -> CanBatch:
        actual, node = self._actual(index), self.ids[index]
        first, second = (
            b"".join(
                (actual[_key(item)] & (1 << 8 * item.size) - 1).to_bytes(item.size, "little")
                for item in items
            )
            for items in codec.SENT
        )
        return CanBatch.of([(codec.TPDO1 + node, first), (codec.TPDO2 + node, second)])

    def _sdo(self, index: int, data: bytes) -> CanBatch:
        """The expedited SDO server."""
        head, number, sub = struct.unpack_from("<BHB", data)
        key, values = (number, sub), self.dictionary[index]
        answer = struct.pack("<BHBI", 0x80, number, sub, 0x0602_0000)
        if head == 0x40:
            known = values | self._actual(index)
            if key in known:
                answer = struct.pack("<BHB", 0x43, number, sub)
                answer += (known[key] & 0xFFFF_FFFF).to_bytes(4, "little")
        elif head & 0xF3 == 0x23 and (key in values or number >> 8 in (0x14, 0x16, 0x18, 0x1A)):
            size = 4 - (head >> 2 & 3)
            signed = number >= 0x6000
            values[key] = int.from_bytes(data[4 : 4 + size], "little", signed=signed)
            answer = struct.pack("<BHBI", 0x60, number, sub, 0)
            if key == _key(objects.CONTROLWORD):
                self._control(index, values[key])
        return CanBatch.of([(codec.SDO_FROM + self.ids[index], answer)])
