"""The one interface of everything that can drive the robot.

Pure values in, pure values out; time is ``state.stamp``. Joint arrays are in table order; `q` and
`v` are pinocchio's: ``q = [base xyz, base quaternion xyzw, joints]``, ``v = [base linear, base
angular (both in the base frame), joints]``.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

UPRIGHT, FALLING, FALLEN = 0, 1, 2


@dataclass(slots=True)
class State:
    """The robot state as control sees it: the estimator's snapshot, never the simulator's truth."""

    stamp: int  # [ns] of the sample
    q: Array  # shape (nq,), base in odom
    v: Array  # shape (nv,)
    effort: Array  # shape (n,), [N m] measured
    contact: NDArray[np.bool_]  # shape (feet,)
    wrenches: Array  # shape (feet, 6), ground on foot in the sole frame, [N], [N m]
    fall: int = UPRIGHT
    valid: bool = True  # False: q and v must not be used to balance
    armed: bool = True  # the actuators receive torque


@dataclass(slots=True)
class References:
    """What the operator asks for, already checked and rate-limited."""

    #: CoM offset from the middle of the feet, shape (2,), [m] in base_footprint (x forward, y
    #: left).
    com_offset: Array = field(default_factory=lambda: np.zeros(2))
    #: Height of base_link above the soles [m]; None: the height of the ready pose.
    height: float | None = None
    #: Torso orientation against base_footprint, shape (3,), roll pitch yaw [rad].
    torso: Array = field(default_factory=lambda: np.zeros(3))
    #: Walking velocity, shape (3,): forward and left [m/s], turning [rad/s], in base_footprint.
    twist: Array = field(default_factory=lambda: np.zeros(3))
    #: Posture, shape (n,), [rad] and [rad/s]; trajectories write into it.
    position: Array | None = None
    velocity: Array | None = None
    #: Joints that must follow `position` closely (a running trajectory), shape (n,).
    tracked: NDArray[np.bool_] | None = None


@dataclass(slots=True)
class JointTargets:
    """tau = effort + stiffness (position - q) + damping (velocity - dq); arrays of shape (n,)."""

    position: Array
    velocity: Array
    effort: Array
    stiffness: Array
    damping: Array


class HandOverError(Exception):
    """A controller cannot go on, though the robot balances still: its mode's fallback takes over.

    Raised by :meth:`Controller.update`; the message says why.
    """


class Controller(ABC):
    """One way to drive the robot. The mode supervisor owns the switching and the blending."""

    name: ClassVar[str]
    #: Whether it needs `state.valid`, and keeps the robot from falling while it has it.
    balances: ClassVar[bool] = True
    #: Whether it may run while the robot lies: a fall does not end it.
    lies: ClassVar[bool] = False
    #: Whether it follows the reference `twist`.
    walks: ClassVar[bool] = False
    #: Lower and upper end, shape (3,) each, of the `twist` it can follow; None: as configured in
    #: `references.velocity`.
    velocity_range: tuple[Array, Array] | None = None

    @abstractmethod
    def blocked(self, state: State) -> str | None:
        """Why this controller cannot take over in `state`, or None. Says what to do about it."""

    @abstractmethod
    def start(self, state: State, last: JointTargets) -> None:
        """Take over from `last`, the targets sent for the previous sample; copy what you keep."""

    @abstractmethod
    def update(self, state: State, references: References) -> JointTargets:
        """Answer one sample. Called once per stamp, in stamp order."""

    def missing(self) -> str:
        """What this machine lacks for it, and what to install; "": it can run."""
        return ""

    def busy(self) -> str | None:
        """What it must finish before a mode beyond it may take over, or None."""
        return None
