"""Feetech servos under the bus contract: position servos that measure speed and duty."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.device import Array, Device
from humanoid_hal.bus.position_servos import PositionServos
from humanoid_hal.bus.protocol import BoardError, Conversation, DeviceFault, Readings
from humanoid_hal.driver import Command
from humanoid_hal.drivers.feetech.codec import ERRORS, LAST_ID, make_sync_write, make_write
from humanoid_hal.drivers.feetech.registers import SCS, STS, Order, find_model, model_name
from humanoid_hal.drivers.feetech.state import StateCycle
from humanoid_hal.drivers.feetech.talk import SCS_TALK, STS_TALK, FeetechTools, Talk

_POSITION_MODE = 0


@dataclass(frozen=True)
class FeetechOptions:
    """A bus's `options`."""

    # Wait of a servo before it answers, set on every device (factory: up to 500 us).
    return_delay: float = key(0.0, unit="s", min=0.0, max=508e-6)


class FeetechSts(PositionServos):
    """STS and SMS servos."""

    default_baud = 1_000_000
    Options = FeetechOptions
    tools = FeetechTools(STS, "little")
    series, order, together = "sts", "little", True
    talk: Talk = STS_TALK
    _state: StateCycle

    def __init__(self, devices: Sequence[Device], options: FeetechOptions | None = None) -> None:
        """Raises BoardError on an unknown model or setting."""
        self.options = options or FeetechOptions()
        self._models = [find_model(device.model) for device in devices]
        stall = [model.stall_torque for model in self._models]  # at a load of 1
        super().__init__(devices, "Feetech", LAST_ID, stall)
        self._check()
        self._radian = np.array([model.radian for model in self._models])
        self._zero = np.array([float(model.zero) for model in self._models])  # [counts]
        order: Order = "little" if self.order == "little" else "big"
        self._state = StateCycle(self._ids, order, self.together, self.counters)

    def readings(self) -> Readings:
        """See :meth:`ActuatorProtocol.readings`. The effort is the motor's duty, no measurement."""
        state = self._state
        fresh = state.end()
        raw = state.raw
        table = self.talk.table
        position = _signed(raw["position"], table["present_position"].sign)
        nothing = ~state.heard
        temperature, voltage = raw["heat"].astype(float), raw["voltage"] * 0.1
        temperature[nothing] = voltage[nothing] = np.nan
        return Readings(
            (position - self._zero) * self._radian,
            _signed(raw["speed"], table["present_speed"].sign) * self._radian,
            _signed(raw["load"], table["present_load"].sign) * 0.001 * self._torque,
            fresh,
            temperature,
            voltage,
            self._faults(),
        )

    def command(self, command: Command) -> bytes:
        """See :meth:`ActuatorProtocol.command`."""
        goal = np.rint(self.goal(command) / self._radian + self._zero)
        counts = np.clip(goal, self._lower, self._upper)
        entry = self.talk.table["goal_position"]
        values = {
            id: entry.encode(count, self.talk.order)
            for id, count in zip(self._ids, counts.tolist(), strict=True)
        }
        return make_sync_write(entry.address, entry.size, values)

    def stop(self) -> bytes:
        """See :meth:`ActuatorProtocol.stop`."""
        self.switched(False)
        address = self.talk.table["torque_enable"].address
        return make_sync_write(address, 1, dict.fromkeys(self._ids, b"\0"))

    def aim(self, index: int, id: int) -> Conversation[bytes, None]:
        """See :meth:`PositionServos.aim`."""
        here = yield from self.talk.read(id, "present_position")
        yield from self.talk.write(id, "goal_position", here)

    def switch(self, id: int, on: bool) -> Conversation[bytes, None]:
        """See :meth:`PositionServos.switch`."""
        yield from self.talk.write(id, "torque_enable", float(on))

    def start(self, index: int, device: Device, remarks: list[str]) -> Conversation[bytes, None]:
        """See :meth:`PositionServos.start`."""
        talk, id, model = self.talk, device.id, self._models[index]
        number = int((yield from talk.read(id, "model_number")))
        if number != model.number:
            raise BoardError(
                f"is a {model_name(number)}, the hardware file says {device.model}; correct "
                "`model`, or the id"
            )
        if (yield from talk.read(id, "torque_enable")):
            packet = make_write(id, talk.table["torque_enable"].address, b"\0")
            yield from talk.ask(id, packet, "take torque off")
            remarks.append(f"{device} had torque on; it was taken off")
        if not (yield from talk.read(id, "lock")):
            yield from talk.write(id, "lock", 1)
            remarks.append(f"{device}: its EEPROM was open; it is locked now")
        wanted = {"return_delay": self.options.return_delay, "mode": _POSITION_MODE}
        for name in [name for name in wanted if name in talk.table]:
            kept = yield from talk.read(id, name)
            if abs(kept - wanted[name]) > talk.table[name].scale / 2:
                yield from talk.write(id, name, wanted[name])
                remarks.append(f"{device}: {name} was {kept:g}, is {wanted[name]:g} now")
        lower = yield from talk.read(id, "position_min")
        upper = yield from talk.read(id, "position_max")
        if upper <= lower:  # both 0: many turns
            lower, upper = -32767.0, 32767.0
        self._lower[index], self._upper[index] = lower, upper

    def _faults(self) -> tuple[DeviceFault, ...]:
        state = self._state
        errors = [
            DeviceFault(index, name, words)
            for index in np.flatnonzero(state.error).tolist()
            for bit, (name, words) in ERRORS.items()
            if int(state.error[index]) >> bit & 1
        ]
        return (*errors, *self.restarts(state.torque_off))

    def _check(self) -> None:
        for device, model in zip(self.devices, self._models, strict=True):
            if model.series != self.series:
                raise BoardError(
                    f"{device}: a {device.model} speaks protocol feetech_{model.series}; give each "
                    "series a bus of its own"
                )


class FeetechScs(FeetechSts):
    """SCS servos: big-endian words, no sync read, so everybody is asked in turn."""

    tools = FeetechTools(SCS, "big")
    series, order, together = "scs", "big", False
    talk = SCS_TALK


def _signed(raw: "np.ndarray[tuple[int], np.dtype[np.uint16]]", sign: int | None) -> Array:
    """Numbers from sign and magnitude."""
    values = raw.astype(np.int64)
    if sign is None:
        return values.astype(float)
    magnitude = values & (1 << sign) - 1
    return np.where(values >> sign & 1, -magnitude, magnitude).astype(float)
