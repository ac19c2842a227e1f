"""The capture point of a standing robot, and the law that keeps it over the feet.

Englsberger, Ott, Albu-Schäffer, "Three-dimensional bipedal walking control based on divergent
component of motion", IEEE T-RO 2015.

Everything here is horizontal. Points [m] are complex numbers x + iy: plain numbers are many times
faster than arrays of two, and a turn is a product.
"""

from dataclasses import dataclass

from humanoid_control.controller import Array
from humanoid_control.whole_body.contact import hull_edges


@dataclass(frozen=True)
class SupportPolygon:
    """Convex region: a point is inside while ``dot(normal, point) <= offset`` for every edge."""

    edges: tuple[tuple[complex, float], ...]  # outward normal of unit length, offset [m]

    @classmethod
    def of(cls, points: Array) -> "SupportPolygon":
        """The convex hull of `points`, shape (p, 2 or 3). Raises ValueError if it has no area."""
        normals, offsets = hull_edges(points)
        return cls(tuple((complex(*n), o) for n, o in zip(normals, offsets.tolist(), strict=True)))

    def distance_outside(self, point: complex) -> float:
        """How far `point` is beyond the nearest edge line [m]; negative inside."""
        return max(dot(normal, point) - offset for normal, offset in self.edges)

    def cut(self, inside: complex, point: complex, margin: float = 0.0) -> complex:
        """The last point on the way from `inside` to `point` that keeps `margin` [m] to the edges.

        An `inside` beyond the margin is returned itself.
        """
        way, share = point - inside, 1.0
        for normal, offset in self.edges:
            advance = dot(normal, way)
            if advance > 1e-9:
                share = min(share, (offset - margin - dot(normal, inside)) / advance)
        return inside + max(share, 0.0) * way


def dot(a: complex, b: complex) -> float:
    """Scalar product of two planar vectors."""
    return a.real * b.real + a.imag * b.imag


def pressure_and_excess(
    capture: complex, reference: complex, polygon: SupportPolygon, gain: float, margin: float
) -> tuple[complex, complex]:
    """Return the centre of pressure that drives the capture point to `reference`, and the excess.

    The pressure lies `gain` times the error beyond the reference, cut at the edge. Where the
    capture point is nearer to the edge than `margin` [m], no pressure under the feet brings it
    back fast enough; the excess is the part of its way beyond the margin. Only a change of angular
    momentum moves the line of the ground forces there: the hip strategy (Pratt, Carff, Drakunov,
    Goswami, "Capture point: a step toward humanoid push recovery", Humanoids 2006).
    """
    error = capture - reference
    pressure = polygon.cut(reference, reference + gain * error)
    return pressure, capture - polygon.cut(reference, capture, margin)
