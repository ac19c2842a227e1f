"""A histogram of durations: constant memory, constant time, percentiles within 1/32."""

import math

_SUB_BITS = 5
_SUB = 1 << _SUB_BITS
_BUCKETS = _SUB * (64 - _SUB_BITS + 1)


class LatencyHistogram:
    """Counts durations [ns] in log-linear buckets (HdrHistogram, hdrhistogram.org).

    A value below 64 ns has its own bucket; above, each power of two is cut into 32 equal buckets,
    so a percentile is at most 1/32 above the true one and never below it.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._counts = [0] * _BUCKETS
        self.count = 0
        self.largest = 0  # [ns]

    def record(self, duration: int) -> None:
        """Count one duration [ns]. Negative counts as 0, 2^63 and above as 2^63 - 1."""
        duration = min(max(duration, 0), (1 << 63) - 1)
        self._counts[_bucket(duration)] += 1
        self.count += 1
        if duration > self.largest:
            self.largest = duration

    def percentile(self, percent: float) -> int:
        """The smallest bucket bound [ns] that `percent` (0 to 100) of the durations do not exceed.

        0 when nothing was recorded. Raises ValueError outside of 0 to 100.
        """
        if not 0.0 <= percent <= 100.0:
            raise ValueError(f"percent must lie in 0 to 100 (got {percent})")
        wanted = max(1, math.ceil(self.count * percent / 100.0))
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if seen >= wanted:
                return min(_upper(bucket), self.largest)
        return 0


def _bucket(value: int) -> int:
    shift = max(0, value.bit_length() - 1 - _SUB_BITS)
    return (shift << _SUB_BITS) + (value >> shift)


def _upper(bucket: int) -> int:
    """The largest value of a bucket."""
    shift = max(0, (bucket >> _SUB_BITS) - 1)
    return ((bucket - (shift << _SUB_BITS) + 1) << shift) - 1
