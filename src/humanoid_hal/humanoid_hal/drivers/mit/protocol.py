"""The cycle that all MIT motors share: every command is answered with the state.

While torque is on, the command of one cycle is the request of the next. Without torque the state is
asked for with what cannot move a motor.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.can import NO_FRAMES, CanBatch
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import (
    ActuatorProtocol,
    BoardError,
    Conversation,
    Counters,
    DeviceFault,
    Readings,
)
from humanoid_hal.can.conversation import ask_devices
from humanoid_hal.can.frames import EXTENDED, classic
from humanoid_hal.driver import Command
from humanoid_hal.drivers.mit import codec
from humanoid_hal.drivers.mit.models import Candidate, Scale, ScaleError, agreed_scale, stack

#: Settings of a joint that state its board's full scale.
SCALE_SETTINGS = ("position_max", "velocity_max", "torque_max", "stiffness_max", "damping_max")
#: Standard identifiers.
_IDENTIFIERS = 0x800
#: Answers that may still come of one board: of this cycle, of the last one, and of a repetition.
_MOST_DUE = 3


@dataclass(frozen=True, slots=True)
class BoardState:
    """What one reply says beside position, velocity and torque."""

    enabled: bool
    fault: str = ""  # of the fault table; '': none
    reason: str = ""


def stated_scale(device: Device) -> Scale | None:
    """The full scale in the settings of a joint; None: it states none. Raises BoardError."""
    settings = device.settings
    given = [name for name in SCALE_SETTINGS if name in settings]
    if not given:
        return None
    missing = [name for name in SCALE_SETTINGS[:3] if name not in settings]
    if missing or min(settings[name] for name in given) <= 0.0:
        raise BoardError(f"{device}: state all of {', '.join(SCALE_SETTINGS[:3])}, above 0")
    return Scale(
        settings["position_max"],
        settings["velocity_max"],
        settings["torque_max"],
        settings.get("stiffness_max", 500.0),
        settings.get("damping_max", 5.0),
    )


def known_scale(table: dict[str, tuple[Candidate, ...]], device: Device) -> Scale:
    """The stated scale, else the one all sources agree on. Raises BoardError."""
    stated = stated_scale(device)
    try:
        return stated or agreed_scale(table, device.model)
    except ScaleError as error:
        raise BoardError(f"{device}: {error}") from error


def check_settings(devices: Sequence[Device], known: Sequence[str], largest_id: int) -> None:
    """Raises BoardError on unknown settings, and on ids that are out of range or given twice."""
    seen: dict[int, Device] = {}
    for device in devices:
        strange = sorted(set(device.settings) - set(known))
        if strange:
            raise BoardError(f"{device}: no setting '{strange[0]}'; known: {', '.join(known)}")
        if not 1 <= device.id <= largest_id:
            raise BoardError(f"{device}: id must be in 1..{largest_id}")
        if device.id in seen:
            raise BoardError(f"{device} has the id of {seen[device.id]}")
        seen[device.id] = device


class MitProtocol(ActuatorProtocol[CanBatch]):
    """See the module docstring. Subclasses know one maker's replies and orders."""

    medium: ClassVar[Literal["serial", "can"]] = "can"
    default_baud = 1_000_000

    settings: ClassVar[tuple[str, ...]] = SCALE_SETTINGS
    largest_id: ClassVar[int] = 127

    def __init__(self, devices: Sequence[Device], options: Any = None) -> None:
        """See :meth:`ActuatorProtocol.__init__`."""
        check_settings(devices, self.settings, self.largest_id)
        self.devices = tuple(devices)
        self.options = self.Options() if options is None else options
        self.counters = Counters()
        n = len(self.devices)
        self._ids = np.array([device.id for device in self.devices], np.uint32)
        self._scales = stack(self.scale_of(device) for device in self.devices)
        self._data = np.zeros((n, 8), np.uint8)
        self._lengths = np.zeros(n, np.uint8)
        self._answered = np.zeros(n, np.bool_)
        self._ever = np.zeros(n, np.bool_)
        self._due = np.zeros(n, np.int64)  # answers that were asked for and have not come
        self._on = False
        self._opened = False  # the last command opened this cycle
        self._sent = NO_FRAMES  # the last command
        self._clipped: tuple[DeviceFault, ...] = ()
        # Device by identifier and identity nibble or byte of the reply.
        self._by_reply = np.full((_IDENTIFIERS, 256), -1, np.int16)
        for index, device in enumerate(self.devices):
            for identifier, first in self.replies_of(device):
                self._by_reply[identifier, first] = index

    # -- what a maker's subclass says ------------------------------------------------------------

    @abstractmethod
    def scale_of(self, device: Device) -> Scale:
        """The full scale to begin with. Raises BoardError."""

    @abstractmethod
    def replies_of(self, device: Device) -> list[tuple[int, int]]:
        """Identifiers and first bytes that replies of `device` may have."""

    @abstractmethod
    def poll(self, ids: Sequence[int]) -> CanBatch:
        """What makes boards without torque tell their state and keeps them without."""

    @abstractmethod
    def state_of(self, index: int, payload: bytes) -> BoardState:
        """What the reply `payload` of a device says about its health."""

    @abstractmethod
    def temperature(self) -> NDArray[np.float64]:
        """[degC] from the newest replies; NaN where they do not say."""

    # -- the cycle ------------------------------------------------------------------------------

    @classmethod
    def honours_effort(cls, options: Any) -> bool:
        """The whole torque law runs on the board."""
        return True

    @property
    def complete(self) -> bool:
        """See :meth:`Protocol.complete`."""
        return bool(self._answered.all())

    def request(self) -> CanBatch:
        """See :meth:`Protocol.request`."""
        if self._opened:
            self._opened = False
            return NO_FRAMES
        self._answered[:] = False
        return self._ask_again(np.arange(len(self.devices)))

    def retry(self) -> CanBatch:
        """See :meth:`Protocol.retry`: the silent ones get their command, or the poll, once more."""
        return self._ask_again(np.flatnonzero(~self._answered))

    def _ask_again(self, which: NDArray[np.intp]) -> CanBatch:
        self._owe(which)
        if not self._on:
            return self.poll(self._ids[which].tolist())
        if len(self._sent):
            return classic(self._ids[which], self._sent.data[which])
        return classic(self._ids[which], self._idle()[which])

    def _owe(self, which: NDArray[np.intp]) -> None:
        """One answer more of each; those that never came are forgiven in the end."""
        self._due[which] = np.minimum(self._due[which] + 1, _MOST_DUE)

    def _idle(self) -> NDArray[np.uint8]:
        """Commands that ask for no torque."""
        zeros = np.zeros(len(self.devices))
        return codec.pack_command(self._scales, zeros, zeros, zeros, zeros, zeros)

    def receive(self, payload: CanBatch) -> None:
        """See :meth:`Protocol.receive`."""
        if not len(payload):
            return
        ids = payload.ids
        standard = ids < _IDENTIFIERS
        index = np.where(standard, self._by_reply[ids & 0x7FF, payload.data[:, 0]], -1)
        known = index >= 0
        sound = known & self.sound(payload)
        rows = index[sound]
        asked = np.minimum(np.bincount(rows, minlength=len(self._due)), self._due)
        self._due -= asked
        good = int(asked.sum())
        self._data[rows] = payload.data[sound, :8]
        self._lengths[rows] = payload.lengths[sound]
        self._answered[rows] = self._ever[rows] = True
        counters = self.counters
        counters.good += good
        counters.corrupt += int((known & ~sound).sum())
        counters.foreign += int((~known).sum()) + len(rows) - good

    def sound(self, batch: CanBatch) -> NDArray[np.bool_]:
        """Which frames can be state replies at all."""
        return batch.lengths == 8

    def readings(self) -> Readings:
        """See :meth:`ActuatorProtocol.readings`."""
        position, velocity, torque = codec.unpack_state(self._scales, self._data[:, 1:6])
        temperature = self.temperature()
        for values in (position, velocity, torque, temperature):
            values[~self._ever] = np.nan
        return Readings(
            position,
            velocity,
            torque,
            self._answered.copy(),
            temperature,
            np.full(len(self.devices), np.nan),
            self._faults() + self._clipped,
        )

    def _faults(self) -> tuple[DeviceFault, ...]:
        found = []
        for index in np.flatnonzero(self._answered & self.suspicious()):
            state = self.state_of(int(index), self._data[index, : self._lengths[index]].tobytes())
            if state.fault:
                found.append(DeviceFault(int(index), state.fault, state.reason))
            elif self._on and not state.enabled:
                reason = "torque went off by itself: restarted, or its watchdog acted"
                found.append(DeviceFault(int(index), "board_rebooted", reason))
        return tuple(found)

    def suspicious(self) -> NDArray[np.bool_]:
        """Which newest replies are worth a closer look, for all devices at once."""
        return np.ones(len(self.devices), np.bool_)

    def command(self, command: Command) -> CanBatch:
        """See :meth:`ActuatorProtocol.command`."""
        values = (
            command.position,
            command.velocity,
            command.effort,
            command.stiffness,
            command.damping,
        )
        self._clipped = self._beyond(values)
        self._sent = classic(self._ids, codec.pack_command(self._scales, *values))
        self._answered[:] = False
        self._owe(np.arange(len(self.devices)))
        self._opened = True
        return self._sent

    def _beyond(self, values: tuple[NDArray[np.float64], ...]) -> tuple[DeviceFault, ...]:
        """What cannot be told to a board: the codec cuts it, and nobody shall wonder why."""
        scales = self._scales
        full = (scales.position, scales.velocity, scales.torque, scales.stiffness, scales.damping)
        found = []
        for name, value, largest in zip(
            ("position", "velocity", "torque", "stiffness", "damping"), values, full, strict=True
        ):
            for index in np.flatnonzero(np.abs(value) > largest * 1.0001):
                reason = f"{name} {value[index]:.4g} is cut at the board's {largest[index]:.4g}"
                found.append(DeviceFault(int(index), "command_limit", reason))
        return tuple(found)

    def stop(self) -> CanBatch:
        """See :meth:`ActuatorProtocol.stop`."""
        self._on = self._opened = False
        return self.special(codec.DISABLE, self._ids.tolist())

    @staticmethod
    def special(code: int, ids: Sequence[int]) -> CanBatch:
        """Special payloads to `ids`."""
        return classic(np.array(ids, np.uint32), codec.special(code, len(ids)))

    # -- conversations --------------------------------------------------------------------------

    def hear_state(self, identifier: int, payload: bytes) -> tuple[int, BoardState] | None:
        """The board and its state in a frame; None: it is no reply of a device of this bus."""
        if identifier & EXTENDED or len(payload) < 6:
            return None
        index = int(self._by_reply[identifier & 0x7FF, payload[0]])
        if index < 0:
            return None
        return int(self._ids[index]), self.state_of(index, payload)

    def order(self, code: int, what: str) -> Conversation[CanBatch, list[BoardState]]:
        """Give all boards a special order; their states after it."""
        return (
            yield from ask_devices(
                lambda ids: self.special(code, ids), self.hear_state, self.devices, what
            )
        )

    def enable(self, on: bool) -> Conversation[CanBatch, None]:
        """See :meth:`ActuatorProtocol.enable`. MIT motors begin without gains and torque."""
        self._opened, self._sent, self._clipped = False, NO_FRAMES, ()
        if not on:
            self._on = False
            yield from self.order(codec.DISABLE, "torque off")
            return
        yield from self.arm()
        states = yield from self.order(codec.ENABLE, "torque on")
        for device, state in zip(self.devices, states, strict=True):
            if state.fault or not state.enabled:
                yield from self.order(codec.DISABLE, "torque off")
                raise BoardError(
                    f"{device} does not switch torque on: {state.reason or 'it stays disabled'}; "
                    "remove the cause, then arm again"
                )
        self._on = True

    def arm(self) -> Conversation[CanBatch, None]:
        """What a maker wants to be done before torque: watchdogs, latched faults."""
        return
        yield
