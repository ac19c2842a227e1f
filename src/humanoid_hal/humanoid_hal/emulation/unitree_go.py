"""Emulated GO-M8010-6 motors of one RS-485 bus."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from humanoid_hal.bus.framing import FrameReader
from humanoid_hal.drivers.unitree_go import codec
from humanoid_hal.drivers.unitree_go.codec import RotorCommand, RotorState
from humanoid_hal.drivers.unitree_go.models import MODELS
from humanoid_hal.emulation.boards import BoardFault, Boards, Reply
from humanoid_hal.emulation.motors import Motors

#: [s] between command and reply; assumed.
TURNAROUND = 30e-6
#: [degC] at which the motor protects itself (motor_msg_GO-M8010-6.h).
HOT = 90.0
BAUD = 4_000_000
#: [s] from power to the first reply; assumed.
BOOT = 0.1


class EmulatedUnitreeGo(Boards[bytes]):
    """Each command is executed until the next one and answered with the state.

    Two commands that arrive together collide with the first reply: only the last is understood.
    """

    medium = "serial"

    def __init__(self, motors: Motors, options: Any = None) -> None:
        """See :class:`Boards`."""
        self.motors = motors
        n = len(motors.devices)
        self._index = {device.id: index for index, device in enumerate(motors.devices)}
        self._gear = np.array([MODELS[device.model].gear for device in motors.devices])
        self._mode = np.full(n, codec.BRAKE)
        self._reader = FrameReader(codec.COMMANDS)
        self._faults: dict[int, BoardFault] = {}
        self._stuck: dict[int, bytes] = {}
        self._heard = 0
        self._now = 0.0
        self._boots_until = np.zeros(n)

    def receive(self, payload: bytes, now: float, baud: int | None) -> Sequence[Reply[bytes]]:
        """See :meth:`Boards.receive`."""
        if baud not in (None, BAUD):
            return ()
        self._now = now
        replies: list[Reply[bytes]] = []
        frames = self._reader.feed(payload)
        for frame in frames[-1:]:
            id, mode, law = codec.parse_command(frame)
            self._heard += 1
            for index in self._index.values() if id == codec.BROADCAST else self._one(id):
                if now < self._boots_until[index]:
                    continue
                self._obey(index, mode, law)
                if id != codec.BROADCAST:
                    replies += self._reply(index)
        return replies

    def inject(self, fault: BoardFault) -> None:
        """See :meth:`Boards.inject`. A motor that restarts brakes."""
        index = self._index[fault.id]
        if fault.kind == "reboot":
            self._mode[index] = codec.BRAKE
            self.motors.relax(index)
            self._boots_until[index] = self._now + BOOT
        elif fault.kind in ("off", "stuck", "garbage", "wrong", "slow", "delayed", "intermittent",
                            "overheat", "overload"):  # fmt: skip
            self._faults[index] = fault
        else:
            super().inject(fault)

    def clear(self) -> None:
        """See :meth:`Boards.clear`."""
        self._faults.clear()
        self._stuck.clear()

    def _one(self, id: int) -> list[int]:
        index = self._index.get(id)
        fault = self._faults.get(-1 if index is None else index)
        if index is None or (fault and fault.kind == "off"):
            return []
        if fault and fault.kind == "intermittent" and self._heard % 2:
            return []
        return [index]

    def _obey(self, index: int, mode: int, law: RotorCommand) -> None:
        motors, gear = self.motors, self._gear[index]
        self._mode[index] = mode
        if mode != codec.CONTROL or self._error(index):
            motors.relax(index)
            return
        motors.target[index] = law.position[0] / gear
        motors.speed[index] = law.velocity[0] / gear
        motors.effort[index] = law.torque[0] * gear
        motors.stiffness[index] = law.stiffness[0] * gear * gear
        motors.damping[index] = law.damping[0] * gear * gear
        motors.powered[index] = True

    def _error(self, index: int) -> int:
        fault = self._faults.get(index)
        if fault is not None and fault.kind == "overload":
            return 2
        return 1 if self._degrees(index) >= HOT else 0

    def _degrees(self, index: int) -> float:
        fault = self._faults.get(index)
        hot = fault is not None and fault.kind == "overheat"
        return float(fault.value if fault is not None and hot else self.motors.temperature[index])

    def _reply(self, index: int) -> list[Reply[bytes]]:
        fault = self._faults.get(index)
        kind = fault.kind if fault else ""
        value = fault.value if fault else 0.0
        motors, gear = self.motors, self._gear[index]
        offset = value if kind == "wrong" else 0.0
        position, velocity, torque = (
            motors.before[:, index]
            if kind == "delayed"
            else (motors.position[index], motors.velocity[index], motors.torque[index])
        )
        state = RotorState(
            motors.devices[index].id,
            int(self._mode[index]),
            (position + offset) * gear,
            velocity * gear,
            torque / gear,
            float(np.clip(self._degrees(index), -128, 127)),
            self._error(index),
            0,
        )
        sent = codec.make_reply(state)
        if kind == "stuck":
            sent = self._stuck.setdefault(index, sent)
        if kind == "garbage":
            sent = sent[:5] + bytes((sent[5] ^ 0x10,)) + sent[6:]
        return [Reply(sent, TURNAROUND + (value if kind == "slow" else 0.0))]
