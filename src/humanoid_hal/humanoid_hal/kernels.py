"""One compiled look at all joints: whether anything is wrong at all.

It hardly ever is. What exactly it is, is then found, told and mended joint by joint elsewhere.
Comparisons are written so that NaN is taken as wrong.
"""

import numpy as np
from numpy.typing import NDArray

from humanoid_runtime.compiled import INDEX, MATRIX, NUMBER, VECTOR, kernel

Array = NDArray[np.float64]

#: What :func:`unusual` finds, as bits.
SAME_POSITION, BEYOND, MOVING, FULL_TORQUE = 1, 2, 4, 8


@kernel("b1", MATRIX)
def finite(values: Array) -> bool:
    """Whether no number of `values`, shape (r, n), is NaN or infinite."""
    for row in values:
        for value in row:
            if not np.isfinite(value):
                return False
    return True


@kernel("b1", MATRIX, MATRIX, MATRIX)
def within(values: Array, lower: Array, upper: Array) -> bool:
    """Whether ``lower <= values <= upper``; all of shape (r, n)."""
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            if not lower[i, j] <= values[i, j] <= upper[i, j]:
                return False
    return True


@kernel("b1", VECTOR, VECTOR, VECTOR, NUMBER)
def slow(values: Array, before: Array, rates: Array, seconds: float) -> bool:
    """Whether ``abs(values - before) <= rates * seconds``; all of shape (n,)."""
    kept = True
    for j in range(len(values)):
        kept = kept and abs(values[j] - before[j]) <= rates[j] * seconds
    return kept


@kernel("b1", MATRIX, *5 * [VECTOR])
def torque_within(
    values: Array, position: Array, velocity: Array, most: Array, lower: Array, upper: Array
) -> bool:
    """Whether the torque that a command causes is within ± `most` [N m], and its feedback alone.

    `values`, shape (5, n): the command, rows as in `limiter.FIELDS`; `position` [rad] and
    `velocity` [rad/s] are measured, shape (n,). A joint outside of `lower` to `upper` [rad] counts
    as not within.
    """
    for j in range(len(most)):
        feedback = values[3, j] * (values[0, j] - position[j])
        feedback += values[4, j] * (values[1, j] - velocity[j])
        if not (
            abs(feedback) <= most[j]
            and abs(feedback + values[2, j]) <= most[j]
            and lower[j] <= position[j] <= upper[j]
        ):
            return False
    return True


@kernel(INDEX, MATRIX, MATRIX, *5 * [VECTOR], NUMBER)
def unusual(
    now: Array,
    before: Array,
    position: Array,
    velocity: Array,
    lower: Array,
    upper: Array,
    full_torque: Array,
    still: float,
) -> int:
    """What a sample shows, as the sum of the bits above.

    `now` and `before`, shape (3, n): position [rad], velocity [rad/s], effort [N m] as read;
    `position` and `velocity`, shape (n,): the last valid ones. SAME_POSITION: a
    reading of `now` as before; BEYOND: a position outside of `lower` to `upper` [rad]; MOVING: a
    joint as fast as `still` [rad/s]; FULL_TORQUE: a slower one with at least `full_torque` [N m].
    """
    found = 0
    for j in range(len(position)):
        if now[0, j] == before[0, j]:
            found |= SAME_POSITION
        if position[j] < lower[j] or position[j] > upper[j]:
            found |= BEYOND
        if not abs(velocity[j]) < still:
            found |= MOVING
        elif abs(now[2, j]) >= full_torque[j]:
            found |= FULL_TORQUE
    return found
