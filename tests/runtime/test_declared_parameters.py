"""Every parameter of every node is described, and every number has a range: read from the source."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
HELPERS = {"declare", "_declare"}


def declarations():
    """Calls with a name, a default and a description, of every node's source."""
    for path in sorted(SOURCE.glob("*/*/**/*.py")):
        if "declare_parameter" in (text := path.read_text()) or "runtime.parameters" in text:
            for node in ast.walk(ast.parse(text)):
                called = getattr(node, "func", None)
                name = getattr(called, "attr", getattr(called, "id", None))
                if name == "declare_parameter" and path.name != "parameters.py":
                    pytest.fail(f"{path}:{node.lineno}: declare() describes parameters; use it")
                if name in HELPERS and not any(isinstance(a, ast.Starred) for a in node.args):
                    arguments = [
                        a for a in node.args if getattr(a, "id", None) not in ("self", "node")
                    ]
                    yield f"{path.name}:{node.lineno}", arguments, {k.arg for k in node.keywords}


FOUND = [
    found
    for found in declarations()
    if len(found[1]) == 3 and not isinstance(found[1][0], ast.Attribute)
]


def test_all_nodes_declare_some():
    files = {where.split(":")[0] for where, *_ in FOUND}
    assert {
        "parameters.py",
        "perception_node.py",
        "control_node.py",
        "recorder_node.py",
        "transforms_node.py",
    } <= files
    assert len(FOUND) > 20


@pytest.mark.parametrize(("where", "arguments", "bounds"), FOUND, ids=[found[0] for found in FOUND])
def test_a_parameter_is_described_and_a_number_has_a_range(where, arguments, bounds):
    _, default, description = arguments
    assert isinstance(description, ast.JoinedStr) or len(description.value) > 5
    value = ast.literal_eval(default)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        assert {"lower", "upper"} <= bounds, where
