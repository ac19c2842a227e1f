"""What a driver's samples say over time: per joint, per bus, and how regular they come."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from humanoid_description import RobotDescription
from humanoid_hal.driver import Driver, Sample

#: Samples that timing is taken of: the newest ones.
KEPT = 100_000


@dataclass(frozen=True)
class BusFigures:
    """One bus since it was opened."""

    name: str
    state: str
    reason: str  # why it is lost
    good: int  # frames
    corrupt: int
    foreign: int
    limit_hz: float | None = None  # what its wire can do at best; None: not known


@dataclass(frozen=True)
class Timing:
    """How regular samples came. All but `rate` in [ms]."""

    rate: float  # [Hz]
    p50: float
    p99: float
    largest: float


class Tally:
    """Counts samples."""

    def __init__(self, robot: RobotDescription) -> None:
        self.names = robot.joint_names
        self.samples = 0
        self.fresh = np.zeros(len(self.names), dtype=np.int64)
        self.newest: Sample | None = None
        self._arrivals: deque[float] = deque(maxlen=KEPT)

    def see(self, sample: Sample, now: float) -> None:
        """Take a sample that was there at `now` [s]."""
        self.samples += 1
        self.fresh += sample.fresh
        self.newest = sample
        self._arrivals.append(now)

    def timing(self) -> Timing:
        """Of the newest samples; NaN before the second."""
        if len(self._arrivals) < 2:
            return Timing(*[float("nan")] * 4)
        intervals = 1e3 * np.diff(self._arrivals)
        p50, p99 = (float(np.percentile(intervals, q)) for q in (50, 99))
        return Timing(1e3 / float(intervals.mean()), p50, p99, float(intervals.max()))

    def joints(self) -> list[dict[str, Any]]:
        """One row for each joint: newest values in SI units and the share of answers."""
        sample = self.newest
        if sample is None:
            return []
        hot = sample.temperature
        return [
            {
                "joint": name,
                "position_rad": float(sample.position[i]),
                "velocity_rad_s": float(sample.velocity[i]),
                "effort_nm": float(sample.effort[i]),
                "temperature_degc": float("nan") if hot is None else float(hot[i]),
                "missed": int(self.samples - self.fresh[i]),
            }
            for i, name in enumerate(self.names)
        ]


def bus_figures(driver: Driver) -> list[BusFigures]:
    """The buses of a driver of boards; empty for others."""
    options: Any = getattr(driver, "options", None)
    buses = getattr(driver, "buses", ())
    figures = [_figures(bus, bus.fastest(options.reply_share)) for bus in buses]
    return [*figures, *(_figures(bus, np.inf) for bus in getattr(driver, "sensors", ()))]


def foot_rows(driver: Driver) -> list[dict[str, Any]]:
    """One row for each force cell: its newest counts and load; empty where boards hold none."""
    feet = getattr(driver, "feet", None)
    return [
        {"foot": name, "cell": cell, "counts": float(counts), "force_n": float(force)}
        for name, (board, data) in ({} if feet is None else feet.newest).items()
        for cell, counts, force in zip(
            board.names, board.counted(data), board.forces(data), strict=True
        )
    ]


def _figures(bus: Any, limit: float) -> BusFigures:
    """`limit` [Hz], infinite: not known."""
    link, counters = bus.link, bus.link.protocol.counters
    return BusFigures(
        link.name,
        link.state.value,
        link.reason,
        counters.good,
        counters.corrupt,
        counters.foreign,
        limit if np.isfinite(limit) else None,
    )


def watch(
    driver: Driver,
    tally: Tally,
    seconds: float | None,
    stopping: Callable[[], bool],
    after: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Read for `seconds` (None: until `stopping`), calling `after` each sample. Raises DriverError."""
    begin = clock()
    while not stopping() and (seconds is None or clock() - begin < seconds):
        tally.see(driver.read(), clock())
        after()
