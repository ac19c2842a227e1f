"""Gazebo's messages to numbers and back: plain functions, no transport."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from humanoid_hal.driver import Array, Command, DriverError, ImuSample


def stamp_of(message: Any) -> int:
    """The header's time [ns]."""
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nsec)


def joint_arrays(message: Any, names: Sequence[str]) -> tuple[Array, Array]:
    """Position [rad] and velocity [rad/s] of gz.msgs.Model in the order of `names`, shape (n,).

    Raises DriverError when a joint is missing. Its effort is always 0 in Gazebo and is not read.
    """
    axes = [joint.axis1 for joint in message.joint]
    listed = [joint.name for joint in message.joint]
    if listed != list(names):
        by_name = dict(zip(listed, axes, strict=True))
        missing = [name for name in names if name not in by_name]
        if missing:
            raise DriverError(
                f"Gazebo's model has no joint '{missing[0]}' ({len(missing)} of {len(names)} are "
                "missing): the server runs another world; write it with `humanoid gazebo`"
            )
        axes = [by_name[name] for name in names]
    position = np.array([axis.position for axis in axes])
    return position, np.array([axis.velocity for axis in axes])


def imu_sample(messages: Sequence[Any]) -> ImuSample | None:
    """The mean of gz.msgs.IMU readings, as a strap-down unit integrates; None without any."""
    if not messages:
        return None
    rate, force = np.zeros(3), np.zeros(3)
    for message in messages:
        w, a = message.angular_velocity, message.linear_acceleration
        rate += (w.x, w.y, w.z)
        force += (a.x, a.y, a.z)
    return ImuSample(rate / len(messages), force / len(messages))


def wrench_array(messages: Sequence[Any]) -> Array | None:
    """Force [N] then torque [N m] of gz.msgs.Wrench per foot, shape (feet, 6)."""
    if any(message is None for message in messages):
        return None
    rows = [(m.force, m.torque) for m in messages]
    return np.array([(f.x, f.y, f.z, t.x, t.y, t.z) for f, t in rows])


def law_rows(command: Command) -> Array:
    """A command as the torque law takes it, shape (3, n): feed, stiffness, damping."""
    feed = command.effort + command.stiffness * command.position
    return np.array([feed + command.damping * command.velocity, command.stiffness, command.damping])


def law_torque(rows: Array, limits: Array, position: Array, velocity: Array) -> Array:
    """What the law gives for a state: torques [N m], shape (n,)."""
    return np.clip(rows[0] - rows[1] * position - rows[2] * velocity, -limits, limits)


def odometry_arrays(message: Any) -> tuple[Array, Array]:
    """Base pose (x y z, qx qy qz qw) in the world; twist (linear, angular) in the base."""
    p, q = message.pose.position, message.pose.orientation
    v, w = message.twist.linear, message.twist.angular
    return np.array([p.x, p.y, p.z, q.x, q.y, q.z, q.w]), np.array([v.x, v.y, v.z, w.x, w.y, w.z])
