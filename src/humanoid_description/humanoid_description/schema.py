"""Rules of configuration keys, stated where the key is declared: in the dataclass."""

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from humanoid_description.problems import nearest


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
    variant: tuple[str, Callable[[Any], type[Any]]] | None = None,
    doc: str = "",
) -> Any:
    """Declare a configuration key: a dataclass field with rules.

    `min` and `max` are inclusive, `above` is exclusive; they hold for every number in the value.
    `shape` makes the value a float array; None in it stands for any length. `variant` is the name
    of a key above this one and a function from that key's value to the dataclass that this one is
    read as; it raises ValueError where there is none.
    """
    rules: dict[str, Any] = {"unit": unit, "doc": doc, "min": min, "max": max, "above": above}
    rules |= {"choices": choices, "shape": shape, "variant": variant}
    return field(default=default, default_factory=default_factory, metadata=rules)


_BOUNDS: tuple[tuple[str, str, Callable[[Any, Any], bool]], ...] = (
    ("min", "at least", lambda value, bound: value >= bound),
    ("max", "at most", lambda value, bound: value <= bound),
    ("above", "greater than", lambda value, bound: value > bound),
)


def check_rules(value: Any, rules: Mapping[str, Any]) -> None:
    """Raise ValueError, saying the rule, if the scalar `value` breaks one of `rules`."""
    for name, words, holds in _BOUNDS:
        bound = rules.get(name)
        if bound is not None and not holds(value, bound):
            unit = f" {rules['unit']}" if rules.get("unit") else ""
            raise ValueError(f"must be {words} {bound:g}{unit}")
    choices = rules.get("choices")
    if choices is not None and value not in choices:
        known = [str(choice) for choice in choices]
        raise ValueError(f"must be one of {', '.join(known)}{nearest(str(value), known)}")


class KeyRow(NamedTuple):
    """One key of a schema, as words for documentation."""

    key: str  # dotted; <name> stands for keys the user chooses
    type: str
    unit: str
    rule: str
    default: str  # "required" if there is none
    doc: str


def describe(cls: type, prefix: str = "") -> Iterator[KeyRow]:
    """Yield every key of the configuration dataclass `cls`, nested ones after their parent."""
    hints = get_type_hints(cls)
    for item in fields(cls):
        rules = item.metadata
        bounds = [
            f"{words} {rules[name]:g}" for name, words, _ in _BOUNDS if rules.get(name) is not None
        ]
        if rules.get("choices"):
            bounds.append("one of " + ", ".join(map(str, rules["choices"])))
        default = "required" if item.default is MISSING else str(item.default)
        if item.default_factory is not MISSING:
            default = str(item.default_factory())
        kind, nested, suffix = _type_words(hints[item.name], rules.get("shape"))
        name = f"{prefix}{item.name}"
        yield KeyRow(
            name, kind, rules.get("unit", ""), ", ".join(bounds), default, rules.get("doc", "")
        )
        if nested is not None:
            yield from describe(nested, f"{name}{suffix}.")


def _type_words(hint: Any, shape: tuple[int | None, ...] | None) -> tuple[str, type | None, str]:
    """Words for a type, the dataclass inside it if any, and what stands between the two keys."""
    if shape is not None:
        return (
            " x ".join("n" if size is None else str(size) for size in shape) + " numbers",
            None,
            "",
        )
    origin, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return "mapping", hint, ""
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments)), None, ""
    if hint is Any:  # a variant
        return "mapping", None, ""
    if origin in (Union, types.UnionType):
        (inner,) = (kind for kind in arguments if kind is not type(None))
        words, nested, suffix = _type_words(inner, None)
        return f"{words} or null", nested, suffix
    if origin is dict:
        words, nested, suffix = _type_words(arguments[1], None)
        return f"name: {words}", nested, f".<name>{suffix}"
    if origin in (list, tuple):
        words, nested, suffix = _type_words(arguments[0], None)
        return f"list of {words}", nested, f"[]{suffix}"
    return (
        {float: "number", int: "whole number", bool: "true or false", str: "text"}[hint],
        None,
        "",
    )
