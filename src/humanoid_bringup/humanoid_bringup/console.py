"""What the command line prints: lines, one live line, tables and JSON."""

import json
import math
import sys
from collections.abc import Sequence
from typing import Any

_live = ""
_progress = ""
_printed = False  # the JSON object of this command


def say(text: str) -> None:
    """One line for the user, above the live line."""
    clear()
    print(text, flush=True)


def live(text: str) -> None:
    """Replace the live line; prints nothing when the output is not a terminal."""
    global _live
    if sys.stdout.isatty():
        clear()
        _live = text
        print(text, end="", flush=True)


def progress(what: str, far: str) -> None:
    """What goes on, on stderr, and how far it is; where no terminal is, each `what` once."""
    global _progress
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what}{far}", end="", file=sys.stderr, flush=True)
    elif what != _progress:
        print(what, file=sys.stderr, flush=True)
    _progress = what


def clear() -> None:
    """Remove the live line."""
    global _live, _progress
    if _live:
        print("\r\x1b[K", end="", flush=True)
        _live = ""
    if _progress and sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    _progress = ""


def error(text: str) -> None:
    """One line on stderr."""
    clear()
    print(f"humanoid: {text}", file=sys.stderr, flush=True)


def print_json(value: dict[str, Any]) -> None:
    """One JSON object in one line; what is not finite becomes null."""
    global _printed
    clear()
    _printed = True
    print(json.dumps(_finite(value), allow_nan=False), flush=True)


def print_failure(text: str, code: int) -> None:
    """The JSON object of a command that ended without one of its own."""
    if not _printed:
        print_json({"ok": False, "exit_code": code, "error": text})


def begin() -> None:
    """A new command: nothing was printed."""
    global _printed
    _printed = False


def table(rows: Sequence[Sequence[object]]) -> str:
    """Left-aligned columns, two spaces apart."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))] if cells else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def number(value: float) -> str:
    """Three significant digits, as people write them."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
