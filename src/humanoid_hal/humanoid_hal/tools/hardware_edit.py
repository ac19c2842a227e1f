"""Sets the zeros of joints in the text of a hardware file; every other character stays."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from humanoid_hal.drivers.boards.options import BoardsOptions
from humanoid_hal.hardware import load_hardware


def with_zeros(text: str, zeros: Mapping[str, float]) -> str:
    """`text` with ``options.joints.<name>.zero`` set [rad]. Raises ValueError on an unknown joint."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    joints = _value(_value(root, "options"), "joints")
    edits = []
    for name, zero in zeros.items():
        joint = _value(joints, name)
        if not isinstance(joint, yaml.MappingNode):
            raise ValueError(f"the hardware file has no joint '{name}' under options.joints")
        edits.append(_edit(text, joint, f"{zero:.6f}"))
    for begin, end, new in sorted(edits, reverse=True):  # from the end, so that places stay right
        text = text[:begin] + new + text[end:]
    return text


def write_zeros(path: Path, zeros: Mapping[str, float]) -> Path:
    """Edit the file at `path`; returns where the old one is kept.

    The new text is read again before it takes the old one's place. Raises ValueError, OSError.
    """
    old = path.read_text(encoding="utf-8")
    part, kept = path.with_name(f".{path.stem}.part{path.suffix}"), path.with_suffix(".yaml.before")
    part.write_text(with_zeros(old, zeros), encoding="utf-8")
    try:
        if load_hardware(part)[0].options != _expected(path, zeros):
            raise ValueError(f"{path} cannot be edited safely; set `zero` of each joint by hand")
        kept.write_text(old, encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return kept


def _expected(path: Path, zeros: Mapping[str, float]) -> BoardsOptions:
    options: BoardsOptions = load_hardware(path)[0].options
    joints = {
        name: replace(joint, zero=float(f"{zeros[name]:.6f}")) if name in zeros else joint
        for name, joint in options.joints.items()
    }
    return replace(options, joints=joints)


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """The value of the key `name` of a mapping, or None."""
    if isinstance(node, yaml.MappingNode):
        for key_node, value in node.value:
            if key_node.value == name:
                found: yaml.Node = value
                return found
    return None


def _edit(text: str, joint: yaml.MappingNode, zero: str) -> tuple[int, int, str]:
    """What to replace in `text`, and by what."""
    known = _value(joint, "zero")
    if known is not None:
        return known.start_mark.index, known.end_mark.index, zero
    if joint.flow_style:
        end = joint.end_mark.index - 1  # the closing brace
        return end, end, f", zero: {zero}"
    begin = joint.value[0][0].start_mark
    return begin.index, begin.index, f"zero: {zero}\n{' ' * begin.column}"
