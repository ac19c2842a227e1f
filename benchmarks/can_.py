"""How fast 4 x 7 MIT motors are read and commanded over slcan adapters on ptys.

Emulated Damiao motors run in a process of their own, in real time; here the driver's own ports, codecs
and exchange do one cycle after the other: a command to every motor, its answer from every motor. Without
bus time: what host, kernel and text cost. With it: frames take their time at 1 Mbit/s, which alone
allows no more than 585 Hz. CPU time is told of both sides: where the emulated boards take more of it
than the host, the rate is theirs.
"""

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from humanoid_bringup.arguments import positive
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.exchange import Exchange, Link
from humanoid_hal.bus.transport import PortOptions
from humanoid_hal.can.slcan_port import SlcanPort
from humanoid_hal.driver import Command
from humanoid_hal.drivers.mit.damiao import DamiaoOptions, DamiaoProtocol
from humanoid_hal.emulation.bus import EmulatedBus, WireOptions
from humanoid_hal.emulation.damiao import DamiaoBoards
from humanoid_hal.emulation.emulator import Emulator
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.plant import Plant
from humanoid_hal.emulation.pty import PtyPort
from humanoid_hal.emulation.slcan import SlcanAdapter

NAME = "can"
SUMMARY = "4 x 7 MIT motors over slcan ptys: cycles per second, losses, CPU time of both sides"
BARS = {"rate_hz": ">= 500", "lost": "0"}
BUSES, MOTORS = 4, 7
DEVICES = tuple(Device("", i, "DM-J8009") for i in range(1, MOTORS + 1))
BIT_RATE = 1_000_000
#: [s] waited for the answers of a cycle.
_PATIENCE = 1.0


class Resting(Plant):
    """Nothing moves: what is measured is the bus."""

    def advance(self, period: float) -> None:
        """Stand still."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--seconds", type=positive, default=5.0, help="each way (default: 5)")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Rates [Hz], percentiles of the cycle [ms] and CPU time of the host per cycle [ms]."""
    figures: dict[str, object] = {}
    for name, timed in (("", False), ("timed_", True)):
        with tempfile.TemporaryDirectory() as folder:
            ports = [Path(folder) / f"can{i}" for i in range(BUSES)]
            context = multiprocessing.get_context("fork")  # a benchmark is no module to import
            stop, told = context.RawValue("b"), context.RawValue("d")
            child = context.Process(target=serve, args=(ports, timed, stop, told), daemon=True)
            child.start()
            try:
                for key, value in measure(ports, arguments.seconds, told).items():
                    figures[name + key] = value
            finally:
                stop.value = 1
                child.join(5.0)
    lost = figures["lost"]
    return {**figures, "ok": float(str(figures["rate_hz"])) >= 500.0 and lost == 0}


def serve(ports: list[Path], timed: bool, stop: Any, told: Any) -> None:
    """The emulated side, in its own process, until `stop`; `told` is its CPU time [s]."""
    wire = WireOptions(timed=timed)
    buses = [
        EmulatedBus(
            port.name, PtyPort(port), DamiaoBoards(Motors(DEVICES)), wire, SlcanAdapter(), BIT_RATE
        )
        for port in ports
    ]
    emulator = Emulator(buses, Resting(), 0.01)

    def stopped() -> bool:
        told.value = time.process_time()
        return bool(stop.value)

    emulator.run(stopped)
    emulator.close()


def measure(ports: list[Path], seconds: float, told: Any) -> dict[str, object]:
    """Cycle as fast as answers come; `told` is the CPU time [s] of the boards."""
    links = []
    for port in ports:
        options = PortOptions(str(port), transport="slcan")
        protocol = DamiaoProtocol(DEVICES, DamiaoOptions(watchdog=10.0))
        links.append(Link(port.name, protocol, SlcanPort(options, BIT_RATE)))
    until = time.monotonic() + 30.0
    while not all(port.exists() for port in ports) and time.monotonic() < until:
        time.sleep(0.01)
    for link in links:
        link.open()
    exchange = Exchange(links)
    try:
        exchange.converse([(link, link.protocol.startup()) for link in links])
        exchange.converse([(link, link.protocol.enable(True)) for link in links])
        before = told.value
        figures = _cycles(exchange, links, seconds)
        boards = 1e3 * (told.value - before) / figures.pop("cycles")
        return {**figures, "boards_cpu_ms_per_cycle": boards}
    finally:
        for link in links:
            link.send(link.protocol.stop())
            link.close()


def _cycles(exchange: Exchange, links: list[Link], seconds: float) -> dict[str, Any]:
    hold = Command(*(np.full(MOTORS, value) for value in (0.1, 0.0, 0.0, 10.0, 1.0)))
    took, lost = [], 0
    begin, cpu = time.perf_counter(), time.process_time()
    while (start := time.perf_counter()) - begin < seconds:
        for link in links:
            link.send(link.protocol.command(hold))
        for link in links:
            link.send(link.protocol.request())
        exchange.collect(time.monotonic() + _PATIENCE, _PATIENCE)
        for link in links:
            lost += int((~link.protocol.readings().fresh).sum())
        took.append(time.perf_counter() - start)
    elapsed, cpu = time.perf_counter() - begin, time.process_time() - cpu
    return {
        "cycles": len(took),
        "rate_hz": len(took) / elapsed,
        "median_ms": 1e3 * float(np.median(took)),
        "p99_ms": 1e3 * float(np.percentile(took, 99)),
        "lost": lost,
        "host_cpu_ms_per_cycle": 1e3 * cpu / len(took),
    }
