"""The Gazebo driver: what it costs, and how the robot walks through it.

Cost: the driver alone holds the ready pose; processor time of this process (driver and transport)
and of the one that calls services, as a share of the time that 500 cycles a second have. Walking:
the stack without ROS on the estimate, at 0.3 m/s; the mean speed after the first three seconds.

Against Gazebo where the command `gz` is on the PATH; otherwise against the stand-in of the tests,
whose transport is written in Python and costs less than Gazebo's.
"""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from humanoid_bringup import console
from humanoid_bringup.arguments import positive
from humanoid_bringup.closed_loop import ClosedLoop
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.locate import find_hardware, find_robot
from humanoid_description import load_robot
from humanoid_hal.driver import Command
from humanoid_hal.hardware import load_hardware, with_options

NAME = "gazebo"
SUMMARY = "processor time of the Gazebo driver at 500 Hz, and walking 30 s through it"
BARS = {"driver_cpu_percent": "< 40", "speed_m_s": "0.3 within 10 %", "falls": "0"}

RATE = 500.0  # [Hz]
ENTRY, SETTLED = 1.0, 3.0  # [s]
SPEED = 0.3  # [m/s]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1", help="robot (default: %(default)s)")
    parser.add_argument("--seconds", type=positive, default=30.0, help="of walking (default: 30)")
    parser.add_argument(
        "--stand-in",
        type=Path,
        default=Path("tests/gazebo/stand_in"),
        help="used where Gazebo is not installed (default: %(default)s, of a checkout)",
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Cost [%] of a core, speed [m/s] and falls."""
    real = _find_gazebo(arguments.stand_in.absolute())
    console.live(f"gazebo: on {'Gazebo' if real else 'the stand-in'}")
    cpu = {mode: _cost(arguments.robot, mode) for mode in ("lockstep", "paced")}
    speed = _walk(arguments.robot, arguments.seconds)
    walked = speed is not None and abs(speed / SPEED - 1.0) <= 0.1
    return {
        "ok": walked and max(cpu.values()) < 40.0,
        "real_gazebo": real,
        "driver_cpu_percent": max(cpu.values()),
        "driver_cpu_lockstep_percent": cpu["lockstep"],
        "driver_cpu_paced_percent": cpu["paced"],
        "speed_m_s": speed or 0.0,
        "falls": int(speed is None),
    }


def _find_gazebo(stand_in: Path) -> bool:
    """Whether Gazebo is there; without it, put the stand-in in its place."""
    if shutil.which("gz") is not None:
        return True
    if not (stand_in / "bin" / "gz").is_file():
        raise HumanoidError(
            f"there is no `gz` on the PATH and no stand-in in {stand_in}: install Gazebo "
            "(docs/gazebo.md), or run this in a checkout",
            Exit.ENVIRONMENT,
        )
    python = str(stand_in / "python")
    os.environ["PATH"] = f"{stand_in / 'bin'}{os.pathsep}{os.environ['PATH']}"
    os.environ["PYTHONPATH"] = python
    os.environ["GZ_STAND_IN_PYTHON"] = sys.executable
    os.environ["GZ_STAND_IN"] = f"benchmark_{os.getpid()}"
    sys.path.insert(0, python)
    return False


def _cost(robot: str, mode: str, cycles: int = 2500) -> float:
    """Percent of a core of driver and service process, at 500 cycles a second."""
    robot_file = find_robot(robot)
    description = load_robot(robot_file)
    config, kind = load_hardware(find_hardware(robot_file, "gazebo"))
    config = with_options(config, control_rate=RATE, mode=mode)
    driver: Any = kind(description, config.options)
    zeros = np.zeros(len(description.joints))
    gains = description.column("stiffness"), description.column("damping")
    hold = Command(description.poses["ready"], zeros, zeros, *gains)
    driver.open()
    try:
        driver.enable(True)
        first = driver.read().stamp
        begun = time.process_time() + _cpu(driver.services.pid)
        for _ in range(cycles):
            driver.write(hold)
            last = driver.read().stamp
        used = time.process_time() + _cpu(driver.services.pid) - begun
        return 100.0 * used / max((last - first) * 1e-9, 1e-9)
    finally:
        driver.close()


def _cpu(pid: int) -> float:
    """Processor time [s] of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _walk(robot: str, seconds: float) -> float | None:
    """Mean speed [m/s] forward once settled; None: it fell."""
    loop = ClosedLoop(robot, "gazebo", timeout=5.0)
    places = []
    try:
        loop.run(ENTRY)
        loop.control.set_mode("walk")
        loop.run(loop.period)
        for turn in range(round(seconds / 0.02)):
            if loop.control.mode_state.mode != "walk":
                return None
            loop.control.on_velocity(np.array([SPEED, 0.0, 0.0]))
            loop.run(0.02)
            places.append(loop.driver.world.truth()[0][0])
            if turn % 50 == 0:
                console.live(f"gazebo: walked {turn * 0.02:.0f} of {seconds:g} s")
    finally:
        loop.close()
    settled = places[round(SETTLED / 0.02) :]
    return float(settled[-1] - settled[0]) / ((len(settled) - 1) * 0.02)
