"""Measure what buses can do: rate, jitter, lost answers, bad frames per bus.

Only reads, unless --torque: then commands are written too, which hold the robot where it stands.

examples:
  humanoid bench --robot mine --hardware real
  humanoid bench --hardware real --rate 1000 --seconds 10      is 1 kHz possible?
  humanoid bench --hardware real --torque --json

exit codes: 0 measured; 1 the hardware failed on the way; 3 wrong hardware file; 6 it cannot be
opened.
"""

import argparse
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, positive
from humanoid_bringup.errors import Exit
from humanoid_bringup.hardware import Hardware, add_hardware, load
from humanoid_bringup.signals import Interrupts

if TYPE_CHECKING:
    from humanoid_hal.driver import Driver


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_hardware(parser)
    parser.add_argument("--seconds", type=positive, default=5.0, help="how long (default: 5)")
    parser.add_argument("--rate", type=positive, help="[Hz] to ask for (default: the file's)")
    parser.add_argument("--torque", action="store_true", help="torque on; hold where it stands")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure, then say."""
    hardware = load(arguments.robot, arguments.hardware, arguments.rate)
    if not arguments.json:
        console.say(f"asking for {hardware.rate:g} Hz for {arguments.seconds:g} s")
    with hardware.opened(torque=arguments.torque) as driver:
        answer = measure(hardware, driver, arguments.seconds, arguments.torque)
    if arguments.json:
        console.print_json(answer)
        return Exit.OK
    console.say(
        f"{answer['rate_hz']:.1f} Hz; interval p50 {answer['interval_p50_ms']:.3f}, "
        f"p99 {answer['interval_p99_ms']:.3f}, max {answer['interval_max_ms']:.3f} ms; "
        f"{answer['cpu_percent']:.0f} % of one core"
    )
    for bus in answer["buses"]:
        frames = ", ".join(f"{bus[kind]} {kind}" for kind in ("good", "corrupt", "foreign"))
        most = f"; its wire allows {bus['limit_hz']:.0f} Hz" if bus["limit_hz"] else ""
        why = f" ({bus['reason']})" if bus["reason"] else ""
        console.say(f"bus {bus['name']}: {bus['state']}{why}, frames: {frames}{most}")
    missed = {joint: count for joint, count in answer["missed"].items() if count}
    listed = ", ".join(f"{joint} {count}" for joint, count in missed.items())
    console.say(f"lost answers in {answer['samples']} cycles: {listed or 'none'}")
    return Exit.OK


def measure(hardware: Hardware, driver: "Driver", seconds: float, torque: bool) -> dict[str, Any]:
    """Run cycles for `seconds`; the figures. Raises DriverError."""
    from humanoid_hal.driver import Command
    from humanoid_hal.tools.watch import Tally, bus_figures, watch

    robot, tally = hardware.robot, Tally(hardware.robot)
    command: Command | None = None
    if torque:
        zeros = np.zeros(len(robot.joints))
        start = driver.read().position.copy()
        gains = robot.column("stiffness"), robot.column("damping")
        command = Command(start, zeros, zeros, *gains)
        driver.enable(True)

    def write() -> None:
        if command is not None:
            driver.write(command)

    cpu = time.process_time()
    begin = time.monotonic()
    with Interrupts() as interrupts:
        watch(driver, tally, seconds, lambda: interrupts.received is not None, write)
    share = (time.process_time() - cpu) / (time.monotonic() - begin)
    timing = tally.timing()
    return {
        "ok": True,
        "asked_hz": hardware.rate,
        "rate_hz": timing.rate,
        "interval_p50_ms": timing.p50,
        "interval_p99_ms": timing.p99,
        "interval_max_ms": timing.largest,
        "cpu_percent": 100.0 * share,
        "samples": tally.samples,
        "missed": {row["joint"]: row["missed"] for row in tally.joints()},
        "buses": [asdict(bus) for bus in bus_figures(driver)],
    }
