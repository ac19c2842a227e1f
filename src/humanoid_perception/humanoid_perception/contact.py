"""Which feet stand on the ground: from force sensors, or from joint torques where there are none.

Without sensors the wrench on a foot follows from what its leg's torques are not needed for
otherwise. This is the static special case of the momentum observer (De Luca, Albu-Schaeffer,
Haddadin, Hirzinger: "Collision detection and safe reaction with the DLR-III lightweight manipulator
arm", IROS 2006; for contacts of legged robots: Bledt, Wensing, Ingersoll, Kim, "Contact model
fusion for event-based locomotion in unstructured terrains", ICRA 2018): joint accelerations are
neglected, the base's linear acceleration is not, since the accelerometer measures it.
"""

import numpy as np
from numpy.typing import NDArray

from humanoid_perception import sense_kernels
from humanoid_perception.config import ContactConfig
from humanoid_perception.kinematics import LegKinematics

Array = NDArray[np.float64]

# Damping of the inversion near a straight knee [m]: there a torque hardly tells the force along the
# leg.
_DAMPING = 0.003


class ContactDetector:
    """Hysteresis and delay on the load of each foot."""

    def __init__(
        self, feet: int, touch: float, lift: float, touch_delay: float, lift_delay: float
    ) -> None:
        """Normal forces [N] from which on a contact begins and below which it ends; delays [s]."""
        self._touch, self._lift = touch, lift
        self._touch_delay, self._lift_delay = touch_delay, lift_delay
        self.contact: list[bool] = [False] * feet
        self._against = [0.0] * feet  # how long the load has contradicted `contact` [s]

    def place(self, contact: list[bool]) -> None:
        """Decide without delay."""
        self.contact = list(contact)
        self._against = [0.0] * len(contact)

    def update(self, load: list[float], dt: float) -> list[bool]:
        """Return the decision after one more sample: normal forces [N], `dt` [s] later."""
        for foot, force in enumerate(load):
            touching = self.contact[foot]
            pressed = force >= (self._lift if touching else self._touch)  # False for NaN
            if pressed == touching:
                self._against[foot] = 0.0
                continue
            self._against[foot] += dt
            if self._against[foot] >= (self._lift_delay if touching else self._touch_delay):
                self.contact[foot] = not touching
                self._against[foot] = 0.0
        return self.contact


class TorqueWrenches:
    """Ground wrench of each foot from joint torques, first-order filtered."""

    def __init__(self, kinematics: LegKinematics, config: ContactConfig) -> None:
        self._kinematics = kinematics
        self._constant = config.torque_filter
        self._wrenches: Array = np.zeros((len(kinematics.offsets), 6))
        self._first = True

    def reset(self) -> None:
        """Forget the past: the next estimate is not filtered."""
        self._first = True

    def update(
        self, position: Array, velocity: Array, effort: Array, specific_force: Array, dt: float
    ) -> Array:
        """Wrenches (feet, 6): ground on foot in the sole frame, force [N] then torque [N m].

        Joint arrays (n,); `specific_force` (3,) [m/s^2] of the base in its own axes. The kinematics
        must be up to date with `position`.
        """
        kinematics = self._kinematics
        # M a + h = tau + J' f with the base's acceleration known
        missing = kinematics.inverse_dynamics(position, velocity, specific_force)
        missing -= effort[kinematics.rows]
        share = 1.0 if self._first else dt / (dt + self._constant)
        # The last ones belong to who got them.
        self._wrenches = np.zeros_like(self._wrenches) if self._first else self._wrenches.copy()
        self._first = False
        sense_kernels.wrenches_from_torques(
            kinematics.jacobians, missing, kinematics.rotations, _DAMPING**2, share, self._wrenches
        )
        return self._wrenches
