"""What recording costs: the whole graph at full rate, with the recorder in it.

CPU time of the recorder's process, and the deadlines that the HAL missed with it and without it.
The nodes share a process, as in `humanoid sim`, under SCHED_FIFO where this user may ask for it:
what else runs on the machine would hide the rest.
"""

import argparse
import itertools
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from _running import add_realtime, own_domain, running, wait_until_standing

from humanoid_bringup.arguments import positive
from humanoid_bringup.bags.bag import Bag
from humanoid_bringup.graph import RECORDER, Options

NAME = "record"
SUMMARY = "recording at full rate: share of a core, missed deadlines, lost messages"
BARS = {"recorder_core_percent": "< 15", "lost_samples": "0", "more_overruns_percent": "<= 0.1"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1")
    parser.add_argument("--seconds", type=positive, default=60.0, help="each (default: 60)")
    add_realtime(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Once without the recorder, once with it."""
    own_domain()
    with tempfile.TemporaryDirectory() as folder:
        bag = Path(folder) / "bag"
        _, without = _measure(arguments, "")
        share, overruns = _measure(arguments, str(bag))
        samples, lost = _lost(bag)
        size = sum(path.stat().st_size for path in bag.iterdir())
        with Bag(bag) as recorded:
            rate = recorded.count / recorded.duration
            megabytes = size / 1e6 / recorded.duration
    more = max(0.0, overruns - without)
    return {
        "realtime_priority": arguments.realtime,
        "recorder_core_percent": share,
        "messages_per_s": rate,
        "mb_per_s": megabytes,
        "samples": samples,
        "lost_samples": lost,
        "overruns_percent": overruns,
        "overruns_percent_without": without,
        "more_overruns_percent": more,
        "ok": share < 15.0 and lost == 0 and more <= 0.1,
    }


def _measure(arguments: argparse.Namespace, bag: str) -> tuple[float, float]:
    """CPU of the recorder [percent of a core], cycles that were late [percent]."""
    from humanoid_bringup.survey import Survey

    options = Options(record=bag, composed=True, realtime_priority=arguments.realtime)
    with Survey() as survey, running(arguments.robot, options) as processes:
        wait_until_standing(processes, survey)
        pid = processes.pids().get(RECORDER)
        cycles, late = _cycles(survey)
        cpu, begin = _cpu(pid), time.monotonic()
        survey.spin(arguments.seconds)
        used, elapsed = _cpu(pid) - cpu, time.monotonic() - begin
        more, later = _cycles(survey)
    return 100.0 * used / elapsed, 100.0 * (later - late) / max(1, more - cycles)


def _cycles(survey: Any) -> tuple[int, int]:
    """Cycles of the HAL and how many overran, from its diagnostics."""
    found: dict[str, str] = {}

    def note(message: Any) -> None:
        for status in message.status:
            if status.name == "humanoid_hal":
                found.update({pair.key: pair.value for pair in status.values})

    from diagnostic_msgs.msg import DiagnosticArray

    from humanoid_runtime import topics

    listener = survey.node.create_subscription(
        DiagnosticArray, topics.DIAGNOSTICS, note, topics.EVENT
    )
    survey.wait(lambda: found, 10.0)
    survey.node.destroy_subscription(listener)
    return int(found.get("cycles", 0)), int(found.get("overruns", 0))


def _cpu(pid: int | None) -> float:
    """[s] of CPU that a process used, all its threads."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _lost(path: Path) -> tuple[int, int]:
    """Samples of the HAL, and how many of their stamps are missing."""
    stamps = set()
    with Bag(path) as bag:
        for message in bag.messages(["/joint_states"]):
            data = message.data
            seconds, nanoseconds = (int.from_bytes(data[i : i + 4], "little") for i in (4, 8))
            stamps.add(seconds * 1_000_000_000 + nanoseconds)
    ordered = sorted(stamps)
    period = min((b - a for a, b in itertools.pairwise(ordered)), default=1)
    expected = (ordered[-1] - ordered[0]) // period + 1
    return len(ordered), int(expected - len(ordered))
