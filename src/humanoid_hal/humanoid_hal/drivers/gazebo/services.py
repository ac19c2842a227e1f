"""Gazebo's services, called through a process of their own (:mod:`.service_process`).

``Node.request()`` of the Python bindings keeps the interpreter's lock while it waits. In a process
that also subscribes, the callbacks need that lock: the answer comes only after the whole timeout,
as False, although the service was done. That process subscribes to nothing.
"""

import os
import select
import subprocess
import sys

from humanoid_hal.driver import DriverError

_PROCESS = "humanoid_hal.drivers.gazebo.service_process"
_STARTING = 30.0  # [s]


class Services:
    """The client's end."""

    def __init__(self, service: str, partition: str) -> None:
        """Start the process. Raises DriverError when it does not come up."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", _PROCESS, service],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "GZ_PARTITION": partition},
            bufsize=0,
        )
        self._waiting = 0  # requests not answered yet
        self._rest = b""
        while b"\n" not in self._rest:
            if not self._answers(_STARTING):
                self.close()
                raise DriverError("the process for Gazebo's services did not start; see its output")
        self._rest = b""

    def ask(self, request: str) -> None:
        """Send one request and do not wait for it."""
        self.idle()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{request}\n".encode())
            self._waiting += 1
        except OSError as error:
            raise DriverError("the process for Gazebo's services has ended") from error

    def idle(self) -> bool:
        """Whether everything asked for was answered."""
        while self._waiting and self._answers(0.0):
            *lines, self._rest = self._rest.split(b"\n")
            self._waiting -= len(lines)
        return self._waiting == 0

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def close(self) -> None:
        """End the process; never raises."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(2.0)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _answers(self, timeout: float) -> bool:
        """Read what is there within `timeout` [s]; False: nothing."""
        stream = self._process.stdout
        assert stream is not None
        if not select.select([stream], [], [], timeout)[0]:
            return False
        read = os.read(stream.fileno(), 65536)
        self._rest += read
        return bool(read)
