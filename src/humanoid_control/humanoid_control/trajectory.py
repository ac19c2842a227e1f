"""Joint trajectories: what an operator sends, checked once, and played back smoothly.

The meaning is that of ``trajectory_msgs/JointTrajectory`` in ros2_control: points with positions
only are joined by monotone cubic curves that stop at the ends, points with velocities by cubic
Hermite curves, points with accelerations too by quintic ones. A trajectory starts from where the
reference is when it arrives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from humanoid_control.controller import Array
from humanoid_description.problems import nearest
from humanoid_description.robot import RobotDescription
from humanoid_description.strict_yaml import key

#: Checking more would take longer than a control period.
MOST_POINTS = 1000
#: [s] A trajectory that is stopped comes to rest in this time.
BRAKING = 0.2
_SAMPLES = 17  # per quintic segment, when its extremes are looked for


class TrajectoryError(Exception):
    """A trajectory is refused. The message says which joint or point, the rule and what to do."""


@dataclass(frozen=True)
class TrajectoryConfig:
    """What a trajectory may ask for."""

    speed: float = key(
        0.5, above=0.0, max=1.0, doc="fastest joint, as a share of the joint table's velocity limit"
    )
    jump: float = key(
        0.05, min=0.0, unit="rad", doc="largest step from the reference to a first point at time 0"
    )
    longest: float = key(600.0, above=0.0, unit="s", doc="longest trajectory")


@dataclass(frozen=True)
class TrajectoryOrder:
    """A trajectory as received: k points of m joints."""

    joints: tuple[str, ...]
    times: Array  # shape (k,), [s] from the start
    positions: Array  # shape (k, m), [rad]
    velocities: Array | None = None  # shape (k, m), [rad/s]
    accelerations: Array | None = None  # shape (k, m), [rad/s^2]

    @property
    def empty(self) -> bool:
        """An empty trajectory means: stop and hold."""
        return len(self.times) == 0


class Trajectory:
    """A checked trajectory: one polynomial of degree 5 per segment and joint."""

    def __init__(
        self, rows: Sequence[int] | NDArray[np.intp], times: Array, coefficients: Array
    ) -> None:
        """`coefficients`, shape (segments, 6, m): ascending powers of the time in the segment."""
        self.rows = np.array(rows, dtype=np.intp)  # rows of the joint table
        self.duration = float(times[-1])
        self._times = times
        self.coefficients = coefficients

    def at(self, time: float) -> tuple[Array, Array]:
        """Position [rad] and velocity [rad/s], shape (m,), at `time` [s]; held before and after."""
        time = min(max(time, 0.0), self.duration)
        segment = int(np.searchsorted(self._times, time, side="right")) - 1
        segment = min(segment, len(self.coefficients) - 1)
        value, slope = _powers(time - self._times[segment]) @ self.coefficients[segment]
        return value, slope


def braking(
    rows: NDArray[np.intp], position: Array, velocity: Array, lower: Array, upper: Array
) -> Trajectory:
    """From `position` [rad] and `velocity` [rad/s], shape (m,), to rest in :data:`BRAKING` seconds.

    Ends where constant deceleration would end, inside of `lower` and `upper`.
    """
    end = np.clip(position + 0.5 * BRAKING * velocity, lower, upper)
    times = np.array([0.0, BRAKING])
    knots = (np.vstack((position, end)), np.vstack((velocity, np.zeros_like(velocity))), None)
    return Trajectory(rows, times, _coefficients(times, knots))


def plan(
    order: TrajectoryOrder,
    robot: RobotDescription,
    config: TrajectoryConfig,
    reference: Array,
    reference_velocity: Array,
    forbidden: dict[str, str],
) -> Trajectory:
    """Check `order` and join it to the present reference, shapes (n,), [rad] and [rad/s].

    `forbidden` maps joints that no trajectory may move to the reason. Raises TrajectoryError.
    """
    rows = _rows(order, robot, forbidden)
    _check_shapes(order, config)
    _check_limits(order, robot, rows, config)
    times, knots = _knots(order, reference[rows], reference_velocity[rows], config)
    if not len(times) > 1:
        raise TrajectoryError("the only point is at time 0: give it a time_from_start above 0")
    trajectory = Trajectory(rows, times, _coefficients(times, knots))
    _check_between(trajectory, times, robot, config)
    return trajectory


def _rows(order: TrajectoryOrder, robot: RobotDescription, forbidden: dict[str, str]) -> list[int]:
    if not order.joints:
        raise TrajectoryError("joint_names is empty: name the joint of each column")
    for name in order.joints:
        if name not in robot.index:
            raise TrajectoryError(
                f"joint '{name}' is not in the joint table of {robot.name}"
                f"{nearest(name, robot.joint_names)}"
            )
        if name in forbidden:
            raise TrajectoryError(f"joint '{name}' {forbidden[name]}: leave it out")
    if len(set(order.joints)) < len(order.joints):
        twice = next(name for name in order.joints if order.joints.count(name) > 1)
        raise TrajectoryError(f"joint '{twice}' is named twice")
    return [robot.index[name] for name in order.joints]


def _check_shapes(order: TrajectoryOrder, config: TrajectoryConfig) -> None:
    k, m = len(order.times), len(order.joints)
    if k > MOST_POINTS:
        raise TrajectoryError(f"{k} points, more than {MOST_POINTS}: send it in parts")
    if order.accelerations is not None and order.velocities is None:
        raise TrajectoryError("accelerations without velocities: give both or positions alone")
    for what in ("positions", "velocities", "accelerations"):
        values = getattr(order, what)
        if values is None:
            continue
        if values.shape != (k, m):
            raise TrajectoryError(
                f"{what} of shape {values.shape}, expected {k} points of {m} joints"
            )
        if not np.isfinite(values).all():
            point, column = np.argwhere(~np.isfinite(values))[0]
            raise TrajectoryError(
                f"point {point}, joint '{order.joints[column]}': {what} {values[point, column]} "
                "is not finite"
            )
    times = order.times
    if not np.isfinite(times).all() or times[0] < 0.0 or not (np.diff(times) > 0.0).all():
        raise TrajectoryError("time_from_start must be finite, not negative, and increase")
    if times[-1] > config.longest:
        raise TrajectoryError(f"it lasts {times[-1]:.1f} s, longer than {config.longest:g} s")


def _check_limits(
    order: TrajectoryOrder, robot: RobotDescription, rows: list[int], config: TrajectoryConfig
) -> None:
    for column, row in enumerate(rows):
        joint = robot.joints[row]
        position = order.positions[:, column]
        point = int(np.argmax(np.maximum(joint.lower - position, position - joint.upper)))
        if not joint.lower <= position[point] <= joint.upper:
            raise TrajectoryError(
                f"point {point}, joint '{joint.name}': position {position[point]:.3f} rad is "
                f"outside [{joint.lower:g}, {joint.upper:g}]"
            )
        if order.velocities is not None:
            velocity = np.abs(order.velocities[:, column])
            point = int(np.argmax(velocity))
            if velocity[point] > config.speed * joint.velocity:
                raise TrajectoryError(
                    f"point {point}, joint '{joint.name}': velocity {velocity[point]:.3f} rad/s is "
                    f"above {config.speed * joint.velocity:g} rad/s"
                )


def _knots(
    order: TrajectoryOrder, reference: Array, velocity: Array, config: TrajectoryConfig
) -> tuple[Array, tuple[Array, Array, Array | None]]:
    """Times and position, velocity (and acceleration) at each knot, starting at the reference."""
    zero = np.zeros_like(reference)
    times, positions = order.times, order.positions
    velocities, accelerations = order.velocities, order.accelerations
    if times[0] == 0.0:
        step = np.abs(positions[0] - reference)
        worst = int(np.argmax(step))
        if step[worst] > config.jump:
            raise TrajectoryError(
                f"joint '{order.joints[worst]}': the first point is at time 0 and "
                f"{step[worst]:.3f} rad from the present reference (limit {config.jump:g}): "
                "give it a later time_from_start"
            )
        times, positions = times[1:], positions[1:]
        velocities = None if velocities is None else velocities[1:]
        accelerations = None if accelerations is None else accelerations[1:]
    times = np.concatenate(([0.0], times))
    positions = np.vstack((reference, positions))
    if velocities is None:
        velocities = _monotone_slopes(times, positions) if len(times) > 1 else velocity[None]
        velocities[0] = velocity
    else:
        velocities = np.vstack((velocity, velocities))
    if accelerations is not None:
        accelerations = np.vstack((zero, accelerations))
    return times, (positions, velocities, accelerations)


def _monotone_slopes(times: Array, positions: Array) -> Array:
    """Velocities of the curve that never overshoots its points; zero at both ends.

    Fritsch and Butland, "A method for constructing local monotone piecewise cubic interpolants",
    SIAM J. Sci. Stat. Comput. 5(2), 1984: the weighted harmonic mean of the neighbouring secants.
    """
    h = np.diff(times)[:, None]
    secant = np.diff(positions, axis=0) / h
    slopes = np.zeros_like(positions)
    before, after = secant[:-1], secant[1:]
    w1, w2 = 2.0 * h[1:] + h[:-1], h[1:] + 2.0 * h[:-1]
    same = before * after > 0.0
    total = np.where(same, w1 * after + w2 * before, 1.0)
    slopes[1:-1] = np.where(same, (w1 + w2) * before * after / total, 0.0)
    return slopes


def _coefficients(times: Array, knots: tuple[Array, Array, Array | None]) -> Array:
    """Hermite polynomials of degree 3, or 5 with accelerations; shape (segments, 6, m)."""
    positions, velocities, accelerations = knots
    h = np.diff(times)[:, None]
    p, v, step = positions[:-1], velocities[:-1], np.diff(positions, axis=0)
    dv = np.diff(velocities, axis=0)
    out = np.zeros((len(h), 6, positions.shape[1]))
    out[:, 0], out[:, 1] = p, v
    if accelerations is None:
        out[:, 2] = (3.0 * step / h - 3.0 * v - dv) / h
        out[:, 3] = (-2.0 * step / h + 2.0 * v + dv) / h**2
        return out
    a, da = accelerations[:-1], np.diff(accelerations, axis=0)
    # What the end asks beyond the parabola of the start, in units of the segment.
    e0 = step - v * h - 0.5 * a * h**2
    e1 = (dv - a * h) * h
    e2 = da * h**2
    out[:, 2] = 0.5 * a
    out[:, 3] = (10.0 * e0 - 4.0 * e1 + 0.5 * e2) / h**3
    out[:, 4] = (-15.0 * e0 + 7.0 * e1 - e2) / h**4
    out[:, 5] = (6.0 * e0 - 3.0 * e1 + 0.5 * e2) / h**5
    return out


def _powers(time: float) -> Array:
    """Row 0: powers of `time`; row 1: their derivatives. Shape (2, 6)."""
    t2 = time * time
    t3, t4 = t2 * time, t2 * t2
    return np.array(
        (
            (1.0, time, t2, t3, t4, t4 * time),
            (0.0, 1.0, 2.0 * time, 3.0 * t2, 4.0 * t3, 5.0 * t4),
        )
    )


def _check_between(
    trajectory: Trajectory, times: Array, robot: RobotDescription, config: TrajectoryConfig
) -> None:
    """Refuse curves that leave the limits between their points."""
    rows, coefficients = trajectory.rows, trajectory.coefficients
    lower, upper = robot.column("lower")[rows], robot.column("upper")[rows]
    fastest = config.speed * robot.column("velocity")[rows]
    position, velocity = _evaluate(coefficients, _extremes(coefficients, np.diff(times)))
    excess = np.abs(velocity) - fastest
    if excess.max() > 0.0:
        segment, sample, column = np.unravel_index(int(np.argmax(excess)), excess.shape)
        raise TrajectoryError(
            f"joint '{robot.joint_names[rows[column]]}' would move at "
            f"{abs(velocity[segment, sample, column]):.3f} rad/s between {times[segment]:.2f} s "
            f"and {times[segment + 1]:.2f} s, above {fastest[column]:g} rad/s: give it more time"
        )
    excess = np.maximum(lower - position, position - upper)
    if excess.max() > 1e-9:
        segment, sample, column = np.unravel_index(int(np.argmax(excess)), excess.shape)
        raise TrajectoryError(
            f"joint '{robot.joint_names[rows[column]]}' would swing to "
            f"{position[segment, sample, column]:.3f} rad between {times[segment]:.2f} s and "
            f"{times[segment + 1]:.2f} s, outside [{lower[column]:g}, {upper[column]:g}]: "
            "lower the velocities of its points"
        )


def _extremes(coefficients: Array, lengths: Array) -> Array:
    """Times since the segment's start at which its extremes are looked for, shape (segments, s, m).

    Exact for cubics: the ends, the two roots of the velocity and of the acceleration. Sampled for
    quintics.
    """
    h = lengths[:, None]
    if coefficients[:, 4:].any():
        share = np.linspace(0.0, 1.0, _SAMPLES)[None, :, None]
        return np.broadcast_to(share * h[:, None], (len(h), _SAMPLES, coefficients.shape[2]))
    c1, c2, c3 = coefficients[:, 1], coefficients[:, 2], coefficients[:, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        # Roots of c1 + 2 c2 t + 3 c3 t^2, in the form that does not cancel.
        half = -(c2 + np.copysign(np.sqrt(np.maximum(c2 * c2 - 3.0 * c1 * c3, 0.0)), c2))
        candidates = np.stack((half / (3.0 * c3), c1 / half, -c2 / (3.0 * c3)), axis=1)
    candidates = np.clip(np.nan_to_num(candidates), 0.0, h[:, None])
    ends = np.broadcast_to(h[:, None] * np.array([0.0, 1.0])[:, None], (len(h), 2, c1.shape[1]))
    return np.concatenate((ends, candidates), axis=1)


def _evaluate(coefficients: Array, times: Array) -> tuple[Array, Array]:
    """Position and velocity of every segment and joint at `times`, shape (segments, s, m)."""
    c = coefficients[:, None]
    position = np.broadcast_to(c[:, :, 5], times.shape)
    velocity = np.zeros(times.shape)
    for power in range(4, -1, -1):
        velocity = velocity * times + position
        position = position * times + c[:, :, power]
    return position, velocity
