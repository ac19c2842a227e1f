"""The subscriptions: what Gazebo published last, in one place, for the driver's thread.

Callbacks run on the transport's thread. They keep messages and wake the reader only when what it
waits for is there: at a thousand messages a second, waking is what costs.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from humanoid_description.gazebo_topics import GazeboTopics
from humanoid_hal.driver import DriverError
from humanoid_hal.drivers.gazebo.bindings import Bindings
from humanoid_hal.drivers.gazebo.messages import stamp_of

_KEPT = 64  # IMU readings, more than one control period has
_GRACE = 0.02  # [s] that the other sensors may come after the joint state


@dataclass(slots=True)
class News:
    """What was newest when the reader looked."""

    stamp: int  # [ns] simulated time of `joints`
    joints: Any  # gz.msgs.Model
    imu: list[Any]  # gz.msgs.IMU, those after the reader's last stamp
    wrenches: list[Any]  # gz.msgs.Wrench or None, per foot


class Link:
    """Listens to one robot."""

    def __init__(self, bindings: Bindings, topics: GazeboTopics, partition: str) -> None:
        """Subscribe. Raises DriverError when Gazebo's transport refuses."""
        options = bindings.transport.NodeOptions()
        if partition:
            options.partition = partition
        self.node = bindings.transport.Node(options)
        self._bindings = bindings
        self._changed = threading.Condition()
        self._wanted = -1  # stamp the reader waits for
        self._joints: Any = None
        self._stamp = -1
        self._backwards = False  # a stamp was lower than the one before
        self._imu: deque[tuple[int, Any]] = deque(maxlen=_KEPT)
        self._wrenches: list[Any] = [None] * len(topics.wrenches)
        self._wrench_stamps = [-1] * len(topics.wrenches)
        self.heard = 0.0  # [s] steady clock, of the last joint state
        self._topics: list[str] = []
        self.subscribe("Model", topics.joint_states, self._on_joints)
        self.subscribe("IMU", topics.imu, self._on_imu)
        for foot, topic in enumerate(topics.wrenches):
            self.subscribe(
                "Wrench", topic, lambda message, foot=foot: self._on_wrench(foot, message)
            )

    def subscribe(self, kind: str, topic: str, callback: Any) -> None:
        """Listen to one more topic. Raises DriverError."""
        if not self.node.subscribe(self._bindings.message(kind), topic, callback):
            raise DriverError(f"Gazebo's transport refuses the subscription to {topic}")
        self._topics.append(topic)

    def wait(self, after: int, least: int, timeout: float) -> News | None:
        """The newest joint state of stamp `least` or later, with what came since `after` [ns].

        Waits for at most `timeout` [s]; None: nothing of that stamp came. Also returns, at once, a
        joint state whose stamp went backwards.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            self._wanted = least
            while not self._complete(least, after):
                if self._stamp >= least:
                    deadline = min(deadline, self.heard + _GRACE)
                remaining = deadline - time.monotonic()
                if remaining <= 0.0 or not self._changed.wait(remaining):
                    break
            self._wanted = -1
            if self._joints is None or (self._stamp < least and not self._backwards):
                return None
            self._backwards = False
            imu = [message for stamp, message in self._imu if after < stamp <= self._stamp]
            return News(self._stamp, self._joints, imu, list(self._wrenches))

    def heard_since(self, moment: float, timeout: float) -> bool:
        """Whether a joint state came after `moment`, waiting for at most `timeout` [s]."""
        deadline = time.monotonic() + timeout
        while self.heard <= moment and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.heard > moment

    def forget(self) -> None:
        """What was heard is of another world."""
        with self._changed:
            self._joints, self._stamp, self._backwards = None, -1, False
            self._imu.clear()
            self._wrench_stamps = [-1] * len(self._wrench_stamps)

    def close(self) -> None:
        """Unsubscribe from everything."""
        for topic in self._topics:
            self.node.unsubscribe(topic)

    def _complete(self, least: int, after: int) -> bool:
        """Whether the reader has what it waits for: all sensors, where they are heard at all."""
        if self._backwards:
            return True
        if self._stamp < least:
            return False
        imu = self._imu[-1][0] if self._imu else -1
        return imu >= least and all(stamp > after for stamp in self._wrench_stamps)

    def _on_joints(self, message: Any) -> None:
        stamp = stamp_of(message)
        with self._changed:
            self.heard = time.monotonic()
            if stamp == self._stamp:
                return  # paused: the same state again, a thousand times a second
            if stamp < self._stamp:
                self._backwards = True
                self._imu.clear()
                self._wrench_stamps = [-1] * len(self._wrench_stamps)
            self._joints, self._stamp = message, stamp
            self._wake(stamp)

    def _on_imu(self, message: Any) -> None:
        stamp = stamp_of(message)
        with self._changed:
            if self._imu and stamp < self._imu[-1][0]:
                self._imu.clear()
            self._imu.append((stamp, message))
            self._wake(stamp)

    def _on_wrench(self, foot: int, message: Any) -> None:
        with self._changed:
            self._wrenches[foot] = message
            self._wrench_stamps[foot] = stamp = stamp_of(message)
            self._wake(stamp)

    def _wake(self, stamp: int) -> None:
        if self._backwards or 0 <= self._wanted <= stamp:
            self._changed.notify()
