"""How long control took to answer."""

import numpy as np

_ROOM = 2048  # ticks between two reports that are kept; more than 1 s of 1 kHz


class Ticks:
    """Collects durations and summarises them."""

    def __init__(self) -> None:
        self._durations = np.zeros(_ROOM)
        self._count = 0

    def add(self, nanoseconds: int) -> None:
        """Note one duration [ns]."""
        self._durations[self._count % _ROOM] = nanoseconds
        self._count += 1

    def take(self) -> dict[str, str]:
        """Summarise what came since the last call: number, median, 99th percentile and maximum."""
        durations = self._durations[: min(self._count, _ROOM)] * 1e-3
        summary = {"ticks": str(self._count)}
        if self._count:
            p50, p99 = np.percentile(durations, (50, 99))
            summary["tick_p50_us"] = f"{p50:.0f}"
            summary["tick_p99_us"] = f"{p99:.0f}"
            summary["tick_max_us"] = f"{durations.max():.0f}"
        self._count = 0
        return summary
