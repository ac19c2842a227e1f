"""The verdict on a driver as text, JSON or a page of HTML."""

import html
from collections.abc import Sequence
from typing import Any

from humanoid_hal.conformance.promise import Outcome, Result

_STYLE = """body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:62em;color:#222}
table{border-collapse:collapse}
td,th{padding:.3em .8em;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}
.passed{color:#18753c}.failed{color:#b3261e;font-weight:bold}.not{color:#777}"""


def kept(results: Sequence[Result]) -> bool:
    """Whether no promise failed."""
    return all(result.outcome is not Outcome.FAILED for result in results)


def summary(results: Sequence[Result]) -> str:
    """How many passed, failed, could not be tested."""
    count = dict.fromkeys(Outcome, 0)
    for result in results:
        count[result.outcome] += 1
    return ", ".join(f"{count[outcome]} {outcome.value}" for outcome in Outcome)


def as_line(result: Result) -> str:
    """One line; why something was not tested is part of it."""
    return f"{result.outcome.value:11}{result.promise.name:18} {result.detail}"


def as_text(title: str, results: Sequence[Result]) -> str:
    """One line for each promise, and the sum."""
    return "\n".join([title, *map(as_line, results), summary(results)])


def as_data(title: str, results: Sequence[Result]) -> dict[str, Any]:
    """For JSON."""
    rows = [
        {
            "promise": result.promise.name,
            "text": result.promise.text,
            "outcome": result.outcome.value,
            "detail": result.detail,
        }
        for result in results
    ]
    return {"ok": kept(results), "driver": title, "summary": summary(results), "promises": rows}


def as_html(title: str, results: Sequence[Result]) -> str:
    """A page of its own."""
    rows = "\n".join(
        f'<tr><td class="{result.outcome.value.split()[0]}">{result.outcome.value}</td>'
        f"<td><b>{html.escape(result.promise.name)}</b><br>{html.escape(result.promise.text)}</td>"
        f"<td>{html.escape(result.detail)}</td></tr>"
        for result in results
    )
    title = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>Conformance of {title}</h1>"
        f"<p>{summary(results)}</p><table><tr><th></th><th>promise</th><th>seen</th></tr>\n"
        f"{rows}\n</table></body></html>\n"
    )
