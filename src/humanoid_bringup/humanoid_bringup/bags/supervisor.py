"""The HAL's gate and safety supervisor, fed from a bag. No driver, no port.

What a bag does not hold (temperatures, which joints were fresh, stop and rearm calls, real time) is
taken as sound; arming follows the recorded safety_state. So its output answers "what would this
gate, with these limits, have made of these commands", and is not expected to be equal in every bit.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import WrenchStamped
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Imu

from humanoid_bringup.bags.outlet import Outlet, serialise
from humanoid_bringup.bags.unit import Setup, Unit
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.locate import find_hardware
from humanoid_control.messages import command_example
from humanoid_hal.driver import ImuSample, Sample
from humanoid_hal.hal import HalCore, Output
from humanoid_hal.hardware import load_hardware
from humanoid_hal.limiter import FIELDS
from humanoid_hal.status import safety_state
from humanoid_hal.streams import CommandReader
from humanoid_interfaces.msg import FaultReport, SafetyState
from humanoid_perception.messages import JointReader, VectorReader
from humanoid_runtime import topics
from humanoid_runtime.cdr import FixedPublisher

#: What the driver would have been given.
GATED = "gated_commands"

_OUTPUTS = {
    topics.SAFETY_STATE: "humanoid_interfaces/msg/SafetyState",
    GATED: "humanoid_interfaces/msg/JointCommand",
}


class Supervisor(Unit):
    """Samples, commands and fault reports in; safety_state on change and gated commands out."""

    name = "supervisor"
    outputs = _OUTPUTS

    def __init__(self, setup: Setup, emit: Callable[[str, Any], None]) -> None:
        """Limits are those of the hardware file, by default the simulator's."""
        super().__init__(setup, emit)
        robot = setup.robot
        name = setup.configs.get("hardware", setup.custom.get("hardware") or "mujoco")
        config, driver = load_hardware(find_hardware(robot.directory / "robot.yaml", name))
        self._core = HalCore(robot, config, driver.capable(config.options))
        self._core.activate()
        self._n = len(robot.joints)
        self._joints, self._imu = JointReader(robot), VectorReader(Imu, robot.imu.link)
        self._commands = CommandReader(robot, deserialize_message)
        wrenches = [topics.WRENCH.format(foot=foot.name) for foot in robot.feet]
        self._wrenches = {
            topic: VectorReader(WrenchStamped, foot.name)
            for topic, foot in zip(wrenches, robot.feet, strict=True)
        }
        self._newest: dict[str, Any] = {}
        self.inputs = {
            topics.JOINT_STATES: "sensor_msgs/msg/JointState",
            topics.IMU: "sensor_msgs/msg/Imu",
            **dict.fromkeys(wrenches, "geometry_msgs/msg/WrenchStamped"),
            topics.JOINT_COMMANDS: "humanoid_interfaces/msg/JointCommand",
            topics.FAULTS: "humanoid_interfaces/msg/FaultReport",
            topics.SAFETY_STATE: "humanoid_interfaces/msg/SafetyState",
        }
        publisher = FixedPublisher(Outlet(emit), command_example(robot), GATED, topics.STREAM)
        self._gated = publisher
        self._sequence = publisher.view("sequence")
        self._views = [publisher.view(field) for field in FIELDS]
        self._stamp: int | None = None  # of the sample that has no answer yet
        self._last = -1
        self._told: tuple[Any, ...] = ()

    def take(self, topic: str, data: bytes, time: int) -> None:
        """One message; a sample is concluded by its command, or by the next sample."""
        if topic == topics.JOINT_STATES:
            self._sample(data)
        elif topic == topics.JOINT_COMMANDS:
            self._command(data)
        elif topic == topics.IMU:
            self._newest[topic] = self._imu.read(data)[1]
        elif topic in self._wrenches:
            self._newest[topic] = self._wrenches[topic].read(data)[1]
        elif topic == topics.FAULTS:
            report = deserialize_message(data, FaultReport)
            reasons = [*report.reason, *[""] * len(report.name)]
            self._core.on_report(report.source, dict(zip(report.name, reasons, strict=False)))
        elif deserialize_message(data, SafetyState).armed and not self._core.enabled:
            self._core.rearm()

    def finish(self) -> None:
        """Conclude the last sample."""
        self._conclude()

    def _sample(self, data: bytes) -> None:
        stamp, position, velocity, effort = self._joints.read(data)
        if stamp == self._last:
            return
        self._conclude()
        imu = self._newest.get(topics.IMU)
        wrenches = [self._newest.get(topic) for topic in self._wrenches]
        there = all(wrench is not None for wrench in wrenches)
        sample = Sample(
            stamp=stamp,
            position=position,
            velocity=velocity,
            effort=effort,
            fresh=np.ones(self._n, dtype=bool),
            imu=None if imu is None else ImuSample(imu[:3], imu[3:]),
            wrenches=np.array(wrenches) if there else None,
        )
        self._core.on_sample(sample)
        self._stamp = self._last = stamp

    def _command(self, data: bytes) -> None:
        try:
            request = self._commands.read(data)
        except ValueError as error:
            raise HumanoidError(f"joint_commands cannot be read: {error}", Exit.BAG) from error
        self._core.on_command(request)
        if request.stamp == self._stamp:
            self._conclude()

    def _conclude(self) -> None:
        if self._stamp is None:
            return
        output: Output = self._core.output(self._stamp)
        if output.command is not None:
            self._sequence += 1
            for view, field in zip(self._views, FIELDS, strict=True):
                view[:] = getattr(output.command, field)
            self._gated.publish(self._stamp)
        supervisor = self._core.supervisor
        told = (supervisor.reaction, self._core.phase, supervisor.latched)
        if told != self._told:
            self._told = told
            self.emit(topics.SAFETY_STATE, serialise(safety_state(self._core, self._stamp)))
        self._stamp = None
