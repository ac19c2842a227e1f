"""Time and smooth ramps for controllers, driven by stamps."""

#: [s] The most that one sample may advance a ramp: after a gap a controller skips, it never catches
#: up.
LONGEST_STEP = 0.02

#: Largest slope of :func:`smoothstep` and of :func:`minimum_jerk` over their unit interval.
SMOOTHSTEP_SLOPE = 1.5
MINIMUM_JERK_SLOPE = 1.875


class Stopwatch:
    """Seconds of control since a start, fed with stamps. Gaps count as :data:`LONGEST_STEP`."""

    def __init__(self) -> None:
        self.elapsed = 0.0  # [s]
        self._stamp: int | None = None

    def start(self, stamp: int) -> None:
        """Count from `stamp` [ns]."""
        self.elapsed = 0.0
        self._stamp = stamp

    def advance(self, stamp: int) -> float:
        """Count up to `stamp` [ns], not before the last one, and return the step [s]."""
        last = stamp if self._stamp is None else self._stamp
        step = min(max(stamp - last, 0) * 1e-9, LONGEST_STEP)
        self._stamp = stamp
        self.elapsed += step
        return step


def smoothstep(x: float) -> float:
    """From 0 to 1 over x in [0, 1], flat at both ends; constant outside."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


def minimum_jerk(x: float) -> tuple[float, float]:
    """Value and slope of the minimum-jerk ramp from 0 to 1 over x in [0, 1]; constant outside.

    Flash and Hogan, "The coordination of arm movements", J. Neuroscience 5(7), 1985.
    """
    x = min(max(x, 0.0), 1.0)
    value = x * x * x * (10.0 + x * (6.0 * x - 15.0))
    slope = 30.0 * x * x * (1.0 - x) * (1.0 - x)
    return value, slope
