"""What a test may do to the hardware behind a driver, and what is true of it.

A driver whose hardware is simulated or emulated offers a bench (``Driver.bench``): the conformance
kit injects its faults there and compares readings with the truth. A bench overrides what it can do;
the rest raises NotOfferedError, and the kit reports those promises as not tested.
"""

import numpy as np
from numpy.typing import NDArray


class NotOfferedError(Exception):
    """The bench cannot do that; the message says what."""


class Bench:
    """Positions in [rad] on the joint's side, arrays in table order, shape (n,)."""

    def position(self) -> NDArray[np.float64]:
        """Where the joints really are [rad], whatever ``read()`` says. Shape (n,)."""
        raise NotOfferedError("the bench does not know the true positions")

    def torque(self) -> NDArray[np.bool_]:
        """Which joints have torque switched on, as their boards see it. Shape (n,)."""
        raise NotOfferedError("the bench does not know which boards have torque")

    def obeying(self) -> NDArray[np.bool_]:
        """Which joints still execute the last command; one that only brakes does not. Shape (n,)."""
        return self.torque()

    def silence(self, joint: str) -> None:
        """The board of `joint` answers nothing any more."""
        raise NotOfferedError("the bench cannot silence one joint")

    def garble(self) -> None:
        """Every answer arrives damaged."""
        raise NotOfferedError("the bench cannot damage answers")

    def unplug(self) -> None:
        """Every wire between the computer and the boards is cut; the boards keep their power."""
        raise NotOfferedError("the bench has no wire to cut")

    def mend(self) -> None:
        """Undo all of the above."""
        raise NotOfferedError("the bench cannot undo faults")

    def abandon(self, duration: float) -> None:
        """`duration` [s] of the boards' time pass in which the computer sends nothing."""
        raise NotOfferedError("the bench cannot let time pass without the computer")
