"""Emulated ODrive axes: CANSimple, streams, errors, watchdog."""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from humanoid_hal.bus.can import CanBatch, joined
from humanoid_hal.can.frames import REMOTE
from humanoid_hal.drivers.odrive import codec
from humanoid_hal.drivers.odrive.codec import Cmd
from humanoid_hal.drivers.odrive.protocol import ODriveOptions
from humanoid_hal.emulation.boards import Reply
from humanoid_hal.emulation.can import CanBoards
from humanoid_hal.emulation.motors import Motors

#: [s] between heartbeats, and between reports of temperatures and supply.
_HEARTBEAT = 0.1
_VERSION = bytes((2, 4, 4, 58, 0, 6, 10, 0))  # ODrive Pro, firmware 0.6.10
_UNDER_VOLTAGE, _OVER_TEMPERATURE, _OVERLOAD, _WATCHDOG = 1 << 9, 1 << 13, 1 << 12, 1 << 24


class ODriveBoards(CanBoards):
    """See :class:`Boards`."""

    def __init__(self, motors: Motors, options: Any = None) -> None:
        """See :meth:`Boards.__init__`."""
        super().__init__(motors, options)
        n = len(self.ids)
        own: ODriveOptions = options or ODriveOptions()
        self.watchdog_on, self.watchdog_timeout = own.enable_watchdog, own.watchdog_timeout
        self.endpoints: list[dict[int, bytes]] = [{} for _ in self.ids]
        self.error = np.zeros(n, np.int64)
        self.gains = np.zeros((2, n))  # position [1/s], velocity [N m s/rad]
        self.fed = np.zeros(n)
        self._input = np.zeros((3, n))
        self._beat = 0.0
        self._forget()

    def _forget(self) -> None:
        for values in self.endpoints:
            values.clear()
            values[self.watchdog_on] = bytes(4)
            values[self.watchdog_timeout] = bytes(4)

    def watch(self, now: float) -> None:
        """Errors switch torque off until they are cleared."""
        self.error[self.temperature() >= 100.0] |= _OVER_TEMPERATURE
        self.error[self.voltage() < 10.0] |= _UNDER_VOLTAGE
        for index in np.flatnonzero(self.motors.powered):
            values = self.endpoints[index]
            (limit,) = struct.unpack("<f", values[self.watchdog_timeout])
            if self.watchdog_on and values[self.watchdog_on][0] and now - self.fed[index] > limit:
                self.error[index] |= _WATCHDOG
            if self.error[index]:
                self.switch(int(index), False)

    def reboot(self, index: int) -> None:
        """See :meth:`CanBoards.reboot`."""
        self.switch(index, False)
        self.error[index] = 0
        self.endpoints[index] |= {self.watchdog_on: bytes(4), self.watchdog_timeout: bytes(4)}

    def overload(self, index: int) -> None:
        """See :meth:`CanBoards.overload`."""
        self.error[index] |= _OVERLOAD

    def tick(self, now: float) -> Sequence[Reply[CanBatch]]:
        """Estimates and torques every time; the rest at 10 Hz."""
        super().tick(now)
        batches = []
        for index in range(len(self.ids)):
            if self.hears(np.array([index]))[0]:
                batches += [self._message(index, cmd) for cmd in (Cmd.ESTIMATES, Cmd.TORQUES)]
                if now >= self._beat:
                    slow = (Cmd.HEARTBEAT, Cmd.TEMPERATURE, Cmd.BUS)
                    batches += [self._message(index, cmd) for cmd in slow]
        if now >= self._beat:
            self._beat = now + _HEARTBEAT
        return [Reply(joined(batches))] if batches else ()

    def execute(self, payload: CanBatch, now: float) -> Sequence[tuple[int, CanBatch]]:
        """See :meth:`CanBoards.execute`."""
        replies: list[tuple[int, CanBatch]] = []
        for identifier, data in payload.frames():
            index = self.at.get((identifier & 0x7FF) >> 5, -1)
            if index < 0 or not self.hears(np.array([index]))[0]:
                continue
            try:
                replies += self._hear(index, identifier, data, now)
            except (struct.error, KeyError):
                pass  # of a wrong length or unknown: an axis does not answer that
        return replies

    def _hear(
        self, index: int, identifier: int, data: bytes, now: float
    ) -> Sequence[tuple[int, CanBatch]]:
        cmd = identifier & 0x1F
        if identifier & REMOTE:
            return [(index, self._message(index, cmd))]
        if cmd == Cmd.SDO_OUT:
            return self._sdo(index, data)
        self.fed[index] = now
        return self._order(index, cmd, data)

    def _order(self, index: int, cmd: int, data: bytes) -> Sequence[tuple[int, CanBatch]]:
        if cmd == Cmd.STATE:
            (state,) = struct.unpack_from("<I", data)
            self.switch(index, state == codec.CLOSED_LOOP and not self.error[index])
            return [
                (index, self._message(index, Cmd.HEARTBEAT))
            ]  # a real axis lets up to 100 ms pass
        if cmd == Cmd.CLEAR:
            self.error[index] = 0
        elif cmd == Cmd.REBOOT:
            self.reboot(index)
        elif cmd == Cmd.POS_GAIN:
            (self.gains[0, index],) = struct.unpack_from("<f", data)
        elif cmd == Cmd.VEL_GAINS:
            self.gains[1, index] = struct.unpack("<ff", data)[0] / codec.TURN
        elif cmd == Cmd.INPUT_POS:
            position, velocity, torque = struct.unpack("<fhh", data)
            self._input[:, index] = (
                position * codec.TURN,
                velocity * codec.VELOCITY_STEP * codec.TURN,
                torque * codec.TORQUE_STEP,
            )
        pos_gain, damping = self.gains[:, index]
        law = (*self._input[:, index], pos_gain * damping, damping)
        self.set_law(np.array([index]), tuple(np.array([value]) for value in law))
        return ()

    def _sdo(self, index: int, data: bytes) -> Sequence[tuple[int, CanBatch]]:
        write, endpoint = struct.unpack_from("<BH", data)
        if write:
            self.endpoints[index][endpoint] = data[4:]
            return ()
        value = self.endpoints[index].get(endpoint, bytes(4))
        identifier = self.ids[index] << 5 | Cmd.SDO_IN
        answer = struct.pack("<BHB", 0, endpoint, 0) + value
        return [(index, CanBatch.of([(identifier, answer)]))]

    def _message(self, index: int, cmd: int) -> CanBatch:
        """What an axis sends by itself, or when it is asked."""
        node = self.ids[index]
        if cmd == Cmd.HEARTBEAT:
            state = codec.CLOSED_LOOP if self.motors.powered[index] else codec.IDLE
            return codec.make_heartbeat(node, int(self.error[index]), state)
        if cmd == Cmd.VERSION:
            return CanBatch.of([(node << 5 | Cmd.VERSION, _VERSION)])
        position, velocity, torque = (float(value[0]) for value in self.measured(np.array([index])))
        first, second = {
            Cmd.ESTIMATES: (position / codec.TURN, velocity / codec.TURN),
            Cmd.TORQUES: (torque, torque),
            Cmd.TEMPERATURE: (self.temperature()[index],) * 2,
            Cmd.BUS: (self.voltage()[index], 0.0),
        }.get(Cmd(cmd), (0.0, 0.0))
        return codec.make_pairs([node], cmd, np.array([first]), np.array([second]))
