"""Configuration files as typed data: one loader for every package.

A configuration is a dataclass; its annotations and :func:`key` are the schema::

    @dataclass(frozen=True)
    class Gains:
        stiffness: float = key(unit="N m/rad", min=0.0)
        offset: Array = key(unit="m", shape=(3,))
        mode: Literal["fast", "safe"] = "safe"

    gains = load_config("gains.yaml", Gains)

Understood types: bool, int, float, str, Literal, dataclasses, ``list[T]``, ``tuple[T, ...]``,
``tuple[A, B]``, ``dict[str, T]``, ``T | None`` and, with a `shape`, arrays of floats. A
``__post_init__`` that raises ValueError states a rule between keys.

Refused, each with file, line, key and rule: unknown, missing and duplicate keys, wrong types, NaN
and infinity, broken rules, aliases, and what YAML 1.1 reads differently from how it looks. All
problems of a file are reported together.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import yaml

from humanoid_description.problems import DescriptionError, Problem, nearest
from humanoid_description.schema import check_rules, key
from humanoid_description.yaml_scalars import shown, tag, to_bool, to_float, to_int, to_str

__all__ = ["ConfigError", "Source", "key", "load_config", "load_with_source"]

T = TypeVar("T")
Rules = Mapping[str, Any]

_BAD: Any = object()  # stands for a value whose problem is recorded already

_SCALARS: dict[Any, tuple[str, Callable[[yaml.ScalarNode], Any]]] = {
    float: ("a number", to_float),
    int: ("a whole number", to_int),
    bool: ("true or false", to_bool),
    str: ("text", to_str),
}


class ConfigError(DescriptionError):
    """A configuration file is refused; see :class:`DescriptionError` for the attributes."""


class Source:
    """Where each key of a loaded file stands, so that later checks can point at it too."""

    def __init__(self, file: str | Path) -> None:
        self.file = str(file)
        self.lines: dict[str, int] = {}  # dotted key -> line
        self.problems: list[Problem] = []

    def refuse(self, where: str, rule: str, line: int | None = None) -> None:
        """Record that the key `where` breaks `rule`."""
        line = self.lines.get(where, 0) if line is None else line
        self.problems.append(Problem(self.file, line, "key", where, rule))

    def check(self) -> None:
        """Raise :class:`ConfigError` if any problem was recorded."""
        if self.problems:
            raise ConfigError(sorted(self.problems, key=lambda problem: problem.line))


def load_config(path: str | Path, cls: type[T]) -> T:
    """Return the file at `path` as a `cls`, a dataclass. Raises :class:`ConfigError`."""
    return load_with_source(path, cls)[0]


def load_with_source(path: str | Path, cls: type[T]) -> tuple[T, Source]:
    """As :func:`load_config`, with the lines of all keys for checks across files."""
    source = Source(path)
    node = _compose(source)
    value = _Reader(source).read(node, cls, "", {})
    source.check()
    return value, source


class _Loader(yaml.SafeLoader):
    """Refuses aliases: they hide values and can expand without bound."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(
                problem="aliases are not allowed; write it out", problem_mark=mark
            )
        return super().compose_node(parent, index)


