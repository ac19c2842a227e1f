"""How late commands are: from the end of reading a sample to the end of writing its command.

The graph stands, or walks, in real time at 500 Hz, under SCHED_FIFO where this user may ask for it.
The HAL measures every cycle by the steady clock; a cycle of more than 1.5 periods is an overrun.
Percentiles are of all cycles since the robot was armed.

What the machine itself adds is measured before and after by a bare loop of the same rate and
scheduling, which sleeps and then uses the processor for 1 ms.
"""

import argparse
import os
import time
from contextlib import nullcontext
from typing import Any

from _running import add_realtime, check, own_domain, running, wait_until_standing, walking

from humanoid_bringup.arguments import positive
from humanoid_bringup.graph import HAL, Options

NAME = "latency"
SUMMARY = "standing or walking in real time at 500 Hz: overruns, sample-to-write latency"
#: [ns] The bare loop's period, its work in each, and what counts as an overrun.
PERIOD, WORK, OVERRUN = 2_000_000, 1_000_000, 3_000_000
BARS = {"overruns_percent": "< 0.1", "p50_ms": "<= 1", "p99_ms": "<= 3"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--seconds", type=positive, default=300.0, help="real (default: 300)")
    parser.add_argument("--robot", default="g1")
    parser.add_argument("--walk", type=positive, metavar="V", help="forward at V m/s (it stands)")
    add_realtime(parser)
    parser.add_argument(
        "--busy-wait", action="store_true", help="spin between cycles, do not sleep"
    )
    parser.add_argument(
        "--separate", action="store_true", help="a process per node instead of one for all"
    )
    parser.add_argument(
        "--cpus", default="", help="with --separate: cores of HAL, perception, control"
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Stand or walk, watch the HAL's diagnostics."""
    own_domain()
    from humanoid_bringup.survey import Survey

    options = Options(
        realtime_priority=arguments.realtime,
        busy_wait=arguments.busy_wait,
        cpus=arguments.cpus,
        composed=not arguments.separate,
    )
    bare = _bare_loop(arguments.seconds / 10.0, arguments.realtime)
    with Survey() as survey, running(arguments.robot, options) as processes:
        wait_until_standing(processes, survey)
        survey.wait(lambda: HAL in survey.diagnostics(), 5.0)
        with walking(survey, arguments.walk) if arguments.walk else nullcontext("stand") as wanted:
            before = survey.diagnostics()[HAL]
            end = time.monotonic() + arguments.seconds
            while time.monotonic() < end:
                survey.spin(min(1.0, max(0.0, end - time.monotonic())))
                check(processes)
            after = survey.diagnostics()[HAL]
            mode = survey.status()["mode"]["mode"]
    bare += _bare_loop(arguments.seconds / 10.0, arguments.realtime)
    cycles = after["cycles"] - before["cycles"]
    overruns = after["overruns"] - before["overruns"]
    percent = 100.0 * overruns / cycles if cycles else 100.0
    p50, p99 = after["latency_p50_ms"], after["latency_p99_ms"]
    return {
        "realtime_priority": arguments.realtime,
        "ok": mode == wanted and percent < 0.1 and p50 <= 1.0 and p99 <= 3.0,
        "overruns_percent": percent,
        "p50_ms": p50,
        "p99_ms": p99,
        "p999_ms": after["latency_p999_ms"],
        "max_ms": after["latency_max_ms"],
        "rate_hz": cycles / arguments.seconds,
        "cycles": cycles,
        "bare_loop_overruns_percent": 100.0 * sum(took > OVERRUN for took in bare) / len(bare),
    }


def _bare_loop(seconds: float, priority: int) -> list[int]:
    """What every cycle of a loop without a graph took [ns]."""
    took = []
    if priority:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    due = start = time.monotonic_ns()
    end = due + round(seconds * 1e9)
    while start < end:
        due = max(due + PERIOD, start)
        time.sleep(max(0, due - time.monotonic_ns()) * 1e-9)
        begun = time.thread_time_ns()
        while time.thread_time_ns() - begun < WORK:
            pass
        start, before = time.monotonic_ns(), start
        took.append(start - before)
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return took
