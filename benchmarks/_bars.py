"""A bar chart as PNG, for the benchmarks' results."""

from math import ceil, floor, log10
from pathlib import Path

from PIL import Image, ImageDraw

_SIZE, _LEFT, _RIGHT, _TOP, _BOTTOM = (900, 420), 60, 20, 50, 60  # [px]
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44")


def bar_chart(
    path: Path, title: str, groups: list[str], series: dict[str, list[float]], bar: float | None
) -> None:
    """Write groups of one bar per series; `bar` is a line across. Raises OSError."""
    image = Image.new("RGB", _SIZE, "white")
    draw = ImageDraw.Draw(image)
    values = [value for row in series.values() for value in row]
    top = 1.1 * max([*values, bar or 0.0, 1e-9])
    bottom = min(0.0, 1.1 * min(values, default=0.0))
    width, height = _SIZE[0] - _LEFT - _RIGHT, _SIZE[1] - _TOP - _BOTTOM

    def at(value: float) -> float:
        return _TOP + height * (top - value) / (top - bottom)

    draw.text((_LEFT, 10), title, fill="black")
    step = _step(top - bottom)
    for tick in range(ceil(bottom / step), floor(top / step) + 1):
        value = step * tick
        draw.line((_LEFT, at(value), _SIZE[0] - _RIGHT, at(value)), fill="#dddddd")
        draw.text((8, at(value) - 6), f"{value:.3g}", fill="black")
    slot = width / max(len(groups), 1)
    wide = 0.8 * slot / max(len(series), 1)
    for number, (name, row) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        draw.text((_LEFT + 150 * number, 28), name, fill=colour)
        for group, value in enumerate(row):
            x = _LEFT + slot * group + 0.1 * slot + wide * number
            low, high = sorted((at(value), at(0.0)))
            draw.rectangle((x, low, x + wide - 1, high), fill=colour)
    for group, name in enumerate(groups):
        draw.text((_LEFT + slot * (group + 0.1), _SIZE[1] - _BOTTOM + 8), name, fill="black")
    if bar is not None:
        draw.line((_LEFT, at(bar), _SIZE[0] - _RIGHT, at(bar)), fill="#aa3377", width=2)
    image.save(path)


def _step(span: float) -> float:
    """Between the lines across: 1, 2 or 5 times a power of ten, so that there are 5 to 12."""
    power = 10.0 ** floor(log10(span / 5.0))
    return power * max(factor for factor in (1, 2, 5) if factor * power <= span / 5.0)
