"""The robot walks through emulated CAN boards: every joint sample and command is slcan text on a pty.

In process, in lock-step: the graph's own cores, the boards driver, emulated motors, MuJoCo behind them.
Speed: the mean forward velocity of the base, in its own heading, after the first three seconds.
"""

import argparse
import time

import numpy as np

from humanoid_bringup import console
from humanoid_bringup.arguments import positive, whole
from humanoid_bringup.closed_loop import ClosedLoop, Tick

NAME = "emulated-walk"
SUMMARY = "walking at 0.3 m/s through emulated CAN boards: speed, falls, frames lost, CPU time"
BARS = {"fell": "0", "forward_m_s": "0.3 +- 0.03", "stale_joints": "0", "bad_frames": "0"}
SPEED, SETTLED = 0.3, 3.0  # [m/s], [s]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1", help="robot (default: %(default)s)")
    parser.add_argument("--hardware", default="can-emulated", help="default: %(default)s")
    parser.add_argument("--seed", type=whole(0), default=2, help="of the IMU's noise (default: 2)")
    parser.add_argument("--seconds", type=positive, default=30.0, help="of walking (default: 30)")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Speed [m/s], drift [m], frames, CPU time [ms] of one cycle."""
    loop = ClosedLoop(arguments.robot, arguments.hardware, seed=arguments.seed)
    stale: list[int] = []
    faults: set[str] = set()
    path: list[np.ndarray] = []

    def observe(tick: Tick) -> None:
        stale.append(int((~tick.sample.fresh).sum()))
        faults.update(text.partition(":")[0] for text in tick.sample.faults)
        path.append(loop.driver.world.truth()[0])

    try:
        loop.run(0.6, observe)
        accepted, why = loop.control.set_mode("walk")
        if not accepted:
            return {"why": why, "ok": False}
        path.clear()
        begin = time.process_time()
        fell = not _walk(loop, arguments.seconds, observe)
        cpu = time.process_time() - begin
        counters = [bus.protocol.counters for bus in loop.driver.buses]
    finally:
        loop.close()
    bad = sum(c.corrupt + c.foreign for c in counters)
    speed = _forward(np.array(path[round(SETTLED / loop.period) :]), loop.period)
    ok = not fell and abs(speed - SPEED) <= 0.1 * SPEED and not sum(stale) and not bad
    return {
        "fell": int(fell),
        "forward_m_s": speed,
        "walked_s": len(path) * loop.period,
        "stale_joints": sum(stale),
        "good_frames": sum(c.good for c in counters),
        "bad_frames": bad,
        "faults": ", ".join(sorted(faults)) or "none",
        "cpu_ms_per_cycle": 1e3 * cpu / max(1, len(path)),
        "ok": ok,
    }


def _walk(loop: ClosedLoop, seconds: float, observe: object) -> bool:
    """Whether it walked to the end."""
    for step in range(round(seconds / 0.1)):
        loop.run(0.1, observe)  # type: ignore[arg-type]
        if loop.control.mode_state.mode != "walk":
            return False
        loop.control.on_velocity(np.array([SPEED, 0.0, 0.0]))
        if step % 20 == 0:
            console.live(f"emulated-walk: {0.1 * step:.0f} s")
    return True


def _forward(way: np.ndarray, period: float) -> float:
    """Mean speed along the own heading of poses (k, 7), x y z and qx qy qz qw."""
    if len(way) < 2:
        return 0.0
    x, y, z, w = way[:, 3:].T
    yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    step = np.diff(way[:, :2], axis=0)
    along = np.cos(yaw[:-1]) * step[:, 0] + np.sin(yaw[:-1]) * step[:, 1]
    return float(along.sum() / (len(along) * period))
