"""Record topics of the graph to a bag until Ctrl-C: MCAP in rosbag2's layout.

Everything is recorded that has a publisher, also what appears later; --topics narrows it. Latched
topics are included. The bag carries the message definitions and the QoS of every topic. To record
a run from its first sample on, as a bit-for-bit replay needs it: 'humanoid sim --record <bag>'.

examples:
  humanoid record                                  all topics, to humanoid-<date>/
  humanoid record stand --seconds 10
  humanoid record --topics /joint_states /robot_state '/wrench/*'
  humanoid record long --split-mb 500 --split-seconds 600
  humanoid record --snapshot 30                    keep 30 s; Enter, SIGUSR1 or the service
                                                   'snapshot' (std_srvs/Trigger) writes them

exit codes: 0 recorded; 1 nothing arrived; 2 the bag exists; 4 no graph runs; 6 it cannot be
written, or the disk is full (what was recorded until then is a whole bag).
"""

import argparse
import fnmatch
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, add_namespace, new_folder, not_negative, positive
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.signals import Interrupts

if TYPE_CHECKING:
    from humanoid_bringup.link import Link


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("bag", nargs="?", type=Path, help="new directory; an existing one is kept")
    parser.add_argument("--seconds", type=positive, help="stop after so long [s]")
    parser.add_argument(
        "--topics", nargs="+", default=["*"], metavar="TOPIC", help="names or patterns"
    )
    parser.add_argument("--split-mb", type=positive, help="begin a new file at this size [MB]")
    parser.add_argument("--split-seconds", type=positive, help="begin a new file so often [s]")
    parser.add_argument(
        "--snapshot", type=positive, metavar="N", help="keep the last N seconds, write on request"
    )
    parser.add_argument(
        "--reserve-mb",
        type=not_negative,
        default=200.0,
        help="stop when less is free (default: 200)",
    )
    add_namespace(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Record until interrupted."""
    from humanoid_bringup.link import Link

    path = arguments.bag or Path(time.strftime("humanoid-%Y%m%d-%H%M%S"))
    if not arguments.snapshot:
        new_folder(path)
    patterns = [_absolute(text, arguments.namespace) for text in arguments.topics]
    try:
        with Interrupts() as interrupts, Link(arguments.namespace) as link:
            if not link.discover(link.nodes):
                raise HumanoidError(
                    "no node runs here: start the graph with 'humanoid sim' or 'humanoid up'",
                    Exit.NO_GRAPH,
                )
            session = _Session(arguments, link, path, lambda t: _matches(t, patterns))
            session.run(interrupts)
    except OSError as problem:
        raise HumanoidError(
            f"cannot write {path}: {problem.strerror or problem}; name another bag",
            Exit.ENVIRONMENT,
        ) from problem
    return session.report(patterns)


class _Session:
    """One recording."""

    def __init__(
        self, arguments: argparse.Namespace, link: "Link", path: Path, wanted: Callable[[str], bool]
    ) -> None:
        from humanoid_bringup.bags.source import BEGAN, MID_RUN
        from humanoid_bringup.bags.writer import BagWriter
        from humanoid_bringup.recorder import DiskGuard, Recorder, Snapshot, request

        self._arguments, self._path = arguments, path
        self._custom = {**told_by_nodes(link), BEGAN: MID_RUN}
        self._saved: list[tuple[Path, int]] = []
        self._full = ""
        self._asked = False
        self._writer: BagWriter | None = None
        self._snapshot: Snapshot | None = None
        if arguments.snapshot:
            self._snapshot = Snapshot(arguments.snapshot)
            signal.signal(signal.SIGUSR1, self._on_signal)
            request(link.node, lambda: "wrote {} with {} messages".format(*self._save()))
        else:
            self._writer = BagWriter(
                path,
                split_bytes=round((arguments.split_mb or 0) * 1e6),
                split_seconds=arguments.split_seconds or 0.0,
                custom=self._custom,
            )
        sink = self._snapshot or self._writer
        assert sink is not None
        self.recorder: Recorder = Recorder(link.node, sink, wanted)
        self._guard = DiskGuard(path, round(arguments.reserve_mb * 1e6))

    def run(self, interrupts: Interrupts) -> None:
        """Until a signal, the time is over, or the disk is full."""
        from humanoid_bringup.bags.source import LOST
        from humanoid_bringup.recorder import PERIOD, give_way

        give_way()
        begin = shown = time.monotonic()
        try:
            while not interrupts.received:
                now = time.monotonic()
                if self._arguments.seconds is not None and now - begin >= self._arguments.seconds:
                    break
                self._full = self._guard.full()
                if self._full:
                    break
                self.recorder.turn()
                if self._snapshot is not None and (self._asked or _enter_pressed()):
                    self._asked = False
                    where, count = self._save()
                    self._say(f"{where}: {count} messages")
                if now - shown >= 0.25:
                    shown = now
                    self._show(now - begin)
                time.sleep(PERIOD)
            self.recorder.drain()
        finally:
            if self._writer is not None:
                if lost := self.recorder.lost_text():
                    self._writer.custom[LOST] = lost
                self._writer.close()

    def report(self, patterns: list[str]) -> int:
        """Say what was recorded; the exit code."""
        recorder = self.recorder
        total = sum(recorder.counts.values())
        for topic, why in recorder.unknown.items():
            console.error(f"left out {topic}: {why}")
        if self._arguments.json:
            console.print_json(
                {
                    "ok": bool(total) and not self._full,
                    "bag": str(self._path) if self._writer else None,
                    "snapshots": [str(path) for path, _ in self._saved],
                    "messages": total,
                    "topics": recorder.counts,
                    "lost": recorder.lost,
                }
            )
        elif self._writer is not None:
            console.say(f"{self._path}: {total} messages of {len(recorder.counts)} topics")
            if recorder.lost:
                console.say(f"  lost: {recorder.lost_text()}; the machine is too busy")
        if self._full:
            raise HumanoidError(
                f"stopped: {self._full}; {self._path} is a whole bag", Exit.ENVIRONMENT
            )
        if total == 0:
            raise HumanoidError(f"nothing arrived on {' '.join(patterns)}")
        return Exit.OK

    def _save(self) -> tuple[Path, int]:
        assert self._snapshot is not None
        path = self._path.with_name(f"{self._path.name}-{len(self._saved) + 1}")
        saved = (path, self._snapshot.save(path, self._custom))
        self._saved.append(saved)
        return saved

    def _on_signal(self, *_: object) -> None:
        self._asked = True

    def _say(self, text: str) -> None:
        if not self._arguments.json:
            console.say(text)

    def _show(self, elapsed: float) -> None:
        if self._arguments.json:
            return
        counts = self.recorder.counts
        hint = "Enter writes a snapshot, " if self._snapshot is not None else ""
        console.live(
            f"  {elapsed:7.1f} s  {len(counts)} topics  {sum(counts.values())} messages  "
            f"{self.recorder.bytes / 1e6:.1f} MB  ({hint}Ctrl-C ends)"
        )


def told_by_nodes(link: "Link") -> dict[str, str]:
    """Robot and start-up mode, asked from the control node if there is one."""
    from humanoid_bringup.graph import CONTROL
    from humanoid_bringup.locate import robots

    found = link.parameters(CONTROL, ("robot", "startup_mode"))
    by_file = {str(path): name for name, path in robots().items()}
    return {**found, "robot": by_file.get(found["robot"], found["robot"])} if found else {}


def _enter_pressed() -> bool:
    if not sys.stdin.isatty():
        return False
    ready, _, _ = select.select([sys.stdin], [], [], 0.0)
    return bool(ready and sys.stdin.readline())


def _absolute(pattern: str, namespace: str) -> str:
    if pattern.startswith(("/", "*")):
        return pattern
    return f"/{namespace.strip('/')}/{pattern}" if namespace else f"/{pattern}"


def _matches(topic: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(topic, pattern) for pattern in patterns)
