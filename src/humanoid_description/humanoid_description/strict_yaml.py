"""Configuration files as typed data: one loader for every package.

A configuration is a dataclass; its annotations and :func:`key` metadata are the schema::

    @dataclass(frozen=True)
    class Gains:
        stiffness: float = key(unit="N m/rad", min=0.0)
        mode: Literal["fast", "safe"] = "safe"
        offset: Array = key(unit="m", shape=(3,))

    gains = load_config("gains.yaml", Gains)

Understood types: bool, int, float, str, Literal, dataclasses, ``list[T]``, ``tuple[T, ...]``,
``tuple[A, B]``, ``dict[str, T]``, ``T | None`` and, with a `shape`, numpy arrays of floats. A
``__post_init__`` that raises ValueError states a rule between fields.

Refused, each with file, line, key and rule: unknown, missing and duplicate keys, wrong types, NaN and
infinity, and what YAML 1.1 reads differently from how it looks (``1e3`` is text, ``yes`` a boolean,
``010`` is eight, ``1:30`` is ninety). All problems of a file are reported together.
"""

import math
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import yaml

from humanoid_description.problems import DescriptionError, Problem, nearest

T = TypeVar("T")

_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+][0-9]+)?")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_BAD = object()  # stands for a value whose problem is already recorded


class ConfigError(DescriptionError):
    """A configuration file is refused; see :class:`DescriptionError` for the attributes."""


def key(
    default: Any = MISSING,
    *,
    default_factory: Any = MISSING,
    unit: str = "",
    min: float | None = None,
    max: float | None = None,
    above: float | None = None,
    choices: tuple[Any, ...] | None = None,
    shape: tuple[int | None, ...] | None = None,
    doc: str = "",
) -> Any:
    """Declare a configuration key: a dataclass field with rules.

    `min` and `max` are inclusive, `above` is exclusive; they hold for every number inside the value.
    `shape` makes the value a float array; None stands for any length of at least one.
    """
    rules = {"unit": unit, "min": min, "max": max, "above": above}
    rules |= {"choices": choices, "shape": shape, "doc": doc}
    return field(default=default, default_factory=default_factory, metadata=rules)


class Source:
    """Where each key of a loaded file stands, so that later checks can point at it too."""

    def __init__(self, file: Path) -> None:
        self.file = str(file)
        self.lines: dict[str, int] = {}
        self.problems: list[Problem] = []

    def refuse(self, where: str, rule: str, line: int | None = None) -> None:
        """Record that the key `where` breaks `rule`."""
        if line is None:
            line = self.lines.get(where, 0)
        self.problems.append(Problem(self.file, line, f"key '{where}'" if where else "", rule))

    def check(self) -> None:
        """Raise :class:`ConfigError` if any problem was recorded."""
        if self.problems:
            raise ConfigError(sorted(self.problems, key=lambda problem: problem.line))


def load_config(path: str | Path, cls: type[T]) -> T:
    """Return the file at `path` as an instance of the dataclass `cls`. Raises :class:`ConfigError`."""
    return load_with_source(path, cls)[0]


def load_with_source(path: str | Path, cls: type[T]) -> tuple[T, Source]:
    """As :func:`load_config`, with the lines of all keys for checks across files."""
    source = Source(Path(path))
    node = _compose(source)
    value = _Reader(source).read(node, cls, "", {})
    source.check()
    return value, source


