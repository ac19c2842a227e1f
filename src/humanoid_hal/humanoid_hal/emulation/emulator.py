"""All emulated buses of a robot and the plant behind them.

Lock-step: the emulated driver calls :meth:`Emulator.pump` while it waits and :meth:`advance` once
per period. In real time :meth:`run` does both by the clock.
"""

import select
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.bus import EmulatedBus
from humanoid_hal.emulation.plant import Plant

#: [s] that bytes of the host may take through the kernel.
_PATIENCE = 2.0


class Emulator:
    """See the module docstring."""

    def __init__(self, buses: Sequence[EmulatedBus], plant: Plant, period: float) -> None:
        """`period` [s] is the plant's step."""
        self.buses = {bus.name: bus for bus in buses}
        self.plant, self.period = plant, period
        self.now = 0.0  # [s] on the wires

    def pump(self) -> bool:
        """Serve every bus; whether anything was there to do."""
        busy = False
        for bus in self.buses.values():
            busy |= bus.pump(self.now)
        return busy

    def expect(self, sent: Mapping[str, int]) -> None:
        """Serve until every plugged bus has received so many bytes since it was plugged in."""
        until = time.monotonic() + _PATIENCE
        while any(
            self.buses[name].port.plugged and self.buses[name].port.received < count
            for name, count in sent.items()
        ):
            if not self.pump() and time.monotonic() > until:
                return

    def advance(self) -> None:
        """One period of the plant; then the boards notice that time has passed."""
        self.plant.advance(self.period)
        self.now += self.period
        self._tick()

    def idle(self) -> None:
        """One period passes for the boards, and the plant stands still: nobody is in a hurry."""
        self.now += self.period
        self._tick()

    def inject(self, bus: str, fault: BoardFault) -> None:
        """Make something go wrong with one board."""
        self.buses[bus].boards.inject(fault)

    def run(self, stop: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        """Serve in real time until `stop()`."""
        begin = clock()
        due = self.period
        while not stop():
            self.now = clock() - begin
            if self.now >= due:
                self.plant.advance(self.period)
                self._tick()
                due = max(due + self.period, self.now)
            serve(self.buses.values(), due - self.now, lambda: clock() - begin)

    def close(self) -> None:
        """Unplug everything."""
        for bus in self.buses.values():
            bus.port.unplug()

    def _tick(self) -> None:
        for bus in self.buses.values():
            if self.plant.imu is not None:
                bus.boards.feel(self.plant.imu)
            if self.plant.wrenches is not None:
                bus.boards.stand(self.plant.wrenches)
            bus.tick(self.now)


def serve(buses: Collection[EmulatedBus], timeout: float, clock: Callable[[], float]) -> None:
    """Let the buses that are spoken to, or have something to say, work: once within `timeout` [s].

    `clock` [s] is the time on their wires.
    """
    masters = [bus.port.master for bus in buses if bus.port.plugged]
    next_due = min(bus.due for bus in buses)
    ready = select.select(masters, (), (), max(0.0, min(timeout, next_due - clock())))[0]
    now = clock()
    for bus in buses:
        if bus.port.master in ready or bus.due <= now:
            bus.pump(now)
