"""moteus controllers: position mode with scaled gains, gains of the board set and read back.

The board computes ``kp scale (position error) + kd scale (velocity error) + feedforward``. Its own kp and
kd are set to the most this bus may ask for, its integrator to none, and its time-out to the option.

A command also switches torque on. A board that restarted would take it back with the gains it has stored;
but first it calibrates its current sensors, without torque, for 10 ms and more, and says so in its mode
(fw/bldc_servo.cc of the firmware). From then on it is told to stop, until torque is switched anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import pi
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.can import NO_FRAMES, CanBatch
from humanoid_hal.bus.device import Array, Device
from humanoid_hal.bus.protocol import Ask, Conversation, DeviceFault
from humanoid_hal.can.answering import AnsweringProtocol
from humanoid_hal.can.board import BoardState, Values
from humanoid_hal.can.conversation import ask_devices
from humanoid_hal.drivers.moteus import codec
from humanoid_hal.drivers.moteus.console import get_config, set_config, subframes_in
from humanoid_hal.drivers.moteus.registers import FAULTS, RESTARTED, Mode, Register
from humanoid_hal.drivers.moteus.tools import MoteusTools

_TURN = 2.0 * pi
#: [s] between two looks whether a board has torque, and how many: enabling its motor driver and calibrating
#: its current sensors takes more than 10 ms.
_LOOK, _LOOKS = 0.005, 20
#: What the boards can take as a position before its float32 gets coarse [rad], and as a speed [rad/s].
_FARTHEST, _FASTEST = 1000.0, 1000.0


@dataclass(frozen=True)
class MoteusOptions:
    """One bus."""

    # The board brakes when no command came for this long (servo.default_timeout_s).
    watchdog: float = key(0.1, unit="s", min=0.01, max=10.0)
    # What the gains can be scaled up to, at the output shaft.
    stiffness_max: float = key(500.0, unit="N m/rad", above=0.0)
    damping_max: float = key(20.0, unit="N m s/rad", above=0.0)
    # Largest torque that may be commanded.
    torque_max: float = key(100.0, unit="N m", above=0.0)


class MoteusProtocol(AnsweringProtocol):
    """See the module docstring."""

    Options = MoteusOptions
    settings: ClassVar[tuple[str, ...]] = ()
    width = 64
    tools = MoteusTools()

    def __init__(self, devices: Sequence[Device], options: Any = None) -> None:
        """See :meth:`ActuatorProtocol.__init__`."""
        super().__init__(devices, options)
        self._index = np.full(129, -1, np.intp)  # the last one for those not meant for us
        self._index[self.ids] = np.arange(len(self.devices))
        o = self.options
        full = (_FARTHEST, _FASTEST, o.torque_max, o.stiffness_max, o.damping_max)
        self._full_scale = np.tile(np.array(full)[:, None], len(self.devices))
        self._restarted = np.zeros(len(self.devices), np.bool_)

    @classmethod
    def has_watchdog(cls, options: Any) -> bool:
        """Always on; :meth:`arm` sets it and reads it back."""
        return True

    # -- the cycle ------------------------------------------------------------------------------

    def match(self, batch: CanBatch) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """By the sender."""
        senders = codec.senders(batch)
        index = self._index[np.where(senders < 128, senders, -1)]
        return index, codec.are_answers(batch)

    def values(self) -> Values:
        """See :meth:`AnsweringProtocol.values`."""
        read = codec.parse_answers(self.data)
        return Values(read.position, read.velocity, read.torque, read.temperature, read.voltage)

    def suspicious(self) -> NDArray[np.bool_]:
        """Any fault, and any mode but the wanted one."""
        wanted = Mode.POSITION if self.on else Mode.STOPPED
        return (self.data[:, 2] != wanted) | (self.data[:, 21] != 0)

    def state_of(self, identifier: int, payload: bytes) -> BoardState:
        """From mode and fault."""
        mode, fault = payload[2], payload[21]
        if mode == Mode.FAULT:
            return BoardState(False, *FAULTS.get(fault, ("unknown_fault", f"fault {fault}")))
        if mode == Mode.TIMEOUT:
            return BoardState(False, "board_rebooted", "its watchdog acted: it brakes")
        return BoardState(mode == Mode.POSITION)

    def faults(self) -> tuple[DeviceFault, ...]:
        """See :meth:`AnsweringProtocol.faults`; notes who restarted."""
        found = super().faults()
        for fault in found if self.on else ():
            self._restarted[fault.device] |= self.data[fault.device, 2] in RESTARTED
        return found

    def poll(self, ids: Sequence[int]) -> CanBatch:
        """The state, and nothing else."""
        return codec.make_query(ids)

    def off(self, ids: Sequence[int]) -> CanBatch:
        """See :meth:`AnsweringProtocol.off`. Also forgets faults and time-outs."""
        return codec.make_stop(ids)

    def make_command(self, law: Array) -> CanBatch:
        """See :meth:`AnsweringProtocol.make_command`."""
        position, velocity, torque, stiffness, damping = law
        limit = self.options.torque_max
        batch = codec.make_command(
            self.ids,
            position,
            velocity,
            np.clip(torque, -limit, limit),
            stiffness / self.options.stiffness_max,
            damping / self.options.damping_max,
        )
        if np.count_nonzero(self._restarted):
            stop = codec.make_stop(self.ids[self._restarted])
            batch.data[self._restarted] = stop.data
            batch.lengths[self._restarted] = stop.lengths
        return batch

    def full_scale(self) -> Array:
        """See :meth:`AnsweringProtocol.full_scale`."""
        return self._full_scale

    # -- conversations --------------------------------------------------------------------------

    def begin(self) -> None:
        """See :meth:`AnsweringProtocol.begin`."""
        super().begin()
        self._restarted[:] = False

    def startup(self) -> Conversation[CanBatch, tuple[str, ...]]:
        """Everybody is there, without torque; firmware as a remark."""
        yield from self.switch_off()
        versions = yield from ask_devices(
            lambda ids: codec.make_frames(ids, _READ_FIRMWARE),
            hear_register(Register.FIRMWARE),
            self.devices,
            "read firmware",
        )
        distinct = sorted({f"{round(v) >> 16}.{round(v) >> 8 & 255}" for v in versions})
        return (f"mixed register maps: {', '.join(distinct)}",) if len(distinct) > 1 else ()

    def arm(self) -> Conversation[CanBatch, None]:
        """Stop, which forgets faults; gains and time-out of each board, read back."""
        yield from self.switch_off()
        options = self.options
        for device in self.devices:
            for name, value in (
                ("servo.pid_position.kp", options.stiffness_max * _TURN),  # [N m/rev]
                ("servo.pid_position.ki", 0.0),
                ("servo.pid_position.kd", options.damping_max * _TURN),
                ("servo.default_timeout_s", options.watchdog),
            ):
                if (yield from get_config(device, name)) != value:
                    yield from set_config(device, name, value)

    def switch_on(self) -> Conversation[CanBatch, list[BoardState]]:
        """See :meth:`AnsweringProtocol.switch_on`. Boards calibrate their current sensors first."""
        for _ in range(_LOOKS):
            states = yield from ask_devices(
                codec.make_idle, self.hear_state, self.devices, "torque on"
            )
            if all(state.enabled or state.fault for state in states):
                break
            yield Ask(NO_FRAMES, _LOOK)
        return states


_READ_FIRMWARE = codec.make_register(codec.READ, Register.FIRMWARE, codec.INT32)


def hear_register(register: int) -> Callable[[int, bytes], tuple[int, float] | None]:
    """A reader of answers that tell one register: board and raw value."""

    def read(identifier: int, payload: bytes) -> tuple[int, float] | None:
        sender = int(codec.senders(CanBatch.of([(identifier, payload)], fd=True))[0])
        for part in subframes_in(payload):
            if part.kind == codec.REPLY and part.register == register:
                return sender, part.value
        return None

    return read
