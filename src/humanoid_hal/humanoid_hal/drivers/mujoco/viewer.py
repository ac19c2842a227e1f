"""MuJoCo's own window on a running simulation."""

import os
import sys
import threading
import time

import mujoco

from humanoid_hal.driver import DriverError

_PATIENCE = 5.0  # [s]
_REFRESH = 1 / 60  # [s] of the steady clock; physics never waits for the window


class Viewer:
    """A window that may be closed at any time; the simulation goes on without it."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Raises DriverError if no window can be opened."""
        without = "; run on a desktop, or without --viewer (--video makes a film without a screen)"
        if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
            raise DriverError("the viewer needs a screen and DISPLAY is not set" + without)
        try:
            import glfw
            import mujoco.viewer as window

            # launch_passive would wait for ever for a window that its thread could not open.
            if not glfw.init():
                raise DriverError("the viewer cannot open a window on this display" + without)
            others = set(threading.enumerate())
            self._handle = window.launch_passive(
                model, data, show_left_ui=False, show_right_ui=False
            )
        except (ImportError, RuntimeError, mujoco.FatalError) as error:
            raise DriverError(f"the viewer did not start: {error}{without}") from error
        self._threads = set(threading.enumerate()) - others
        self._due = 0.0

    def sync(self) -> None:
        """Show the present state, at most 60 times a second."""
        now = time.monotonic()
        if now >= self._due and self._handle.is_running():
            self._due = now + _REFRESH
            self._handle.sync(state_only=True)

    def close(self) -> None:
        """Close the window if it is still open, and wait for its thread.

        A process that ends while that thread still draws crashes.
        """
        if self._handle.is_running():
            self._handle.close()
        for thread in self._threads:
            thread.join(_PATIENCE)
