"""GO-M8010-6 motors on an RS-485 bus: one command, one reply, motor after motor.

The two directions share the wires and a motor replies as soon as it has heard its command, so the
next motor is spoken to only when the last one has replied (:meth:`UnitreeGo.following`). Motors
that did not reply in the last round come last in the next: a dead one delays nobody.

The boards have no watchdog: a motor executes its last command until it hears another. They tell no
restart either, obey the first command after it, and have lost their rotor turns by then. So a motor
that was silent for some rounds, or whose rotor jumped, is braked until torque is switched anew.
"""

from collections import deque
from collections.abc import Sequence
from math import pi
from typing import Any

import numpy as np

from humanoid_hal.bus.device import Device
from humanoid_hal.bus.framing import FrameReader
from humanoid_hal.bus.protocol import (
    ActuatorProtocol,
    BoardError,
    Conversation,
    Counters,
    DeviceFault,
    Readings,
)
from humanoid_hal.driver import Command
from humanoid_hal.drivers.unitree_go import codec
from humanoid_hal.drivers.unitree_go.codec import RotorCommand, RotorState
from humanoid_hal.drivers.unitree_go.models import MODELS, Model
from humanoid_hal.drivers.unitree_go.tools import UnitreeGoTools, ask_state

#: Names of the fault table for the errors of :data:`codec.ERRORS`.
_FAULTS = {1: "over_temperature", 2: "overload", 3: "overload"}
#: Rounds of silence, and rad of the rotor from one reply to the next, that tell a restart. It takes
#: longer than 50 ms; the fastest rotor turns 0.4 rad in 2 ms.
_SILENT_ROUNDS = 25
_JUMP = pi
#: The encoder is broken: what this motor reports is nowhere near the truth.
_BLIND = 4


