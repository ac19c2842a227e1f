"""Record topics of the graph to an MCAP file until Ctrl-C.

Everything is recorded that has a publisher, also what appears later; --topics narrows it. Latched
topics are included. The file carries the message definitions and the QoS of every topic.

examples:
  humanoid record                                  all topics, to humanoid-<date>.mcap
  humanoid record stand.mcap --seconds 10
  humanoid record --topics /joint_states /robot_state '/wrench/*'

exit codes: 0 recorded; 1 nothing arrived; 4 no graph runs; 6 the file cannot be written.
"""

import argparse
import fnmatch
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, add_namespace, positive
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.signals import Interrupts

if TYPE_CHECKING:
    from humanoid_bringup.link import Link
    from humanoid_bringup.recorder import Recorder

#: [bytes] that stay free on the disk
RESERVE = 200_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("file", nargs="?", type=Path, help="MCAP file; an existing one is kept")
    parser.add_argument("--seconds", type=positive, help="stop after so long [s]")
    parser.add_argument(
        "--topics", nargs="+", default=["*"], metavar="TOPIC", help="names or patterns"
    )
    add_namespace(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Record until interrupted."""
    from humanoid_bringup.link import FIRST_NODE, Link
    from humanoid_bringup.recorder import Recorder

    path = arguments.file or Path(time.strftime("humanoid-%Y%m%d-%H%M%S.mcap"))
    patterns = [_absolute(text, arguments.namespace) for text in arguments.topics]
    try:
        with Interrupts() as interrupts, Link(arguments.namespace) as link:
            if not link.wait(link.nodes, FIRST_NODE):
                raise HumanoidError(
                    "no node runs here: start the graph with 'humanoid sim' or 'humanoid up'",
                    Exit.NO_GRAPH,
                )
            link.spin(0.5)  # more of it comes into sight before the time counts
            with Recorder(link, path, lambda t: _matches(t, patterns)) as recorder:
                _record(arguments, interrupts, link, recorder, path)
    except OSError as problem:
        raise HumanoidError(
            f"cannot write {path}: {problem.strerror}; name another file", Exit.ENVIRONMENT
        ) from problem
    total = sum(recorder.counts.values())
    if arguments.json:
        console.print_json({"file": str(path), "messages": total, "topics": recorder.counts})
    else:
        console.say(f"{path}: {total} messages of {len(recorder.counts)} topics")
    if total == 0:
        raise HumanoidError(f"nothing arrived on {' '.join(patterns)}")
    return Exit.OK


def _record(
    arguments: argparse.Namespace,
    interrupts: Interrupts,
    link: "Link",
    recorder: "Recorder",
    path: Path,
) -> None:
    start = time.monotonic()
    while not interrupts.received:
        elapsed = time.monotonic() - start
        if arguments.seconds is not None and elapsed >= arguments.seconds:
            return
        if shutil.disk_usage(path.parent).free < RESERVE:
            console.error(f"stopped: less than {RESERVE / 1e6:.0f} MB are free on the disk")
            return
        recorder.discover()
        left = 1.0 if arguments.seconds is None else arguments.seconds - elapsed
        link.spin(min(0.25, left))
        if not arguments.json:
            total = sum(recorder.counts.values())
            console.live(
                f"  {elapsed:7.1f} s  {len(recorder.counts)} topics  {total} messages  "
                f"{recorder.bytes / 1e6:.1f} MB  (Ctrl-C ends)"
            )


def _absolute(pattern: str, namespace: str) -> str:
    if pattern.startswith(("/", "*")):
        return pattern
    return f"/{namespace.strip('/')}/{pattern}" if namespace else f"/{pattern}"


def _matches(topic: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(topic, pattern) for pattern in patterns)