class _Loader(yaml.SafeLoader):
    """Refuses aliases: they hide values and can expand without bound."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="aliases are not allowed; write it out", problem_mark=mark)
        return super().compose_node(parent, index)


def _compose(source: Source) -> yaml.Node:
    try:
        text = Path(source.file).read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=_Loader)
    except OSError as error:
        source.refuse("", f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        source.refuse("", f"must be UTF-8 text ({error.reason} at byte {error.start})")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        source.refuse("", f"not valid YAML: {error.problem}", line)
    except yaml.YAMLError as error:
        source.refuse("", f"not valid YAML: {str(error).splitlines()[0]}")
    else:
        if node is None:
            source.refuse("", "must not be empty")
    source.check()
    return node


class _Reader:
    """Turns YAML nodes into typed values, recording every problem on the way."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, node: yaml.Node, kind: Any, where: str, rules: Mapping[str, Any]) -> Any:
        """Return `node` as a `kind`, or ``_BAD`` after recording why it is none."""
        self._source.lines.setdefault(where, node.start_mark.line + 1)
        origin, arguments = get_origin(kind), get_args(kind)
        if rules.get("shape") is not None:
            return self._array(node, where, rules)
        if origin in (Union, types.UnionType):
            return self._optional(node, arguments, where, rules)
        if is_dataclass(kind):
            return self._dataclass(node, kind, where)
        if origin is dict:
            return self._dict(node, arguments[1], where, rules)
        if origin in (list, tuple):
            return self._sequence(node, origin, arguments, where, rules)
        if origin is Literal:
            return self._scalar(node, type(arguments[0]), where, {**rules, "choices": arguments})
        return self._scalar(node, kind, where, rules)

    def _refuse(self, node: yaml.Node, where: str, rule: str) -> Any:
        self._source.refuse(where, rule, node.start_mark.line + 1)
        return _BAD

    def _optional(self, node: yaml.Node, kinds: Any, where: str, rules: Mapping[str, Any]) -> Any:
        if node.tag.endswith(":null"):
            return None
        (kind,) = (kind for kind in kinds if kind is not type(None))
        return self.read(node, kind, where, rules)

    def _pairs(self, node: yaml.Node, where: str) -> dict[str, tuple[yaml.Node, yaml.Node]] | None:
        """Key text -> (key node, value node) of a mapping; None if `node` is no mapping."""
        if not isinstance(node, yaml.MappingNode):
            self._refuse(node, where, f"must be a mapping of keys to values (got {_shown(node)})")
            return None
        pairs: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value in node.value:
            name = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            path = _join(where, name)
            if not name or not key_node.tag.endswith(":str"):
                self._refuse(key_node, path, f"keys must be text (got {_shown(key_node)}); quote it")
            elif name in pairs:
                first = pairs[name][0].start_mark.line + 1
                self._refuse(key_node, path, f"given twice; first on line {first}")
            else:
                pairs[name] = (key_node, value)
                self._source.lines[path] = key_node.start_mark.line + 1
        return pairs

    def _dataclass(self, node: yaml.Node, kind: type, where: str) -> Any:
        pairs = self._pairs(node, where)
        if pairs is None:
            return _BAD
        before = len(self._source.problems)
        known: dict[str, Field[Any]] = {item.name: item for item in fields(kind) if item.init}
        for name, (key_node, _) in pairs.items():
            if name not in known:
                rule = f"unknown key{nearest(name, known) or '; known: ' + ', '.join(known)}"
                self._refuse(key_node, _join(where, name), rule)
        hints = get_type_hints(kind)
        values = {}
        for name, item in known.items():
            if name in pairs:
                path = _join(where, name)
                values[name] = self.read(pairs[name][1], hints[name], path, item.metadata)
            elif item.default is MISSING and item.default_factory is MISSING:
                self._refuse(node, _join(where, name), "missing")
        if len(self._source.problems) > before:
            return _BAD
        try:
            return kind(**values)
        except ValueError as error:
            return self._refuse(node, where, str(error))

    def _dict(self, node: yaml.Node, kind: Any, where: str, rules: Mapping[str, Any]) -> Any:
        pairs = self._pairs(node, where) or {}
        return {
            name: self.read(value, kind, _join(where, name), rules)
            for name, (_, value) in pairs.items()
        }

    def _sequence(
        self, node: yaml.Node, origin: type, kinds: Any, where: str, rules: Mapping[str, Any]
    ) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            return self._refuse(node, where, f"must be a list (got {_shown(node)})")
        if origin is tuple and kinds[-1] is not Ellipsis:
            if len(node.value) != len(kinds):
                return self._refuse(node, where, f"must have {len(kinds)} values (got {len(node.value)})")
        else:
            kinds = (kinds[0],) * len(node.value)
        items = zip(node.value, kinds, strict=True)
        return origin(self.read(v, k, f"{where}[{i}]", rules) for i, (v, k) in enumerate(items))

    def _array(self, node: yaml.Node, where: str, rules: Mapping[str, Any]) -> Any:
        shape = rules["shape"]
        kind: Any = float
        for _ in shape:
            kind = list[kind]
        before = len(self._source.problems)
        values = self.read(node, kind, where, {**rules, "shape": None})
        if len(self._source.problems) > before:
            return _BAD
        expected = " x ".join("n" if size is None else str(size) for size in shape)
        try:
            array = np.array(values, dtype=float).reshape([np.shape(values)[i] for i in range(len(shape))])
        except (ValueError, IndexError):
            return self._refuse(node, where, f"must be {expected} numbers (rows differ or are missing)")
        if any(size not in (None, got) for size, got in zip(shape, array.shape, strict=True)):
            got = " x ".join(map(str, array.shape))
            return self._refuse(node, where, f"must be {expected} numbers (got {got})")
        array.setflags(write=False)
        return array

    def _scalar(self, node: yaml.Node, kind: Any, where: str, rules: Mapping[str, Any]) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            return self._refuse(node, where, f"must be {_NAMES[kind]} (got {_shown(node)})")
        try:
            value = _SCALARS[kind](node)
            _check_rules(value, rules)
        except ValueError as error:
            return self._refuse(node, where, f"{error} (got {_shown(node)})")
        return value


