"""What a policy is shown: named terms, scaled, with their history.

The names, the order of history (each term by itself, the oldest sample first, zeros before the
start) and the clock of the gait are those of holosoma-inference 0.1.3 (`config_values/
observation.py`, `policies/base.py`, `policies/locomotion.py`), and so common in the field.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from humanoid_control.controller import Array


@dataclass(slots=True)
class Sight:
    """What the terms are made of. Joint arrays are in the network's order."""

    orientation: Array  # shape (4,), xyzw, of the base
    linear: Array  # shape (3,), [m/s], base frame
    angular: Array  # shape (3,), [rad/s], base frame
    position: Array  # shape (n,), [rad], from the default pose
    velocity: Array  # shape (n,), [rad/s]
    action: Array  # shape (n,), the last one
    command: Array  # shape (3,): forward and left [m/s], turning [rad/s]
    phase: Array  # shape (2,), [rad]: left and right foot


def gravity_in_base(orientation: Array) -> Array:
    """Direction of gravity in the base frame, shape (3,); `orientation` is xyzw, unit."""
    x, y, z, w = orientation.tolist()
    return -np.array([2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)])


#: Term -> (its size, 0 for one number per joint; its value).
TERMS: Mapping[str, tuple[int, Callable[[Sight], Array]]] = {
    "actions": (0, lambda sight: sight.action),
    "base_ang_vel": (3, lambda sight: sight.angular),
    "base_lin_vel": (3, lambda sight: sight.linear),
    "command_ang_vel": (1, lambda sight: sight.command[2:]),
    "command_lin_vel": (2, lambda sight: sight.command[:2]),
    "cos_phase": (2, lambda sight: np.cos(sight.phase)),
    "dof_pos": (0, lambda sight: sight.position),
    "dof_vel": (0, lambda sight: sight.velocity),
    "projected_gravity": (3, lambda sight: gravity_in_base(sight.orientation)),
    "sin_phase": (2, lambda sight: np.sin(sight.phase)),
}


def term_size(name: str, joints: int) -> int:
    """Numbers of the term `name`, known or not, of a robot with so many `joints`."""
    return (TERMS[name][0] or joints) if name in TERMS else 0


class Observer:
    """Turns what is seen into the network's input."""

    def __init__(self, scales: Mapping[str, float], history: int, joints: int) -> None:
        """`scales`: term -> factor, in the order of the input."""
        self._terms = [(TERMS[name][1], scale) for name, scale in scales.items()]
        self._past = [
            np.zeros((history, term_size(name, joints)), dtype=np.float32) for name in scales
        ]

    def reset(self) -> None:
        """Forget the past."""
        for past in self._past:
            past[:] = 0.0

    def observe(self, sight: Sight) -> NDArray[np.float32]:
        """The input after one more sample, shape (1, inputs)."""
        for (value, scale), past in zip(self._terms, self._past, strict=True):
            past[:-1] = past[1:]
            past[-1] = value(sight) * scale
        return np.concatenate([past.ravel() for past in self._past])[None]


class GaitClock:
    """The phases of the two feet: half a turn apart, together while it stands."""

    def __init__(self, period: float, step: float) -> None:
        """`period` [s] of a turn; `step` [s] between two calls of :meth:`advance`."""
        self._turn = 2.0 * pi * step / period
        self.reset()

    def reset(self) -> None:
        """Left foot first."""
        self.phase = np.array([0.0, pi])
        self._standing = False

    def advance(self, moving: bool) -> Array:
        """The phases [rad] of this call, shape (2,), in [-pi, pi]."""
        if not moving:
            self.phase, self._standing = np.array([pi, pi]), True
        elif self._standing:
            self.reset()
        else:
            self.phase = np.fmod(self.phase + self._turn + pi, 2.0 * pi) - pi
        return self.phase
