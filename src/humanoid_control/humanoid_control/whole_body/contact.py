"""The wrenches a flat sole can press on the ground, as linear inequalities.

Caron, Pham, Nakamura, "Stability of surface contacts for humanoid robots: closed-form formulae of
the contact wrench cone for rectangular support areas", ICRA 2015.
"""

import itertools

import numpy as np

from humanoid_control.controller import Array

#: Candidates along each axis in the search for the largest rectangle inside a sole.
_GRID = 41


def wrench_cone(points: Array, friction: float) -> Array:
    """Return C, shape (k + 13, 6): the contact holds while ``C @ wrench <= 0``.

    `points`, shape (p, 2) or (p, 3), are the contact points in the sole frame [m], k of them
    corners of their convex hull; `wrench` is [force N, torque N m] of the ground on the foot at
    the sole frame's origin. The friction cone of coefficient `friction` is replaced by the pyramid
    inside it. The centre of pressure stays inside the exact polygon; the bounds on the yaw torque
    are those of the largest rectangle in it. Rows: 4 friction, k centre of pressure, 8 yaw torque,
    1 pressure.

    Raises ValueError if the points span no area.
    """
    mu = friction / np.sqrt(2.0)
    slide = [[1, 0, -mu], [-1, 0, -mu], [0, 1, -mu], [0, -1, -mu]]
    pressure = [[0.0, 0.0, -1.0]]
    rows = [np.hstack([slide, np.zeros((4, 3))]), _pressure_rows(points), _yaw_rows(points, mu)]
    return np.vstack([*rows, np.hstack([pressure, np.zeros((1, 3))])])


def hull_edges(points: Array) -> tuple[Array, Array]:
    """Return outward unit normals, shape (k, 2), and offsets [m], shape (k,), of the convex hull.

    In x and y; a point is inside while ``normals @ point <= offsets``. Raises ValueError if the
    hull has no area.
    """
    corners = np.unique(np.asarray(points, dtype=float)[:, :2], axis=0)
    way = corners[None] - corners[:, None]  # from every corner to every other
    length = np.linalg.norm(way, axis=2)
    normals = np.stack((way[..., 1], -way[..., 0]), axis=2) / np.maximum(length, 1e-12)[..., None]
    offsets = np.sum(normals * corners[:, None], axis=2)
    # An edge has every corner on its inner side.
    edges = (length > 0.0) & np.all(normals @ corners.T <= offsets[..., None] + 1e-9, axis=2)
    _, first = np.unique(np.round(normals[edges], 6), axis=0, return_index=True)
    if len(first) < 3:
        raise ValueError(f"contact points {np.round(corners, 4).tolist()} span no area")
    return normals[edges][first], offsets[edges][first]


def inner_rectangle(points: Array) -> tuple[Array, Array]:
    """Return the centre and the half sides, each of shape (2,), [m], of the largest rectangle.

    Along x and y, in the convex hull of `points`; found on a grid. Raises ValueError as
    :func:`hull_edges`.
    """
    normals, offsets = hull_edges(points)
    xs = np.linspace(np.min(points[:, 0]), np.max(points[:, 0]), _GRID)
    room = offsets - np.outer(xs, normals[:, 0])  # what each edge leaves for normal_y * y
    up, down = normals[:, 1] > 1e-9, normals[:, 1] < -1e-9
    high = np.min(room[:, up] / normals[up, 1], axis=1)
    low = np.max(room[:, down] / normals[down, 1], axis=1)
    best = (-1.0, 0.0, 0.0, 0.0, 0.0)
    for i, j in itertools.combinations(range(_GRID), 2):
        top, bottom = min(high[i], high[j]), max(low[i], low[j])
        area = (xs[j] - xs[i]) * max(top - bottom, 0.0)
        best = max(best, (area, xs[i], xs[j], bottom, top))
    _, x0, x1, y0, y1 = best
    return np.array([x0 + x1, y0 + y1]) / 2.0, np.array([x1 - x0, y1 - y0]) / 2.0


def _pressure_rows(points: Array) -> Array:
    """The centre of pressure (-torque_y, torque_x) / force_z is inside the polygon."""
    normals, offsets = hull_edges(points)
    rows = np.zeros((len(offsets), 6))
    rows[:, 2], rows[:, 3], rows[:, 4] = -offsets, normals[:, 1], -normals[:, 0]
    return rows


def _yaw_rows(points: Array, mu: float) -> Array:
    """Equations 14 to 16 of the paper, about the centre of the rectangle."""
    (cx, cy), (x, y) = inner_rectangle(points)
    rows = []
    for yaw, sx, sy in itertools.product((1.0, -1.0), repeat=3):
        # yaw tau_z + |y fx + yaw mu tau_x| + |x fy + yaw mu tau_y| <= mu (x + y) fz
        row = [sx * y, sy * x, -mu * (x + y), sx * yaw * mu, sy * yaw * mu, yaw]
        rows.append(row)
    to_centre = np.eye(6)  # torque at the centre: tau - c x f
    to_centre[3:, :3] = -np.array([[0, 0, cy], [0, 0, -cx], [-cy, cx, 0]])
    return np.array(rows) @ to_centre
