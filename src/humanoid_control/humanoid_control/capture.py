"""The capture point of a standing robot, and the law that keeps it over the feet.

Englsberger, Ott, Albu-Schäffer, "Three-dimensional bipedal walking control based on divergent component
of motion", IEEE T-RO 2015. Everything here is horizontal, shape (2,), [m].
"""

from dataclasses import dataclass

import numpy as np

from humanoid_control.controller import Array
from humanoid_control.whole_body.contact import hull_edges


@dataclass(frozen=True)
class SupportPolygon:
    """Convex region: a point is inside while ``normals @ point <= offsets``."""

    normals: Array  # shape (k, 2), outward, unit length
    offsets: Array  # shape (k,), [m]

    @classmethod
    def of(cls, points: Array) -> "SupportPolygon":
        """The convex hull of `points`, shape (p, 2) or (p, 3). Raises ValueError if it has no area."""
        return cls(*hull_edges(points))

    def distance_outside(self, point: Array) -> float:
        """How far `point` is beyond the nearest edge line [m]; negative inside."""
        return float(np.max(self.normals @ point - self.offsets))

    def cut(self, inside: Array, point: Array, margin: float = 0.0) -> Array:
        """The last point on the way from `inside` to `point` that keeps `margin` [m] to the edges.

        An `inside` beyond the margin is returned itself.
        """
        way = point - inside
        advance = self.normals @ way
        room = self.offsets - margin - self.normals @ inside
        ahead = advance > 1e-9
        share = np.min(room[ahead] / advance[ahead], initial=1.0)
        return inside + max(float(share), 0.0) * way


def pivot(
    capture: Array, reference: Array, polygon: SupportPolygon, gain: float, hip: float, margin: float
) -> Array:
    """Return the centroidal moment pivot that drives the capture point to `reference`.

    Within reach of the feet it is the centre of pressure: `gain` times the error beyond the reference,
    cut at the edge. When the capture point comes nearer to the edge than `margin` [m], no pressure
    under the feet would hold it for long: the pivot goes beyond the edge by `hip` times the excess,
    which takes angular momentum, the hip strategy (Pratt, Carff, Drakunov, Goswami, "Capture point: a
    step toward humanoid push recovery", 2006).
    """
    error = capture - reference
    under_feet = polygon.cut(reference, reference + gain * error)
    excess = capture - polygon.cut(reference, capture, margin)
    return under_feet + hip * excess
