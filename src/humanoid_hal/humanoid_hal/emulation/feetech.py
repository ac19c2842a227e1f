"""Emulated Feetech servos.

Written from Feetech's memory tables; the answers are checked by Feetech's own SDK in the tests.
"""

from collections.abc import Sequence
from typing import Any

from humanoid_hal.drivers.feetech.codec import BROADCAST, Instruction, Packet, make_packet, scanner
from humanoid_hal.drivers.feetech.registers import (
    BAUD_RATES,
    EEPROM_END,
    SCS,
    STS,
    Order,
    find_model,
)
from humanoid_hal.emulation.boards import Reply
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.servos import ServoBoards, raw_baud

#: [s] between the end of an instruction and the answer besides the return delay. Assumed, as of
#: Dynamixels.
TURNAROUND = 50e-6
_VOLTAGE, _HEAT, _OVERLOAD = 0x01, 0x04, 0x20
#: [rad] error at which the servo asks for all its torque, and damping over stiffness [s]. Assumed.
_FULL_TORQUE_ERROR, _DAMPING_TIME = 0.1, 0.03
#: Factory values (STS3215): limits 70 degC, 4 to 14 V here as for the 12 V type.
_FACTORY = {
    "firmware": 0x0A03, "return_delay": 250 * 2e-6, "temperature_limit": 70.0,
    "voltage_max": 25.5, "voltage_min": 4.0, "max_torque": 1.0, "position_p": 32, "lock": 1,
}  # fmt: skip


class Servo:
    """One servo: 128 bytes of memory and what they do."""

    def __init__(self, motors: Motors, index: int) -> None:
        self.motors, self.index = motors, index
        self.model = model = find_model(motors.devices[index].model)
        self.table = STS if model.series == "sts" else SCS
        self.order: Order = "little" if model.series == "sts" else "big"
        self.memory = bytearray(128)
        self.latched = 0  # error bits
        settings = motors.devices[index].settings
        self._torque = settings.get("stall_torque", model.stall_torque)
        for name, value in _FACTORY.items():
            self.set(name, value)
        self.set("model_number", model.number)
        self.set("id", motors.devices[index].id)
        self.set("position_max", model.counts - 1)

    @property
    def id(self) -> int:
        """Its address on the bus."""
        return int(self.get("id"))

    @property
    def baud(self) -> int:
        """The rate it speaks."""
        return BAUD_RATES.get(int(self.get("baud_rate")), 0)

    def get(self, name: str) -> float:
        """Value of a register."""
        entry = self.table[name]
        return entry.decode(
            bytes(self.memory[entry.address : entry.address + entry.size]), self.order
        )

    def set(self, name: str, value: float) -> None:
        """Set a register past all rules."""
        entry = self.table[name]
        data = entry.encode(value, self.order)
        self.memory[entry.address : entry.address + entry.size] = data

    @property
    def error(self) -> int:
        """The error byte of its answers."""
        voltage = float(self.motors.voltage[self.index])
        low = voltage < self.get("voltage_min") or voltage > self.get("voltage_max")
        hot = self.motors.temperature[self.index] > self.get("temperature_limit")
        return self.latched | _VOLTAGE * bool(low) | _HEAT * bool(hot)

    def read(self, address: int, length: int) -> bytes:
        """What a read instruction returns; beyond the memory zeros."""
        self._measure()
        return bytes(self.memory[address : address + length]).ljust(length, b"\0")

    def write(self, address: int, data: bytes) -> None:
        """Execute a write; EEPROM keeps its values while it is locked."""
        locked = self.memory[self.table["lock"].address] != 0
        for place, byte in enumerate(data, address):
            if place < len(self.memory) and not (locked and place < EEPROM_END):
                self.memory[place] = byte
        if address <= self.table["torque_enable"].address < address + len(data):
            self.latched = 0
        self._apply()

    def overload(self) -> None:
        """Latch an overload: torque is off until it is switched anew."""
        self.latched |= _OVERLOAD
        self.set("torque_enable", 0)
        self._apply()

    def _measure(self) -> None:
        motors, i, model = self.motors, self.index, self.model
        signed = self.table["present_position"].sign is not None
        counts = round(motors.position[i] / model.radian) + model.zero
        self.set("present_position", max(-32767 if signed else 0, min(32767, counts)))
        speed = round(motors.velocity[i] / model.radian)
        self.set("present_speed", max(-32767, min(32767, speed)))
        self.set("present_load", max(-1.0, min(1.0, motors.torque[i] / self._torque)))
        self.set("voltage", max(0.0, min(25.5, motors.voltage[i])))
        self.set("temperature", max(0.0, min(255.0, motors.temperature[i])))

    def _apply(self) -> None:
        """The law of its motor: a position controller with the servo's own gains."""
        motors, i, model = self.motors, self.index, self.model
        motors.relax(i)
        if self.get("torque_enable") != 1:
            return
        motors.powered[i] = True
        motors.target[i] = (self.get("goal_position") - model.zero) * model.radian
        motors.speed[i] = 0.0
        motors.stiffness[i] = self._torque / _FULL_TORQUE_ERROR
        motors.damping[i] = motors.stiffness[i] * _DAMPING_TIME


