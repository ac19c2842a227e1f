"""Emulated LX-16A servos.

Written from Hiwonder's text; where that is silent the emulator does what is worse for the host: a
move switches torque on, and a servo that is too hot or at a wrong voltage gives no torque without
saying so.
"""

import struct
from collections.abc import Sequence
from typing import Any

from humanoid_hal.drivers.lx16a.codec import BROADCAST, ID_READ, Packet, make_packet, scanner
from humanoid_hal.drivers.lx16a.protocol import TURNAROUND
from humanoid_hal.drivers.lx16a.registers import COUNTS, MIDDLE, RADIAN, TABLE, stall_torque
from humanoid_hal.emulation.boards import Reply
from humanoid_hal.emulation.motors import SUPPLY, Motors
from humanoid_hal.emulation.servos import ServoBoards

BAUD = 115_200
_MOVE, _MOVE_WAIT, _MOVE_START, _MOVE_STOP, _OFFSET_SAVE = 1, 7, 11, 12, 18
_SUPPLY = 7.4  # [V]
#: [s] from power to the first answer. Assumed.
BOOT = 0.1
#: [rad] error at which the servo asks for all its torque, and damping over stiffness [s]. Assumed.
_FULL_TORQUE_ERROR, _DAMPING_TIME = 0.1, 0.03
#: Parameters of read commands, as they come from the factory, and which of them survive a restart.
_FACTORY: dict[int, tuple[int, ...]] = {
    2: (0, 0), 8: (0, 0), 14: (1,), 19: (0,), 21: (0, COUNTS), 23: (6500, 12000), 25: (85,),
    30: (0, 0, 0), 32: (0,), 34: (0,), 36: (7,),
}  # fmt: skip
_KEPT = (14, 19, 21, 23, 25, 34, 36)
#: Write commands and the read command of the same values.
_WRITES = {entry.write: entry.read for entry in TABLE.values() if entry.write} | {_MOVE_WAIT: 8}
_LAYOUTS = {entry.read: entry.layout for entry in TABLE.values()} | {8: "<HH"}


class Servo:
    """One servo: the parameters of its commands, and what they do."""

    def __init__(self, motors: Motors, index: int) -> None:
        self.motors, self.index = motors, index
        device = motors.devices[index]
        self._torque = device.settings.get("stall_torque", stall_torque(device.model))
        self.values = {**_FACTORY, 14: (device.id,)}
        self._saved_offset = 0
        self._move = 0.0, 0.0, 0.0, 0.0  # [counts] from, to; [s] begin, duration
        self.boots_until = 0.0  # [s]
        self.ahead = 0.0  # [s] the law set now will act so long: the move is aimed there

    @property
    def id(self) -> int:
        """Its address on the bus."""
        return self.values[14][0]

    @property
    def counts(self) -> float:
        """Where it stands, in its own counts."""
        return self.motors.position[self.index] / RADIAN + MIDDLE - self.values[19][0]

    def read(self, command: int) -> bytes | None:
        """The parameters of the answer; None: it is no read command."""
        motors, i = self.motors, self.index
        measured = {
            26: round(min(max(motors.temperature[i], 0), 255)),
            27: round(min(max(motors.voltage[i], 0.0), 65.0) * 1000),
            28: round(min(max(self.counts, -32768), 32767)),
        }
        values = (measured[command],) if command in measured else self.values.get(command)
        return None if values is None else struct.pack(_LAYOUTS[command], *values)

    def write(self, command: int, parameters: bytes, now: float) -> None:
        """Execute a write command."""
        if command == _MOVE_START:
            self._begin(self.values[8], now)
        elif command == _MOVE_STOP:
            self._move = self.counts, self.counts, now, 0.0
        elif command == _OFFSET_SAVE:
            self._saved_offset = self.values[19][0]
        elif command in _WRITES:
            read = _WRITES[command]
            if len(parameters) != struct.calcsize(_LAYOUTS[read]):
                return
            values = struct.unpack(_LAYOUTS[read], parameters)
            if command == 13 and values[0] > 253:
                return
            self.values[read] = values
            if command == _MOVE:
                self._begin(values, now)
        self.apply(now)

    def reboot(self, now: float) -> None:
        """Torque off; what is not kept without power is as from the factory."""
        kept = {command: self.values[command] for command in _KEPT}
        self.values = {**_FACTORY, **kept, 19: (self._saved_offset,)}
        self.boots_until = now + BOOT
        self.apply(now)

    def apply(self, now: float) -> None:
        """The law of its motor: a position controller with the servo's own gains."""
        motors, i = self.motors, self.index
        motors.relax(i)
        low, high = (limit * 0.001 for limit in self.values[23])
        fit = low <= motors.voltage[i] <= high and motors.temperature[i] <= self.values[25][0]
        if not (self.values[32][0] and fit) or self.values[30][0]:
            return
        goal = self._goal(now + self.ahead) + self.values[19][0]
        motors.powered[i] = True
        motors.target[i] = (goal - MIDDLE) * RADIAN
        motors.speed[i] = 0.0
        motors.stiffness[i] = self._torque / _FULL_TORQUE_ERROR
        motors.damping[i] = motors.stiffness[i] * _DAMPING_TIME

    def _goal(self, now: float) -> float:
        """Where the move is at `now` [s], in counts."""
        begin, end, start, duration = self._move
        share = min(1.0, (now - start) / duration) if duration > 0.0 else 1.0
        return begin + share * (end - begin)

    def _begin(self, move: Sequence[int], now: float) -> None:
        counts, milliseconds = move
        least, most = self.values[21]
        begin = self._goal(now) if self.values[32][0] else self.counts
        self._move = begin, float(min(max(counts, least), most)), now, milliseconds * 0.001
        self.values[32] = (1,)


class Lx16aBoards(ServoBoards[Servo]):
    """All servos of one bus."""

    def __init__(self, motors: Motors, options: Any = None) -> None:
        """See :class:`Boards`. The supply is theirs where the plant knows none."""
        super().__init__(motors, [Servo(motors, index) for index in range(len(motors.devices))])
        motors.voltage[motors.voltage == SUPPLY] = _SUPPLY
        self._scanner = scanner()

    def receive(self, payload: bytes, now: float, baud: int | None) -> Sequence[Reply[bytes]]:
        """See :meth:`Boards.receive`."""
        if baud not in (None, BAUD):
            return ()
        replies: list[Reply[bytes]] = []
        for packet in self._scanner.feed(payload):
            for servo in self.servos:
                if packet.id in (BROADCAST, servo.id) and now >= servo.boots_until:
                    replies += self._execute(packet, servo, now)
        return replies

    def age(self, servo: Servo, now: float) -> None:
        """See :meth:`ServoBoards.age`."""
        servo.ahead = now - self._now
        servo.apply(now)

    def restart(self, servo: Servo) -> None:
        """See :meth:`ServoBoards.restart`."""
        servo.reboot(self._now)

    def overload(self, servo: Servo) -> None:
        """They tell none."""
        raise ValueError("LX-16A servos know no overload error")

    def _execute(self, packet: Packet, servo: Servo, now: float) -> list[Reply[bytes]]:
        if self._faulty.mutes(servo.id):
            return []
        id, command = servo.id, packet.command
        answer = self.misread(servo, lambda: servo.read(command))
        if answer is None:
            servo.write(command, packet.parameters, now)
            return []
        if packet.id == BROADCAST and command != ID_READ:
            return []
        if command == 28:
            answer = self._faulty.held(id, answer)
        sent = self._faulty.spoiled(id, make_packet(id, command, answer))
        return [Reply(sent, TURNAROUND + self._faulty.lateness(id))]
