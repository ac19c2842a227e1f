"""The driver of real boards: any mix of serial and CAN buses, one thread, one period.

Each ``read()`` waits for the next period, asks every bus at once and collects the answers; each
``write()`` hands every bus its part of the command. A joint that did not answer keeps its last
values and is not fresh. A bus that is lost is opened again in the background, without torque.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from humanoid_description import RobotDescription
from humanoid_hal.bus.device import Array, Shafts
from humanoid_hal.bus.exchange import Exchange, Link, LinkState
from humanoid_hal.bus.families import find_protocol
from humanoid_hal.bus.feet import FootBoard
from humanoid_hal.bus.protocol import ActuatorProtocol, BoardError, ImuProtocol, Mask, Readings
from humanoid_hal.bus.transport import make_transport
from humanoid_hal.checks import leg_mask
from humanoid_hal.driver import Capabilities, Command, Driver, DriverError, Sample
from humanoid_hal.drivers.boards.bus import ActuatorBus, Bus
from humanoid_hal.drivers.boards.feet import FootSensors
from humanoid_hal.drivers.boards.fit import check_joints, check_rate
from humanoid_hal.drivers.boards.imu import ImuBus
from humanoid_hal.drivers.boards.options import BoardsOptions
from humanoid_hal.lookup import UnknownNameError

#: Stop frames that close() sends to every device (row 30).
STOP_FRAMES = 5


class BoardsDriver(Driver):
    """See the module docstring. What has no underscore is for tools and tests to look at."""

    Options = BoardsOptions
    #: Of boards without options; see :meth:`capable`.
    capabilities = Capabilities(
        simulated=False, effort=False, wrenches=False, imu=False, board_watchdog=False
    )

    @classmethod
    def capable(cls, options: BoardsOptions) -> Capabilities:
        """The least that all buses can do."""
        protocols = [
            (kind, bus.options or kind.Options())
            for bus in options.buses.values()
            for kind in (find_protocol(bus.protocol),)
        ]
        actuators = [(kind, own) for kind, own in protocols if issubclass(kind, ActuatorProtocol)]
        return Capabilities(
            simulated=cls.capabilities.simulated,
            effort=bool(actuators) and all(kind.honours_effort(own) for kind, own in actuators),
            wrenches=bool(options.feet),
            imu=any(issubclass(kind, ImuProtocol) and kind.gyroscope for kind, _ in protocols),
            board_watchdog=bool(actuators)
            and all(kind.has_watchdog(own) for kind, own in actuators),
        )

    def __init__(self, robot: RobotDescription, options: BoardsOptions | None = None) -> None:
        """Raises DriverError when the options and the robot's joint table do not agree."""
        self.options = options = options or BoardsOptions()
        self.capabilities = self.capable(options)
        self.period = round(1e9 / options.control_rate)  # [ns]
        check_joints(robot, options)
        legs = leg_mask(robot)
        self.buses: list[ActuatorBus] = []
        self.imu: ImuBus | None = None
        self.sensors: list[Bus] = []  # buses without joints, the IMU's among them
        self.feet = FootSensors(robot, tuple(options.feet)) if options.feet else None
        self._boards: list[tuple[Link, tuple[FootBoard, ...]]] = []
        for name in options.buses:
            self._add_bus(name, robot, legs)
        devices = [device for bus in self.buses for device in bus.devices]
        self._shafts = Shafts(devices)
        self._columns = np.array([robot.index[d.joint] for d in devices], dtype=np.intp)
        # Of the devices of all buses: position, velocity and torque of the shafts, temperature.
        self._measured = np.full((4, len(devices)), np.nan)
        simulated = self.capabilities.simulated
        if not simulated:
            check_rate(self.buses, options)
        serve, rest = (self._serve, self._rest) if simulated else (None, None)
        self._exchange = Exchange([bus.link for bus in self._all()], serve, rest)
        turns = [bus.link for bus in self.buses if bus.protocol.takes_turns]
        self._turns = Exchange(turns, serve)
        self._enabled = False
        self._next = 0
        n = len(robot.joints)
        self._state = np.full((4, n), np.nan)  # position, velocity, effort, temperature

    def open(self) -> None:
        """See :meth:`Driver.open`: every device is found and checked."""
        links = self._exchange.links
        try:
            for link in links:
                link.open()
            remarks = self._exchange.converse([(link, link.protocol.startup()) for link in links])
        except DriverError:
            self.close()
            raise
        self.remarks = (
            *(text for some in remarks for text in some),
            *(() if self.imu is None else self.imu.remarks(self.options.control_rate)),
        )
        self._next = time.monotonic_ns()
        self._system_ahead = time.time_ns() - self._next

    def close(self) -> None:
        """See :meth:`Driver.close`."""
        for bus in self.buses:
            bus.link.abandon()  # torque may be half on
        for _ in range(STOP_FRAMES):
            for bus in self.buses:
                if bus.link.state in (LinkState.READY, LinkState.FAILED):
                    bus.link.send(bus.protocol.stop())
        try:
            self.enable(False)
        except DriverError:
            pass  # the stop frames are out, and nobody is left to tell
        for link in self._exchange.links:
            link.close()

    def read(self) -> Sample:
        """See :meth:`Driver.read`."""
        self._wait()
        now = time.monotonic()
        for bus in self._all():
            bus.reopen(now, self.options.reconnect)
        if not any(link.state is not LinkState.CLOSED for link in self._exchange.links):
            raise DriverError("the boards are not open; call open() first")
        self._exchange.drain()
        asked = [link for link in self._exchange.links if link.state is LinkState.READY]
        for link in asked:
            link.send(link.protocol.request())
        stamp = self._stamp()
        self._collect(self._exchange, time.monotonic() + self.options.reply_share * self._seconds)
        return self._sample(stamp, asked)

    def enable(self, on: bool) -> None:
        """See :meth:`Driver.enable`. Raises DriverError, with torque off, if a board refuses."""
        buses = [bus for bus in self.buses if bus.link.state in (LinkState.READY, LinkState.FAILED)]
        self._enabled = on
        for bus in buses:
            bus.enabled, bus.rejoined, bus.unconfirmed = on, False, ""
        try:
            self._exchange.converse([(bus.link, bus.protocol.enable(on)) for bus in buses])
        except DriverError:
            self._enabled = False
            for bus in buses:
                bus.stop(bus.link.reason if bus.link.state is LinkState.FAILED else "")
            raise

    def write(self, command: Command) -> None:
        """See :meth:`Driver.write`."""
        at = self._columns
        mine = Command(*(getattr(command, name)[at] for name in Command.__slots__))
        shafts = self._shafts.command_to_shaft(mine)
        for bus in self.buses:
            bus.command(shafts)

    # -- time; overridden where it is simulated ---------------------------------------------------

    def _wait(self) -> None:
        """Wait for the next period; what was missed is skipped, never caught up."""
        self._next = max(self._next + self.period, time.monotonic_ns())
        if self._turns.links:  # the first has its command, the others are still to get theirs
            self._collect(self._turns, self._next * 1e-9)
        time.sleep(max(self._next - time.monotonic_ns(), 0) * 1e-9)

    def _stamp(self) -> int:
        return self._system_ahead + time.monotonic_ns()

    def _collect(self, exchange: Exchange, until: float) -> None:
        exchange.collect(until, self.options.retry_share * self._seconds)

    def _serve(self) -> bool:
        """Let emulated boards work; real ones need no help."""
        raise NotImplementedError

    def _rest(self) -> None:
        """Let time pass for emulated boards; for real ones it does."""
        raise NotImplementedError

    @property
    def _seconds(self) -> float:
        """The control period [s]."""
        return self.period * 1e-9

    # -- inside -----------------------------------------------------------------------------------

    def _add_bus(self, name: str, robot: RobotDescription, legs: "np.ndarray[Any, Any]") -> None:
        options = self.options.buses[name]
        devices = self.options.devices(name)
        try:
            kind: Any = find_protocol(options.protocol)
            transport = make_transport(options, kind.medium, kind.default_baud)
        except UnknownNameError as error:
            raise DriverError(f"bus '{name}': {error}") from error
        own, boards = options.options or kind.Options(), self.options.foot_boards(name)
        if issubclass(kind, ImuProtocol):
            if self.options.imu is None or self.options.imu.bus != name or devices or boards:
                raise DriverError(
                    f"bus '{name}' speaks {options.protocol}, an IMU's protocol: it carries no "
                    f"joints or feet and must be named in `imu: {{bus: {name}}}`"
                )
            self.imu = ImuBus(Link(name, kind(own), transport))
            self.sensors.append(self.imu)
            return
        if not devices and not boards:
            raise DriverError(f"bus '{name}' has no joints; take it out of `buses`")
        link = Link(name, self._make(kind, devices, own, name, boards), transport)
        if boards:
            self._boards.append((link, boards))
        if not devices:
            self.sensors.append(Bus(link))
            return
        columns = [robot.index[device.joint] for device in devices]
        before = sum(len(bus.devices) for bus in self.buses)
        part = slice(before, before + len(devices))
        self.buses.append(ActuatorBus(link, devices, part, legs[columns]))

    @staticmethod
    def _make(kind: Any, devices: Sequence[Any], own: Any, bus: str, boards: Any) -> Any:
        try:
            return kind.footed(devices, own, boards) if boards else kind(devices, own)
        except BoardError as error:
            raise BoardError(f"bus '{bus}': {error}") from error

    def _all(self) -> list[Bus]:
        return [*self.buses, *self.sensors]

    def _sample(self, stamp: int, asked: Sequence[Link]) -> Sample:
        """`asked` were the links; one that came back meanwhile has only answers of before."""
        answered = np.zeros(len(self._columns), dtype=bool)
        voltages: list[float] = []
        causes: dict[str, str] = {}
        for bus in self.buses:
            readings: Readings | None = None
            if bus.link.state is LinkState.READY and bus.link in asked:
                readings = bus.readings(stamp)
                self._take(bus, readings, answered, voltages)
                bus.insist(readings.fresh, time.monotonic(), self.options.reconnect)
                bus.rejoined |= self._enabled and not bus.enabled
            else:
                bus.enabled = False
            for name, reason in bus.causes(readings).items():
                causes[name] = f"{causes[name]}; {reason}" if name in causes else reason
        for sensor in self.sensors:
            sensor.quality.see(sensor.link.protocol.counters)
            causes |= sensor.quality.causes(sensor.link.name)
        wrenches = self._wrenches(asked, causes)
        fresh = np.zeros(self._state.shape[1], dtype=bool)
        fresh[self._columns] = answered
        position, velocity, effort, temperature = self._joints(answered)
        return Sample(
            stamp=stamp,
            position=position,
            velocity=velocity,
            effort=effort,
            fresh=fresh,
            imu=None if self.imu is None else self.imu.sample(),
            wrenches=wrenches,
            temperature=None if np.isnan(temperature).all() else temperature,
            voltage=min(voltages, default=None),
            faults=tuple(f"{name}: {reason}" for name, reason in causes.items()),
        )

    def _wrenches(self, asked: Sequence[Link], causes: dict[str, str]) -> Array | None:
        """What the feet feel; adds to `causes`."""
        feet = self.feet
        if feet is None:
            return None
        feet.begin()
        for link, boards in self._boards:
            protocol: Any = link.protocol
            here = link.state is LinkState.READY and link in asked
            answers = protocol.cells() if here else [None] * len(boards)
            reason = "no reply" if here else f"bus '{link.name}': {link.reason}"
            for board, data in zip(boards, answers, strict=True):
                feet.take(board, data, reason)
        causes |= feet.causes()
        return feet.wrenches

    def _take(
        self,
        bus: ActuatorBus,
        readings: Readings,
        answered: Mask,
        voltages: list[float],
    ) -> None:
        """Note the answers of one bus, as its shafts are."""
        part = bus.part
        position, velocity, torque, temperature = self._measured
        position[part], velocity[part] = readings.position, readings.velocity
        torque[part], temperature[part] = readings.effort, readings.temperature
        answered[part] = readings.fresh
        voltage = float(np.fmin.reduce(readings.voltage))
        if voltage == voltage:
            voltages.append(voltage)

    def _joints(self, answered: Mask) -> Array:
        """Position, velocity, effort and temperature of all joints, as last answered, shape (4, n)."""
        shafts, (position, velocity, torque, temperature) = self._shafts, self._measured
        at, state = self._columns[answered], self._state
        state[0, at] = shafts.position_to_joint(position)[answered]
        state[1, at] = shafts.velocity_to_joint(velocity)[answered]
        state[2, at] = shafts.effort_to_joint(torque)[answered]
        state[3, self._columns] = temperature
        return state.copy()
