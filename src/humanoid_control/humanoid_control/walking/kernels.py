"""The arithmetic of steps, compiled: which one, and the way there."""

from math import inf, log, sqrt

from humanoid_control.controller import Array
from humanoid_runtime.compiled import MATRIX, NUMBER, VECTOR, kernel, part

#: Durations that are compared; between them the cost is close to a parabola.
_CANDIDATES = 24


@part
def _step_of(growth: float, points: Array, numbers: Array, best: Array) -> float:
    """Cost of the candidate of that growth; writes the foothold and the capture point there."""
    rate, decay, timely, leg_share = numbers[0], numbers[1], numbers[2], numbers[3]
    offset_weight, time_weight, acceleration, reach = numbers[4], numbers[5], numbers[6], numbers[7]
    pressure, capture, centre, foot, velocity = (
        points[0],
        points[1],
        points[2],
        points[3],
        points[4],
    )
    offset, wanted, lower, upper = points[5], points[6], points[7], points[8]
    # The capture point at touchdown for a foot at the origin, and its change per displacement of
    # the foothold: what the legs' swing adds, taken as half way through, when the foot is fastest.
    more = max(growth * decay, 1.0)  # growth and time that are left
    time = log(more) / rate
    share = leg_share * sqrt(more)
    weight = offset_weight * (1.0 - share)
    hurry = growth - timely
    cost = time_weight * hurry * hurry
    for i in range(2):
        half = 0.5 * capture[i]
        moved = half * (more - 1.0) + (centre[i] - half) * (1.0 / more - 1.0)
        landing = pressure[i] + capture[i] * more - share * (foot[i] + 2.0 * moved)
        step = (wanted[i] + weight * (landing - offset[i])) / (1.0 + weight * (1.0 - share))
        if i == 1:  # what the ankle of a leg that leans can level
            middle = pressure[i] + centre[i] + moved
            step = min(max(step, middle - reach), middle + reach)
        step = min(max(step, lower[i]), upper[i])  # what legs reach
        resting = foot[i] + 0.5 * time * velocity[i]  # where it comes to rest by itself
        room = acceleration * time * time
        step = min(max(step, resting - room), resting + room)
        miss = landing - (1.0 - share) * step
        best[i], best[2 + i] = step, miss
        change, error = step - wanted[i], miss - offset[i]
        cost += change * change + offset_weight * error * error
    return cost


@kernel(NUMBER, NUMBER, NUMBER, MATRIX, VECTOR, VECTOR)
def cheapest_step(least: float, most: float, points: Array, numbers: Array, best: Array) -> float:
    """The growth, between `least` and `most`, at which the step costs least.

    That of the parabola through the lowest of the evenly spaced candidates and its neighbours.
    Writes into `best`, shape (4,), the foothold and the capture point from there, [m].

    `points`, shape (9, 2), [m], [m/s]: centre of pressure, capture point and centre of mass from
    there; the swing foot, its velocity; nominal offset and foothold; least and most that legs
    reach. `numbers`, shape (8,): rate [1/s], decay of the growth until now, growth of the nominal
    step, share of the legs, weights of offset and time, acceleration [m/s^2] of the foot, and how
    far to the side of the centre of mass it may land [m].
    """
    spacing = (most - least) / (_CANDIDATES - 1)
    lowest = before = after = last = inf
    index = 0
    for i in range(_CANDIDATES):
        cost = _step_of(least + i * spacing, points, numbers, best)
        if cost < lowest:
            index, lowest, before, after = i, cost, last, inf
        elif i == index + 1:
            after = cost
        last = cost
    growth = least + index * spacing
    bend = before - 2.0 * lowest + after
    if 0 < index < _CANDIDATES - 1 and bend > 0.0:
        growth += 0.5 * spacing * (before - after) / bend
    _step_of(growth, points, numbers, best)
    return growth


@kernel("void", MATRIX, VECTOR, NUMBER, NUMBER)
def follow(motion: Array, target: Array, duration: float, dt: float) -> None:
    """Move `motion`, shape (3, k), by `dt` on the quintic to rest at `target`, (k,), in `duration`.

    Rows of `motion`: position, velocity, acceleration.
    Flash and Hogan, "The coordination of arm movements", J. Neuroscience 5(7), 1985.
    """
    s = dt / duration
    s2, s3 = s * s, s * s * s
    s4, s5 = s2 * s2, s2 * s3
    for i in range(len(target)):
        # Distance to the target, velocity x duration, acceleration x duration^2.
        p = motion[0, i] - target[i]
        v, a = motion[1, i] * duration, motion[2, i] * duration * duration
        position = (1.0 - 10.0 * s3 + 15.0 * s4 - 6.0 * s5) * p
        position += (s - 6.0 * s3 + 8.0 * s4 - 3.0 * s5) * v
        position += 0.5 * (s2 - 3.0 * s3 + 3.0 * s4 - s5) * a
        velocity = 30.0 * (2.0 * s3 - s2 - s4) * p
        velocity += (1.0 - 18.0 * s2 + 32.0 * s3 - 15.0 * s4) * v
        velocity += (s - 4.5 * s2 + 6.0 * s3 - 2.5 * s4) * a
        acceleration = 60.0 * (3.0 * s2 - s - 2.0 * s3) * p
        acceleration += (96.0 * s2 - 36.0 * s - 60.0 * s3) * v
        acceleration += (1.0 - 9.0 * s + 18.0 * s2 - 10.0 * s3) * a
        motion[0, i] = position + target[i]
        motion[1, i] = velocity / duration
        motion[2, i] = acceleration / (duration * duration)
