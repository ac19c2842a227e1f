"""All emulated Dynamixels of one bus: packets in, status packets out."""

from collections.abc import Sequence
from typing import Any

from humanoid_hal.bus.device import Array
from humanoid_hal.bus.feet import FootBoard
from humanoid_hal.drivers.dynamixel.codec import (
    ALERT,
    BROADCAST,
    Instruction,
    Packet,
    crc16,
    make_packet,
    scanner,
)
from humanoid_hal.drivers.dynamixel.models import find_model
from humanoid_hal.drivers.dynamixel.registers import BAUD_RATES
from humanoid_hal.emulation.boards import BoardFault, Reply
from humanoid_hal.emulation.dynamixel.foot import IDENTITY, Foot
from humanoid_hal.emulation.dynamixel.servo import LENGTH, RANGE, Servo
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.servos import ServoBoards, raw_baud

#: [s] between the end of an instruction and the answer besides the return delay register. Bestmann,
#: "Towards using ROS in the RoboCup humanoid soccer league" and QUADDXL measurements: about 50 us.
TURNAROUND = 50e-6
_UNKNOWN = 2  # error: instruction


class DynamixelBoards(ServoBoards[Servo]):
    """`chained`: a servo that should answer after a silent one stays silent too."""

    def __init__(self, motors: Motors, options: Any = None) -> None:
        """Servos at 57600 baud with factory settings; see :meth:`preset`."""
        models = [find_model(device.model) for device in motors.devices]
        super().__init__(
            motors, [Servo(motors, index, model) for index, model in enumerate(models)]
        )
        self.chained = True
        self.feet: list[Foot] = []
        self._baud = BAUD_RATES[1]  # of the feet
        self._scanner = scanner()

    def preset(self, baud: int) -> None:
        """See :meth:`Boards.preset`."""
        self._baud = baud
        for servo in self.servos:
            servo.set("baud_rate", raw_baud(BAUD_RATES, baud, 1))

    def attach(self, boards: Sequence[FootBoard], rows: Sequence[int]) -> None:
        """See :meth:`Boards.attach`."""
        self.feet += [Foot(board, row) for board, row in zip(boards, rows, strict=True)]

    def stand(self, wrenches: Array) -> None:
        """See :meth:`Boards.stand`."""
        for foot in self.feet:
            foot.stand(wrenches[foot.row])

    def inject(self, fault: BoardFault) -> None:
        """See :meth:`Boards.inject`. A foot that is `wrong` reads `value` [N] too much per cell."""
        foot = next((foot for foot in self.feet if foot.id == fault.id), None)
        if foot is None:
            super().inject(fault)
        elif fault.kind == "wrong":
            foot.extra = fault.value
        elif fault.kind in ("off", "stuck", "garbage", "slow", "intermittent"):
            self._faulty.faults[fault.id] = fault
        else:
            raise ValueError(f"a foot board cannot have the fault '{fault.kind}'")

    def clear(self) -> None:
        """See :meth:`Boards.clear`."""
        super().clear()
        for foot in self.feet:
            foot.extra = 0.0

    def receive(self, payload: bytes, now: float, baud: int | None) -> Sequence[Reply[bytes]]:
        """See :meth:`Boards.receive`. At a wrong rate a servo hears only noise."""
        replies: list[Reply[bytes]] = []
        for packet in self._scanner.feed(payload):
            hearing = [servo for servo in self.servos if baud in (None, servo.baud)]
            replies += self._execute(packet, hearing, now)
            if baud in (None, self._baud):
                replies += self._feet(packet)
        return replies

    def age(self, servo: Servo, now: float) -> None:
        """See :meth:`ServoBoards.age`."""
        servo.tick(now)

    def restart(self, servo: Servo) -> None:
        """See :meth:`ServoBoards.restart`."""
        servo.reboot()

    def overload(self, servo: Servo) -> None:
        """See :meth:`ServoBoards.overload`."""
        servo.fail(5)

    # -- instructions -----------------------------------------------------------------------------

    def _execute(self, packet: Packet, servos: list[Servo], now: float) -> list[Reply[bytes]]:
        kind, data = packet.instruction, packet.parameters
        if packet.id == BROADCAST:
            return self._broadcast(kind, data, servos, now)
        replies = []
        for servo in servos:  # several, if two have the same id
            if servo.id == packet.id and not self._faulty.mutes(servo.id):
                servo.heard_at = now
                replies += self._single(servo, kind, data)
        return replies

    def _single(self, servo: Servo, kind: int, data: bytes) -> list[Reply[bytes]]:
        id, level = servo.id, servo.get("status_return")
        if kind == Instruction.PING:
            return [self._status(servo, 0, servo.read(0, 2) + servo.read(6, 1), id)]  # type: ignore[operator]
        if kind == Instruction.READ:
            if level < 1:
                return []
            return [self._read(servo, *_two_words(data)) if len(data) == 4
                    else self._status(servo, LENGTH, b"", id)]  # fmt: skip
        if kind == Instruction.WRITE:
            error = servo.write(_word(data), data[2:]) if len(data) > 2 else LENGTH
        elif kind == Instruction.REBOOT:
            servo.reboot()
            error = 0
        else:
            error = _UNKNOWN
        return [self._status(servo, error, b"", id)] if level == 2 else []

    def _broadcast(
        self, kind: int, data: bytes, servos: list[Servo], now: float
    ) -> list[Reply[bytes]]:
        by_id = {servo.id: servo for servo in servos if not self._faulty.mutes(servo.id)}
        if kind == Instruction.PING:
            return [self._single(by_id[id], kind, b"")[0] for id in sorted(by_id)]
        if kind == Instruction.SYNC_WRITE:
            self._sync_write(data, by_id, now)
            return []
        blocks: list[tuple[int, int, int]] = []
        if kind in (Instruction.SYNC_READ, Instruction.FAST_SYNC_READ) and len(data) > 4:
            blocks = [(id, *_two_words(data)) for id in data[4:]]
        elif kind == Instruction.BULK_READ:
            blocks = [(data[i], *_two_words(data[i + 1 :])) for i in range(0, len(data) - 4, 5)]
        answers = self._chain(blocks, by_id, now)
        if kind == Instruction.FAST_SYNC_READ:
            return self._fast(answers, len(blocks))
        return [self._read(servo, address, length) for servo, address, length in answers]

    def _chain(
        self, blocks: list[tuple[int, int, int]], by_id: dict[int, Servo], now: float
    ) -> list[tuple[Servo, int, int]]:
        """Who answers, in order: each waits for the one before it."""
        answers, broken = [], False
        for id, address, length in blocks:
            servo = by_id.get(id)
            if servo is None:
                broken = self.chained
                continue
            servo.heard_at = now
            if not broken:
                answers.append((servo, address, length))
        return answers

    def _sync_write(self, data: bytes, by_id: dict[int, Servo], now: float) -> None:
        if len(data) < 4:
            return
        address, length = _two_words(data)
        for at in range(4, len(data) - length, 1 + length):
            servo = by_id.get(data[at])
            if servo is not None:
                servo.heard_at = now
                servo.write(address, data[at + 1 : at + 1 + length])

    def _feet(self, packet: Packet) -> list[Reply[bytes]]:
        """What a foot board answers: a ping of its own, and a read."""
        data, replies = packet.parameters, []
        for foot in [foot for foot in self.feet if foot.id == packet.id]:
            answer = IDENTITY
            if packet.instruction == Instruction.READ and len(data) == 4:
                answer = self._faulty.held(foot.id, foot.read(*_two_words(data)))
            elif packet.instruction != Instruction.PING:
                continue
            if not self._faulty.mutes(foot.id):
                status = make_packet(foot.id, Instruction.STATUS, b"\0" + answer)
                gap = TURNAROUND + self._faulty.lateness(foot.id)
                replies.append(Reply(self._faulty.spoiled(foot.id, status), gap))
        return replies

    # -- answers ----------------------------------------------------------------------------------

    def _data(self, servo: Servo, address: int, length: int) -> bytes | None:
        data = self.misread(servo, lambda: servo.read(address, length))
        return None if data is None else self._faulty.held(servo.id, data)

    def _read(self, servo: Servo, address: int, length: int) -> Reply[bytes]:
        data = self._data(servo, address, length)
        if data is None:
            return self._status(servo, RANGE, b"", servo.id)
        return self._status(servo, 0, data, servo.id)

    def _status(self, servo: Servo, error: int, data: bytes, id: int) -> Reply[bytes]:
        error |= ALERT if servo.alert else 0
        packet = make_packet(id, Instruction.STATUS, bytes([error]) + data)
        gap = TURNAROUND + servo.get("return_delay") * 2e-6 + self._faulty.lateness(servo.id)
        return Reply(self._faulty.spoiled(servo.id, packet), gap)

    def _fast(self, answers: list[tuple[Servo, int, int]], count: int) -> list[Reply[bytes]]:
        """One packet for all; it ends where the chain breaks."""
        if not answers:
            return []
        width = answers[0][2]
        packet = b"\xff\xff\xfd\x00\xfe" + (count * (width + 4) + 1).to_bytes(2, "little") + b"\x55"
        for servo, address, length in answers:
            data = self._data(servo, address, length) or bytes(length)
            packet += bytes([ALERT if servo.alert else 0, servo.id]) + data
            packet += crc16(packet).to_bytes(2, "little")
        gap = TURNAROUND + max(servo.get("return_delay") for servo, *_ in answers) * 2e-6
        return [Reply(packet, gap)]


def _word(data: bytes) -> int:
    return data[0] | data[1] << 8


def _two_words(data: bytes) -> tuple[int, int]:
    return _word(data), _word(data[2:])
