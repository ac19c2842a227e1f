"""Look into a bag, check it, save what is left of it, draw it, export it.

examples:
  humanoid bag info stand
  humanoid bag info stand --json
  humanoid bag check stand                     every message read, every checksum tested
  humanoid bag recover broken whole            to a new bag, with a count
  humanoid bag plot stand 'robot_state.position[3]' odom.pose.pose.position.z -o z.html
  humanoid bag export stand --topics /odom -o tables               one file per topic
  humanoid bag export stand --format parquet   needs ./humanoid setup parquet

exit codes: 0 done, whole; 2 usage; 6 cannot be written, or pyarrow is missing; 7 the bag is
damaged, empty or of another kind.
"""

import argparse
import html
from pathlib import Path
from typing import Any

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json
from humanoid_bringup.errors import Exit, HumanoidError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    actions = parser.add_subparsers(metavar="<action>", dest="action", required=True)
    for name, text in (
        ("info", "topics, types, counts, QoS, length"),
        ("check", "read everything, test every checksum"),
        ("recover", "write what is whole of a damaged bag to a new one"),
        ("plot", "draw fields over time, as one HTML page"),
        ("export", "tables, one per topic"),
    ):
        action = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        action.add_argument("bag", type=Path)
        if name == "recover":
            action.add_argument("output", type=Path, help="new bag")
        if name == "plot":
            action.add_argument("fields", nargs="+", metavar="TOPIC.FIELD")
            action.add_argument("-o", "--output", type=Path, help="default: <bag>.html")
        if name == "export":
            action.add_argument("--format", choices=("csv", "parquet"), default="csv")
            action.add_argument("--topics", nargs="+", default=[], metavar="TOPIC")
            action.add_argument(
                "-o", "--output", type=Path, help="directory (default: <bag>-<format>)"
            )
        add_json(action)


def run(arguments: argparse.Namespace) -> int:
    """Do one of them."""
    action = {
        "info": _info,
        "check": _check,
        "recover": _recover,
        "plot": _plot,
        "export": _export,
    }[arguments.action]
    try:
        said, text = action(arguments)
    except OSError as problem:
        where = problem.filename or getattr(arguments, "output", None) or arguments.bag
        raise HumanoidError(
            f"{where}: {problem.strerror or problem}", Exit.ENVIRONMENT
        ) from problem
    if arguments.json:
        console.print_json({"ok": True, **said})
    else:
        console.say(text)
    return Exit.OK


Answer = tuple[dict[str, Any], str]


def _info(arguments: argparse.Namespace) -> Answer:
    from humanoid_bringup.bags.bag import Bag

    with Bag(arguments.bag) as bag:
        topics = sorted(bag.topics.values(), key=lambda topic: topic.name)
        rows = [("topic", "type", "messages", "rate")]
        for topic in topics:
            rate = f"{(topic.count - 1) / bag.duration:.1f} Hz" if topic.count > 1 else ""
            rows.append((topic.name, topic.kind, str(topic.count), rate))
        said = {
            "format": bag.kind,
            "duration_s": bag.duration,
            "start_ns": bag.start,
            "messages": bag.count,
            "custom": dict(bag.custom),
            "topics": {
                topic.name: {"type": topic.kind, "messages": topic.count, "qos": topic.qos}
                for topic in topics
            },
        }
        noted = ", ".join(f"{key} {value}" for key, value in bag.custom.items())
        text = (
            f"{arguments.bag}: {bag.kind}, {bag.count} messages in {bag.duration:.1f} s"
            f"{f' ({noted})' if noted else ''}\n{console.table(rows)}"
        )
        return said, text


def _check(arguments: argparse.Namespace) -> Answer:
    """Raises BagError where anything is wrong."""
    from humanoid_bringup.bags.check import check

    found = check(arguments.bag)
    remarks = "".join(f"\n  note: {remark}" for remark in found.remarks)
    text = f"{arguments.bag}: whole: {found.messages} messages read{remarks}"
    return {"messages": found.messages, "remarks": found.remarks}, text


def _recover(arguments: argparse.Namespace) -> Answer:
    from dataclasses import asdict

    from humanoid_bringup.bags.recover import recover

    recovery = recover(arguments.bag, arguments.output)
    return asdict(recovery), f"{arguments.output}: {recovery}"


def _plot(arguments: argparse.Namespace) -> Answer:
    from humanoid_bringup.bags.export import series
    from humanoid_bringup.bags.report import plot, write_page

    output = arguments.output or Path(f"{arguments.bag.name or 'bag'}.html")
    curves = series(arguments.bag, arguments.fields)
    parts = [f"<h1>{html.escape(str(arguments.bag))}</h1>"]
    parts += [plot(name, [("", points)]) for name, points in curves.items()]
    write_page(output, str(arguments.bag), parts)
    counts = {name: len(points) for name, points in curves.items()}
    return {"output": str(output), "points": counts}, f"{output}: {len(curves)} plots"


def _export(arguments: argparse.Namespace) -> Answer:
    from humanoid_bringup.bags.export import export

    output = arguments.output = arguments.output or Path(f"{arguments.bag.name}-{arguments.format}")
    rows = export(arguments.bag, output, arguments.format, arguments.topics)
    listed = "\n".join(f"  {path}: {count} rows" for path, count in rows.items())
    return {"files": {str(path): count for path, count in rows.items()}}, f"{output}:\n{listed}"
