"""The rows of the whole-body problem, compiled; see problem.py.

Matrices of this size cost less than the calls that numpy would make on them. Each kernel is one
step of a tick; its last arguments are what it writes.
"""

from humanoid_control.controller import Array
from humanoid_runtime.compiled import INDEX, MATRIX, VECTOR, kernel

_ROTATION = "f8[::1,:]"  # of pinocchio's: Fortran order


@kernel("void", _ROTATION, VECTOR, MATRIX, VECTOR, MATRIX, VECTOR, INDEX, MATRIX, MATRIX, VECTOR)
def root_at_foot(
    base_rotation: Array,
    base_position: Array,
    rotation: Array,
    position: Array,
    jacobian: Array,
    slip: Array,
    first: int,
    to_base: Array,
    leg: Array,
    constant: Array,
) -> None:
    """The base acceleration, ``leg a_leg + constant``, that keeps the root foot still.

    `rotation` and `position` are those of the foot, `jacobian`, shape (6, nv), and `slip`, (6,),
    its acceleration; the leg is the joints from `first` (counted from 0) on. Also writes
    `to_base`, shape (6, 6): twists in the foot's axes to the base's.
    """
    away = (
        position[0] - base_position[0],
        position[1] - base_position[1],
        position[2] - base_position[2],
    )
    for j in range(3):
        u, v, w = rotation[0, j], rotation[1, j], rotation[2, j]
        s = away[1] * w - away[2] * v
        t = away[2] * u - away[0] * w
        r = away[0] * v - away[1] * u
        for i in range(3):
            p, q, o = base_rotation[0, i], base_rotation[1, i], base_rotation[2, i]
            to_base[i, j] = to_base[3 + i, 3 + j] = p * u + q * v + o * w
            to_base[i, 3 + j] = p * s + q * t + o * r
            to_base[3 + i, j] = 0.0
    for i in range(6):
        constant[i] = 0.0
        for k in range(6):
            constant[i] -= to_base[i, k] * slip[k]
        for j in range(leg.shape[1]):
            leg[i, j] = 0.0
            for k in range(6):
                leg[i, j] -= to_base[i, k] * jacobian[k, 6 + first + j]


@kernel("void", MATRIX, VECTOR, MATRIX, VECTOR, INDEX, MATRIX)
def rooted(
    jacobian: Array, offset: Array, leg: Array, constant: Array, first: int, rows: Array
) -> None:
    """Rows ``jacobian a + offset`` on the joints alone: see :func:`root_at_foot`.

    Writes the joints' columns of `rows`, shape (r, n + 1), and the last one, the constant part.
    """
    joints, last = jacobian.shape[1] - 6, rows.shape[1] - 1
    for i in range(len(offset)):
        row = rows[i]
        for j in range(joints):
            row[j] = jacobian[i, 6 + j]
        row[last] = offset[i]
        for k in range(6):
            base = jacobian[i, k]
            if base != 0.0:
                for j in range(leg.shape[1]):
                    row[first + j] += base * leg[k, j]
                row[last] += base * constant[k]


@kernel("void", MATRIX, VECTOR, MATRIX, MATRIX, VECTOR, INDEX, *3 * [MATRIX])
def root_wrench(
    mass_matrix: Array,
    bias: Array,
    others: Array,
    leg: Array,
    constant: Array,
    first: int,
    to_base: Array,
    base: Array,
    wrench: Array,
) -> None:
    """The root foot's wrench, from the base rows of the dynamics; both of shape (6, n + 1).

    `others`, shape (6 m, nv), are the jacobians of the other feet, whose wrenches follow the
    joints in the rows' columns.
    """
    rooted(mass_matrix[:6], bias[:6], leg, constant, first, base)
    joints, columns = mass_matrix.shape[0] - 6, base.shape[1]
    for i in range(6):
        for j in range(others.shape[0]):
            base[i, joints + j] = -others[j, i]
    for i in range(6):
        for j in range(columns):
            wrench[i, j] = 0.0
        for k in range(6):
            turn = to_base[k, i]
            if turn != 0.0:
                for j in range(columns):
                    wrench[i, j] += turn * base[k, j]


@kernel("void", MATRIX, *3 * [VECTOR], MATRIX, VECTOR)
def costs(
    rows: Array, weight: Array, posture: Array, wanted: Array, hessian: Array, gradient: Array
) -> None:
    """The cost of `rows`, shape (r, n + 1), each to be zero, with `weight`, (r,).

    The variables themselves are to be `wanted` with the weights `posture`, (n,).
    """
    n = len(gradient)
    for i in range(n):
        out = hessian[i, i:]
        out[:] = 0.0
        out[0] = posture[i]
        slope = -posture[i] * wanted[i]
        for k in range(len(weight)):
            row = rows[k, i:]
            share = weight[k] * row[0]
            if share != 0.0:
                slope += share * rows[k, n]
                for j in range(len(out)):
                    out[j] += share * row[j]
        gradient[i] = slope
    for i in range(n):
        for j in range(i):
            hessian[i, j] = hessian[j, i]


@kernel("void", *3 * [MATRIX], VECTOR, INDEX, MATRIX, VECTOR, VECTOR)
def contacts(
    still: Array,
    cone: Array,
    wrench: Array,
    limit: Array,
    root: int,
    matrix: Array,
    lower: Array,
    upper: Array,
) -> None:
    """The constraints of the feet: rows `still` are zero, and `wrench` is within `cone`.

    The first ones begin the rows of `matrix`, the others are at `root`; `limit` is the cone's.
    """
    n = matrix.shape[1]
    for i in range(still.shape[0]):
        for j in range(n):
            matrix[i, j] = still[i, j]
        lower[i] = upper[i] = -still[i, n]
    for i in range(len(limit)):
        row = matrix[root + i]
        row[:] = 0.0
        offset = 0.0
        for k in range(6):
            share = cone[i, k]
            if share != 0.0:
                offset += share * wrench[k, n]
                for j in range(n):
                    row[j] += share * wrench[k, j]
        upper[root + i] = limit[i] - offset


@kernel(
    "void", VECTOR, MATRIX, VECTOR, MATRIX, VECTOR, INDEX, *3 * [MATRIX], VECTOR, VECTOR, MATRIX
)
def motion(
    x: Array,
    mass_matrix: Array,
    bias: Array,
    leg: Array,
    constant: Array,
    first: int,
    wrench: Array,
    root: Array,
    others: Array,
    acceleration: Array,
    torque: Array,
    wrenches: Array,
) -> None:
    """What a solution `x` means: see :class:`Solution`. `root` is the root foot's jacobian."""
    n, joints = len(x), len(torque)
    for i in range(6):
        acceleration[i] = constant[i]
        for j in range(leg.shape[1]):
            acceleration[i] += leg[i, j] * x[first + j]
        wrenches[0, i] = wrench[i, n]
        for j in range(n):
            wrenches[0, i] += wrench[i, j] * x[j]
    for i in range(joints):
        acceleration[6 + i] = x[i]
        torque[i] = bias[6 + i]
    for k in range(joints + 6):
        for i in range(joints):
            torque[i] += mass_matrix[k, 6 + i] * acceleration[k]
    for k in range(6):
        for i in range(joints):
            torque[i] -= root[k, 6 + i] * wrenches[0, k]
    for k in range(n - joints):
        force = wrenches[1 + k // 6, k % 6] = x[joints + k]
        for i in range(joints):
            torque[i] -= others[k, 6 + i] * force
