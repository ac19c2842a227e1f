"""YAML scalars as typed values, without YAML 1.1's surprises.

PyYAML follows YAML 1.1, where ``1e3`` is text, ``yes`` a boolean, ``010`` eight and ``1:30`` ninety
(https://yaml.org/type/float.html, int.html, bool.html). Each is refused with what to write instead.
"""

import math
import re

import yaml

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+][0-9]+)?")
_EXPONENT = re.compile(r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))[eE]([-+]?)([0-9]+)")
_NOT_FINITE = re.compile(r"[-+]?\.?(nan|inf|infinity)", re.IGNORECASE)


def to_float(node: yaml.ScalarNode) -> float:
    """Return a finite number. Raises ValueError with the rule."""
    text = node.value
    plain = node.style is None and tag(node) in ("int", "float", "str")
    number = math.nan
    if plain and _NUMBER.fullmatch(text):
        number = float(text)
    if math.isfinite(number) and tag(node) != "str":
        return number
    if plain and (_NOT_FINITE.fullmatch(text) or math.isinf(number)):
        raise ValueError("must be finite")
    exponent = _EXPONENT.fullmatch(text)
    if plain and exponent:
        mantissa, sign, power = exponent.groups()
        point = "" if "." in mantissa else ".0"
        raise ValueError(f"YAML reads this as text; write {mantissa}{point}e{sign or '+'}{power}")
    raise ValueError("must be a plain decimal number, such as 0.5 or 1.0e+3")


def to_int(node: yaml.ScalarNode) -> int:
    """Return a whole number. Raises ValueError with the rule."""
    if tag(node) == "int" and _INTEGER.fullmatch(node.value):
        return int(node.value)
    raise ValueError("must be a whole number in plain decimal digits")


def to_bool(node: yaml.ScalarNode) -> bool:
    """Return true or false. Raises ValueError with the rule."""
    if tag(node) == "bool" and node.value in ("true", "false"):
        return bool(node.value == "true")
    raise ValueError("must be true or false")


def to_str(node: yaml.ScalarNode) -> str:
    """Return text. Raises ValueError with the rule."""
    if tag(node) == "str":
        return str(node.value)
    raise ValueError(f"must be text; YAML reads this as {tag(node)}: quote it")


def tag(node: yaml.Node) -> str:
    """Return the short name of a node's type: str, int, float, bool, null, map, seq."""
    return str(node.tag).rpartition(":")[2]


def shown(node: yaml.Node) -> str:
    """Return what the user wrote, for a message."""
    if isinstance(node, yaml.ScalarNode):
        text = node.value if len(node.value) <= 40 else node.value[:37] + "…"
        return f"'{text}'" if text else "nothing"
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"