class FeetechBoards(ServoBoards[Servo]):
    """All servos of one bus."""

    def __init__(self, motors: Motors, options: Any = None) -> None:
        """Servos at 1 Mbaud with factory settings; see :meth:`preset`."""
        super().__init__(motors, [Servo(motors, index) for index in range(len(motors.devices))])
        self._scanner = scanner()

    def preset(self, baud: int) -> None:
        """See :meth:`Boards.preset`."""
        for servo in self.servos:
            servo.set("baud_rate", raw_baud(BAUD_RATES, baud, 0))

    def receive(self, payload: bytes, now: float, baud: int | None) -> Sequence[Reply[bytes]]:
        """See :meth:`Boards.receive`."""
        replies: list[Reply[bytes]] = []
        for packet in self._scanner.feed(payload):
            hearing = [
                servo
                for servo in self.servos
                if baud in (None, servo.baud) and not self._faulty.mutes(servo.id)
            ]
            if packet.id == BROADCAST:
                replies += self._broadcast(packet, hearing)
            else:
                for servo in [servo for servo in hearing if servo.id == packet.id]:
                    replies += self._single(packet, servo)
        return replies

    def restart(self, servo: Servo) -> None:
        """See :meth:`ServoBoards.restart`."""
        servo.write(servo.table["torque_enable"].address, b"\0")

    def overload(self, servo: Servo) -> None:
        """See :meth:`ServoBoards.overload`."""
        servo.overload()

    def _single(self, packet: Packet, servo: Servo) -> list[Reply[bytes]]:
        data = packet.parameters
        if packet.kind == Instruction.READ and len(data) == 2:
            return [self._status(servo, self._read(servo, *data))]
        if packet.kind == Instruction.WRITE and len(data) > 1:
            was = servo.id
            servo.write(data[0], data[1:])
            return [self._status(servo, b"", was)]
        return [self._status(servo, b"")] if packet.kind == Instruction.PING else []

    def _broadcast(self, packet: Packet, servos: list[Servo]) -> list[Reply[bytes]]:
        data = packet.parameters
        by_id = {servo.id: servo for servo in servos}
        if packet.kind == Instruction.PING:
            return [self._status(servo, b"") for servo in servos]
        if len(data) < 2:
            return []
        address, length = data[0], data[1]
        if packet.kind == Instruction.SYNC_READ:
            asked = [by_id[id] for id in data[2:] if id in by_id]
            # SCS servos do not know it.
            return [
                self._status(servo, self._read(servo, address, length))
                for servo in asked
                if servo.model.series == "sts"
            ]
        if packet.kind == Instruction.SYNC_WRITE:
            for at in range(2, len(data) - length, 1 + length):
                if data[at] in by_id:
                    by_id[data[at]].write(address, data[at + 1 : at + 1 + length])
        return []

    def _read(self, servo: Servo, address: int, length: int) -> bytes:
        data = self.misread(servo, lambda: servo.read(address, length))
        return self._faulty.held(servo.id, data)

    def _status(self, servo: Servo, data: bytes, id: int | None = None) -> Reply[bytes]:
        packet = make_packet(servo.id if id is None else id, servo.error, data)
        gap = TURNAROUND + servo.get("return_delay") + self._faulty.lateness(servo.id)
        return Reply(self._faulty.spoiled(servo.id, packet), gap)
