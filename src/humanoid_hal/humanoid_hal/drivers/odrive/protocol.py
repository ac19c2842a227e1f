"""ODrive controllers: cascaded gains made into the torque law, estimates as they stream in.

With passthrough inputs and no integrator an axis computes vel_gain (pos_gain (position error) + velocity
error) + feedforward: stiffness is the product of the gains, damping the velocity gain. So stiffness
without damping cannot be told to it. Estimates come by themselves (`encoder_msg_rate_ms`, 1 or 2 ms).

The watchdog is a setting, not a message. Settings are numbered anew by every firmware; with the numbers of
`enable_watchdog` and `watchdog_timeout` (flat_endpoints.json of that firmware) it is set and read back.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.can import NO_FRAMES, CanBatch, joined
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import (
    ActuatorProtocol,
    Ask,
    BoardError,
    Conversation,
    Counters,
    DeviceFault,
    Readings,
    law_of,
)
from humanoid_hal.can.board import check_devices
from humanoid_hal.can.conversation import ask_devices
from humanoid_hal.driver import Command
from humanoid_hal.drivers.odrive import codec
from humanoid_hal.drivers.odrive.codec import Cmd
from humanoid_hal.drivers.odrive.tools import ODriveTools, hear

#: [s] for a heartbeat (10 Hz) with the wanted state, and how often it is waited for.
_HEARTBEAT, _TRIES = 0.15, 10
#: Damping [N m s/rad] below which stiffness cannot be told.
_LEAST_DAMPING = 1e-3


@dataclass(frozen=True)
class ODriveOptions:
    """One bus."""

    # The board switches torque off when no command came for this long.
    watchdog: float = key(0.1, unit="s", min=0.01, max=10.0)
    # Firmware whose endpoint numbers are below, as 0.6.10; empty: none are given, no watchdog is set.
    firmware: str = ""
    enable_watchdog: int = key(0, min=0, max=0xFFFF)
    watchdog_timeout: int = key(0, min=0, max=0xFFFF)


class ODriveProtocol(ActuatorProtocol[CanBatch]):
    """See the module docstring."""

    medium: ClassVar[Literal["serial", "can"]] = "can"
    default_baud = 1_000_000
    Options = ODriveOptions
    tools = ODriveTools()

    def __init__(self, devices: Sequence[Device], options: Any = None) -> None:
        """See :meth:`ActuatorProtocol.__init__`."""
        check_devices(devices, (), 63)
        self.devices = tuple(devices)
        self.options: ODriveOptions = options or ODriveOptions()
        self.counters = Counters()
        n = len(self.devices)
        self._nodes = np.array([device.id for device in self.devices], np.uint32)
        self._index = np.full(65, -1, np.intp)  # the last one for what is not CANSimple
        self._index[self._nodes] = np.arange(n)
        self._new = np.zeros(n, np.bool_)  # an estimate came since the last readings
        self._pairs = {cmd: np.full((n, 2), np.nan) for cmd in _PAIRS}
        self._axis = np.zeros((n, 2), np.int64)  # error and state
        self._on = False
        self._gains = np.full((2, n), np.nan)  # position and velocity gain last sent
        self._clipped: tuple[DeviceFault, ...] = ()

    @classmethod
    def honours_effort(cls, options: Any) -> bool:
        """See the module docstring."""
        return True

    @classmethod
    def has_watchdog(cls, options: Any) -> bool:
        """Where the numbers of its settings are given."""
        own: ODriveOptions = options or ODriveOptions()
        return bool(own.firmware and own.enable_watchdog and own.watchdog_timeout)

    # -- the cycle ------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Every axis has sent an estimate that nobody has read."""
        return bool(self._new.all())

    def request(self) -> CanBatch:
        """Nothing: estimates stream."""
        return NO_FRAMES

    def retry(self) -> CanBatch:
        """A remote request to the silent ones."""
        return codec.make_ask(self._nodes[~self._new].tolist(), Cmd.ESTIMATES)

    def receive(self, payload: CanBatch) -> None:
        """See :meth:`Protocol.receive`."""
        nodes, commands = codec.split(payload)
        index = np.where(nodes >= 0, self._index[nodes], -1)
        known = index >= 0
        sound = known & (payload.lengths == 8)
        for cmd, newest in self._pairs.items():
            rows = np.flatnonzero(sound & (commands == cmd))
            if rows.size:
                values = codec.pairs(payload.data[rows])
                told = np.isfinite(values)
                # A thermistor that is not connected reads NaN, and the other one counts.
                usable = told.any(axis=1) if cmd in _PARTLY else told.all(axis=1)
                at = index[rows[usable]]
                newest[at] = np.where(told, values, np.nan)[usable]
                if cmd == Cmd.ESTIMATES:
                    self._new[at] = True
        for row in np.flatnonzero(sound & (commands == Cmd.HEARTBEAT)):
            self._axis[index[row]] = codec.parse_heartbeat(payload.data[row].tobytes())[:2]
        self.counters.good += int(sound.sum())
        self.counters.corrupt += int((known & ~sound).sum())
        self.counters.foreign += int((~known).sum())

    def readings(self) -> Readings:
        """See :meth:`ActuatorProtocol.readings`."""
        estimates, torques = self._pairs[Cmd.ESTIMATES], self._pairs[Cmd.TORQUES]
        fresh, self._new = self._new, np.zeros_like(self._new)
        return Readings(
            estimates[:, 0] * codec.TURN,
            estimates[:, 1] * codec.TURN,
            torques[:, 1].copy(),
            fresh,
            np.fmax(*self._pairs[Cmd.TEMPERATURE].T),
            self._pairs[Cmd.BUS][:, 0].copy(),
            self._faults() + self._clipped,
        )

    def _faults(self) -> tuple[DeviceFault, ...]:
        found = []
        for index, (error, state) in enumerate(self._axis.tolist()):
            bits = [bit for bit in range(32) if error >> bit & 1]
            if bits:
                name = codec.ERRORS.get(bits[0], ("unknown_fault", ""))[0]
                reasons = [codec.ERRORS.get(bit, ("", f"error bit {bit}"))[1] for bit in bits]
                found.append(DeviceFault(index, name, ", ".join(reasons)))
            elif self._on and state != codec.CLOSED_LOOP:
                reason = f"torque went off by itself: axis state {state}"
                found.append(DeviceFault(index, "board_rebooted", reason))
        return tuple(found)

    def command(self, command: Command) -> CanBatch:
        """See :meth:`ActuatorProtocol.command`. Gains are sent when they change."""
        self._clipped = self._beyond(command)
        position, velocity, effort, stiffness, damping = law_of(command)
        firm = damping > _LEAST_DAMPING
        pos_gain = np.where(firm, stiffness / np.where(firm, damping, 1.0), 0.0)
        gains = np.array((pos_gain, damping))
        changed = ~np.isclose(gains, self._gains, rtol=1e-3, atol=1e-6, equal_nan=False).all(axis=0)
        self._gains = gains
        parts = [codec.make_input(self._nodes, position, velocity, effort)]
        if changed.any():
            who = self._nodes[changed]
            parts.append(codec.make_vel_gains(who, damping[changed]))
            parts.append(codec.make_pos_gain(who, pos_gain[changed]))
        return joined(parts)

    def _beyond(self, command: Command) -> tuple[DeviceFault, ...]:
        """What cannot be told to an axis."""
        soft = (command.stiffness > 0.0) & (command.damping <= _LEAST_DAMPING)
        found = [
            DeviceFault(int(i), "command_limit", "stiffness without damping cannot be told to it")
            for i in np.flatnonzero(soft)
        ]
        for name, value, largest in (
            ("velocity", command.velocity, codec.VELOCITY_MAX),
            ("effort", command.effort, codec.TORQUE_MAX),
        ):
            for i in np.flatnonzero(np.abs(value) > largest):
                reason = f"{name} {value[i]:.4g} is cut at the board's {largest:.4g}"
                found.append(DeviceFault(int(i), "command_limit", reason))
        return tuple(found)

    def stop(self) -> CanBatch:
        """See :meth:`ActuatorProtocol.stop`."""
        self._on = False
        return codec.make_state(self._nodes.tolist(), codec.IDLE)

    # -- conversations --------------------------------------------------------------------------

    def startup(self) -> Conversation[CanBatch, tuple[str, ...]]:
        """Torque off; every axis beats and tells its state."""
        yield from self._reach(codec.IDLE, "torque off")
        arrived = yield Ask(NO_FRAMES, _HEARTBEAT)
        nodes, commands = codec.split(arrived)
        streaming = set(nodes[commands == Cmd.ESTIMATES].tolist())
        self.receive(arrived)
        for cmd in _PAIRS:
            told = yield from ask_devices(
                lambda nodes, wanted=cmd: codec.make_ask(nodes, wanted),  # type: ignore[misc]
                hear(cmd, bytes),
                self.devices,
                f"message {cmd.name.lower()}",
            )
            values = codec.pairs(np.frombuffer(b"".join(told), np.uint8).reshape(-1, 8))
            self._pairs[cmd][:] = np.where(np.isfinite(values), values, np.nan)
        remarks = []
        cold = np.isnan(self._pairs[Cmd.TEMPERATURE]).any(axis=1)
        if cold.any():
            who = ", ".join(str(self.devices[index]) for index in np.flatnonzero(cold))
            remarks.append(
                f"{who}: only one of inverter and motor tells its temperature; connect a thermistor "
                "and enable it, or the other is not watched"
            )
        silent = [str(device) for device in self.devices if device.id not in streaming]
        if silent:
            remarks.append(
                f"{', '.join(silent)}: estimates do not come by themselves, so each cycle waits for them; "
                "set axis0.config.can.encoder_msg_rate_ms to 1 or 2, and torques_msg_rate_ms"
            )
        if not self.has_watchdog(self.options):
            remarks.append(
                "ODrive watchdogs are not checked: state firmware and endpoint numbers to do so"
            )
        return tuple(remarks)

    def enable(self, on: bool) -> Conversation[CanBatch, None]:
        """See :meth:`ActuatorProtocol.enable`."""
        self._on, self._clipped = False, ()
        self._gains[:] = np.nan
        nodes = self._nodes.tolist()
        if not on:
            yield from self._reach(codec.IDLE, "torque off")
            return
        yield Ask(codec.make_clear(nodes), 0.0, lambda batch: True)
        if self.has_watchdog(self.options):
            yield from self._set_watchdogs()
        zeros = np.zeros(len(nodes))
        here = self._pairs[Cmd.ESTIMATES][:, 0] * codec.TURN
        yield Ask(
            joined(
                [
                    codec.make_mode(nodes),
                    codec.make_vel_gains(nodes, zeros),
                    codec.make_pos_gain(nodes, zeros),
                    codec.make_input(nodes, here, zeros, zeros),
                ]
            ),
            0.0,
            lambda batch: True,
        )
        try:
            yield from self._reach(codec.CLOSED_LOOP, "torque on")
        except BoardError:
            yield Ask(codec.make_state(nodes, codec.IDLE), 0.0, lambda batch: True)
            raise
        self._on = True

    def _reach(self, state: int, what: str) -> Conversation[CanBatch, None]:
        """Ask for an axis state until every heartbeat tells it."""
        wrong: list[Device] = []
        for _ in range(_TRIES):
            wanted = self._nodes.tolist()
            heartbeats: dict[int, tuple[int, int, int]] = {}
            arrived = yield Ask(codec.make_state(wanted, state), _HEARTBEAT, _beats(wanted, state))
            self.receive(arrived)
            for identifier, payload in arrived.frames():
                if identifier & 0x1F == Cmd.HEARTBEAT and len(payload) == 8:
                    heartbeats[identifier >> 5] = codec.parse_heartbeat(payload)
            wrong = [d for d in self.devices if heartbeats.get(d.id, (0, -1, 0))[1] != state]
            if not wrong:
                return
        told = "; ".join(
            f"{d}: {', '.join(f.reason for f in self._faults() if self.devices[f.device] is d)}"
            for d in wrong
        )
        raise BoardError(
            f"no heartbeat with {what} from {told}; check power, wiring, node ids and bit rate"
        )

    def _set_watchdogs(self) -> Conversation[CanBatch, None]:
        options = self.options
        versions = yield from ask_devices(
            lambda nodes: codec.make_ask(nodes, Cmd.VERSION),
            hear(Cmd.VERSION, codec.version_of),
            self.devices,
            "version",
        )
        for device, version in zip(self.devices, versions, strict=True):
            if version != options.firmware:
                raise BoardError(
                    f"{device} has firmware {version}: the endpoint numbers are of {options.firmware}"
                )
        for endpoint, value in (
            (options.watchdog_timeout, struct.pack("<f", options.watchdog)),
            (options.enable_watchdog, b"\1\0\0\0"),
        ):
            yield Ask(codec.make_sdo(self._nodes.tolist(), endpoint, value), 0.0, lambda b: True)
            told = yield from ask_devices(
                lambda nodes, number=endpoint: codec.make_sdo(nodes, number),  # type: ignore[misc]
                _hear_sdo(endpoint),
                self.devices,
                f"read endpoint {endpoint}",
            )
            for device, found in zip(self.devices, told, strict=True):
                if found != value:
                    raise BoardError(
                        f"{device}: endpoint {endpoint} reads {found.hex()} after writing {value.hex()}"
                    )


#: Messages of two float32 that are kept.
_PAIRS = (Cmd.ESTIMATES, Cmd.TORQUES, Cmd.TEMPERATURE, Cmd.BUS)
#: Those that are of use where one of the two is no number.
_PARTLY = (Cmd.TEMPERATURE, Cmd.BUS)


def _beats(nodes: Sequence[int], state: int) -> Callable[[CanBatch], bool]:
    """Whether the newest heartbeat of every node tells `state`."""

    def done(batch: CanBatch) -> bool:
        newest = {
            identifier >> 5: payload[4]
            for identifier, payload in batch.frames()
            if identifier & 0x1F == Cmd.HEARTBEAT and len(payload) == 8
        }
        return all(newest.get(node) == state for node in nodes)

    return done


def _hear_sdo(endpoint: int) -> Callable[[int, bytes], tuple[int, bytes] | None]:
    """A reader of answers: node and the four bytes."""

    def read(identifier: int, payload: bytes) -> tuple[int, bytes] | None:
        if identifier > 0x7FF or identifier & 0x1F != Cmd.SDO_IN or len(payload) != 8:
            return None
        (number,) = struct.unpack_from("<H", payload, 1)
        return (identifier >> 5, payload[4:]) if number == endpoint else None

    return read
