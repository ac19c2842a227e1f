"""The fall detector alone, fed with the estimator's recorded attitude and rates."""

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message

from humanoid_bringup.bags.outlet import serialise
from humanoid_bringup.bags.unit import Setup, Unit
from humanoid_interfaces.msg import RobotState
from humanoid_perception.config import PerceptionConfig, load_perception
from humanoid_perception.fall import FallDetector, tilt_and_rate
from humanoid_runtime import topics
from humanoid_runtime.stamps import to_nanoseconds

_KIND = "humanoid_interfaces/msg/RobotState"

_INPUTS = {topics.ROBOT_STATE: _KIND}
_OUTPUTS = {topics.ROBOT_STATE: _KIND}


class Fall(Unit):
    """robot_state in; robot_state out, with `fall` as this detector judges it."""

    name = "fall"
    inputs = _INPUTS
    outputs = _OUTPUTS
    checked = (topics.ROBOT_STATE,)

    def __init__(self, setup: Setup, emit: Callable[[str, Any], None]) -> None:
        """Its settings are those of perception.yaml."""
        super().__init__(setup, emit)
        path = setup.config("perception")
        config = load_perception(path) if path else PerceptionConfig()
        self._detector = FallDetector(config.fall)
        self._jump = config.health.clock_jump
        self._stamp: int | None = None

    def take(self, topic: str, data: bytes, time: int) -> None:
        """Judge one state."""
        state = deserialize_message(data, RobotState)
        stamp = to_nanoseconds(state.header.stamp)
        dt = 0.0 if self._stamp is None else (stamp - self._stamp) * 1e-9
        if not 0.0 <= dt <= self._jump:
            self._detector.reset()
            dt = 0.0
        if stamp != self._stamp:
            q, w = state.pose.orientation, state.twist.angular
            up = np.array(
                [
                    2.0 * (q.x * q.z - q.w * q.y),
                    2.0 * (q.y * q.z + q.w * q.x),
                    1.0 - 2.0 * (q.x * q.x + q.y * q.y),
                ]
            )
            rates = np.array([w.x, w.y, w.z])
            tilt, rate = tilt_and_rate(up, rates)
            self._detector.update(tilt, rate, sqrt(np.dot(rates, rates)), dt)
        self._stamp = stamp
        state.fall = self._detector.state
        self.emit(topic, serialise(state))
