"""Four buses of seven Dynamixels at 4 Mbaud on a timed emulator: how often, and at what cost.

A cycle reads position, speed, current and torque enable of 28 servos and writes 28 goal currents,
over four ptys, with the bus time of every byte and 50 us for every servo's turn. ROBOTIS' SDK does
the same in turn with ours, one bus after the other, which is all it can. CPU is this process's own.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from _boards import BAUD, BUSES, EACH, devices

from humanoid_bringup import console
from humanoid_bringup.arguments import positive
from humanoid_bringup.errors import HumanoidError
from humanoid_hal.bus.exchange import Exchange, Link
from humanoid_hal.bus.serial_port import SerialPort
from humanoid_hal.bus.transport import PortOptions
from humanoid_hal.driver import Command
from humanoid_hal.drivers.dynamixel.blocks import FAST
from humanoid_hal.drivers.dynamixel.options import DynamixelOptions
from humanoid_hal.drivers.dynamixel.protocol import DynamixelProtocol
from humanoid_hal.drivers.dynamixel.registers import X_SERIES

NAME = "bus"
SUMMARY = "28 Dynamixels on four buses: rate, CPU, and ROBOTIS' SDK beside it"
BARS = {"rate_hz": "≥ 800 Hz", "cpu_percent": "< 25 % of one core", "sdk_cpu_ratio": "≥ 5"}
_BLOCKS = 4
_WAIT = 0.05  # [s] for the answers of one cycle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--seconds", type=positive, default=8.0, help="of each side (default: 8)")
    parser.add_argument("--fast", action="store_true", help="fast sync read")
    parser.add_argument("--alone", action="store_true", help="without the SDK: no ratio, no bar")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Rates and costs."""
    with tempfile.TemporaryDirectory() as folder, emulator(Path(folder)) as ports:
        ours = Ours(ports, arguments.fast)
        theirs = None if arguments.alone else Theirs(ports)
        for number in range(_BLOCKS):
            seconds = arguments.seconds / _BLOCKS
            ours.block(seconds)
            if theirs is not None:
                theirs.block(seconds)
            console.live(f"bus: block {number + 1} of {_BLOCKS}")
    figures = ours.figures()
    held = figures["rate_hz"] >= 800 and figures["cpu_percent"] < 25
    if theirs is None:
        return {**figures, "ok": held}
    other = {f"sdk_{name}": value for name, value in theirs.figures().items()}
    ratio = other["sdk_cpu_us_per_cycle"] / figures["cpu_us_per_cycle"]
    return {**figures, **other, "sdk_cpu_ratio": ratio, "ok": held and ratio >= 5}


@contextmanager
def emulator(folder: Path) -> Iterator[list[str]]:
    """The ports of emulated boards in another process."""
    command = [sys.executable, str(Path(__file__).with_name("_boards.py")), str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise HumanoidError("the emulator did not start: its last words are above")
        try:
            yield [str(folder / f"bus{number}") for number in range(BUSES)]
        finally:
            process.communicate()


class Side:
    """Counts cycles and what they cost."""

    def __init__(self) -> None:
        self.times: list[float] = []  # [s] of each cycle
        self.cpu = self.wall = 0.0  # [s]
        self.lost = 0  # answers that did not come

    def measure(self, seconds: float, cycle: Callable[[], int]) -> None:
        """Run `cycle`, which returns how many answers it lost, again and again."""
        began, cpu = time.perf_counter(), time.process_time()
        last = began
        while last - began < seconds:
            self.lost += cycle()
            now = time.perf_counter()
            self.times.append(now - last)
            last = now
        self.cpu += time.process_time() - cpu
        self.wall += last - began

    def figures(self) -> dict[str, float]:
        """Rate, spread, CPU, losses."""
        return {
            "rate_hz": len(self.times) / self.wall,
            "cycle_median_us": float(np.median(self.times)) * 1e6,
            "cycle_p99_us": float(np.percentile(self.times, 99)) * 1e6,
            "cpu_percent": 100 * self.cpu / self.wall,
            "cpu_us_per_cycle": 1e6 * self.cpu / len(self.times),
            "lost_percent": 100 * self.lost / (len(self.times) * BUSES * EACH),
        }


class Ours(Side):
    """Our protocol, transport and exchange, as the driver `boards` calls them."""

    def __init__(self, ports: list[str], fast: bool) -> None:
        super().__init__()
        options = DynamixelOptions(fast=fast)
        self._links = [
            Link(port, DynamixelProtocol(devices(), options), SerialPort(PortOptions(port), BAUD))
            for port in ports
        ]
        self._exchange = Exchange(self._links)
        some = np.full(EACH, 0.1)
        self._command = Command(some, some, some, some, some)
        for link in self._links:
            link.open()
        self._talk("startup")
        for link in self._links:
            link.close()

    def block(self, seconds: float) -> None:
        """Measure for `seconds`."""
        for link in self._links:
            link.open()
        self.measure(seconds, self._cycle)
        for link in self._links:
            link.close()

    def _cycle(self) -> int:
        self._exchange.drain()
        for link in self._links:
            link.send(link.protocol.request())
        self._exchange.collect(time.monotonic() + _WAIT, _WAIT)
        lost = 0
        for link in self._links:
            protocol: Any = link.protocol
            lost += EACH - int(np.count_nonzero(protocol.readings().fresh))
            link.send(protocol.command(self._command))
        return lost

    def _talk(self, name: str) -> None:
        self._exchange.converse([(link, getattr(link.protocol, name)()) for link in self._links])


class Theirs(Side):
    """dynamixel-sdk, one port after the other."""

    def __init__(self, ports: list[str]) -> None:
        super().__init__()
        try:
            import dynamixel_sdk
        except ImportError as error:
            raise HumanoidError(
                "dynamixel-sdk is not installed (requirements/dev.txt); --alone runs without it"
            ) from error
        self._sdk = dynamixel_sdk
        self._packets = dynamixel_sdk.PacketHandler(2.0)
        self._ports = ports

    def block(self, seconds: float) -> None:
        """Measure for `seconds`."""
        sdk = self._sdk
        state, goal = X_SERIES["indirect_data"].address, X_SERIES["goal_current"].address
        groups = []
        for name in self._ports:
            port = sdk.PortHandler(name)
            if not (port.openPort() and port.setBaudRate(BAUD)):
                raise HumanoidError(f"dynamixel-sdk does not open {name}")
            read = sdk.GroupSyncRead(port, self._packets, state, FAST.itemsize)
            for device in devices():
                read.addParam(device.id)
            groups.append((port, read, sdk.GroupSyncWrite(port, self._packets, goal, 2)))

        def cycle() -> int:
            return sum(self._bus(read, write, state) for _, read, write in groups)

        self.measure(seconds, cycle)
        for port, *_ in groups:
            port.closePort()

    def _bus(self, read: Any, write: Any, state: int) -> int:
        ids = range(1, EACH + 1)
        lost = EACH if read.txRxPacket() != self._sdk.COMM_SUCCESS else 0
        if not lost:
            for id in ids:
                for offset, size in ((0, 2), (2, 4), (6, 4)):
                    read.getData(id, state + offset, size)
        for id in ids:
            write.addParam(id, [7, 0])
        write.txPacket()
        write.clearParam()
        return lost
