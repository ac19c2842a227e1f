"""Watch boards without a graph: position, speed, effort, temperature, lost answers, force cells, frames.

Torque stays off and nothing moves. A running graph holds the ports: then use `humanoid status`.

examples:
  humanoid monitor --robot mine --hardware real
  humanoid monitor --hardware real --once
  humanoid monitor --hardware real --seconds 10 --json

exit codes: 0 ended as asked; 1 the hardware failed on the way; 3 wrong hardware file; 6 it cannot
be opened.
"""

import argparse
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, positive
from humanoid_bringup.errors import Exit
from humanoid_bringup.hardware import add_hardware, load
from humanoid_bringup.signals import Interrupts

if TYPE_CHECKING:
    from humanoid_hal.driver import Driver
    from humanoid_hal.tools.watch import Tally

#: [Hz] Enough for eyes; `humanoid bench` measures what the buses can do.
RATE = 50.0
#: [s] between two pictures on a terminal, and the time that `--once` looks.
PICTURE, ONCE = 0.2, 0.3
#: Moves the cursor to the top and clears what is below.
_HOME = "\x1b[H\x1b[J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_hardware(parser)
    parser.add_argument("--seconds", type=positive, help="end after this time (default: Ctrl-C)")
    parser.add_argument("--once", action="store_true", help="one picture, then end")
    add_json(parser, "print one JSON object when it ends, and nothing else")


def run(arguments: argparse.Namespace) -> int:
    """Read until it is enough."""
    from humanoid_hal.tools.watch import Tally, watch

    hardware = load(arguments.robot, arguments.hardware, RATE)
    live = sys.stdout.isatty() and not arguments.json and not arguments.once
    seconds = ONCE if arguments.once else arguments.seconds
    if seconds is None and not live:
        seconds = ONCE
    tally = Tally(hardware.robot)
    with Interrupts() as interrupts, hardware.opened() as driver:
        due = 0.0

        def draw() -> None:
            nonlocal due
            now = time.monotonic()
            if live and now >= due:
                due = now + PICTURE
                print(_HOME + picture(tally, driver), flush=True)

        watch(driver, tally, seconds, lambda: interrupts.received is not None, draw)
        answer = data(tally, driver)
        last = picture(tally, driver)
    if arguments.json:
        console.print_json(answer)
    elif not live:
        console.say(last)
    return Exit.OK


def data(tally: "Tally", driver: "Driver") -> dict[str, Any]:
    """For JSON."""
    from humanoid_hal.tools.watch import bus_figures, foot_rows

    sample = tally.newest
    return {
        "ok": True,
        "samples": tally.samples,
        "rate_hz": tally.timing().rate,
        "voltage_v": None if sample is None else sample.voltage,
        "faults": [] if sample is None else list(sample.faults),
        "joints": tally.joints(),
        "force_cells": foot_rows(driver),
        "buses": [asdict(bus) for bus in bus_figures(driver)],
    }


def picture(tally: "Tally", driver: "Driver") -> str:
    """Tables and the faults."""
    from humanoid_hal.tools.watch import bus_figures, foot_rows

    head = ("joint", "rad", "rad/s", "N m", "degC", "missed")
    rows = [
        (row["joint"], *(f"{row[name]:.3f}" for name in ("position_rad", "velocity_rad_s")),
         f"{row['effort_nm']:.2f}", f"{row['temperature_degc']:.0f}", row["missed"])
        for row in tally.joints()
    ]  # fmt: skip
    parts = [console.table([head, *rows])]
    buses = [(b.name, b.state, b.good, b.corrupt, b.foreign, b.reason) for b in bus_figures(driver)]
    if buses:
        parts.append(console.table([("bus", "state", "good", "corrupt", "foreign", ""), *buses]))
    cells = [(*list(row.values())[:3], f"{row['force_n']:.1f}") for row in foot_rows(driver)]
    if cells:
        parts.append(console.table([("foot", "cell", "counts", "N"), *cells]))
    sample = tally.newest
    voltage = "" if sample is None or sample.voltage is None else f", {sample.voltage:.1f} V"
    last = [f"{tally.samples} samples at {tally.timing().rate:.1f} Hz{voltage}"]
    last += [] if sample is None else sample.faults
    return "\n\n".join([*parts, "\n".join(last)])
