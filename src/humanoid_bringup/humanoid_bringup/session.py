"""Runs the graph in the foreground: `humanoid sim` and `humanoid up`."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from humanoid_bringup import console
from humanoid_bringup.errors import Exit
from humanoid_bringup.graph import NodeSpec
from humanoid_bringup.lock import only_graph
from humanoid_bringup.process import Ended, Processes, new_run_directory
from humanoid_bringup.progress import REACTIONS, Progress, View, standing
from humanoid_bringup.signals import Interrupts

#: [s] a start with `seconds` may take before it is given up; set-up on first use is not in it
START_LIMIT = 60.0

#: [s] without a word from the controller: it hangs
SILENCE = 5.0


def run(
    title: str,
    specs: Sequence[NodeSpec],
    goal: str,
    seconds: float | None = None,
    as_json: bool = False,
    verbose: bool = False,
) -> int:
    """Run the nodes and return the exit code; no node is left behind.

    Ends on Ctrl-C, SIGTERM and SIGHUP, when a node dies, and after `seconds` of the graph's time in
    the mode `goal`.
    """
    say: Callable[[str], None] = (lambda _: None) if as_json else console.say
    echo = (lambda node, line: console.say(f"[{node}] {line}")) if verbose else None
    count = sum(len(spec.node_names) for spec in specs)
    progress = Progress(goal, count, seconds)
    with only_graph(specs[0].namespace), Interrupts() as interrupts:
        directory = new_run_directory(title.split()[0])
        say(f"{title}: {count} nodes, logs in {directory}")
        view, ended = _supervise(specs, directory, progress, interrupts, say, echo)
        console.clear()
        code = _verdict(progress, ended, interrupts, say)
    if as_json:
        console.print_json(_summary(progress, view, ended, code))
    return code


def _supervise(
    specs: Sequence[NodeSpec],
    directory: Path,
    progress: Progress,
    interrupts: Interrupts,
    say: Callable[[str], None],
    echo: Callable[[str, str], None] | None,
) -> tuple[View, Ended | None]:
    from humanoid_bringup.observer import Observer

    ended = None
    with Observer(specs) as observer:
        observer.refuse_second_graph()
        with Processes(specs, directory, echo) as processes:
            processes.start()
            begun = time.monotonic()
            while not (interrupts.received or progress.done):
                observer.spin(0.05)
                if (ended := processes.failed()) is not None:
                    break
                for end in processes.gone():
                    console.error(f"{end}; the graph goes on")
                for line in progress.update(since_command(), observer.view()):
                    say(line)
                if progress.seconds is not None:
                    _give_up(
                        progress, observer.view(), observer.silence(), time.monotonic() - begun
                    )
                console.live(observer.line(progress))
            if interrupts.received:
                say(f"stopping ({interrupts.received.name})")
        view = observer.view()
    if ended is None:  # they were asked to end, and one of them may not have done so in order
        ended = next((end for end in processes.stopped if not end.clean), None)
    return view, ended


def _give_up(progress: Progress, view: View, silence: float, elapsed: float) -> None:
    if progress.reached_after is None and elapsed > START_LIMIT:
        why = view.waiting_for or view.safety
        progress.failure = (
            f"not {standing(progress.goal)} within {START_LIMIT:g} s: mode '{view.mode}', {why}"
        )
        progress.done = True
    elif progress.reached_after is not None and silence > SILENCE:
        progress.failure = f"the controller has been silent for {silence:.1f} s"
        progress.done = True


def _verdict(
    progress: Progress, ended: Ended | None, interrupts: Interrupts, say: Callable[[str], None]
) -> int:
    if ended is not None:
        for line in ended.tail:
            console.error(f"  {line}")
        asked = interrupts.received or progress.done
        console.error(f"{ended}{'' if asked else '; the other nodes were stopped'}")
        return Exit.NODE_DIED
    if progress.failure:
        console.error(progress.failure)
        return Exit.FAILED
    if interrupts.received and progress.seconds is not None and not progress.done:
        console.error(f"interrupted before the {progress.seconds:g} s were over")
        return 128 + int(interrupts.received)
    if progress.seconds is not None:
        factor = progress.real_time_factor() or 0.0
        held = f"still {standing(progress.goal)} after {progress.lasted:.1f} s"
        say(f"{held} ({factor:.2f}x real time)")
    return Exit.OK


def _summary(progress: Progress, view: View, ended: Ended | None, code: int) -> dict[str, object]:
    return {
        "ok": code == Exit.OK,
        "exit_code": int(code),
        "reached_after_s": progress.reached_after,
        "lasted_s": progress.lasted,
        "real_time_factor": progress.real_time_factor(),
        "mode": view.mode,
        "armed": view.armed,
        "reaction": REACTIONS[view.reaction],
        "active": list(view.active),
        "failure": str(ended) if ended else progress.failure,
    }


def since_command() -> float:
    """[s] since the kernel started this process; a script before `exec` is in it."""
    ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
