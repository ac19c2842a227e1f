"""Keeps the motion of a run for a video, to be drawn afterwards and not in the control loop."""

import logging
from pathlib import Path

import numpy as np

from humanoid_hal.driver import Array, DriverError

_log = logging.getLogger(__name__)


class Recorder:
    """Collects positions at a fixed rate and writes them as .npz: `time` [ns] and `qpos`."""

    def __init__(self, path: str, robot: str, rate: float) -> None:
        """Raises DriverError if `path` cannot be written."""
        self._path = Path(path)
        self._robot = robot
        self._interval = round(1e9 / rate)
        self._due = 0
        self._times: list[int] = []
        self._positions: list[Array] = []
        try:
            self._path.touch()
        except OSError as error:
            raise DriverError(
                f"cannot record to {path}: {error.strerror}; choose another file"
            ) from error

    def see(self, stamp: int, qpos: Array) -> None:
        """Keep `qpos` if the next picture is due at `stamp` [ns]."""
        if stamp < self._due:
            return
        self._due = stamp - stamp % self._interval + self._interval
        self._times.append(stamp)
        self._positions.append(qpos.copy())

    def close(self) -> None:
        """Write the file. Never raises; a full disk is reported in the log."""
        try:
            with self._path.open("wb") as file:
                np.savez(
                    file,
                    robot=np.array(self._robot),
                    time=np.array(self._times, dtype=np.int64),
                    qpos=np.array(self._positions),
                )
        except OSError as error:
            _log.error("the recording %s was not written: %s", self._path, error.strerror)
