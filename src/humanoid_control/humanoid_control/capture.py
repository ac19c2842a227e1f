"""The capture point of a standing robot, and the law that keeps it over the feet.

Englsberger, Ott, Albu-Schäffer, "Three-dimensional bipedal walking control based on divergent
component of motion", IEEE T-RO 2015. Everything here is horizontal, shape (2,), [m].
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
        """The convex hull of `points`, shape (p, 2 or 3). Raises ValueError if it has no area."""
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


def pressure_and_excess(
    capture: Array, reference: Array, polygon: SupportPolygon, gain: float, margin: float
) -> tuple[Array, Array]:
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
