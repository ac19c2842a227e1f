"""Compiles small arithmetic functions to machine code, by numba.

A kernel is a pure function over arrays and numbers, with explicit loops. It is compiled when its module
is imported, never later, and kept on disk: in ``NUMBA_CACHE_DIR`` where that is set, else beside the
module, else in ``~/.cache/numba``; where none can be written, each start compiles again. With
``NUMBA_DISABLE_JIT=1`` kernels are plain Python.

Without numba's ``fastmath`` nothing is reordered or fused: a kernel gives the same bits as its Python
source. The cache notices changes in a kernel's own file only. So a kernel that calls one of another
module is refused.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.core import sigutils

Function = TypeVar("Function", bound=Callable[..., Any])

#: Types for :func:`kernel`: a number, an index, and C-contiguous arrays of float64 with 1, 2, 3 axes.
NUMBER, INDEX, VECTOR, MATRIX, STACK = "f8", "i8", "f8[::1]", "f8[:,::1]", "f8[:,:,::1]"

_OPTIONS: dict[str, Any] = {"error_model": "numpy"}  # x / 0 is inf or nan, as in numpy


def kernel(result: str, *arguments: Any) -> Callable[[Function], Function]:
    """Decorator: a function that Python calls, compiled for these types (numba's notation or types).

    Indices are not checked. Arguments of other types raise TypeError at the call, arrays that are not
    contiguous among them.
    """

    def compile_function(function: Function) -> Function:
        _check(function)
        signature = _type(result)(*map(_type, arguments))
        try:
            return numba.njit(signature, cache=True, **_OPTIONS)(function)
        except (OSError, RuntimeError):  # no place for the cache
            return numba.njit(signature, **_OPTIONS)(function)

    return compile_function


def tuple_of(kind: type[tuple[Any, ...]], *types: str) -> Any:
    """The type of a NamedTuple with fields of these types, for :func:`kernel`."""
    return numba.types.NamedTuple([_type(name) for name in types], kind)


def part(function: Function) -> Function:
    """Decorator: a function that kernels of its module call; compiled with each of them."""
    _check(function)
    return numba.njit(**_OPTIONS)(function)


def _type(name: Any) -> Any:
    return sigutils.normalize_signature(f"void({name})")[0][0] if isinstance(name, str) else name


def _check(function: Callable[..., Any]) -> None:
    for name in function.__code__.co_names:
        called = function.__globals__.get(name)
        if hasattr(called, "py_func") and called.__module__ != function.__module__:
            raise TypeError(
                f"kernel {function.__module__}.{function.__name__} calls {called.__module__}.{name}: "
                "the cache would not see changes there; put both in one module"
            )
