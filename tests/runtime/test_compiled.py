"""Kernels: the same bits as their source, kept on disk, and never stale."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from humanoid_runtime.compiled import MATRIX, NUMBER, VECTOR, kernel, part

MODULE = """
from humanoid_runtime.compiled import NUMBER, kernel, part

@part
def twice(x):
    return 2.0 * x

@kernel(NUMBER, NUMBER)
def shifted(x):
    return twice(x) + 1.0
"""


@part
def dot(a, b):
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@kernel(NUMBER, MATRIX, VECTOR)
def form(matrix, vector):
    total = 0.0
    for row in range(len(matrix)):
        total += vector[row] * dot(matrix[row], vector) / 3.0
    return total


def call(folder: Path, **variables: str) -> str:
    """What `shifted(3.0)` gives in a new process, and how often it had to be compiled."""
    code = "import m; print(m.shifted(3.0), sum(m.shifted.stats.cache_misses.values()))"
    env = {**os.environ, "PYTHONPATH": str(folder), **variables}
    env.pop("NUMBA_CACHE_DIR", None)
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def test_a_kernel_gives_the_bits_of_its_source() -> None:
    random = np.random.default_rng(1)
    for _ in range(100):
        arguments = random.normal(size=(7, 7)), random.normal(size=7)
        assert form(*arguments) == form.py_func(*arguments)


def test_division_by_zero_is_numpys() -> None:
    @kernel(NUMBER, NUMBER)
    def inverse(x: float) -> float:
        return 1.0 / x

    assert inverse(0.0) == np.inf


def test_an_array_of_another_layout_is_refused() -> None:
    with pytest.raises(TypeError):
        form(np.zeros((4, 8))[:, ::2], np.zeros(4))


def test_a_call_into_another_module_is_refused_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dot, "__module__", "elsewhere")
    with pytest.raises(TypeError, match=r"calls elsewhere\.dot"):
        kernel(NUMBER, MATRIX, VECTOR)(form.py_func)


def test_the_second_start_does_not_compile(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(MODULE)
    assert [call(tmp_path), call(tmp_path)] == ["7.0 1\n", "7.0 0\n"]


def test_a_change_of_what_a_kernel_calls_is_seen(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(MODULE)
    call(tmp_path)
    (tmp_path / "m.py").write_text(MODULE.replace("2.0 * x", "4.0 * x"))
    assert call(tmp_path) == "13.0 1\n"


def test_where_nothing_can_be_written_each_start_compiles(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(MODULE)
    (tmp_path / "__pycache__").touch()  # a file, where the folder should be
    no_folder = str(tmp_path / "m.py")
    assert call(tmp_path, XDG_CACHE_HOME=no_folder, HOME=no_folder).startswith("7.0 ")