class UnitreeGo(ActuatorProtocol[bytes]):
    """See the module docstring."""

    medium = "serial"
    default_baud = 4_000_000
    takes_turns = True
    tools = UnitreeGoTools()

    def __init__(self, devices: Sequence[Device], options: Any = None) -> None:
        """See :meth:`ActuatorProtocol.__init__`."""
        self.devices = tuple(devices)
        self.counters = Counters()
        models = [_model(device) for device in self.devices]
        self._ids = np.array([device.id for device in self.devices])
        self._index = {device.id: index for index, device in enumerate(self.devices)}
        self._gear = np.array([model.gear for model in models])
        n = len(self.devices)
        self._states: list[RotorState | None] = [None] * n
        self._fresh = np.zeros(n, dtype=bool)
        self._reader = FrameReader(codec.REPLIES)
        self._frames = codec.make_brake(self._ids)  # what every motor hears next
        self._queue: deque[int] = deque()  # whose turn is still to come
        self._asked: set[int] = set()  # has been spoken to and has not replied
        self._silence = np.zeros(n, dtype=np.int64)  # rounds without a reply
        self._restarted: dict[int, str] = {}  # and why it is thought so
        self._round = 0
        self._on = False
        self._opened = False  # by a command, before the request of its cycle

    @classmethod
    def honours_effort(cls, options: Any) -> bool:
        """The torque law runs on the motor."""
        return True

    @classmethod
    def has_watchdog(cls, options: Any) -> bool:
        """None is documented."""
        return False

    # -- the cycle --------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """See :attr:`Protocol.complete`."""
        return not self._queue and not self._asked

    def request(self) -> bytes:
        """See :meth:`Protocol.request`. Without a command since the last one it is repeated."""
        opened, self._opened = self._opened, False
        return b"" if opened else self._begin()

    def command(self, command: Command) -> bytes:
        """See :meth:`ActuatorProtocol.command`. Its replies are the next cycle's readings."""
        gear = self._gear
        square = gear * gear
        law = RotorCommand(
            command.position * gear,
            command.velocity * gear,
            command.effort / gear,
            command.stiffness / square,
            command.damping / square,
        )
        self._frames = codec.make_commands(self._ids, codec.CONTROL, law)
        self._brake_restarted()
        self._opened = True
        return self._begin()

    def receive(self, payload: bytes) -> None:
        """See :meth:`Protocol.receive`."""
        for frame in self._reader.feed(payload):
            state = codec.parse_reply(frame)
            index = self._index.get(state.id)
            if index is None or self._fresh[index]:
                self.counters.foreign += 1
                continue
            self.counters.good += 1
            self._asked.discard(index)
            self._look_for_restart(index, state)
            self._states[index] = state
            self._fresh[index] = True
        self.counters.corrupt += self._reader.bad
        self._reader.bad = 0

    def following(self) -> bytes | None:
        """See :meth:`Protocol.following`."""
        return None if self._asked else self._next()

    def retry(self) -> bytes | None:
        """See :meth:`Protocol.retry`: the silent motor loses its turn."""
        return self._next()

    def readings(self) -> Readings:
        """See :meth:`ActuatorProtocol.readings`."""
        n = len(self.devices)
        position, velocity, effort, temperature = np.full((4, n), np.nan)
        fresh, faults = self._fresh.copy(), []
        for index, state in enumerate(self._states):
            if state is None:
                continue
            gear = self._gear[index]
            position[index] = state.position / gear
            velocity[index] = state.velocity / gear
            effort[index] = state.torque * gear
            temperature[index] = state.temperature
            if index in self._restarted:
                faults.append(DeviceFault(index, "board_rebooted", self._restarted[index]))
                continue
            if not fresh[index]:
                continue
            if state.error == _BLIND:
                fresh[index] = False
            elif state.error:
                reason = codec.ERRORS.get(state.error, f"error {state.error}")
                name = _FAULTS.get(state.error, "overload")
                faults.append(DeviceFault(index, name, reason))
            if self._on and state.mode != codec.CONTROL:
                faults.append(
                    DeviceFault(index, "board_rebooted", f"is in mode {state.mode}, not controlled")
                )
        return Readings(
            position, velocity, effort, fresh, temperature, np.full(n, np.nan), tuple(faults)
        )

    # -- conversations ----------------------------------------------------------------------------

    def startup(self) -> Conversation[bytes, tuple[str, ...]]:
        """See :meth:`Protocol.startup`."""
        yield from self._brake()
        return (
            "GO-M8010-6 motors count rotor turns from power-up: check that the measured pose is "
            "the real one before arming",
        )

    def enable(self, on: bool) -> Conversation[bytes, None]:
        """See :meth:`ActuatorProtocol.enable`: control with no stiffness, until commands come."""
        self._restarted.clear()
        if not on:
            self._on = False
            yield from self._brake()
            return
        n = len(self.devices)
        here = np.array([0.0 if state is None else state.position for state in self._states])
        none = np.zeros(n)
        frames = codec.make_commands(
            self._ids, codec.CONTROL, RotorCommand(here, none, none, none, none)
        )
        yield from self._tell(frames, codec.CONTROL, "torque on")
        self._on, self._frames = True, frames

    def stop(self) -> bytes:
        """See :meth:`ActuatorProtocol.stop`. One frame for all; nobody answers it."""
        self._frames = codec.make_brake(self._ids)
        self._queue.clear()
        self._asked.clear()
        self._on = False
        return b"".join(codec.make_brake(np.array([codec.BROADCAST])))

    # -- inside -----------------------------------------------------------------------------------

    def _begin(self) -> bytes:
        """A new round: those who answered the last one first, the others in turn."""
        answered = self._fresh.copy() if self._round else np.ones(len(self.devices), dtype=bool)
        silent = np.flatnonzero(~answered).tolist()
        turn = self._round % max(len(silent), 1)
        self._round += 1
        self._silence = np.where(answered, 0, self._silence + 1)
        self._queue = deque([*np.flatnonzero(answered).tolist(), *silent[turn:], *silent[:turn]])
        self._fresh[:] = False
        self._asked.clear()
        return self._next() or b""

    def _next(self) -> bytes | None:
        if not self._queue:
            return None
        index = self._queue.popleft()
        self._asked.add(index)
        return self._frames[index]

    def _look_for_restart(self, index: int, state: RotorState) -> None:
        before = self._states[index]
        if not self._on or before is None or index in self._restarted:
            return
        jump = abs(state.position - before.position)
        if self._silence[index] >= _SILENT_ROUNDS:
            reason = f"was silent for {self._silence[index]} cycles"
        elif jump > _JUMP:
            reason = f"its rotor jumped by {jump:.1f} rad"
        else:
            return
        self._restarted[index] = f"{reason}: may have restarted and lost its turns; is braked"
        self._brake_restarted()

    def _brake_restarted(self) -> None:
        for index in self._restarted:
            (self._frames[index],) = codec.make_brake(self._ids[index : index + 1])

    def _brake(self) -> Conversation[bytes, None]:
        self._frames = codec.make_brake(self._ids)
        yield from self._tell(self._frames, codec.BRAKE, "torque off")

    def _tell(self, frames: Sequence[bytes], mode: int, what: str) -> Conversation[bytes, None]:
        """Say `frames` to the motors one after the other and hear each in `mode`."""
        silent, wrong = [], []
        for index, (device, frame) in enumerate(zip(self.devices, frames, strict=True)):
            state = yield from ask_state(frame, device.id)
            if state is None:
                silent.append(str(device))
                continue
            self._states[index] = state
            if state.mode != mode:
                wrong.append(f"{device} in mode {state.mode}")
        if silent:
            raise BoardError(
                f"no answer to {what} from {', '.join(silent)}; check ids, power and wiring"
            )
        if wrong:
            raise BoardError(f"{what}: {', '.join(wrong)} instead of {mode}; restart the motors")


def _model(device: Device) -> Model:
    if device.settings:
        raise BoardError(f"{device}: GO motors have no settings; got {', '.join(device.settings)}")
    if device.id not in codec.IDS:
        raise BoardError(f"{device}: id must be in 0..{codec.IDS[-1]}")
    found = MODELS.get(device.model)
    if found is None:
        raise BoardError(f"{device}: no model '{device.model}'; known: {', '.join(MODELS)}")
    return found
