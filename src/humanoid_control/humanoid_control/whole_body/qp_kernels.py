"""The quadratic program whose active constraints are known, compiled."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from humanoid_control.controller import Array
from humanoid_runtime.compiled import INDEX, MATRIX, VECTOR, kernel, part

_INDICES = "i8[::1]"

#: How far a constraint may be broken.
TOLERANCE = 1e-6
#: How far a soft constraint gives way, as a share of how far its force alone would move it.
SOFTNESS = 1e-6
#: Share of an active row that must not lie in the rows before it.
_DEPENDENT = 1e-10


@part
def _factorise(work: Array) -> bool:
    """Cholesky factor of the symmetric `work`, shape (n, n + k), in its upper triangle.

    And of what stands to the right, R, the forward substitution: factor' \\ R. False: it is not
    positive definite.
    """
    for i in range(work.shape[0]):
        row = work[i, i:]
        for k in range(i):
            above = work[k, i:]
            share = above[0]
            if share != 0.0:
                for j in range(len(row)):
                    row[j] -= share * above[j]
        if not row[0] > 0.0:
            return False
        scale = 1.0 / sqrt(row[0])
        for j in range(len(row)):
            row[j] *= scale
    return True


@part
def _press(work: Array, bounds: Array, equalities: int, hard: Array) -> bool:
    """Move the free optimum, column n of `work`, to the active rows, those that follow it.

    The first `equalities` rows are equalities; `hard`, (count,), is 1, and more for a row that
    gives way. False: the rows depend on each other, or one that is no equality would have to pull.
    """
    n, count = work.shape[0], len(bounds)
    factor = np.empty((count, count + 1))
    for i in range(count):
        for j in range(i, count):
            factor[i, j] = 0.0
        factor[i, count] = bounds[i]
    for k in range(n):
        row = work[k, n:]
        for i in range(count):
            factor[i, count] -= row[1 + i] * row[0]
            for j in range(i, count):
                factor[i, j] += row[1 + i] * row[1 + j]
    for k in range(count):
        factor[k, k] *= hard[k]
        least = _DEPENDENT * factor[k, k]
        for i in range(k):
            for j in range(k, count + 1):
                factor[k, j] -= factor[i, k] * factor[i, j]
        if not factor[k, k] > least:
            return False
        scale = 1.0 / sqrt(factor[k, k])
        for j in range(k, count + 1):
            factor[k, j] *= scale
    for k in range(count - 1, -1, -1):
        force = factor[k, count]
        for j in range(k + 1, count):
            force -= factor[k, j] * factor[j, count]
        force /= factor[k, k]
        if k >= equalities and force > 0.0:
            return False
        factor[k, count] = force
        for i in range(n):
            work[i, n] += force * work[i, n + 1 + k]
    return True


@kernel("b1", MATRIX, VECTOR, MATRIX, VECTOR, VECTOR, INDEX, _INDICES, MATRIX, VECTOR)
def optimum(
    hessian: Array,
    gradient: Array,
    matrix: Array,
    lower: Array,
    upper: Array,
    equalities: int,
    active: NDArray[np.int64],
    work: Array,
    x: Array,
) -> bool:
    """The optimum of a quadratic program, if `active` are its active rows; True: they are.

    Minimises ``x' hessian x / 2 + gradient x`` subject to ``lower <= (x, matrix x) <= upper``,
    where the bounds of x itself are soft as :func:`solve_qp` makes them. `active` counts the
    constraints from 1, negative at the lower bound, and begins with the first `equalities` rows of
    `matrix`. The active ones are solved as equalities in the coordinates of the Cholesky factor,
    and what comes out is tested: every other constraint holds, and every active bound pushes back.
    `work` has the shape (n, n + 1 + len(active)).
    """
    n, count = len(x), len(active)
    bounds, hard = np.ones(count), np.ones(count)
    for i in range(n):
        work[i, i:n] = hessian[i, i:]
        work[i, n] = -gradient[i]
        for j in range(count):
            work[i, n + 1 + j] = 0.0
    for j in range(count):
        row, side = abs(active[j]) - 1, 1.0 if active[j] > 0 else -1.0
        bounds[j] = side * (upper[row] if side > 0.0 else lower[row])
        if row < n:
            work[row, n + 1 + j] = side
            hard[j] += SOFTNESS
        else:
            for i in range(n):
                work[i, n + 1 + j] = side * matrix[row - n, i]
    if not (_factorise(work) and _press(work, bounds, equalities, hard)):
        return False
    for k in range(n - 1, -1, -1):
        value = work[k, n]
        for j in range(k + 1, n):
            value -= work[k, j] * x[j]
        x[k] = value / work[k, k]
    for i in range(n + matrix.shape[0]):
        if i < n:
            value = x[i]
        elif i < n + equalities:
            continue
        else:
            value = 0.0
            for j in range(n):
                value += matrix[i - n, j] * x[j]
        if not lower[i] - TOLERANCE <= value <= upper[i] + TOLERANCE:
            soft_and_active = False
            for j in range(count):
                soft_and_active = soft_and_active or (i < n and abs(active[j]) == i + 1)
            if not soft_and_active:
                return False
    return True
