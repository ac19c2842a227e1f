"""Promises on stamps and pace. Real time is measured and told; only its lower bound is a promise."""

import numpy as np

from humanoid_hal.conformance.trial import BrokenPromiseError, Subject, Trial
from humanoid_hal.driver import Array

#: Readings over which the pace is measured; an even number of intervals.
READINGS = 101
#: A driver paced by real time may be this much faster than its rate, for its timer's grain; and
#: slower by as much where the subject asks for it.
PACE = 0.1


def rate(subject: Subject) -> str:
    """``read()`` returns at the control rate."""
    period, intervals, simulated = _intervals(subject)
    mean = float(np.mean(intervals))
    measured = f"{1e9 / mean:.1f} Hz of {1e9 / period:.1f}" if mean > 0 else "no time passes"
    tolerance = 1e-3 if simulated else PACE
    fast = mean < (1.0 - tolerance) * period
    slow = mean > (1.0 + tolerance) * period and (simulated or subject.strict_time)
    if fast or slow:
        raise BrokenPromiseError(f"samples come at {measured}")
    return measured


def jitter(subject: Subject) -> str:
    """Simulated time moves in even steps; on hardware the spread is measured and told."""
    period, intervals, simulated = _intervals(subject)
    off = np.abs(intervals - np.median(intervals))
    if simulated and np.max(off) > 1.0:
        raise BrokenPromiseError(
            f"simulated time moves in uneven steps, by up to {np.max(off) * 1e-6:.3f} ms"
        )
    late = intervals * 1e-6
    return (
        f"interval p50 {np.percentile(late, 50):.3f}, p99 {np.percentile(late, 99):.3f}, "
        f"max {np.max(late):.3f} ms of {period * 1e-6:.3f}"
    )


def stamps(subject: Subject) -> str:
    """Stamps are integers [ns] that increase, also across disarming; equal only while paused."""
    with Trial(subject) as trial:
        last = trial.driver.read().stamp
        if not isinstance(last, int | np.integer):
            raise BrokenPromiseError(f"stamp is {type(last).__name__}, must be an int [ns]")
        paused = trial.capabilities.simulated
        for _ in range(5):
            last = _after(last, trial.driver.read().stamp, paused)
        if not trial.may_move:
            return "strictly increasing; across disarming not tested: it moves the robot"
        trial.arm()
        for _ in range(2):
            for _ in range(20):
                last = _after(last, trial.turn(trial.hold()).stamp, False)
            trial.driver.enable(False)
            for _ in range(5):
                last = _after(last, trial.driver.read().stamp, paused)
            trial.driver.enable(True)
    return "strictly increasing"


def _after(last: int, stamp: int, paused: bool) -> int:
    if stamp < last or (stamp == last and not paused):
        raise BrokenPromiseError(f"stamp {stamp} after {last}")
    return stamp


def _intervals(subject: Subject) -> tuple[int, Array, bool]:
    """The period [ns], the intervals between stamps [ns], whether time is simulated."""
    period = subject.period
    with Trial(subject) as trial:
        if trial.may_move:
            trial.arm()
            seen = [trial.turn(trial.hold()).stamp for _ in range(READINGS)]
        else:
            trial.read_fresh()
            seen = [trial.driver.read().stamp for _ in range(READINGS)]
    return period, np.diff(np.array(seen, dtype=float)), trial.capabilities.simulated
