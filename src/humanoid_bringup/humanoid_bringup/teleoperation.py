"""Keys to walking velocities. Pure: time is an argument."""

from dataclasses import dataclass

#: Key -> which of forward [m/s], left [m/s] and turning [rad/s] it changes, by how much.
KEYS = {
    "w": (0, 0.1),
    "s": (0, -0.1),
    "q": (1, 0.05),
    "e": (1, -0.05),
    "a": (2, 0.1),
    "d": (2, -0.1),
}
STOP, QUIT = " ", ("x", "\x03", "\x04", "\x1b")  # Ctrl-C, Ctrl-D and Escape too
HOLD = "\r\n"  # renews what is ordered

HELP = (
    "w/s forward and back, q/e left and right, a/d turn left and right, Enter keep on, "
    "space stop, x quit"
)


@dataclass(frozen=True)
class Limits:
    """The largest velocities that keys add up to."""

    forward: float = 0.8  # [m/s]
    left: float = 0.3  # [m/s]
    turning: float = 0.8  # [rad/s]


class Teleoperation:
    """Adds up keys; a dead man's switch: without a key for `timeout` [s] the order is zero."""

    def __init__(self, timeout: float, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._timeout = timeout
        self._most = (limits.forward, limits.left, limits.turning)
        self._twist = [0.0, 0.0, 0.0]
        self._pressed = float("-inf")
        #: A key asked for the end.
        self.ended = False

    def press(self, keys: str, now: float) -> None:
        """Take what was typed at `now` [s]; keys that mean nothing count for nothing."""
        for key in keys:
            if key in QUIT:
                self.ended = True
            if key in QUIT or key == STOP:
                self._twist = [0.0, 0.0, 0.0]
            elif key.lower() in KEYS:
                self.twist(now)  # what was forgotten meanwhile does not come back
                axis, step = KEYS[key.lower()]
                most = self._most[axis]
                self._twist[axis] = min(max(round(self._twist[axis] + step, 6), -most), most)
                self._pressed = now
            elif key in HOLD:
                self.twist(now)
                self._pressed = now

    def twist(self, now: float) -> tuple[float, float, float]:
        """Forward and left [m/s], turning [rad/s], at `now` [s]."""
        if now - self._pressed > self._timeout:
            self._twist = [0.0, 0.0, 0.0]
        forward, left, turning = self._twist
        return forward, left, turning
