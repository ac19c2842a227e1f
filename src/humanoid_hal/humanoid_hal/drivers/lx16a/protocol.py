"""LX-16A servos under the bus contract: goal positions only, at the 115200 baud they all speak.

They measure neither speed nor torque. Speeds are made from positions by the driver (NaN here).
Where a joint's `stiffness` is known, its effort is that times the servo's position error; else
efforts read 0. Whether a move switches torque on is
not documented; it is taken for granted, so no servo is told a move that may have lost its torque.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.device import Array, Device
from humanoid_hal.bus.position_servos import PositionServos
from humanoid_hal.bus.protocol import BoardError, Conversation, DeviceFault, Readings
from humanoid_hal.driver import Command
from humanoid_hal.drivers.lx16a.codec import BROADCAST, LAST_ID, OVERHEAD, MoveWriter
from humanoid_hal.drivers.lx16a.registers import COUNTS, MIDDLE, RADIAN, stall_torque
from humanoid_hal.drivers.lx16a.state import StateCycle
from humanoid_hal.drivers.lx16a.talk import Lx16aTools, read, write

#: [counts] A servo may stand this far outside its travel when it gets torque.
_OUTSIDE = 10
#: Bytes of a question, of the answers to it (position and voltage; others have one less), of a move.
_QUESTION, _ANSWER, _MOVE = OVERHEAD, OVERHEAD + 2, OVERHEAD + 4
#: [s] between a question and its answer. Assumed: nothing is documented.
TURNAROUND = 200e-6
_BITS_PER_BYTE = 10


@dataclass(frozen=True)
class Lx16aOptions:
    """A bus's `options`."""

    # Time in which a servo moves to each new goal, evenly; 0: as fast as it can. A control period
    # or a little more is smooth.
    move_time: float = key(0.02, unit="s", min=0.0, max=1.0)
    # Every so many cycles one servo is also asked for torque, temperature or voltage; 0: never.
    slow_every: int = key(1, min=0, max=1000)


class Lx16a(PositionServos):
    """See the module docstring."""

    default_baud = 115_200
    Options = Lx16aOptions
    tools = Lx16aTools()
    _state: StateCycle

    def __init__(self, devices: Sequence[Device], options: Lx16aOptions | None = None) -> None:
        """Raises BoardError on an unknown model or setting."""
        self.options = options or Lx16aOptions()
        stall = [stall_torque(device.model) for device in devices]
        super().__init__(devices, "LX-16A", LAST_ID, stall)
        n = len(devices)
        self._upper[:] = COUNTS
        self._limits = np.full((3, n), np.nan)  # lowest and highest [V], highest [degC]
        self._goal: Array = np.full(n, np.nan)  # [counts] told last
        self._state = StateCycle(self._ids, self.options.slow_every, self.counters)
        self._moves = MoveWriter(self._ids)

    def cycle_time(self, baud: int) -> tuple[float, float]:
        """See :meth:`Protocol.cycle_time`."""
        questions = len(self._ids) + bool(self.options.slow_every)
        byte = _BITS_PER_BYTE / baud
        asking = questions * ((_QUESTION + _ANSWER) * byte + TURNAROUND)
        return asking, len(self._ids) * _MOVE * byte

    def readings(self) -> Readings:
        """See :meth:`ActuatorProtocol.readings`, and the module docstring for speed and effort."""
        state = self._state
        fresh = state.end()
        position = (state.counts - MIDDLE) * RADIAN
        error = np.nan_to_num((self._goal - state.counts) * RADIAN)
        effort = np.clip(self._stiffness * error, -self._torque, self._torque)
        return Readings(
            position, np.full(len(position), np.nan), effort, fresh,
            state.temperature.copy(), state.voltage.copy(), self._faults(),
        )  # fmt: skip

    def command(self, command: Command) -> bytes:
        """See :meth:`ActuatorProtocol.command`. Who may have lost its torque is told nothing."""
        goal = np.rint(self.goal(command) / RADIAN + MIDDLE)
        self._goal = np.clip(goal, self._lower, self._upper)
        certain = ~(self._state.unpowered | self._state.doubted)
        return self._moves.encode(self._goal, self.options.move_time, certain)

    def stop(self) -> bytes:
        """See :meth:`ActuatorProtocol.stop`: one frame to every servo of the bus."""
        self.switched(False)
        return self.tools.stop((BROADCAST,))

    def switch(self, id: int, on: bool) -> Conversation[bytes, None]:
        """See :meth:`PositionServos.switch`."""
        yield from write(id, "torque_enable", float(on))

    def aim(self, index: int, id: int) -> Conversation[bytes, None]:
        """See :meth:`PositionServos.aim`. Raises BoardError if it stands outside its travel."""
        here = yield from read(id, "present_position")
        goal = min(max(here, self._lower[index]), self._upper[index])
        if abs(here - goal) > _OUTSIDE:
            raise BoardError(
                f"id {id} stands at {here:g} counts, its travel is {self._lower[index]:g} to "
                f"{self._upper[index]:g}: torque would pull it there at once; turn it by hand"
            )
        yield from write(id, "goal_position", goal)

    def switched(self, on: bool) -> None:
        """See :meth:`PositionServos.switched`."""
        super().switched(on)
        self._goal[:] = np.nan

    def start(self, index: int, device: Device, remarks: list[str]) -> Conversation[bytes, None]:
        """See :meth:`PositionServos.start`."""
        id = device.id
        if (yield from read(id, "torque_enable")):
            yield from write(id, "torque_enable", 0.0)
            remarks.append(f"{device} had torque on; it was taken off")
        if (yield from read(id, "mode")):
            yield from write(id, "mode", 0.0)
            remarks.append(f"{device} was in motor mode, is in position mode now")
        self._lower[index] = yield from read(id, "position_min")
        self._upper[index] = yield from read(id, "position_max")
        for row, name in enumerate(("voltage_min", "voltage_max", "temperature_limit")):
            self._limits[row, index] = yield from read(id, name)

    def _faults(self) -> tuple[DeviceFault, ...]:
        """What the readings mean: a servo outside its limits gives no torque, and does not say so."""
        state = self._state
        low, high, hot = self._limits
        found: list[DeviceFault] = []
        for index in np.flatnonzero(state.temperature > hot).tolist():
            words = f"{state.temperature[index]:.0f} degC, limit {hot[index]:.0f}: no torque"
            found.append(DeviceFault(index, "over_temperature", words))
        for index in np.flatnonzero((state.voltage < low) | (state.voltage > high)).tolist():
            limits = f"{low[index]:.1f} to {high[index]:.1f}"
            words = f"{state.voltage[index]:.1f} V, limits {limits}: no torque"
            found.append(DeviceFault(index, "under_voltage", words))
        return (*found, *self.restarts(state.unpowered))
