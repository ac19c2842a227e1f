"""RobStride and CyberGear boards on their private protocol.

The scale of a model cannot be read from the board. What can be checked is that position, as the cycle's
feedback tells it, is the position in parameter 0x7019: a wrong position scale shows there, unless the
shaft stands at zero.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.can import EXTENDED, CanBatch
from humanoid_hal.bus.device import Array, Device
from humanoid_hal.bus.protocol import BoardError, Conversation, DeviceFault
from humanoid_hal.can.answering import AnsweringProtocol
from humanoid_hal.can.board import BoardState, Values
from humanoid_hal.can.conversation import ask_devices
from humanoid_hal.can.frames import select
from humanoid_hal.drivers.mit.models import ROBSTRIDE, stack
from humanoid_hal.drivers.mit.protocol import SCALE_SETTINGS, known_scale
from humanoid_hal.drivers.robstride import codec, parameters
from humanoid_hal.drivers.robstride.codec import Type
from humanoid_hal.drivers.robstride.parameters import Parameter
from humanoid_hal.drivers.robstride.tools import RobStrideTools

#: Largest difference [rad] between feedback and parameter 0x7019 at start-up.
_SAME = 0.02
#: Fault of the fault table by bit of codec.FEEDBACK_FAULTS.
FAULTS = (
    "under_voltage",
    "overload",
    "over_temperature",
    "unknown_fault",
    "overload",
    "unknown_fault",
)


#: The same by name of codec.FAULT_BITS; the others are `unknown_fault`.
REPORTED = {
    "over-temperature": "over_temperature",
    "under-voltage": "under_voltage",
    "over-voltage": "overload",
    "over-current of phase A": "overload",
    "over-current of phase B": "overload",
    "over-current of phase C": "overload",
    "stall overload": "overload",
}


@dataclass(frozen=True)
class RobStrideOptions:
    """One bus."""

    # The board switches torque off when no command came for this long. 0: there is none (CyberGear).
    watchdog: float = key(0.1, unit="s", min=0.0, max=10.0)


class RobStrideProtocol(AnsweringProtocol):
    """See the module docstring."""

    Options = RobStrideOptions
    settings: ClassVar[tuple[str, ...]] = SCALE_SETTINGS
    tools = RobStrideTools()

    def __init__(self, devices: Sequence[Device], options: Any = None) -> None:
        """See :meth:`ActuatorProtocol.__init__`."""
        super().__init__(devices, options)
        self._scales = stack(known_scale(ROBSTRIDE, device) for device in self.devices)
        self._index = np.full(256, -1, np.intp)
        self._index[self.ids] = np.arange(len(self.devices))
        self._reported: dict[int, DeviceFault] = {}

    @classmethod
    def has_watchdog(cls, options: Any) -> bool:
        """Parameter 0x7028, which :meth:`arm` sets and reads back."""
        return bool((options or RobStrideOptions()).watchdog > 0.0)

    # -- the cycle ------------------------------------------------------------------------------

    def receive(self, payload: CanBatch) -> None:
        """See :meth:`Protocol.receive`. Fault reports (type 0x15) come without being asked for."""
        reports = (payload.ids >> 24) == (EXTENDED >> 24 | Type.FAULT)
        if reports.any():
            for identifier, data in select(payload, reports).frames():
                self._report(identifier, data)
            payload = select(payload, ~reports)
        super().receive(payload)

    def _report(self, identifier: int, data: bytes) -> None:
        report = codec.parse_fault(identifier, data)
        index = -1 if report is None else int(self._index[report.board])
        if report is None or index < 0:
            self.counters.foreign += 1
            return
        self.counters.good += 1
        if report.faults:
            name = REPORTED.get(report.faults[0], "unknown_fault")
            self._reported[index] = DeviceFault(index, name, ", ".join(report.faults))
        else:
            self._reported.pop(index, None)

    def faults(self) -> tuple[DeviceFault, ...]:
        """See :meth:`AnsweringProtocol.faults`; what was reported holds until torque is switched on."""
        return (*super().faults(), *self._reported.values())

    def match(self, batch: CanBatch) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Feedback for this host."""
        motors = codec.feedback_ids(batch)
        index = np.where(motors >= 0, self._index[motors], -1)
        return index, batch.lengths == 8

    def values(self) -> Values:
        """See :meth:`AnsweringProtocol.values`."""
        read = codec.parse_feedback(
            self._scales, CanBatch(self.identifiers, self.lengths, self.data)
        )
        unknown = np.full(len(self.devices), np.nan)
        return Values(read.position, read.velocity, read.torque, read.temperature, unknown)

    def suspicious(self) -> NDArray[np.bool_]:
        """Any fault bit, or another mode than torque off or on."""
        wanted = codec.MODE_RUN if self.on else codec.MODE_RESET
        return (self.identifiers >> 16) & 0xFF != wanted << 6

    def state_of(self, identifier: int, payload: bytes) -> BoardState:
        """Faults and mode stand in the identifier."""
        faults, mode = identifier >> 16 & 0x3F, identifier >> 22 & 3
        bits = [bit for bit in range(len(FAULTS)) if faults >> bit & 1]
        if not bits:
            return BoardState(mode == codec.MODE_RUN)
        reason = ", ".join(codec.FEEDBACK_FAULTS[bit] for bit in bits)
        return BoardState(mode == codec.MODE_RUN, FAULTS[bits[0]], reason)

    def poll(self, ids: Sequence[int]) -> CanBatch:
        """The order to take torque off is answered with the state, too."""
        return codec.make_stop(ids)

    def off(self, ids: Sequence[int]) -> CanBatch:
        """See :meth:`AnsweringProtocol.off`."""
        return codec.make_stop(ids)

    def make_command(self, law: Array) -> CanBatch:
        """See :meth:`AnsweringProtocol.make_command`."""
        return codec.make_control(self.ids, self._scales, *law)

    def full_scale(self) -> Array:
        """See :meth:`AnsweringProtocol.full_scale`."""
        return self._scales.full

    # -- conversations --------------------------------------------------------------------------

    def startup(self) -> Conversation[CanBatch, tuple[str, ...]]:
        """Everybody is there, without torque, and its position scale is the one of its model."""
        yield from ask_devices(
            codec.make_get_id, _hear_identity, self.devices, "who are you (type 0)"
        )
        yield from self.switch_off()
        told = yield from ask_devices(
            codec.make_stop, self._hear_position, self.devices, "torque off"
        )
        read = yield from self.read_all(parameters.MECH_POS)
        for device, feedback, position in zip(self.devices, told, read, strict=True):
            if abs(feedback - position) > _SAME:
                raise BoardError(
                    f"{device}: its feedback, on the scale of {device.model}, says {feedback:.3f} rad, "
                    f"but parameter 0x7019 {position:.3f}; the model is another, or state its scale"
                )
        return ("RobStride boards do not tell their model: velocity and torque scale are trusted",)

    def arm(self) -> Conversation[CanBatch, None]:
        """Forget latched faults, choose the MIT law, set the watchdog and read it back."""
        self._reported.clear()
        yield from ask_devices(
            lambda ids: codec.make_stop(ids, clear=True),
            self.hear_state,
            self.devices,
            "clear faults",
        )
        yield from self.write_all(parameters.RUN_MODE, 0)
        if self.options.watchdog > 0.0:
            units = round(self.options.watchdog / parameters.TIMEOUT_UNIT)
            yield from self.write_all(parameters.CAN_TIMEOUT, units)

    def switch_on(self) -> Conversation[CanBatch, list[BoardState]]:
        """See :meth:`AnsweringProtocol.switch_on`."""
        return (
            yield from ask_devices(codec.make_enable, self.hear_state, self.devices, "torque on")
        )

    def read_all(self, parameter: Parameter) -> Conversation[CanBatch, list[float]]:
        """One parameter of every board. Raises BoardError where one does not know it."""
        values = yield from ask_devices(
            lambda ids: codec.make_read(ids, parameter),
            hear_parameter(parameter),
            self.devices,
            f"read {parameter.index:#06x}",
        )
        for device, value in zip(self.devices, values, strict=True):
            if value is None:
                raise BoardError(
                    f"{device} has no parameter {parameter.index:#06x}; update its firmware, or, for "
                    "the watchdog of a CyberGear, set the bus option watchdog to 0"
                )
        return [value for value in values if value is not None]

    def write_all(self, parameter: Parameter, value: float) -> Conversation[CanBatch, None]:
        """Set one parameter of every board and read it back."""
        yield from ask_devices(
            lambda ids: codec.make_write(ids, parameter, value),
            self.hear_state,
            self.devices,
            f"write {parameter.index:#06x}",
        )
        values = yield from self.read_all(parameter)
        for device, found in zip(self.devices, values, strict=True):
            if found != value:
                raise BoardError(
                    f"{device}: parameter {parameter.index:#06x} reads {found:g} after writing {value:g}"
                )

    def _hear_position(self, identifier: int, payload: bytes) -> tuple[int, float] | None:
        batch = CanBatch.of([(identifier, payload)])
        index, sound = self.match(batch)
        if index[0] < 0 or not sound[0]:
            return None
        read = codec.parse_feedback(self._scales.at(index), batch)
        return int(read.ids[0]), float(read.position[0])


def hear_parameter(
    parameter: Parameter,
) -> Callable[[int, bytes], tuple[int, float | None] | None]:
    """A reader of answers: board and value, which is None where it has no such parameter."""

    def read(identifier: int, payload: bytes) -> tuple[int, float | None] | None:
        answer = codec.parse_parameter(identifier, payload)
        if answer is None or answer.index != parameter.index:
            return None
        return answer.board, parameter.unpack(answer.raw) if answer.ok else None

    return read


def _hear_identity(identifier: int, payload: bytes) -> tuple[int, bytes] | None:
    answer = codec.parse_identity(identifier, payload)
    return None if answer is None else (answer.board, answer.serial)
