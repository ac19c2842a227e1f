"""Feetech servos under the bus contract: they follow goal positions with gains of their own.

They honour no torque law. A joint whose stiffness is known (`stiffness` in its settings) is told a
goal beyond the wanted position, so that the wanted effort results: goal = position + effort /
stiffness. They have no watchdog: a host that dies leaves them holding their last goal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.device import Array, Device
from humanoid_hal.bus.protocol import (
    ActuatorProtocol,
    BoardError,
    Conversation,
    Counters,
    DeviceFault,
    Readings,
)
from humanoid_hal.driver import Command
from humanoid_hal.drivers.feetech.codec import ERRORS, LAST_ID, make_sync_write, make_write
from humanoid_hal.drivers.feetech.registers import SCS, STS, Order, find_model, model_name
from humanoid_hal.drivers.feetech.state import StateCycle
from humanoid_hal.drivers.feetech.talk import SCS_TALK, STS_TALK, FeetechTools, Talk

_SETTINGS = ("stiffness", "stall_torque")
_POSITION_MODE = 0


@dataclass(frozen=True)
class FeetechOptions:
    """A bus's `options`."""

    # Wait of a servo before it answers, set on every device (factory: up to 500 us).
    return_delay: float = key(0.0, unit="s", min=0.0, max=508e-6)


class FeetechSts(ActuatorProtocol[bytes]):
    """STS and SMS servos."""

    medium = "serial"
    default_baud = 1_000_000
    Options = FeetechOptions
    tools = FeetechTools(STS, "little")
    series, order, together = "sts", "little", True
    talk: Talk = STS_TALK

    def __init__(self, devices: Sequence[Device], options: FeetechOptions | None = None) -> None:
        """Raises BoardError on an unknown model or setting."""
        self.options = options or FeetechOptions()
        self.devices = tuple(devices)
        self._models = [find_model(device.model) for device in devices]
        self._check()
        self.counters = Counters()
        n = len(devices)
        self._ids = [device.id for device in devices]
        self._radian = np.array([model.radian for model in self._models])
        self._zero = np.array([float(model.zero) for model in self._models])  # [counts]
        settings = [device.settings for device in devices]
        self._torque = np.array(
            [
                s.get("stall_torque", m.stall_torque)
                for s, m in zip(settings, self._models, strict=True)
            ]
        )  # [N m] at a load of 1
        self._compliance = np.array(
            [1 / s["stiffness"] if "stiffness" in s else 0.0 for s in settings]
        )
        self._lower, self._upper = np.zeros(n), np.zeros(n)  # [counts]
        order: Order = "little" if self.order == "little" else "big"
        self._state = StateCycle(self._ids, order, self.together, self.counters)
        self._on = False

    @classmethod
    def honours_effort(cls, options: FeetechOptions) -> bool:
        """See the module docstring."""
        return False

    @classmethod
    def has_watchdog(cls, options: FeetechOptions) -> bool:
        """They have none."""
        return False

    @property
    def complete(self) -> bool:
        """See :attr:`Protocol.complete`."""
        return self._state.complete

    def request(self) -> bytes:
        """See :meth:`Protocol.request`."""
        return self._state.request()

    def retry(self) -> bytes | None:
        """See :meth:`Protocol.retry`."""
        return self._state.retry()

    def following(self) -> bytes | None:
        """See :meth:`Protocol.following`."""
        return self._state.following()

    def receive(self, payload: bytes) -> None:
        """See :meth:`Protocol.receive`."""
        self._state.receive(payload)

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
        goal = command.position + command.effort * self._compliance
        counts = np.clip(np.rint(goal / self._radian + self._zero), self._lower, self._upper)
        entry = self.talk.table["goal_position"]
        values = {
            id: entry.encode(count, self.talk.order)
            for id, count in zip(self._ids, counts.tolist(), strict=True)
        }
        return make_sync_write(entry.address, entry.size, values)

    def startup(self) -> Conversation[bytes, tuple[str, ...]]:
        """See :meth:`Protocol.startup`."""
        remarks: list[str] = []
        for index, device in enumerate(self.devices):
            try:
                yield from self._start(index, device, remarks)
            except BoardError as error:
                raise BoardError(f"{device}: {error}") from error
        self._state.reset()
        self._on = False
        return tuple(remarks)

    def enable(self, on: bool) -> Conversation[bytes, None]:
        """See :meth:`ActuatorProtocol.enable`."""
        self._on = False
        silent: list[str] = []
        for id in self._ids:
            try:
                if on:
                    here = yield from self.talk.read(id, "present_position")
                    yield from self.talk.write(id, "goal_position", here)
                yield from self.talk.write(id, "torque_enable", float(on))
            except BoardError as error:
                if on:
                    raise
                silent.append(str(error))
        if silent:
            raise BoardError("; ".join(silent))
        self._state.assume_torque()
        self._on = on

    def stop(self) -> bytes:
        """See :meth:`ActuatorProtocol.stop`."""
        self._on = False
        address = self.talk.table["torque_enable"].address
        return make_sync_write(address, 1, dict.fromkeys(self._ids, b"\0"))

    def _start(self, index: int, device: Device, remarks: list[str]) -> Conversation[bytes, None]:
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
        off = np.flatnonzero(state.torque_off & self._on).tolist()
        reason = "its torque went off by itself: a restart; deactivate, then arm again"
        return (*errors, *(DeviceFault(index, "board_rebooted", reason) for index in off))

    def _check(self) -> None:
        for device, model in zip(self.devices, self._models, strict=True):
            if not 0 <= device.id <= LAST_ID:
                raise BoardError(f"{device}: a Feetech id is 0 to {LAST_ID}")
            if model.series != self.series:
                raise BoardError(
                    f"{device}: a {device.model} speaks protocol feetech_{model.series}; give each "
                    "series a bus of its own"
                )
            unknown = [name for name in device.settings if name not in _SETTINGS]
            if unknown:
                known = ", ".join(_SETTINGS)
                raise BoardError(f"{device}: unknown setting '{unknown[0]}'; known: {known}")
            if device.settings.get("stiffness", 1.0) <= 0.0:
                raise BoardError(f"{device}: `stiffness` must be above 0 N m/rad")


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
