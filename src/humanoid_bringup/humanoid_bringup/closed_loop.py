"""The graph without ROS: the nodes' own cores in one process, in lock-step with a simulator.

For benchmarks, campaigns and tests of behaviour: the same gate, safety supervisor, estimator and
controller as the nodes run, joined by plain calls instead of topics. Deterministic.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from humanoid_bringup.locate import find_hardware, find_robot
from humanoid_control.config import load_control_config
from humanoid_control.controller import Array, JointTargets, State
from humanoid_control.core import ControlCore
from humanoid_description import RobotDescription, load_robot
from humanoid_hal.driver import Sample
from humanoid_hal.gate import Request
from humanoid_hal.hal import HalCore
from humanoid_hal.hardware import load_hardware, with_options
from humanoid_perception.config import PerceptionConfig, load_perception
from humanoid_perception.pipeline import Perception
from humanoid_perception.types import Estimate, Measurement

#: Cycles within which the HAL must arm.
STARTING_CYCLES = 1000


@dataclass(frozen=True)
class Tick:
    """One cycle as an observer sees it."""

    time: float  # [s] since the world began to move
    sample: Sample
    estimate: Estimate
    state: State
    targets: JointTargets
    source: str  # what the driver got: 'command', 'hold', 'damp' or 'off'


class ClosedLoop:
    """One robot, standing in its world until the first :meth:`run`."""

    def __init__(
        self,
        robot: str | Path = "g1",
        hardware: str | Path = "mujoco",
        *,
        startup_mode: str = "stand",
        on_truth: bool = False,
        **options: Any,
    ) -> None:
        """Build everything; `options` are the driver's own (``seed=3``).

        With `on_truth` the controller sees the simulator's base state instead of the estimate: for
        comparison only. Raises HumanoidError or the packages' configuration errors.
        """
        robot_file = find_robot(robot)
        self.robot: RobotDescription = load_robot(robot_file)
        config, driver = load_hardware(find_hardware(robot_file, hardware))
        self.config = with_options(config, control_rate=config.rate, **options)
        self.driver: Any = driver(self.robot, self.config.options)
        self.hal = HalCore(self.robot, self.config, self.driver.capabilities)
        perception = _beside(robot_file, "perception")
        self.perception = Perception(
            self.robot, load_perception(perception) if perception else PerceptionConfig()
        )
        self.control = ControlCore(
            self.robot, load_control_config(_beside(robot_file, "control")), startup_mode
        )
        self._names = list(self.robot.joint_names)
        self._on_truth = on_truth
        self._began: int | None = None
        self._sequence = 0
        self.driver.open()
        self.hal.activate()

    @property
    def period(self) -> float:
        """The control period [s]."""
        return self.config.period_ns * 1e-9

    def run(self, seconds: float, observe: Callable[[Tick], object] | None = None) -> Tick:
        """Run for `seconds` of simulated time, and show every cycle to `observe`.

        The world stands still until the HAL has armed; raises RuntimeError if it does not.
        """
        for _ in range(STARTING_CYCLES):
            if self._began is not None:
                break
            self.step()
        else:
            raise RuntimeError(f"the HAL does not arm: {'; '.join(self.hal.blockers())}")
        for _ in range(max(1, round(seconds / self.period))):
            tick = self.step()
            if observe is not None:
                observe(tick)
        return tick

    def step(self) -> Tick:
        """One cycle: the four stages of docs/architecture.md."""
        hal, driver = self.hal, self.driver
        sample = driver.read()
        hal.on_sample(sample)
        estimate = self.perception.update(_measurement(sample))
        hal.on_report("perception", dict(estimate.faults))
        state = self._state(sample, estimate)
        self.control.on_safety(int(hal.supervisor.reaction), hal.enabled)
        targets = self.control.update(state)
        hal.on_report("control", dict(self.control.faults))
        self._sequence += 1
        hal.on_command(self._request(sample.stamp, targets))
        was_enabled = hal.enabled
        output = hal.output(sample.stamp)
        if output.enable != was_enabled:
            driver.enable(output.enable)
        if output.command is not None:
            driver.write(output.command)
        if output.enable and self._began is None:
            self._began = sample.stamp
        elapsed = 0 if self._began is None else sample.stamp - self._began
        return Tick(elapsed * 1e-9, sample, estimate, state, targets, output.source)

    def close(self) -> None:
        """Release the driver."""
        self.driver.close()

    def _request(self, stamp: int, targets: JointTargets) -> Request:
        return Request(
            stamp,
            self._sequence,
            self._names,
            targets.position,
            targets.velocity,
            targets.effort,
            targets.stiffness,
            targets.damping,
            "control",
        )

    def _state(self, sample: Sample, estimate: Estimate) -> State:
        pose = np.concatenate((estimate.position, estimate.orientation))
        twist = np.concatenate((estimate.linear_velocity, estimate.angular_velocity))
        if self._on_truth:
            pose, twist = self.driver.world.truth()
        return State(
            sample.stamp,
            np.concatenate((pose, sample.position)),
            np.concatenate((twist, sample.velocity)),
            sample.effort,
            estimate.contact,
            estimate.wrenches,
            estimate.fall,
            estimate.valid,
        )


def tilt(orientation: Array) -> float:
    """Angle [rad] between the base's z axis and the vertical; `orientation` is xyzw."""
    x, y = orientation[:2]
    return float(np.arccos(np.clip(1.0 - 2.0 * (x * x + y * y), -1.0, 1.0)))


def _measurement(sample: Sample) -> Measurement:
    imu = sample.imu
    return Measurement(
        sample.stamp,
        sample.position,
        sample.velocity,
        sample.effort,
        None if imu is None else imu.angular_velocity,
        None if imu is None else imu.linear_acceleration,
        sample.wrenches,
    )


def _beside(robot_file: Path, name: str) -> Path | None:
    path = robot_file.parent / f"{name}.yaml"
    return path if path.is_file() else None
