"""A verdict as a page: one self-contained HTML file, curves drawn as SVG."""

import html
import math
from collections.abc import Sequence
from pathlib import Path

from humanoid_bringup.bags.compare import TopicResult, Verdict

Curve = tuple[str, Sequence[tuple[float, float]]]  # name and points

WIDTH, HEIGHT, LEFT, BOTTOM = 780, 200, 90, 24
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f")
STYLE = """body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:62em;color:#222}
table{border-collapse:collapse}
td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}.pass{color:#18753c}.fail{color:#b3261e}
code{background:#f4f4f4;padding:.1em .3em}svg{display:block;margin:.5em 0}"""
COLUMNS = ("compared", "differing", "missing", "extra", "tolerated", "outside")


def write_report(verdict: Verdict, path: Path) -> None:
    """Write `verdict` as an HTML page. Raises OSError."""
    word = "pass" if verdict.same else "fail"
    parts = [f'<h1><span class="{word}">{word}</span> {html.escape(verdict.title)}</h1>']
    if verdict.first is not None:
        parts.append(f"<p>First divergence: <code>{html.escape(str(verdict.first))}</code></p>")
    parts += [f'<p class="fail">{html.escape(note)}</p>' for note in verdict.notes]
    parts.append(_table(verdict))
    for topic in verdict.topics:
        parts += _topic(topic)
    write_page(path, f"{word}: {verdict.title}", parts)


def write_page(path: Path, title: str, parts: Sequence[str]) -> None:
    """An HTML page of its own. Raises OSError."""
    body = "\n".join(parts)
    path.write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}'
        f"</title><style>{STYLE}</style></head><body>{body}</body></html>\n",
        encoding="utf-8",
    )


def plot(title: str, curves: Sequence[Curve]) -> str:
    """Curves over time [s] as an SVG element; what is not finite is left out."""
    finite = [
        (name, [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)])
        for name, points in curves
    ]
    every = [point for _, points in finite for point in points]
    if not every:
        return f"<p>{html.escape(title)}: nothing finite to draw</p>"
    x0, x1 = _span([x for x, _ in every])
    y0, y1 = _span([y for _, y in every])

    def place(x: float, y: float) -> str:
        across = LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - 10)
        down = 20 + (y1 - y) / (y1 - y0) * (HEIGHT - 20 - BOTTOM)
        return f"{across:.1f},{down:.1f}"

    lines, names = [], []
    for index, (name, points) in enumerate(finite):
        colour = COLOURS[index % len(COLOURS)]
        drawn = " ".join(place(x, y) for x, y in points)
        dash = ' stroke-dasharray="5 3"' if index % 2 else ""
        lines.append(
            f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.3"{dash}/>'
        )
        names.append(f'<tspan fill="{colour}" dx="12">{html.escape(name)}</tspan>')
    marks = "".join(
        f'<text x="{x}" y="{y}" font-size="11" text-anchor="{anchor}">{value:.5g}</text>'
        for x, y, anchor, value in (
            (LEFT - 5, 28, "end", y1),
            (LEFT - 5, HEIGHT - BOTTOM, "end", y0),
            (LEFT, HEIGHT - 6, "start", x0),
            (WIDTH - 10, HEIGHT - 6, "end", x1),
        )
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        f'aria-label="{html.escape(title)}"><rect x="{LEFT}" y="20" width="{WIDTH - LEFT - 10}" '
        f'height="{HEIGHT - 20 - BOTTOM}" fill="none" stroke="#ccc"/>{"".join(lines)}{marks}'
        f'<text x="{LEFT}" y="13" font-size="12">{html.escape(title)}{"".join(names)}</text></svg>'
    )


def _table(verdict: Verdict) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("topic", "verdict", *COLUMNS))
    rows = []
    for topic in verdict.topics:
        word = "pass" if topic.same else "fail"
        cells = "".join(f"<td>{getattr(topic, name)}</td>" for name in COLUMNS)
        rows.append(
            f'<tr><td>{html.escape(topic.topic)}</td><td class="{word}">{word}</td>{cells}</tr>'
        )
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _topic(topic: TopicResult) -> list[str]:
    if topic.same:
        return []
    parts = [f"<h2>{html.escape(topic.topic)}</h2>"]
    if topic.first is not None:
        parts.append(f"<p><code>{html.escape(str(topic.first))}</code></p>")
    for field, points in topic.series.items():
        if len(points) < 2:
            continue
        expected = [(t, a) for t, a, _ in points]
        actual = [(t, b) for t, _, b in points]
        error = [(t, b - a) for t, a, b in points]
        parts.append(plot(field, [("expected", expected), ("actual", actual)]))
        parts.append(plot(f"{field}: actual - expected", [("", error)]))
    return parts


def _span(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        margin = abs(low) * 1e-6 or 1.0
        return low - margin, high + margin
    return low, high
