"""Measure what the README promises, each figure against its bar.

examples:
  humanoid benchmark --list
  humanoid benchmark latency --seconds 30
  humanoid benchmark graph --json           the last line is one JSON object
  humanoid benchmark --all                  every one, and the table for the README

exit codes: 0 every bar held; 1 one did not; 2 no such benchmark.
"""

import argparse
import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from humanoid_bringup import console
from humanoid_bringup.arguments import Parser, add_json
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.locate import nearest, shared


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("name", nargs="?", help="which; its own options follow")
    parser.add_argument("--list", action="store_true", help="name them")
    parser.add_argument("--all", action="store_true", help="run all with their own settings")
    add_json(parser, "print one JSON object as the last line")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """List, run one, or run all."""
    known = files()
    if arguments.list:
        summaries = {name: load(path).SUMMARY for name, path in known.items()}
        if arguments.json:
            console.print_json({"ok": True, "benchmarks": summaries})
            return Exit.OK
        for name, summary in summaries.items():
            console.say(f"{name:16}{summary}")
        return Exit.OK
    if arguments.all:
        return _all(known, arguments.json)
    if arguments.name not in known:
        guess = nearest(arguments.name or "", known)
        hint = f"; did you mean '{guess}'?" if guess else ""
        wrong = (
            f"no benchmark '{arguments.name}' among" if arguments.name else "name a benchmark of"
        )
        raise HumanoidError(f"{wrong} {', '.join(known)}{hint}", Exit.USAGE)
    module = load(known[arguments.name])
    parser = Parser(
        prog=f"humanoid benchmark {arguments.name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_json(parser)
    module.add_arguments(parser)
    own = parser.parse_args(arguments.rest)
    figures = module.run(own)
    console.say(table(module, figures))
    if arguments.json or own.json:
        console.print_json({"name": module.NAME, "ok": bool(figures["ok"]), **figures})
    return Exit.OK if figures["ok"] else Exit.FAILED


def files() -> dict[str, Path]:
    """Every benchmark: name -> file. A file `wbc_tick.py` is the benchmark `wbc-tick`.

    An underscore at the end is for names that are a library's already: `can_.py` is `can`.
    """
    found: dict[str, Path] = {}
    for directory in shared("benchmarks"):
        for path in sorted(directory.glob("[a-z]*.py")):
            found.setdefault(path.stem.rstrip("_").replace("_", "-"), path)
    return dict(sorted(found.items()))


def load(path: Path) -> ModuleType:
    """A benchmark's module, from its file; its directory is importable from it."""
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(f"humanoid_benchmark_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def table(module: ModuleType, figures: dict[str, Any]) -> str:
    """Figures, bars and verdict as text."""
    rows: list[tuple[object, ...]] = [("figure", "measured", "bar")]
    for key, value in figures.items():
        if key not in ("ok", "name"):
            rows.append((key, _shown(value), module.BARS.get(key, "")))
    verdict = "every bar held" if figures["ok"] else "a bar was missed"
    return f"{module.NAME}: {module.SUMMARY}\n{console.table(rows)}\n{verdict}"


def markdown(results: dict[str, tuple[ModuleType, dict[str, Any]]]) -> str:
    """The README's table: the figures that have a bar."""
    lines = ["| benchmark | figure | measured | bar | held |", "|---|---|---|---|---|"]
    for name, (module, figures) in results.items():
        for key, bar in module.BARS.items():
            held = "yes" if figures["ok"] else "no"
            lines.append(f"| `{name}` | {key} | {_shown(figures.get(key))} | {bar} | {held} |")
    return "\n".join(lines)


def _all(known: dict[str, Path], as_json: bool) -> int:
    results = {}
    for name, path in known.items():
        module = load(path)
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        start = time.monotonic()
        figures = module.run(parser.parse_args([]))
        results[name] = (module, figures)
        console.say(f"{table(module, figures)} ({time.monotonic() - start:.0f} s)\n")
    console.say(markdown(results))
    ok = all(figures["ok"] for _, figures in results.values())
    if as_json:
        console.print_json({"ok": ok, "benchmarks": {n: f for n, (_, f) in results.items()}})
    return Exit.OK if ok else Exit.FAILED


def _shown(value: object) -> str:
    return console.number(value) if isinstance(value, float) else str(value)
