"""Sets numbers in the text of a hardware file; every other character stays."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from humanoid_hal.hardware import load_hardware

#: Keys from the top of the file to a number of it.
Place = tuple[str, ...]


def zero_of(joint: str) -> Place:
    """Where the zero [rad] of a joint's shaft stands."""
    return "options", "joints", joint, "zero"


def offset_of(foot: str, cell: str) -> Place:
    """Where the count of a force cell without load stands."""
    return "options", "feet", foot, "cells", cell, "offset"


def with_numbers(text: str, numbers: Mapping[Place, str]) -> str:
    """`text` with `numbers` set. Raises ValueError where their mapping is missing."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    edits = []
    for place, number in numbers.items():
        node = root
        for name in place[:-1]:
            node = _value(node, name)
        if not isinstance(node, yaml.MappingNode):
            raise ValueError(f"the hardware file has no {'.'.join(place[:-1])}")
        edits.append(_edit(text, node, place[-1], number))
    for begin, end, new in sorted(edits, reverse=True):  # from the end, so that places stay right
        text = text[:begin] + new + text[end:]
    return text


def write_numbers(path: Path, numbers: Mapping[Place, str]) -> Path:
    """Edit the file at `path`; returns where the old one is kept.

    The new text is read again before it takes the old one's place. Raises ValueError, OSError.
    """
    old = path.read_text(encoding="utf-8")
    part, kept = path.with_name(f".{path.stem}.part{path.suffix}"), path.with_suffix(".yaml.before")
    part.write_text(with_numbers(old, numbers), encoding="utf-8")
    try:
        load_hardware(part)
        if yaml.safe_load(part.read_text(encoding="utf-8")) != _expected(old, numbers):
            raise ValueError(f"{path} cannot be edited safely; set {_listed(numbers)} by hand")
        kept.write_text(old, encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return kept


def _listed(numbers: Mapping[Place, str]) -> str:
    return ", ".join(f"{'.'.join(place)}: {number}" for place, number in numbers.items())


def _expected(text: str, numbers: Mapping[Place, str]) -> Any:
    content = yaml.safe_load(text)
    for place, number in numbers.items():
        node = content
        for name in place[:-1]:
            node = node[name]
        node[place[-1]] = float(number)
    return content


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """The value of the key `name` of a mapping, or None."""
    if isinstance(node, yaml.MappingNode):
        for key_node, value in node.value:
            if key_node.value == name:
                found: yaml.Node = value
                return found
    return None


def _edit(text: str, node: yaml.MappingNode, name: str, number: str) -> tuple[int, int, str]:
    """What to replace in `text`, and by what."""
    known = _value(node, name)
    if known is not None:
        return known.start_mark.index, known.end_mark.index, number
    if node.flow_style:
        end = node.end_mark.index - 1  # the closing brace
        return end, end, f", {name}: {number}"
    begin = node.value[0][0].start_mark
    return begin.index, begin.index, f"{name}: {number}\n{' ' * begin.column}"
