"""The ordered walking velocity: checked, limited, smooth, and zero once nobody renews it."""

from dataclasses import dataclass

import numpy as np

from humanoid_control.controller import Array
from humanoid_description.strict_yaml import key

#: The values of a velocity, in their order.
NAMES = ("forward", "left", "turning")


class VelocityError(Exception):
    """A walking velocity is refused; the message says why."""


@dataclass(frozen=True)
class VelocityConfig:
    """What may be ordered on `cmd_vel`: forward, left, turning."""

    lower: tuple[float, float, float] = key(
        (-0.4, -0.3, -0.8), max=0.0, unit="m/s, m/s, rad/s", doc="back, right, clockwise"
    )
    upper: tuple[float, float, float] = key(
        (0.8, 0.3, 0.8), min=0.0, unit="m/s, m/s, rad/s", doc="forward, left, anticlockwise"
    )
    acceleration: tuple[float, float, float] = key(
        (0.5, 0.3, 1.0), above=0.0, unit="m/s^2, m/s^2, rad/s^2"
    )
    timeout: float = key(0.5, above=0.0, unit="s", doc="an order not renewed for so long is over")


def clamp(
    order: Array,
    lower: Array | tuple[float, ...],
    upper: Array | tuple[float, ...],
    names: tuple[str, ...],
) -> tuple[Array, tuple[str, ...]]:
    """`order` between `lower` and `upper`, all of shape (n,), and a line for each value changed."""
    clamped = np.clip(order, lower, upper)
    return clamped, tuple(
        f"{name} {asked:.3f} clamped to {given:.3f}"
        for name, asked, given in zip(names, order, clamped, strict=True)
        if asked != given
    )


class VelocityReference:
    """Follows the last order with limited acceleration."""

    def __init__(self, config: VelocityConfig) -> None:
        self._lower, self._upper = np.array(config.lower), np.array(config.upper)
        self._acceleration = np.array(config.acceleration)
        self._timeout = round(config.timeout * 1e9)
        self._target = np.zeros(3)
        self._resting = True  # at zero, which is wanted
        self._until = 0
        #: Shape (3,): forward and left [m/s], turning [rad/s]. A new array at each change.
        self.value = np.zeros(3)

    def order(
        self, twist: Array, stamp: int, limits: tuple[Array, Array] | None = None
    ) -> tuple[str, ...]:
        """Walk with `twist`, shape (3,), from `stamp` [ns] on; returns what had to be clamped.

        `limits` are lower and upper end, None: those configured. Raises VelocityError on a value
        that is not finite.
        """
        if not np.isfinite(twist).all():
            name = NAMES[int(np.argmin(np.isfinite(twist)))]
            raise VelocityError(f"velocity: {name} is not finite")
        lower, upper = limits or (self._lower, self._upper)
        self._target, changes = clamp(twist, lower, upper, NAMES)
        self._until = stamp + self._timeout
        self._resting = False
        return changes

    def stop(self) -> None:
        """Slow down to rest."""
        self._target = np.zeros(3)

    def reset(self) -> None:
        """Be at rest at once."""
        self._target = np.zeros(3)
        self.value = np.zeros(3)
        self._resting = True

    def advance(self, stamp: int, dt: float) -> None:
        """Move on to the sample of `stamp` [ns], `dt` [s] after the last one."""
        if self._resting:
            return
        over = stamp >= self._until
        if over:
            self._target = np.zeros(3)
        change = self._acceleration * dt
        self.value = self.value + np.clip(self._target - self.value, -change, change)
        self._resting = over and not self.value.any()
