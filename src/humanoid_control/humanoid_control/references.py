"""The operator's references: checked, clamped, and moved no faster than configured.

Six values follow the ordered body pose with limited speed and acceleration; a joint trajectory
writes into the posture. Frozen means: the body comes to a stop where it is, a trajectory stops and
is held.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from humanoid_control.controller import Array, References
from humanoid_control.ramps import Stopwatch
from humanoid_control.trajectory import (
    Trajectory,
    TrajectoryConfig,
    TrajectoryOrder,
    braking,
    plan,
)
from humanoid_control.velocity import VelocityConfig, VelocityReference, clamp
from humanoid_description.robot import RobotDescription
from humanoid_description.strict_yaml import key

#: The values of a body pose, in their order.
NAMES = ("CoM x", "CoM y", "height", "roll", "pitch", "yaw")


class BodyPoseError(Exception):
    """A body pose is refused; the message says why."""


@dataclass(frozen=True)
class ReferencesConfig:
    """Ranges and speeds of what an operator may ask for while the robot balances."""

    com_lower: tuple[float, float] = key((-0.03, -0.06), max=0.0, unit="m", doc="back, right")
    com_upper: tuple[float, float] = key((0.03, 0.06), min=0.0, unit="m", doc="front, left")
    com_speed: float = key(0.05, above=0.0, unit="m/s")
    com_acceleration: float = key(0.1, above=0.0, unit="m/s^2")
    height_lower: float = key(
        0.7, above=0.0, max=1.0, doc="lowest base height, as a share of the ready pose's"
    )
    height_upper: float = key(
        1.0, above=0.0, doc="highest base height, as a share of the ready pose's"
    )
    height_speed: float = key(0.15, above=0.0, unit="m/s")
    height_acceleration: float = key(0.3, above=0.0, unit="m/s^2")
    torso: tuple[float, float, float] = key(
        (0.2, 0.3, 0.4), min=0.0, unit="rad", doc="largest roll, pitch and yaw to either side"
    )
    torso_speed: float = key(0.4, above=0.0, unit="rad/s")
    torso_acceleration: float = key(0.8, above=0.0, unit="rad/s^2")
    trajectory: TrajectoryConfig = field(default_factory=TrajectoryConfig)
    velocity: VelocityConfig = field(default_factory=VelocityConfig)

    def __post_init__(self) -> None:
        if not self.height_lower <= 1.0 <= self.height_upper:
            raise ValueError("1 must lie between height_lower and height_upper")


def body_range(config: ReferencesConfig, ready_height: float) -> tuple[Array, Array]:
    """Lowest and highest body pose, each of shape (6,): see :data:`NAMES`; m and rad.

    `ready_height` [m] of base_link above the soles.
    """
    height = np.array([config.height_lower, config.height_upper]) * ready_height
    return (
        np.concatenate((config.com_lower, height[:1], np.negative(config.torso))),
        np.concatenate((config.com_upper, height[1:], config.torso)),
    )


class LimitedMotion:
    """Values that follow a target with limited speed and acceleration, coming to rest on it."""

    def __init__(self, value: Array, speed: Array, acceleration: Array) -> None:
        self.value = value.copy()
        self.target = value.copy()
        self._speed, self._acceleration = speed, acceleration
        self._velocity = np.zeros_like(value)
        self._resting = True

    def order(self, target: Array) -> None:
        """Move to `target`."""
        self.target = target.copy()
        self._resting = False

    def stop(self) -> None:
        """Brake: the target becomes where the motion can come to rest soonest."""
        if not self._resting:
            v = self._velocity
            self.order(self.value + v * np.abs(v) / (2.0 * self._acceleration))

    def jump(self, value: Array) -> None:
        """Be at `value`, at rest."""
        self.value, self.target = value.copy(), value.copy()
        self._velocity = np.zeros_like(value)
        self._resting = True

    def advance(self, dt: float) -> None:
        """Move on by `dt` [s].

        The speed is the largest from which braking, in steps of `dt`, still ends on the target.
        """
        if self._resting or dt <= 0.0:
            return
        error = self.target - self.value
        change = self._acceleration * dt
        braking = (
            np.sqrt(2.0 * self._acceleration * np.abs(error) + 0.25 * change**2) - 0.5 * change
        )
        wanted = np.sign(error) * np.minimum(np.minimum(braking, self._speed), np.abs(error) / dt)
        self._velocity = np.clip(wanted, self._velocity - change, self._velocity + change)
        self.value = self.value + self._velocity * dt
        if np.array_equal(self.value, self.target) or (
            np.all(np.abs(self.target - self.value) <= change * dt)
            and np.all(np.abs(self._velocity) <= change)
        ):
            self.jump(self.target)


class _Run:
    """A trajectory on its way."""

    def __init__(self, trajectory: Trajectory, stamp: int) -> None:
        self.trajectory = trajectory
        self.watch = Stopwatch()
        self.watch.start(stamp)


class OperatorReferences:
    """Holds :class:`References` (`values`) and moves it on, sample by sample."""

    def __init__(
        self,
        robot: RobotDescription,
        config: ReferencesConfig,
        ready_height: float,
        legs: frozenset[str],
    ) -> None:
        """`ready_height` [m] of base_link above the soles; `legs`: joints that carry the robot."""
        self._robot, self._config = robot, config
        self._pose = robot.poses["ready"]
        self._forbidden = dict.fromkeys(
            sorted(legs), "carries the robot and belongs to the balance"
        )
        self._lower, self._upper = body_range(config, ready_height)
        self._neutral = np.array([0.0, 0.0, ready_height, 0.0, 0.0, 0.0])
        self._body = LimitedMotion(
            self._neutral,
            np.repeat([config.com_speed, config.height_speed, config.torso_speed], (2, 1, 3)),
            np.repeat(
                [config.com_acceleration, config.height_acceleration, config.torso_acceleration],
                (2, 1, 3),
            ),
        )
        self._walking = VelocityReference(config.velocity)
        self._running: list[_Run] = []
        self._lower_limit, self._upper_limit = robot.column("lower"), robot.column("upper")
        n = len(robot.joints)
        self._position, self._velocity = self._pose.copy(), np.zeros(n)
        self._tracked = np.zeros(n, dtype=bool)
        self.values = References(
            position=self._position, velocity=self._velocity, tracked=self._tracked
        )
        self._write_body()

    @property
    def moving(self) -> bool:
        """Whether a trajectory is running."""
        return bool(self._running)

    def order_body(self, com_offset: Array, height: float, torso: Array) -> tuple[str, ...]:
        """Move the body there; returns what had to be clamped. :class:`References` says the frames.

        `com_offset`, shape (2,), [m]; `height` [m] of base_link above the soles, 0: that of the
        ready pose; `torso`, shape (3,), roll pitch yaw [rad]. Raises BodyPoseError on a value that
        is not finite.
        """
        order = np.concatenate((com_offset, [height if height != 0.0 else self._neutral[2]], torso))
        if not np.isfinite(order).all():
            name = NAMES[int(np.argmin(np.isfinite(order)))]
            raise BodyPoseError(f"body pose: {name} is not finite")
        clamped, changes = clamp(order, self._lower, self._upper, NAMES)
        self._body.order(clamped)
        return changes

    def order_velocity(
        self, twist: Array, stamp: int, limits: tuple[Array, Array] | None = None
    ) -> tuple[str, ...]:
        """Walk with `twist`, see :meth:`VelocityReference.order`."""
        return self._walking.order(twist, stamp, limits)

    def stop_walking(self) -> None:
        """Slow the walk down to rest."""
        self._walking.stop()

    def order_trajectory(self, order: TrajectoryOrder, stamp: int) -> None:
        """Follow `order` from `stamp` [ns] on, in the place of what is running.

        An empty one only stops. Raises TrajectoryError, and then what is running goes on.
        """
        if order.empty:
            self._brake(stamp, ())
            return
        config, position, velocity = self._config.trajectory, self._position, self._velocity
        planned = plan(order, self._robot, config, position, velocity, self._forbidden)
        self._brake(stamp, planned.rows)
        self._running.append(_Run(planned, stamp))
        self._tracked[planned.rows] = True

    def freeze(self, stamp: int) -> None:
        """From `stamp` [ns] on, bring everything to rest and hold it."""
        self._brake(stamp, ())
        self._body.stop()
        self._walking.stop()

    def reset(self) -> None:
        """Back to the ready pose at once: for modes that do not balance."""
        self._running.clear()
        self._velocity[:] = 0.0
        self._tracked[:] = False
        self._position[:] = self._pose
        self._body.jump(self._neutral)
        self._walking.reset()
        self._write_body()

    def advance(self, stamp: int, dt: float) -> None:
        """Move on to the sample of `stamp` [ns], `dt` [s] after the last one."""
        self._body.advance(dt)
        self._walking.advance(stamp, dt)
        self._write_body()
        for run in tuple(self._running):
            run.watch.advance(stamp)
            rows = run.trajectory.rows
            self._position[rows], self._velocity[rows] = run.trajectory.at(run.watch.elapsed)
            if run.watch.elapsed >= run.trajectory.duration:
                self._velocity[rows] = 0.0
                self._tracked[rows] = False
                self._running.remove(run)

    def _brake(self, stamp: int, replaced: Sequence[int] | NDArray[np.intp]) -> None:
        """Bring the running joints to rest, but for those `replaced` by another trajectory."""
        running, self._running = self._running, []
        for run in running:
            rows = run.trajectory.rows[~np.isin(run.trajectory.rows, replaced)]
            if len(rows):
                lower, upper = self._lower_limit[rows], self._upper_limit[rows]
                stop = braking(rows, self._position[rows], self._velocity[rows], lower, upper)
                self._running.append(_Run(stop, stamp))

    def _write_body(self) -> None:
        body = self._body.value
        self.values.twist = self._walking.value
        self.values.com_offset = body[:2]
        self.values.height = float(body[2])
        self.values.torso = body[3:]
