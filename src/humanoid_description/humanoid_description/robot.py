"""The joint table in memory: what every package knows of one robot.

Everything here is read-only data, validated by :mod:`humanoid_description.load`. Joint arrays are
in table order, which is also the order of the pinocchio and MuJoCo models made from it.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """A frame in its parent frame."""

    xyz: Array  # shape (3,), [m]
    rpy: Array  # shape (3,), [rad] fixed axes x, y, z

    @cached_property
    def rotation(self) -> Array:
        """Rotation matrix child-to-parent, shape (3, 3): Rz(yaw) Ry(pitch) Rx(roll)."""
        (sr, sp, sy), (cr, cp, cy) = np.sin(self.rpy), np.cos(self.rpy)
        return np.array([
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ])  # fmt: skip


@dataclass(frozen=True)
class Joint:
    """One actuated joint (a row of the joint table). Revolute; angles about the URDF axis."""

    name: str
    lower: float  # [rad] position limit the gate enforces; inside the URDF's limit
    upper: float  # [rad]
    velocity: float  # [rad/s] largest speed
    effort: float  # [N m] largest torque
    armature: float  # [kg m^2] rotor inertia reflected through the gear
    stiffness: float  # [N m/rad] holds a pose in `ready` and HOLD
    damping: float  # [N m s/rad] with `stiffness`, and alone in DAMP
    temperature: float  # [degC] hard limit of the motor


@dataclass(frozen=True)
class Foot:
    """One sole. Contact points are the corners of the support rectangle or polygon."""

    name: str  # REP-120 frame: l_sole, r_sole
    link: str  # URDF link that carries the sole
    origin: Array  # shape (3,), [m] sole frame in the link frame; axes parallel to the link's
    points: Array  # shape (k, 3), [m] contact points in the sole frame, z = 0
    force_sensor: bool  # a 6-axis force-torque sensor measures the wrench at the sole


@dataclass(frozen=True)
class Imu:
    """The inertial sensor the base estimator uses."""

    link: str
    xyz: Array  # shape (3,), [m] sensor origin in the link frame
    rpy: Array  # shape (3,), [rad] sensor orientation in the link frame, fixed axes


@dataclass(frozen=True)
class RobotDescription:
    """A whole robot: the joint table plus the URDF it was checked against."""

    name: str
    directory: Path  # config/robots/<robot>
    urdf_path: Path
    urdf: str  # XML text; mesh addresses are file://…
    base_link: str  # URDF link that REP-120 calls base_link
    frames: dict[str, str]  # REP-120 frame name -> URDF link name, e.g. torso -> torso_link
    joints: tuple[Joint, ...]
    locked: dict[str, float]  # unactuated joints of the URDF, held at this angle [rad]
    feet: tuple[Foot, ...]
    imu: Imu
    frame_offsets: dict[str, Pose] = field(default_factory=dict)  # in the link; others: its own
    poses: dict[str, Array] = field(default_factory=dict)  # named postures, shape (n,), [rad]

    @cached_property
    def joint_names(self) -> tuple[str, ...]:
        return tuple(joint.name for joint in self.joints)

    @cached_property
    def index(self) -> dict[str, int]:
        """Joint name -> row of the table."""
        return {name: row for row, name in enumerate(self.joint_names)}

    def column(self, field_name: str) -> Array:
        """One column of the table, shape (n,), e.g. ``column("effort")``."""
        return np.array([getattr(joint, field_name) for joint in self.joints])
