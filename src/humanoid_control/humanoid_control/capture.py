"""The capture point of a standing robot, and the law that keeps it over the feet.

Englsberger, Ott, Albu-Schäffer, "Three-dimensional bipedal walking control based on divergent
component of motion", IEEE T-RO 2015.

Everything here is horizontal. Points [m] are complex numbers x + iy: plain numbers are many times
faster than arrays of two, and a turn is a product.
"""

import numpy as np

from humanoid_control import kernels
from humanoid_control.controller import Array
from humanoid_control.whole_body.contact import hull_edges


class SupportPolygon:
    """Convex region of `edges`, rows (normal x, normal y, offset): ``normal point <= offset``.

    The normals, of unit length, point outward; offsets in [m].
    """

    def __init__(self, edges: Array) -> None:
        self.edges = edges

    @classmethod
    def of(cls, points: Array) -> "SupportPolygon":
        """The convex hull of `points`, shape (p, 2 or 3). Raises ValueError if it has no area."""
        normals, offsets = hull_edges(points)
        return cls(np.column_stack((normals, offsets)))

    def distance_outside(self, point: complex) -> float:
        """How far `point` is beyond the nearest edge line [m]; negative inside."""
        return float(kernels.distance_outside(self.edges, point))

    def cut(self, inside: complex, point: complex, margin: float = 0.0) -> complex:
        """The last point on the way from `inside` to `point` that keeps `margin` [m] to the edges.

        An `inside` beyond the margin is returned itself.
        """
        return complex(kernels.cut(self.edges, inside, point, margin))


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
