"""Compiled kernels give the bits of their source."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from humanoid_control import kernels as polygons
from humanoid_control.walking import kernels as steps
from humanoid_control.whole_body import dynamics_kernels, kernels, qp_kernels, task_kernels

JOINTS, LEG, FIRST, OTHERS, CONE = 9, 4, 2, 6, 5
NV, N = JOINTS + 6, JOINTS + OTHERS


class Random:
    """Arguments of kernels: arrays of the given shape, with some zeros."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def __call__(self, *shape: int) -> np.ndarray:
        values = self._random.normal(size=shape)
        return values * (self._random.uniform(size=shape) > 0.2)

    def rotation(self, fortran: bool = False) -> np.ndarray:
        rotation, _ = np.linalg.qr(self._random.normal(size=(3, 3)))
        rotation *= np.linalg.det(rotation)
        return np.asarray(rotation, order="F" if fortran else "C")

    def mass(self, n: int = NV) -> np.ndarray:
        root = self._random.normal(size=(n, n))
        return root @ root.T + np.eye(n)


def program(r: Random, active: list[int]) -> tuple[Any, ...]:
    """6 soft variables, 2 equalities and 5 inequalities; `active` ones, counted from 0."""
    n, rows = 6, r(7, 6)
    bounds = np.full((2, n + 7), 1e3)
    bounds[0] *= -1.0
    bounds[:, n : n + 2] = r(2)
    bounds[1, [row for row in active if not n <= row < n + 2]] = -5.0
    expected = np.array(active, dtype=np.int64) + 1
    work = np.zeros((n, n + 1 + len(active)))
    return r.mass(n), r(n), rows, bounds[0], bounds[1], 2, expected, work, np.zeros(n)


CASES: dict[str, tuple[Callable[..., Any], Callable[[Random], tuple[Any, ...]]]] = {
    "centroidal": (
        dynamics_kernels.centroidal,
        lambda r: (
            (
                r.mass(),
                r(NV),
                r.rotation(True),
                r(3),
                r(NV),
                30.0,
                r(3),
                np.zeros(3),
                np.zeros(6),
                np.zeros(6),
                np.zeros((6, NV)),
            )
        ),
    ),
    "frame_motion": (
        dynamics_kernels.frame_motion,
        lambda r: (
            (
                r.rotation(True),
                r(3),
                r(6),
                r(6),
                r(NV, 6),
                np.array([0, 1, 5, 8]),
                r.rotation(),
                r(3),
                r(3),
                np.zeros((3, 3)),
                np.zeros(3),
                np.zeros(6),
                np.zeros(6),
                np.zeros((6, NV)),
            )
        ),
    ),
    "root_at_foot": (
        kernels.root_at_foot,
        lambda r: (
            (
                r.rotation(True),
                r(3),
                r.rotation(),
                r(3),
                r(6, NV),
                r(6),
                FIRST,
                np.zeros((6, 6)),
                np.zeros((6, LEG)),
                np.zeros(6),
            )
        ),
    ),
    "rooted": (
        kernels.rooted,
        lambda r: (r(3, NV), r(3), r(6, LEG), r(6), FIRST, np.zeros((3, N + 1))),
    ),
    "root_wrench": (
        kernels.root_wrench,
        lambda r: (
            (
                r.mass(),
                r(NV),
                r(OTHERS, NV),
                r(6, LEG),
                r(6),
                FIRST,
                r(6, 6),
                np.zeros((6, N + 1)),
                np.zeros((6, N + 1)),
            )
        ),
    ),
    "costs": (
        kernels.costs,
        lambda r: (r(8, N + 1), r(8), r(N), r(N), np.zeros((N, N)), np.zeros(N)),
    ),
    "contacts": (
        kernels.contacts,
        lambda r: (
            (
                r(OTHERS, N + 1),
                r(CONE, 6),
                r(6, N + 1),
                r(CONE),
                OTHERS,
                np.zeros((OTHERS + CONE, N)),
                np.zeros(OTHERS + CONE),
                np.zeros(OTHERS + CONE),
            )
        ),
    ),
    "motion": (
        kernels.motion,
        lambda r: (
            (
                r(N),
                r.mass(),
                r(NV),
                r(6, LEG),
                r(6),
                FIRST,
                r(6, N + 1),
                r(6, NV),
                r(OTHERS, NV),
                np.zeros(NV),
                np.zeros(JOINTS),
                np.zeros((2, 6)),
            )
        ),
    ),
    "optimum, equalities alone": (qp_kernels.optimum, lambda r: program(r, [6, 7])),
    "optimum, active rows": (qp_kernels.optimum, lambda r: program(r, [6, 7, 2, 10])),
    "optimum, dependent rows": (qp_kernels.optimum, lambda r: program(r, [6, 7, 10, 10])),
    "turn_toward": (
        task_kernels.turn_toward,
        lambda r: (r.rotation(), r.rotation(), r(3), 10.0, 3.0, np.zeros(3)),
    ),
    "move_toward": (
        task_kernels.move_toward,
        lambda r: (
            (r.rotation(), r(3), r(6), r.rotation(), r(3), r(6), r(6), 10.0, 3.0, np.zeros(6))
        ),
    ),
    "distance_outside": (polygons.distance_outside, lambda r: (r(6, 3), complex(*r(2)))),
    "cut": (polygons.cut, lambda r: (r(6, 3), complex(*r(2)), complex(*r(2)), 0.01)),
    "cheapest_step": (
        steps.cheapest_step,
        lambda r: (
            (
                1.5,
                6.0,
                r(9, 2),
                np.array((3.4, 0.6, 3.0, 0.05, 100.0, 0.02, 10.0, 0.3)),
                np.zeros(4),
            )
        ),
    ),
    "follow": (steps.follow, lambda r: (r(3, 4), r(4), 0.3, 0.002)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_kernel_gives_the_bits_of_its_source(name: str) -> None:
    kernel, make = CASES[name]
    for seed in range(20):
        compiled, plain = make(Random(seed)), make(Random(seed))
        assert kernel(*compiled) == kernel.py_func(*plain)  # type: ignore[attr-defined]
        for ours, theirs in zip(compiled, plain, strict=True):
            np.testing.assert_array_equal(ours, theirs)
