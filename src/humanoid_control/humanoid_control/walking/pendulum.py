"""The linear inverted pendulum, in its divergent component of motion (the capture point).

With the rate ``w = sqrt(g / height)`` the capture point ``xi = c + dc / w`` runs away from the
centre of pressure p: ``d xi = w (xi - p)``. All points are horizontal, [m].

Englsberger, Ott, Albu-Schäffer, "Three-dimensional bipedal walking control based on divergent
component of motion", IEEE T-RO 2015. Khadiv, Herzog, Moosavian, Righetti, "Walking control based on
step timing adaptation", IEEE T-RO 2020.
"""

from math import exp

import numpy as np

from humanoid_control.controller import Array


def advance(capture: Array, pressure: Array, growth: float) -> Array:
    """The capture point after a time t of constant `pressure`; `growth` is ``exp(w t)``."""
    return pressure + growth * (capture - pressure)


def steady_offset(step: Array, sway: float, growth: float) -> Array:
    """Capture point from the new stance foot, at each touchdown of a periodic gait.

    `step`, shape (2,), is the mean displacement from one foot to the next, `sway` what is added to
    y to reach the new foot from the old one (it changes sign with every step), `growth` is
    ``exp(w T)`` over a step. Khadiv et al., equations 6 and 7.
    """
    offset = step / (growth - 1.0)
    offset[1] -= sway / (growth + 1.0)
    return offset


def steering_pressure(
    capture: Array, goal: Array, centre: Array, rate: float, remaining: float, gain: float
) -> Array:
    """Constant pressure that brings the capture point to `goal` in `remaining` [s].

    `centre` is where the pressure would be if the capture point were on its way; at most `gain`
    (above 1) times the error is added to it: near the end the goal is missed rather than chased.
    """
    growth = exp(rate * remaining)
    error = capture - (centre + (goal - centre) / growth)
    bold = growth / (growth - 1.0) if growth > 1.0 + 1e-9 else np.inf
    return centre + min(bold, gain) * error
