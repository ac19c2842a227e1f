"""The boards driver on emulated boards, in lock-step.

Before each cycle the emulator advances its robot by one control period; the cycle itself goes as
bytes through real ptys, written and read by the very code that speaks with real boards. The boards
run in this thread and answer at once (the wire takes no time), so results depend on no clock.
Without a bus for it the IMU is read from the simulated world directly, and so are the force sensors of
the feet where the simulated robot has some (`mujoco.force_sensors`) and the hardware file none.
"""

import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from humanoid_description import RobotDescription
from humanoid_hal.bus.exchange import Exchange, Link, LinkState
from humanoid_hal.driver import Capabilities, Sample
from humanoid_hal.drivers.boards.driver import BoardsDriver
from humanoid_hal.drivers.boards.options import BoardsOptions
from humanoid_hal.drivers.emulated.bench import EmulatedBench
from humanoid_hal.drivers.emulated.options import EmulatedOptions
from humanoid_hal.emulation.build import build_emulator, make_plant
from humanoid_hal.emulation.bus import WireOptions

#: [s] of real time for a cycle: only a broken emulator needs it.
_PATIENCE = 5.0
#: [s] of real time that bytes may need through the kernel before somebody looks again.
_MOMENT = 0.0002


class EmulatedDriver(BoardsDriver):
    """See the module docstring. `emulator` is for tests to make boards fail."""

    Options = EmulatedOptions
    capabilities = Capabilities(
        simulated=True, effort=False, wrenches=False, imu=True, board_watchdog=False
    )

    @classmethod
    def capable(cls, options: BoardsOptions) -> Capabilities:
        """As boards can, and what the simulated feet feel; where no bus has an IMU, the world has."""
        felt = isinstance(options, EmulatedOptions) and options.feels_the_ground
        able = super().capable(options)
        felt |= able.wrenches
        return replace(able, imu=able.imu or options.imu is None, wrenches=felt)

    def __init__(self, robot: RobotDescription, options: EmulatedOptions | None = None) -> None:
        """Builds the boards and the world behind them. Raises DriverError."""
        options = options or EmulatedOptions()
        self._directory = Path(tempfile.mkdtemp(prefix="humanoid-emulated-"))
        try:
            buses = {
                name: replace(bus, port=str(self._directory / name))
                for name, bus in options.buses.items()
            }
            super().__init__(robot, replace(options, buses=buses))
            self.emulator = build_emulator(
                robot, self.options, lambda groups: make_plant(robot, groups, options),
                self._seconds, WireOptions(timed=False, seed=options.seed),
            )  # fmt: skip
        except BaseException:
            shutil.rmtree(self._directory, ignore_errors=True)
            raise
        self.world = self.emulator.plant.world
        self.bench = EmulatedBench(self)
        self._links = {link.name: link for link in self._exchange.links}

    def open(self) -> None:
        """See :meth:`Driver.open`."""
        self._directory.mkdir(exist_ok=True)
        for bus in self.emulator.buses.values():
            bus.port.plug()
        super().open()

    def close(self) -> None:
        """See :meth:`Driver.close`."""
        super().close()
        self.emulator.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def read(self) -> Sample:
        """See :meth:`Driver.read`."""
        sample = super().read()
        if self.imu is None:
            sample.imu = self.emulator.plant.imu
        if self.capabilities.wrenches and not self.options.feet:
            sample.wrenches = self.emulator.plant.wrenches
        return sample

    def _wait(self) -> None:
        """Commands reach the boards, then the robot moves for one period."""
        if self._turns.links:
            self._collect(self._turns, time.monotonic() + _PATIENCE)
        self.emulator.expect(
            {
                name: link.transport.traffic[0]
                for name, link in self._links.items()
                if _is_open(link)
            }
        )
        until = time.monotonic() + _PATIENCE
        while self._serve() and time.monotonic() < until:
            self._exchange.drain(_MOMENT)  # what came in between belongs to no cycle
        self.emulator.advance()
        for name, link in self._links.items():
            if (
                link.state is LinkState.LOST
            ):  # the next opening drops what is there, and counts anew
                port = self.emulator.buses[name].port
                port.received = port.sent = 0

    def _stamp(self) -> int:
        return self.emulator.plant.stamp

    def _collect(self, exchange: Exchange, until: float) -> None:
        exchange.collect(max(until, time.monotonic() + _PATIENCE), _PATIENCE)

    def _serve(self) -> bool:
        """Whether bytes are still between host and boards."""
        busy = self.emulator.pump()
        for name, link in self._links.items():
            if not _is_open(link):
                continue
            port = self.emulator.buses[name].port
            sent, received = link.transport.traffic
            busy |= port.plugged and (port.received < sent or port.sent > received)
        return busy

    def _rest(self) -> None:
        self.emulator.idle()


def _is_open(link: Link) -> bool:
    """Whether the counts of its port are not those of one that is gone."""
    return link.state not in (LinkState.CLOSED, LinkState.LOST)