def _compose(source: Source) -> yaml.Node:
    """Return the tree of nodes, which keep their lines. Raises :class:`ConfigError`."""
    node = None
    try:
        node = yaml.compose(Path(source.file).read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        source.refuse("", f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        source.refuse("", f"must be UTF-8 text ({error.reason} at byte {error.start})")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        source.refuse("", f"not valid YAML: {error.problem}", line)
    except yaml.YAMLError as error:
        source.refuse("", f"not valid YAML: {str(error).splitlines()[0]}")
    except RecursionError:
        source.refuse("", "nested too deeply")
    else:
        if node is None:
            source.refuse("", "must not be empty")
    source.check()
    return node


@lru_cache
def _schema(cls: type) -> dict[str, tuple[Any, Rules, bool]]:
    """Key -> type, rules and whether it is required."""
    hints = get_type_hints(cls)
    return {
        item.name: (
            hints[item.name],
            item.metadata,
            item.default is MISSING and item.default_factory is MISSING,
        )
        for item in fields(cls)
        if item.init
    }


class _Reader:
    """Turns nodes into typed values, recording every problem on the way."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, node: yaml.Node, kind: Any, where: str, rules: Rules) -> Any:
        """Return `node` as a `kind`, or ``_BAD`` after recording why it is none."""
        origin, arguments = get_origin(kind), get_args(kind)
        self._source.lines.setdefault(where, node.start_mark.line + 1)
        if origin in (Union, types.UnionType):
            if tag(node) == "null":
                return None
            (kind,) = (argument for argument in arguments if argument is not type(None))
            return self.read(node, kind, where, rules)
        if rules.get("shape") is not None:
            return self._array(node, where, rules)
        if is_dataclass(kind):
            return self._dataclass(node, kind, where)
        if origin is dict:
            pairs = self._pairs(node, where)
            return {
                name: self.read(pairs[name], arguments[1], _join(where, name), rules)
                for name in pairs
            }
        if origin in (list, tuple):
            return self._sequence(node, origin, arguments, where, rules)
        if origin is Literal:
            return self._scalar(node, type(arguments[0]), where, {"choices": arguments})
        return self._scalar(node, kind, where, rules)

    def _refuse(self, node: yaml.Node, where: str, rule: str) -> Any:
        self._source.refuse(where, rule, node.start_mark.line + 1)
        return _BAD

    def _pairs(self, node: yaml.Node, where: str) -> dict[str, yaml.Node]:
        """Key -> value of a mapping; empty after recording that `node` is none."""
        pairs: dict[str, yaml.Node] = {}
        if not isinstance(node, yaml.MappingNode):
            self._refuse(node, where, f"must be a mapping of keys to values (got {shown(node)})")
            return pairs
        for key_node, value in node.value:
            name = key_node.value
            if tag(key_node) != "str":
                self._refuse(
                    key_node, where, f"keys must be text (got {shown(key_node)}); quote it"
                )
            elif name in pairs:
                path = _join(where, name)
                rule = f"given twice; first on line {self._source.lines[path]}"
                self._refuse(key_node, path, rule)
            else:
                pairs[name] = value
                self._source.lines[_join(where, name)] = key_node.start_mark.line + 1
        return pairs

    def _dataclass(self, node: yaml.Node, kind: Any, where: str) -> Any:
        before = len(self._source.problems)
        pairs = self._pairs(node, where)
        if not isinstance(node, yaml.MappingNode):
            return _BAD
        schema = _schema(kind)
        for name in pairs:
            if name not in schema:
                hint = nearest(name, schema) or f"; known: {', '.join(schema)}"
                self._source.refuse(_join(where, name), f"unknown key{hint}")
        values: dict[str, Any] = {}
        for name, (hint, rules, required) in schema.items():
            if name in pairs and rules.get("variant") is not None:
                values[name] = self._variant(pairs[name], _join(where, name), rules, values)
            elif name in pairs:
                values[name] = self.read(pairs[name], hint, _join(where, name), rules)
            elif required:
                self._refuse(node, _join(where, name), "missing")
        if len(self._source.problems) > before:
            return _BAD
        try:
            return kind(**values)
        except ValueError as error:
            return self._refuse(node, where, str(error))

    def _variant(self, node: yaml.Node, where: str, rules: Rules, values: dict[str, Any]) -> Any:
        """A mapping whose type another key of the same mapping decides."""
        other, kind_of = rules["variant"]
        if values.get(other, _BAD) is _BAD:
            return _BAD  # that key's own problem is recorded
        try:
            kind = kind_of(values[other])
        except ValueError as error:
            return self._refuse(node, where, str(error))
        return self.read(node, kind, where, {})

    def _sequence(self, node: yaml.Node, origin: Any, kinds: Any, where: str, rules: Rules) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            return self._refuse(node, where, f"must be a list (got {shown(node)})")
        count = len(node.value)
        if origin is list or kinds[-1] is Ellipsis:
            kinds = (kinds[0],) * count
        elif len(kinds) != count:
            return self._refuse(node, where, f"must have {len(kinds)} values (got {count})")
        items = enumerate(zip(node.value, kinds, strict=True))
        return origin(self.read(item, kind, f"{where}[{i}]", rules) for i, (item, kind) in items)

    def _array(self, node: yaml.Node, where: str, rules: Rules) -> Any:
        shape = rules["shape"]
        kind: Any = float
        for _ in shape:
            kind = list[kind]
        before = len(self._source.problems)
        values = self.read(node, kind, where, {**rules, "shape": None})
        if len(self._source.problems) > before:
            return _BAD
        try:
            array = np.array(values, dtype=float)
        except ValueError:  # rows of different length
            array = np.zeros(0)
        fits = [size in (None, got) for size, got in zip(shape, array.shape, strict=False)]
        if array.ndim != len(shape) or not all(fits):
            expected = " x ".join("n" if size is None else str(size) for size in shape)
            return self._refuse(node, where, f"must be {expected} numbers (got {values})")
        array.setflags(write=False)
        return array

    def _scalar(self, node: yaml.Node, kind: Any, where: str, rules: Rules) -> Any:
        words, convert = _SCALARS[kind]
        if not isinstance(node, yaml.ScalarNode):
            return self._refuse(node, where, f"must be {words} (got {shown(node)})")
        try:
            value = convert(node)
            check_rules(value, rules)
        except ValueError as error:
            rule, question, hint = str(error).partition("; did you mean")
            return self._refuse(node, where, f"{rule} (got {shown(node)}){question}{hint}")
        return value


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