def _check_rules(value: Any, rules: Mapping[str, Any]) -> None:
    unit = f" {rules['unit']}" if rules.get("unit") else ""
    for name, broken, words in (
        ("min", lambda bound: value < bound, "at least"),
        ("max", lambda bound: value > bound, "at most"),
        ("above", lambda bound: value <= bound, "greater than"),
    ):
        bound = rules.get(name)
        if bound is not None and broken(bound):
            raise ValueError(f"must be {words} {bound:g}{unit}")
    choices = rules.get("choices")
    if choices is not None and value not in choices:
        known = ", ".join(map(str, choices))
        raise ValueError(f"must be one of {known}{nearest(str(value), map(str, choices))}")


def _is(node: yaml.ScalarNode, *tags: str) -> bool:
    return node.tag.rpartition(":")[2] in tags


def _float(node: yaml.ScalarNode) -> float:
    text = node.value
    if _is(node, "int", "float") and _DECIMAL.fullmatch(text):
        return _finite(float(text))
    try:
        value = float(text)
    except ValueError:
        value = math.nan if text.lower() in (".nan", ".inf", "-.inf", "+.inf") else None
        if value is None:
            raise ValueError("must be a plain decimal number") from None
    if not _is(node, "str") or node.style:
        _finite(value)
        raise ValueError("must be a plain decimal number, without quotes or leading zeros")
    _finite(value)
    exponent = f"{value:.1e}"
    raise ValueError(f"YAML reads this as text; write {exponent}")


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be finite")
    return value


def _int(node: yaml.ScalarNode) -> int:
    if not (_is(node, "int") and _INTEGER.fullmatch(node.value)):
        raise ValueError("must be a whole number in plain decimal digits")
    return int(node.value)


def _bool(node: yaml.ScalarNode) -> bool:
    if not (_is(node, "bool") and node.value in ("true", "false")):
        raise ValueError("must be true or false")
    return bool(node.value == "true")


def _str(node: yaml.ScalarNode) -> str:
    if not _is(node, "str"):
        raise ValueError("must be text; quote it")
    return str(node.value)


_SCALARS: dict[Any, Callable[[yaml.ScalarNode], Any]] = {
    float: _float, int: _int, bool: _bool, str: _str,
}  # fmt: skip
_NAMES = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return f"'{node.value}'" if node.value else "nothing"
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
