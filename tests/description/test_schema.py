"""The rules of a key are declared once, and the documentation is made from them."""

import subprocess
import sys
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

import humanoid_description
from humanoid_description.schema import KeyRow, describe, key


@dataclass
class Inner:
    x: float = key(unit="m", min=0.0, max=2.0, doc="how far")


@dataclass
class Outer:
    one: Inner = key(doc="a part")
    many: dict[str, list[Inner]] = key()
    matrix: NDArray[np.float64] = key(shape=(None, 3), unit="m")
    pair: tuple[Inner, ...] = field(default_factory=tuple)
    side: Literal["left", "right"] = "left"
    colour: str = key("red", choices=("red", "green"))
    perhaps: int | None = key(None, above=3)


def test_every_key_is_described_with_type_unit_rule_and_default():
    assert list(describe(Outer)) == [
        KeyRow("one", "mapping", "", "", "required", "a part"),
        KeyRow("one.x", "number", "m", "at least 0, at most 2", "required", "how far"),
        KeyRow("many", "name: list of mapping", "", "", "required", ""),
        KeyRow("many.<name>[].x", "number", "m", "at least 0, at most 2", "required", "how far"),
        KeyRow("matrix", "n x 3 numbers", "m", "", "required", ""),
        KeyRow("pair", "list of mapping", "", "", "()", ""),
        KeyRow("pair[].x", "number", "m", "at least 0, at most 2", "required", "how far"),
        KeyRow("side", "one of left, right", "", "", "left", ""),
        KeyRow("colour", "text", "", "one of red, green", "red", ""),
        KeyRow("perhaps", "whole number or null", "", "greater than 3", "None", ""),
    ]


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'build_gazebo'"):
        _ = humanoid_description.build_gazebo


def test_the_package_imports_neither_pinocchio_nor_mujoco_until_a_model_is_asked_for():
    code = (
        "import sys, humanoid_description as h; assert callable(h.load_robot);"
        "print([name for name in ('pinocchio', 'mujoco') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
