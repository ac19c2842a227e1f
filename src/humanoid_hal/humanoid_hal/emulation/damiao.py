"""Emulated Damiao motors, with registers, status and watchdog."""

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
from humanoid_hal.drivers.mit.models import DAMIAO, Scale
from humanoid_hal.emulation.can import Index
from humanoid_hal.emulation.mit import MitBoards, Replies, scale_on_board
from humanoid_hal.emulation.motors import Motors


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
        late = now - self.fed > self._patience
        hot, weak = self.temperature() >= self._hot, self.voltage() < self._weak
        if not np.count_nonzero((late | hot | weak) & on):
            return
        for status, wrong in (
            (Status.COMMUNICATION_LOST, late),
            (Status.ROTOR_TEMPERATURE, hot),
            (Status.UNDER_VOLTAGE, weak),
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

        timeout = column(Register.TIMEOUT) * registers.TIMEOUT_UNIT
        self._patience = np.where(timeout > 0.0, timeout, np.inf)  # [s]
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
        self._low = np.array(self.ids, np.int64) & 0xF

    def state(self, index: Index) -> CanBatch:
        """To the feedback identifier of each."""
        data = self.payloads(index)
        data[:, 0] = self.status[index] << 4 | self._low[index]
        data[:, 6] = data[:, 7] = self.degrees(index)
        return classic(self._masters[index], data)
