"""CiA 402 drives: configured by SDO, driven by process data on SYNC.

Two modes. `csp`: drives follow position targets; stiffness, damping and effort are not theirs. `cst`:
drives take torque, and the torque law is computed here from the newest sample, so its stiffness is limited
by the control rate. Units are read from the drive (608F, 6091, 6076) and never assumed.

The watchdog is the drive's heartbeat consumer (1016) on this host's heartbeat, which goes out with every
SYNC; what it does then is 6007. Both are set and read back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.can import CanBatch, joined
from humanoid_hal.bus.device import Array, Device
from humanoid_hal.bus.protocol import (
    ActuatorProtocol,
    Ask,
    BoardError,
    Conversation,
    Counters,
    DeviceFault,
    Readings,
    finite,
    law_of,
)
from humanoid_hal.can.board import check_devices
from humanoid_hal.can.conversation import ask_devices
from humanoid_hal.driver import Command
from humanoid_hal.drivers.cia402 import codec, objects
from humanoid_hal.drivers.cia402.objects import Object, State
from humanoid_hal.drivers.cia402.tools import CiA402Tools

#: Cycles without an answer after which a drive gets no torque of the law computed here.
SILENT_CYCLES = 3
#: Orders given at most on the way to a state.
_STEPS = 12


@dataclass(frozen=True)
class CiA402Options:
    """One bus."""

    # csp: positions; cst: torques, see above.
    mode: Literal["csp", "cst"] = "csp"
    # This host's node id, for its heartbeat.
    host: int = key(127, min=1, max=127)
    # The drive disables its output stage when no heartbeat came for this long.
    watchdog: float = key(0.1, unit="s", min=0.01, max=10.0)


@dataclass(frozen=True, slots=True)
class _Units:
    """Output-shaft units of each drive; shape (n,)."""

    increment: Array  # [rad]
    permille: Array  # [N m]


class CiA402Protocol(ActuatorProtocol[CanBatch]):
    """See the module docstring."""

    medium: ClassVar[Literal["serial", "can"]] = "can"
    default_baud = 1_000_000
    Options = CiA402Options
    tools = CiA402Tools()

    def __init__(self, devices: Sequence[Device], options: Any = None) -> None:
        """See :meth:`ActuatorProtocol.__init__`."""
        self.options: CiA402Options = options or CiA402Options()
        check_devices(devices, (), 126)
        if self.options.host in [device.id for device in devices]:
            raise BoardError(f"host {self.options.host} is the node id of a drive; choose another")
        self.devices = tuple(devices)
        self.counters = Counters()
        n = len(self.devices)
        self._nodes = np.array([device.id for device in self.devices], np.uint32)
        self._index = np.full(129, -1, np.intp)
        self._index[self._nodes] = np.arange(n)
        self._first = np.zeros((n, 8), np.uint8)
        self._second = np.zeros((n, 8), np.uint8)
        self._seen = np.zeros((2, n), np.bool_)
        self._ever = np.zeros(n, np.bool_)
        self._stale = np.zeros(n, np.int64)  # [cycles] since the newest answer
        self._emergency: dict[int, int] = {}  # index to the newest error code
        self._units = _Units(np.full(n, np.nan), np.full(n, np.nan))
        self._on = False

    @classmethod
    def honours_effort(cls, options: Any) -> bool:
        """In mode cst."""
        return (options or CiA402Options()).mode == "cst"

    @classmethod
    def has_watchdog(cls, options: Any) -> bool:
        """The heartbeat consumer of the drive."""
        return True

    # -- the cycle ------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Both process data of every drive have come."""
        return bool(self._seen.all())

    def request(self) -> CanBatch:
        """Heartbeat and SYNC."""
        self._seen[:] = False
        return codec.make_sync(self.options.host)

    def receive(self, payload: CanBatch) -> None:
        """See :meth:`Protocol.receive`."""
        ids = payload.ids.astype(np.intp)
        standard = ids <= 0x7FF
        index = self._index[np.where(standard & (ids & 0x7F != 0), ids & 0x7F, -1)]
        function = ids & 0x780
        known = index >= 0
        first = known & (function == codec.TPDO1) & (payload.lengths == 8)
        second = known & (function == codec.TPDO2) & (payload.lengths == 6)
        for kind, mask, store in ((0, first, self._first), (1, second, self._second)):
            at = index[mask]
            store[at] = payload.data[mask, :8]
            self._seen[kind, at] = True
        self._ever |= self._seen[0] & self._seen[1]
        emergency = known & (function == codec.EMERGENCY) & (payload.lengths == 8)
        for row in np.flatnonzero(emergency):
            code = int(payload.data[row, 0]) | int(payload.data[row, 1]) << 8
            self._emergency[int(index[row])] = code
        others = known & np.isin(function, (codec.HEARTBEAT, codec.SDO_FROM))
        good = first | second | emergency | others
        self.counters.good += int(good.sum())
        self.counters.corrupt += int((known & ~good).sum())
        self.counters.foreign += int((~known).sum())

    def readings(self) -> Readings:
        """See :meth:`ActuatorProtocol.readings`. Temperature and voltage are no part of the profile."""
        position, velocity, torque = self._values()
        unknown = np.full(len(self.devices), np.nan)
        for values in (position, velocity, torque):
            values[~self._ever] = np.nan
        fresh = self._seen[0] & self._seen[1]
        self._stale += 1
        self._stale[fresh] = 0
        return Readings(
            position, velocity, torque, fresh, unknown, unknown.copy(), self._faults(fresh)
        )

    def _values(self) -> tuple[Array, Array, Array]:
        first, second, units = (
            codec.parse_first(self._first),
            codec.parse_second(self._second),
            self._units,
        )
        return (
            first["position"] * units.increment,
            second["velocity"] * units.increment,
            first["torque"] * units.permille,
        )

    def _faults(self, fresh: NDArray[np.bool_]) -> tuple[DeviceFault, ...]:
        found = []
        words, codes = (
            codec.parse_first(self._first)["status"],
            codec.parse_second(self._second)["error"],
        )
        for index in np.flatnonzero(fresh):
            state = objects.state_of(int(words[index]))
            if state in (State.FAULT, State.FAULT_REACTION):
                code = int(codes[index]) or self._emergency.get(int(index), 0)
                found.append(DeviceFault(int(index), *objects.fault_of(code)))
            elif self._on and state is not State.OPERATION_ENABLED:
                name = state.name.lower() if state else f"statusword {words[index]:#06x}"
                reason = f"torque went off by itself: {name}"
                found.append(DeviceFault(int(index), "board_rebooted", reason))
        return tuple(found)

    def command(self, command: Command) -> CanBatch:
        """See :meth:`ActuatorProtocol.command`. Acts with the next SYNC."""
        units = self._units
        aim, speed, effort, stiffness, damping = law_of(command)
        zeros = np.zeros(len(self.devices), np.int64)
        targets = np.rint(finite(aim / units.increment)).astype(np.int64)
        if self.options.mode == "csp":
            return codec.make_targets(self._nodes, objects.ENABLE_OPERATION, targets, zeros)
        position, velocity, _ = self._values()
        torque = effort + stiffness * (aim - position) + damping * (speed - velocity)
        # Damping against a speed of long ago would drive the joint: no torque without readings.
        torque[self._stale >= SILENT_CYCLES] = 0.0
        codes = np.rint(torque / units.permille).astype(np.int64)
        return codec.make_targets(self._nodes, objects.ENABLE_OPERATION, targets, codes)

    def stop(self) -> CanBatch:
        """See :meth:`ActuatorProtocol.stop`. The target beside it is where each drive was last.

        A drive that never told where it is hears the controlword alone.
        """
        self._on = False
        heard = self._ever
        here = codec.parse_first(self._first)["position"][heard].astype(np.int64)
        off = codec.make_targets(self._nodes[heard], objects.DISABLE, here, np.zeros_like(here))
        alone = codec.make_write(self._nodes[~heard].tolist(), objects.CONTROLWORD, objects.DISABLE)
        return joined([off, alone, codec.make_sync(self.options.host)])

    # -- conversations --------------------------------------------------------------------------

    def startup(self) -> Conversation[CanBatch, tuple[str, ...]]:
        """Drives of the profile, their units, the process data of the cycle; output stage off."""
        nodes = self._nodes.tolist()
        yield Ask(codec.make_nmt(nodes, codec.PRE_OPERATIONAL), 0.0, lambda batch: True)
        types = yield from self.read_all(objects.DEVICE_TYPE)
        for device, found in zip(self.devices, types, strict=True):
            if found & 0xFFFF != objects.PROFILE:
                raise BoardError(f"{device}: device type {found:#x} is no drive of CiA 402")
        yield from self.write_all(objects.CONTROLWORD, objects.DISABLE, check=False)
        yield from self._read_units()
        for device in self.devices:
            for item, value in codec.mapping_steps(device.id):
                yield from self._write([device], item, value)
        yield Ask(codec.make_nmt(nodes, codec.START), 0.0, lambda batch: True)
        self._emergency.clear()
        return ()

    def _read_units(self) -> Conversation[CanBatch, None]:
        columns = []
        for item in (
            objects.INCREMENTS,
            objects.ENCODER_TURNS,
            objects.GEAR_MOTOR,
            objects.GEAR_SHAFT,
            objects.RATED_TORQUE,
        ):
            columns.append((yield from self.read_all(item)))
        values = np.array(columns, np.float64)
        for device, column in zip(self.devices, values.T, strict=True):
            if not (column > 0).all():
                raise BoardError(
                    f"{device}: 608F:1, 608F:2, 6091:1, 6091:2, 6076 read {column.astype(int).tolist()}; "
                    "set them on the drive"
                )
        gear = values[2] / values[3]
        increment = 2.0 * pi * values[1] / values[0] / gear
        self._units = _Units(increment, values[4] * 1e-6 * gear)

    def enable(self, on: bool) -> Conversation[CanBatch, None]:
        """See :meth:`ActuatorProtocol.enable`."""
        self._on = False
        if not on:
            yield from self.write_all(objects.CONTROLWORD, objects.DISABLE, check=False)
            return
        milliseconds = round(self.options.watchdog * 1e3)
        yield from self.write_all(objects.ABORT_OPTION, objects.DISABLE_VOLTAGE)
        yield from self.write_all(
            objects.CONSUMER_HEARTBEAT, self.options.host << 16 | milliseconds
        )
        mode = objects.CSP if self.options.mode == "csp" else objects.CST
        yield from self.write_all(objects.MODE, mode, check=False)
        for device, shown in zip(
            self.devices, (yield from self.read_all(objects.MODE_DISPLAY)), strict=True
        ):
            if shown != mode:
                raise BoardError(f"{device}: mode {mode} is wanted, 6061 shows {shown}")
        positions = yield from self.read_all(objects.POSITION)
        for device, here in zip(self.devices, positions, strict=True):
            yield from self._write([device], objects.TARGET_POSITION, here)
        yield from self.write_all(objects.TARGET_TORQUE, 0, check=False)
        try:
            yield from self._switch_on()
        except BoardError:
            yield from self.write_all(objects.CONTROLWORD, objects.DISABLE, check=False)
            raise
        self._emergency.clear()
        self._on = True

    def _switch_on(self) -> Conversation[CanBatch, None]:
        """Through the state machine, all drives at once; this host's heart beats meanwhile."""
        errors = [0] * len(self.devices)
        for _ in range(_STEPS):
            yield Ask(codec.make_sync(self.options.host), 0.0, lambda batch: True)
            words = yield from self.read_all(objects.STATUSWORD)
            states = [objects.state_of(word) for word in words]
            if all(state is State.OPERATION_ENABLED for state in states):
                return
            if State.FAULT in states:  # before they are reset
                codes = yield from self.read_all(objects.ERROR_CODE)
                errors = [new or old for new, old in zip(codes, errors, strict=True)]
            for device, state in zip(self.devices, states, strict=True):
                if state in objects.NEXT:
                    yield from self._write([device], objects.CONTROLWORD, objects.NEXT[state])
        told = ", ".join(
            f"{device} stays {state.name.lower() if state else 'in no state of the profile'} "
            f"({objects.fault_of(code)[1]})"
            for device, state, code in zip(self.devices, states, errors, strict=True)
            if state is not State.OPERATION_ENABLED
        )
        raise BoardError(f"{told}; remove the cause, then arm again")

    def read_all(self, item: Object) -> Conversation[CanBatch, list[int]]:
        """One object of every drive."""
        answers = yield from ask_devices(
            lambda nodes: codec.make_read(nodes, item),
            codec.hear_sdo(item, write=False),
            self.devices,
            f"read {item}",
        )
        values = []
        for device, answer in zip(self.devices, answers, strict=True):
            if isinstance(answer, str):
                raise BoardError(f"{device}: reading {item}: {answer}")
            values.append(answer)
        return values

    def write_all(
        self, item: Object, value: int, *, check: bool = True
    ) -> Conversation[CanBatch, None]:
        """Set one object of every drive at once, and read it back where `check`."""
        yield from self._write(self.devices, item, value)
        if not check:
            return
        for device, found in zip(self.devices, (yield from self.read_all(item)), strict=True):
            if found != value:
                raise BoardError(f"{device}: {item} reads {found:#x} after writing {value:#x}")

    def _write(
        self, devices: Sequence[Device], item: Object, value: int
    ) -> Conversation[CanBatch, None]:
        answers = yield from ask_devices(
            lambda nodes: codec.make_write(nodes, item, value),
            codec.hear_sdo(item, write=True),
            devices,
            f"write {item}",
        )
        for device, answer in zip(devices, answers, strict=True):
            if isinstance(answer, str):
                raise BoardError(f"{device}: writing {value:#x} to {item}: {answer}")
