"""Replay a bag through nodes, offline and as fast as it goes, or over live topics.

Offline, each node's own core gets the recorded messages in the bag's order, without middleware,
clocks or threads: the same bag gives the same bytes. --check compares what it emits with what was
recorded, bit for bit unless --tolerance says otherwise. No port is ever opened.

examples:
  humanoid replay stand --check                       the estimator, verdict as exit code
  humanoid replay stand --node controller --check --json
  humanoid replay stand --node estimator controller --chain -o out    one feeds the other
  humanoid replay stand --node my_package.watch:Watch -o out          your own node
  humanoid replay theirs.db3 --robot g1 --map theirs.yaml --remap /imu:=/imu/data
  humanoid replay stand --live --rate 2 --loop        over live topics, with /clock

nodes: estimator, fall, controller, supervisor (the HAL's gate and safety), or module:Class.
exit codes: 0 done, or as recorded; 1 not as recorded; 2 usage; 3 configuration; 6 the output cannot
be written, or a HAL runs here; 7 the bag is damaged, empty or of another kind, or --check of one
that began in mid-run.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, add_namespace, not_negative, positive
from humanoid_bringup.errors import Exit, HumanoidError

if TYPE_CHECKING:
    from humanoid_bringup.bags.session import Job, Result


#: Options that only a live replay heeds, only one through nodes, and only --check.
LIVE, NODES, VERDICT = (
    ("rate", "loop", "pause"),
    ("node", "mode", "config", "chain", "output", "check"),
    ("topics", "tolerance", "html"),
)
#: What they are when they are not given, where that is not empty.
DEFAULTS = {"rate": 1.0, "node": ["estimator"]}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("bag", type=Path, help="directory, .mcap, .db3, or .bag (ROS 1) file")
    parser.add_argument("--node", nargs="+", default=DEFAULTS["node"], help="default: estimator")
    parser.add_argument("--robot", default="", help="name or robot.yaml (default: the bag's)")
    parser.add_argument("--mode", default="", help="controller's first mode (default: the bag's)")
    parser.add_argument(
        "--config", nargs="+", default=[], metavar="NAME=FILE",
        help="settings in place of the robot's: perception=, control=, hardware=",
    )  # fmt: skip
    parser.add_argument("--remap", nargs="+", default=[], metavar="THEIRS:=OURS")
    parser.add_argument("--map", type=Path, metavar="FILE", help="joints of another robot's bag")
    parser.add_argument("--chain", action="store_true", help="nodes get each other's outputs")
    parser.add_argument("--start", type=not_negative, default=0.0, help="begin so far in [s]")
    parser.add_argument("--until", type=positive, help="end so far into the bag [s]")
    parser.add_argument("-o", "--output", type=Path, help="new bag for what the nodes emit")
    add_verdict(parser, "--check: what is compared (default: all that repeats in every run)")
    parser.add_argument("--check", action="store_true", help="compare with what is recorded")
    live = parser.add_argument_group("over live topics")
    live.add_argument("--live", action="store_true", help="publish the bag, paced, with /clock")
    live.add_argument(
        "--rate", type=positive, default=DEFAULTS["rate"], help="times real time (default: 1)"
    )
    live.add_argument("--loop", action="store_true", help="again from the start, until Ctrl-C")
    live.add_argument("--pause", action="store_true", help="begin paused; Enter goes on and pauses")
    add_namespace(parser)
    add_json(parser)


def _refuse_idle_options(arguments: argparse.Namespace) -> None:
    """Raises HumanoidError where an option would change nothing: --live --check is no check."""
    for names, heeded, why in (
        (LIVE, arguments.live, "needs --live"),
        (NODES, not arguments.live, "does not go with --live: that only publishes the bag"),
        (VERDICT, arguments.check, "needs --check"),
    ):
        for name in names:
            value = getattr(arguments, name)
            if not heeded and value and value != DEFAULTS.get(name):
                raise HumanoidError(f"--{name} {why}", Exit.USAGE)


def add_verdict(parser: argparse.ArgumentParser, topics: str) -> None:
    """What `replay --check` and `diff` share."""
    parser.add_argument("--topics", nargs="+", default=[], metavar="TOPIC", help=topics)
    parser.add_argument(
        "--tolerance", nargs="+", default=[], metavar="FIELD=ABS[,REL]",
        help="such as robot_state.position=1e-9; default: bit for bit",
    )  # fmt: skip
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a report with plots")


def run(arguments: argparse.Namespace) -> int:
    """Replay, and say what came of it."""
    _refuse_idle_options(arguments)
    if arguments.live:
        from humanoid_bringup.bags.live import play

        return play(job(arguments), arguments)
    from humanoid_bringup.bags import session

    try:
        result = session.run(job(arguments))
    except OSError as problem:
        where = problem.filename or arguments.output or arguments.bag
        raise HumanoidError(
            f"{where}: {problem.strerror or problem}", Exit.ENVIRONMENT
        ) from problem
    if result.verdict is not None and arguments.html is not None:
        save_report(result.verdict, arguments.html)
    _say(arguments, result)
    return Exit.OK if result.verdict is None or result.verdict else Exit.FAILED


def job(arguments: argparse.Namespace) -> "Job":
    """The arguments as a job. Raises HumanoidError."""
    from humanoid_bringup.bags.compare import parse_tolerance
    from humanoid_bringup.bags.session import Job

    configs = {}
    for text in arguments.config:
        name, _, file = text.partition("=")
        if name not in ("perception", "control", "hardware") or not file:
            raise HumanoidError(
                f"--config '{text}': expected perception=, control= or hardware=<file>", Exit.USAGE
            )
        configs[name] = Path(file)
        if name != "hardware" and not configs[name].is_file():
            raise HumanoidError(f"--config '{text}': no such file", Exit.CONFIGURATION)
    return Job(
        bag=arguments.bag,
        nodes=arguments.node,
        robot=arguments.robot,
        namespace=arguments.namespace,
        mode=arguments.mode,
        configs=configs,
        remaps=remaps(arguments.remap),
        mapping=arguments.map,
        chain=arguments.chain,
        start=arguments.start,
        until=arguments.until,
        output=arguments.output,
        check=arguments.check,
        topics=[topic.lstrip("/") for topic in arguments.topics],
        tolerances=[parse_tolerance(text) for text in arguments.tolerance],
    )


def remaps(texts: list[str]) -> dict[str, str]:
    """``theirs:=ours`` as a mapping. Raises HumanoidError."""
    found = {}
    for text in texts:
        theirs, mark, ours = text.partition(":=")
        if not (theirs and mark and ours):
            raise HumanoidError(f"--remap '{text}': expected /theirs:=/ours", Exit.USAGE)
        found[theirs] = ours
    return found


def save_report(verdict: object, path: Path) -> None:
    """Write the HTML report. Raises HumanoidError."""
    from humanoid_bringup.bags.compare import Verdict
    from humanoid_bringup.bags.report import write_report

    assert isinstance(verdict, Verdict)
    try:
        write_report(verdict, path)
    except OSError as problem:
        raise HumanoidError(
            f"cannot write {path}: {problem.strerror}", Exit.ENVIRONMENT
        ) from problem


def _say(arguments: argparse.Namespace, result: "Result") -> None:
    outcome, verdict = result.outcome, result.verdict
    if arguments.json:
        console.print_json(
            {
                **({"ok": True} if verdict is None else verdict.as_data()),
                "seconds": outcome.seconds,
                "elapsed_s": outcome.elapsed,
                "real_time_factor": outcome.speed,
                "taken": outcome.taken,
                "emitted": outcome.emitted,
                "output": None if arguments.output is None else str(arguments.output),
            }
        )
        return
    emitted = ", ".join(f"{count} {topic}" for topic, count in outcome.emitted.items())
    console.say(
        f"{outcome.seconds:.1f} s replayed in {outcome.elapsed:.1f} s "
        f"({outcome.speed:.1f}x real time): {outcome.taken} messages in, {emitted or 'none'} out"
    )
    if verdict is not None:
        console.say(str(verdict))
