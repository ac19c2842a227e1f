"""The arithmetic of support polygons, compiled. Points [m] are complex numbers x + iy."""

from math import inf

from humanoid_control.controller import Array
from humanoid_runtime.compiled import MATRIX, NUMBER, kernel

_POINT = "c16"


@kernel(NUMBER, MATRIX, _POINT)
def distance_outside(edges: Array, point: complex) -> float:
    """See :meth:`SupportPolygon.distance_outside`."""
    most = -inf
    for i in range(len(edges)):
        x, y, offset = edges[i, 0], edges[i, 1], edges[i, 2]
        most = max(most, x * point.real + y * point.imag - offset)
    return most


@kernel(_POINT, MATRIX, _POINT, _POINT, NUMBER)
def cut(edges: Array, inside: complex, point: complex, margin: float) -> complex:
    """See :meth:`SupportPolygon.cut`."""
    way, share = point - inside, 1.0
    for i in range(len(edges)):
        x, y, offset = edges[i, 0], edges[i, 1], edges[i, 2]
        advance = x * way.real + y * way.imag
        if advance > 1e-9:
            room = offset - margin - (x * inside.real + y * inside.imag)
            share = min(share, room / advance)
    return inside + max(share, 0.0) * way
