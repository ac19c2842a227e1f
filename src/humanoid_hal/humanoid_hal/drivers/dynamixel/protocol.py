"""Dynamixels under the bus contract: sync read, torque law or goal positions, sync write.

In mode `current` the torque law of every command is evaluated here with the newest readings and
sent as goal currents, so stiffness and damping act once per cycle.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from humanoid_hal.bus.asked import AskedProtocol, check_device
from humanoid_hal.bus.device import Array, Device
from humanoid_hal.bus.feet import FootBoard
from humanoid_hal.bus.protocol import (
    BoardError,
    Conversation,
    Counters,
    DeviceFault,
    Readings,
    finite,
)
from humanoid_hal.driver import Command
from humanoid_hal.drivers.dynamixel import setup
from humanoid_hal.drivers.dynamixel.blocks import CommandWriter
from humanoid_hal.drivers.dynamixel.codec import LAST_ID, make_sync_write
from humanoid_hal.drivers.dynamixel.models import find_model
from humanoid_hal.drivers.dynamixel.options import DynamixelOptions
from humanoid_hal.drivers.dynamixel.registers import HARDWARE_ERRORS
from humanoid_hal.drivers.dynamixel.setup import Servo
from humanoid_hal.drivers.dynamixel.state import StateCycle
from humanoid_hal.drivers.dynamixel.talk import DynamixelTools

#: Cycles without an answer after which a servo's last state says nothing any more.
SILENT_CYCLES = 3

_SETTINGS = ("torque_constant", "max_torque")


class DynamixelProtocol(AskedProtocol):
    """See the module docstring."""

    default_baud = 1_000_000
    Options = DynamixelOptions
    tools = DynamixelTools()
    _state: StateCycle

    def __init__(self, devices: Sequence[Device], options: DynamixelOptions | None = None) -> None:
        """All models of a bus are of one series. Raises BoardError."""
        self.options = options = options or DynamixelOptions()
        self.servos = [Servo(device, find_model(device.model)) for device in devices]
        _check(self.servos, options)
        self.counters = Counters()
        models = [servo.model for servo in self.servos]
        table = self._table = models[0].table
        self._ids = [servo.id for servo in self.servos]
        n = len(devices)
        self._radian = np.array([model.radian for model in models])  # per count
        self._zero = np.array([float(model.zero) for model in models])  # [counts]
        self._speed_unit = table["present_velocity"].scale
        self._current = np.array([model.current_unit for model in models])  # [A] per unit
        self._newton_metre = self._current * _constants(self.servos)  # [N m] per unit
        self._limit = np.zeros(n)  # [current units]
        self._least = -self._limit
        self._state = StateCycle(self._ids, table, options.fast, options.slow_every, self.counters)
        self._writer = self._make_writer()
        self._position, self._velocity = np.zeros(n), np.zeros(n)  # newest, [rad] and [rad/s]
        self._stale = np.zeros(n, dtype=np.int64)  # [cycles] since the newest
        self._late = False  # some are not 0

    @classmethod
    def honours_effort(cls, options: DynamixelOptions) -> bool:
        """See :meth:`ActuatorProtocol.honours_effort`."""
        return options.mode == "current"

    @classmethod
    def has_watchdog(cls, options: DynamixelOptions) -> bool:
        """Every series has the bus watchdog (X series: from firmware 38 on, e-manual)."""
        return True

    @classmethod
    def footed(cls, devices: Sequence[Device], options: Any, boards: Sequence[FootBoard]) -> Any:
        """See :meth:`Protocol.footed`."""
        from humanoid_hal.drivers.dynamixel.feet import DynamixelFeet, FootedDynamixels

        return FootedDynamixels(devices, options, boards) if devices else DynamixelFeet(boards)

    def readings(self) -> Readings:
        """See :meth:`ActuatorProtocol.readings`."""
        state = self._state
        fresh = state.end()
        # What did not answer keeps its last values there.
        position = state.position.astype(np.float64)
        position -= self._zero
        position *= self._radian
        velocity = state.velocity.astype(np.float64)
        velocity *= self._speed_unit
        effort = state.current.astype(np.float64)
        effort *= self._newton_metre
        self._position, self._velocity = position, velocity
        late = bool(np.count_nonzero(fresh) < len(fresh))
        if late or self._late:
            self._stale += 1
            self._stale[fresh] = 0
        self._late = late
        return Readings(
            position, velocity, effort, fresh, state.temperature.copy(), state.voltage.copy(),
            self._faults() if state.troubled else (),
        )  # fmt: skip

    def command(self, command: Command) -> bytes:
        """See :meth:`ActuatorProtocol.command`."""
        records = self._writer.records
        if self.options.mode == "current":
            torque = command.position - self._position
            torque *= command.stiffness
            damping = command.velocity - self._velocity
            damping *= command.damping
            torque += damping
            torque += command.effort
            if self._late:
                # Damping against a speed of long ago would drive the joint.
                torque[self._stale >= SILENT_CYCLES] = 0.0
            torque /= self._newton_metre
            np.maximum(finite(torque), self._least, out=torque)
            np.minimum(torque, self._limit, out=torque)
            records["current"] = np.rint(torque, out=torque)
            return self._writer.encode()
        counts = np.rint(finite(command.position) / self._radian + self._zero)
        records["position"] = np.clip(counts, -(2**31), 2**31 - 1)
        if self.options.mode == "current_position":
            records["current"] = self._limit
        return self._writer.encode()

    def startup(self) -> Conversation[bytes, tuple[str, ...]]:
        """See :meth:`Protocol.startup`."""
        remarks: list[str] = []
        for index, servo in enumerate(self.servos):
            limit = yield from setup.start(servo, self.options, remarks)
            self._limit[index] = self._limited(index, limit)
        self._least = -self._limit
        self._state.reset()
        return tuple(remarks)

    def enable(self, on: bool) -> Conversation[bytes, None]:
        """See :meth:`ActuatorProtocol.enable`."""
        if on:
            yield from setup.switch_on(self.servos, self.options)
        else:
            yield from setup.switch_off(self.servos)
        self._state.expect(on)

    def stop(self) -> bytes:
        """See :meth:`ActuatorProtocol.stop`."""
        register = self._table["torque_enable"]
        return make_sync_write(register.address, 1, dict.fromkeys(self._ids, b"\0"))

    def _make_writer(self) -> CommandWriter:
        mode, table = self.options.mode, self._table
        names = setup.command_registers(mode)
        layout = np.dtype([(name.removeprefix("goal_"), f"<i{table[name].size}") for name in names])
        address = table[names[0]].address
        if setup.needs_mapping(mode):
            address = table["indirect_data"].address + self._state.width
        return CommandWriter(self._ids, address, layout)

    def _limited(self, index: int, limit: float) -> float:
        """The current limit of a device [current units], with its `max_torque` applied."""
        wanted = self.servos[index].device.settings.get("max_torque")
        unit = float(self._newton_metre[index])
        return limit if wanted is None or unit == 0.0 else min(limit, wanted / unit)

    def _faults(self) -> tuple[DeviceFault, ...]:
        """What the hardware error registers say, and who lost torque without saying why."""
        state = self._state
        faults = []
        for index in range(len(self.servos)):
            error = int(state.error[index])
            for bit, (name, words) in HARDWARE_ERRORS.items():
                if error >> bit & 1:
                    faults.append(DeviceFault(index, name, words))
            if state.rebooted[index]:
                reason = "it rebooted and forgot its settings: end the graph and start it again"
                faults.append(DeviceFault(index, "board_rebooted", reason))
            elif not error and state.torque_off[index]:
                reason = "its torque went off by itself, as its watchdog makes it: arm again"
                faults.append(DeviceFault(index, "board_rebooted", reason))
        return tuple(faults)


def _constants(servos: Sequence[Servo]) -> Array:
    """Torque constants [N m/A]."""
    return np.array(
        [s.device.settings.get("torque_constant", s.model.torque_constant) for s in servos]
    )


def _check(servos: Sequence[Servo], options: DynamixelOptions) -> None:
    """Raises BoardError."""
    for servo in servos:
        device, model = servo.device, servo.model
        check_device(device, "Dynamixel", LAST_ID, _SETTINGS)
        if "current" in options.mode and model.current_unit == 0.0:
            raise BoardError(f"{device}: a {device.model} has no current control; use `position`")
        if model.table is not servos[0].model.table:
            raise BoardError(
                f"{device} is of another series than {servos[0].device}: their registers stand "
                "at different addresses; give each series a bus of its own"
            )
        setup.mapping(servo, options.mode)
