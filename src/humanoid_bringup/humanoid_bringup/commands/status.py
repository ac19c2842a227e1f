"""What the running graph does: nodes, mode, safety, rates, latency.

On a terminal it is live until Ctrl-C; otherwise, and with --once or --json, one look.

examples:
  humanoid status
  humanoid status --once --json

exit codes: 0 the graph runs; 4 it does not.
"""

import argparse
import sys
from typing import Any

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, add_namespace
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.progress import REACTIONS
from humanoid_bringup.signals import Interrupts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--once", action="store_true", help="one look instead of a live view")
    add_namespace(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look once or until interrupted."""
    from humanoid_bringup.survey import Survey

    once = arguments.once or arguments.json or not sys.stdout.isatty()
    with Interrupts() as interrupts, Survey(arguments.namespace) as survey:
        survey.settle()
        while True:
            status = survey.status()
            if arguments.json:
                console.print_json({"ok": any(status["nodes"].values()), **status})
            else:
                console.say(("" if once else "\x1b[H\x1b[2J") + render(status))
            if once or interrupts.received:
                break
            survey.spin(1.0)
    if not any(status["nodes"].values()):
        raise HumanoidError(
            "no node of the graph runs here: start it with 'humanoid sim' or 'humanoid up'",
            Exit.NO_GRAPH,
        )
    return Exit.OK


def render(status: dict[str, Any]) -> str:
    """The status as text."""
    rows: list[tuple[object, ...]] = [
        ("node " + name, "up" if up else "not running") for name, up in status["nodes"].items()
    ]
    rows.append(("HAL", status["hal_state"] or "no answer"))
    mode = status["mode"]
    if mode:
        heading = f" -> {mode['target']}" if mode["target"] != mode["mode"] else ""
        waiting = f", waiting for {mode['waiting_for']}" if mode["waiting_for"] else ""
        rows.append(("mode", f"{mode['mode']}{heading}{waiting}"))
    safety = status["safety"]
    if safety:
        rows.append(("armed", "yes" if safety["armed"] else "no"))
        rows.append(("reaction", REACTIONS[safety["reaction"]]))
        rows += [("  active", fault) for fault in safety["active"]]
        rows += [("  latched", fault) for fault in safety["latched"]]
        counts = (f"{safety[name]} {name}" for name in ("accepted", "rejected", "clamped"))
        rows.append(("commands", ", ".join(counts)))
    for source, values in status["diagnostics"].items():
        rows.append((source, values.pop("message", "")))
        rows += [("  " + key, value) for key, value in values.items()]
    return console.table(rows)
