"""The loader of configuration files: loads what it should, refuses the rest by place and rule."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from humanoid_description.strict_yaml import ConfigError, key, load_config, load_with_source

CORPUS = sorted((Path(__file__).parent / "corpus" / "config").glob("*.yaml"))


@dataclass(frozen=True)
class Leg:
    length: float = key(unit="m", above=0.0, max=2.0)
    side: Literal["left", "right"] = "left"


@dataclass(frozen=True)
class Example:
    name: str
    count: int = key(min=1)
    ready: bool = key()
    legs: dict[str, Leg] = key()
    offset: NDArray[np.float64] = key(unit="m", shape=(3,), min=-1.0)
    corners: NDArray[np.float64] = key(shape=(None, 2))
    gains: list[float] = key()
    pair: tuple[float, int] = key()
    colour: str = key("red", choices=("red", "green"))
    note: str | None = None
    limit: float | None = key(None, min=0.0)
    tags: tuple[str, ...] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if len(self.gains) > self.count:
            raise ValueError(
                f"gains must not be more than count (got {len(self.gains)} and {self.count})"
            )


VALID = {
    "name": "example",
    "count": 3,
    "ready": True,
    "legs": {"left": {"length": 0.9}, "right": {"length": 0.9, "side": "right"}},
    "offset": [0.0, 0.1, 0.2],
    "corners": [[1.0, 2.0], [3.0, 4.0]],
    "gains": [1, 2.5],
    "pair": [0.5, 2],
}


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "file.yaml"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write


def problems(path):
    try:
        load_config(path, Example)
    except ConfigError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_malformed_file_is_refused_with_its_own_line_key_and_rule(path):
    expected = re.findall(r"^# expect: (\d+): (.*)$", path.read_text(), re.MULTILINE)
    assert expected
    found = problems(path)
    assert len(found) == len(expected), found
    for problem, (line, message) in zip(found, expected, strict=True):
        place = f"{path}:{line}: " if int(line) else f"{path}: "
        assert str(problem).startswith(place), str(problem)
        assert message in str(problem)


def test_every_corpus_file_says_something_else():
    said = Counter(
        tuple(re.findall(r"^# expect: \d+: (.*)$", path.read_text(), re.MULTILINE))
        for path in CORPUS
    )
    assert [messages for messages, count in said.items() if count > 1] == []


def test_every_type_arrives_as_declared(write):
    example = load_config(
        write(VALID | {"note": None, "limit": 2, "tags": ["a", "b"], "colour": "green"}), Example
    )
    assert example.name == "example"
    assert example.count == 3
    assert example.ready is True
    assert example.legs == {"left": Leg(0.9, "left"), "right": Leg(0.9, "right")}
    np.testing.assert_array_equal(example.offset, [0.0, 0.1, 0.2])
    np.testing.assert_array_equal(example.corners, [[1.0, 2.0], [3.0, 4.0]])
    assert example.gains == [1.0, 2.5]
    assert [type(gain) for gain in example.gains] == [float, float]
    assert example.pair == (0.5, 2)
    assert (example.note, example.limit, example.tags) == (None, 2.0, ("a", "b"))


def test_defaults_fill_what_is_not_written(write):
    example = load_config(write(VALID), Example)
    assert (example.colour, example.note, example.limit, example.tags) == ("red", None, None, ())


def test_smallest_and_largest_values_are_allowed(write):
    content = VALID | {"count": 1, "gains": [1], "offset": [-1.0, 0.0, 0.0], "limit": 0}
    content["legs"] = {"left": {"length": 2.0}}
    example = load_config(write(content), Example)
    assert (example.count, example.offset[0], example.limit) == (1, -1.0, 0.0)
    assert example.legs["left"].length == 2.0


def test_arrays_cannot_be_changed(write):
    with pytest.raises(ValueError, match="read-only"):
        load_config(write(VALID), Example).offset[0] = 1.0


def test_the_lines_of_all_keys_are_kept(write):
    text = "name: a\nlegs:\n  left:\n    length: 1.0\n"

    @dataclass
    class Small:
        name: str
        legs: dict[str, Leg]

    _, source = load_with_source(write(text), Small)
    assert source.lines == {"": 1, "name": 1, "legs": 2, "legs.left": 3, "legs.left.length": 4}


def test_the_error_carries_file_line_key_and_rule(write):
    path = write(VALID | {"count": 0})
    with pytest.raises(ConfigError) as refusal:
        load_config(path, Example)
    error = refusal.value
    assert (error.file, error.line, error.key) == (str(path), 6, "count")
    assert error.rule == "must be at least 1 (got '0')"


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "must not be empty"),
        (b"name: \xff\xfe", "must be UTF-8 text (invalid start byte at byte 6)"),
        (b"name: \x00", "not valid YAML: "),
        (b"[" * 5000, "nested too deeply"),
        (b"name: " + b"1" * 5000, "1111111…'"),
    ],
    ids=["empty", "not UTF-8", "control character", "deep", "long"],
)
def test_what_is_not_text_is_refused(write, content, rule):
    with pytest.raises(ConfigError) as refusal:
        load_config(write(content), Example)
    assert rule in str(refusal.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file or directory"):
        load_config(tmp_path / "none.yaml", Example)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path, Example)


@dataclass
class Number:
    x: float


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_comes_back_exactly(tmp_path_factory, x):
    path = tmp_path_factory.mktemp("numbers") / "x.yaml"
    path.write_text(yaml.safe_dump({"x": x}))
    assert load_config(path, Number).x == x


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_no_content_does_anything_but_load_or_be_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "x.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))
    with pytest.raises(ConfigError):
        load_config(path, Example)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.sampled_from([*VALID, "colour", "note", "limit", "tags"]), values)
def test_any_value_at_any_key_loads_or_is_refused_by_that_key(tmp_path_factory, name, value):
    path = tmp_path_factory.mktemp("values") / "x.yaml"
    path.write_text(yaml.safe_dump(VALID | {name: value}, allow_unicode=False))
    for problem in problems(path):
        assert problem.key.startswith(name) or problem.rule.startswith("gains must not be more")
