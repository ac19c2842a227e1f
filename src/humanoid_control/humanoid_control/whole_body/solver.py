"""The quadratic program solver, behind one function."""

import daqp
import numpy as np
from numpy.typing import NDArray

from humanoid_control.controller import Array
from humanoid_control.whole_body.qp_kernels import SOFTNESS, TOLERANCE

#: Kinds of constraints, in daqp's numbers.
INEQUALITY, EQUALITY, SOFT = 0, 5, 8

#: Bounds beyond this are none.
INFINITY = 1e30

#: Far above what standing and walking need (3 to 20); a bound on the time of a hopeless tick.
_ITERATIONS = 300


def solve_qp(
    H: Array, g: Array, A: Array, lower: Array, upper: Array, kind: NDArray[np.int32]
) -> tuple[Array, Array] | None:
    """Minimise ``x' H x / 2 + g' x`` subject to ``lower <= (x[:s], A x) <= upper``; None: failed.

    With n variables and m rows in `A`: `H` (n, n) positive definite, `A` (m, n), both
    C-contiguous; `lower`, `upper` and `kind` (s + m,), where s is the number of leading variables
    with simple bounds. Returns x and the forces of the constraints, shape (s + m,): positive at the
    upper bound, negative at the lower, 0 where they are not active.

    daqp: Arnström, Bemporad, Axehill, "A dual active-set solver for embedded quadratic programming
    using recursive LDL' updates", IEEE TAC 2022.
    """
    # Its own elimination of equalities costs more than it saves at this size (measured).
    x, _, flag, info = daqp.solve(
        H,
        g,
        A,
        upper,
        lower,
        kind,
        primal_tol=TOLERANCE,
        rho_soft=SOFTNESS,
        iter_limit=_ITERATIONS,
        eq_reduction=daqp.EQ_REDUCTION_OFF,
    )
    return (x, info["lam"]) if flag > 0 and np.isfinite(x).all() else None
