"""The mock driver: ideal joints in weightless space, and faults on request. Deterministic.

Every joint is an inertia under the commanded torque law, integrated implicitly, so that any
stiffness is stable: (I + dt d + dt^2 k) dq' = I dq + dt (effort + d dq* + k (q* - q)). The IMU
rests upright.
"""

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from humanoid_description import RobotDescription
from humanoid_description.problems import nearest
from humanoid_description.strict_yaml import key
from humanoid_hal.driver import (
    Capabilities,
    Command,
    Driver,
    DriverError,
    ImuSample,
    Sample,
)
from humanoid_hal.drivers.mock.bench import MockBench

_GRAVITY = 9.80665  # [m/s^2] standard gravity


FaultKind = Literal["off", "stuck", "garbage", "wrong", "intermittent", "raise"]


@dataclass(frozen=True)
class MockFault:
    """Something that goes wrong from one cycle on; the words are PX4's failure injection's."""

    # off: no answer; stuck: repeats its last reading; garbage: NaN; wrong: `value` is added to the
    # reading; intermittent: off in every second cycle; raise: read() raises DriverError.
    kind: FaultKind
    # A joint, `imu`, or empty: all joints.
    what: str = ""
    # First cycle of the fault, counted from the first torque, and how many; 0: for ever.
    cycle: int = key(0, min=0)
    cycles: int = key(0, min=0)
    value: float = 0.0

    def acts(self, cycle: int) -> bool:
        """Whether the fault is there in `cycle`."""
        if cycle < self.cycle or (self.cycles and cycle >= self.cycle + self.cycles):
            return False
        return self.kind != "intermittent" or (cycle - self.cycle) % 2 == 0


@dataclass(frozen=True)
class MockOptions:
    """The mock driver's configuration."""

    # How often read() returns a sample; the HAL sets it.
    control_rate: float = key(500.0, unit="Hz", above=0.0, max=2000.0)
    # Named pose of the robot's table it starts in.
    pose: str = "ready"
    # Of every joint.
    inertia: float = key(0.1, unit="kg m^2", above=0.0)
    # Of every joint, viscous; no part of the measured effort.
    friction: float = key(0.0, unit="N m s/rad", min=0.0)
    # What the feet carry together.
    weight: float = key(300.0, unit="N", min=0.0)
    # Readings of all motors and of the supply; None: not provided.
    temperature: float | None = key(None, unit="degC")
    voltage: float | None = key(None, unit="V")
    faults: tuple[MockFault, ...] = ()
    # How many of the newest written commands are kept in `written`.
    keep: int = key(0, min=0)


class MockDriver(Driver):
    """See the module docstring. Owns simulated time: stamps count control periods."""

    Options = MockOptions
    capabilities = Capabilities(
        simulated=True, effort=True, wrenches=True, imu=True, board_watchdog=True
    )

    def __init__(self, robot: RobotDescription, options: MockOptions | None = None) -> None:
        """Raises DriverError when the options name a pose or a joint that the robot has not."""
        self.options = options = options or MockOptions()
        self.period = round(1e9 / options.control_rate)  # [ns]
        self._robot = robot
        if options.pose not in robot.poses:
            known = ", ".join(robot.poses)
            raise DriverError(
                f"robot '{robot.name}' has no pose '{options.pose}'; key `pose`, known: {known}"
            )
        for fault in options.faults:
            if fault.what not in ("", "imu", *robot.joint_names):
                hint = nearest(fault.what, ("imu", *robot.joint_names))
                raise DriverError(
                    f"robot '{robot.name}' has no joint '{fault.what}'{hint}; key `faults`"
                )
        #: What goes wrong; the bench adds to it.
        self.faults = list(options.faults)
        self.bench = MockBench(self)
        #: The newest commands, oldest first, and every call of enable().
        self.written: deque[Command] = deque(maxlen=options.keep)
        self.switched: list[bool] = []
        self.is_open = False
        self._effort_limit = robot.column("effort")
        self.position = robot.poses[options.pose].copy()  # [rad] the true one
        self._velocity = np.zeros(len(robot.joints))
        self._effort = np.zeros(len(robot.joints))
        self._command: Command | None = None
        self.enabled = False
        self._started = False
        self._cycle = 0
        self._readings = 0
        self._sample: Sample | None = None

    def open(self) -> None:
        """See :meth:`Driver.open`."""
        self.is_open = True

    def close(self) -> None:
        """See :meth:`Driver.close`."""
        if self.is_open:
            self.enable(False)
        self.is_open = False

    def read(self) -> Sample:
        """See :meth:`Driver.read`."""
        if not self.is_open:
            raise DriverError("the mock driver is not open; call open() first")
        self._wait()
        if self._started:
            self._cycle += 1
            self._advance()
        elif self._sample is not None and self.capabilities.simulated:
            return self._sample
        self._sample = self._faulty(self._ideal(self._stamp()))
        return self._sample

    def enable(self, on: bool) -> None:
        """See :meth:`Driver.enable`."""
        self.switched.append(on)
        self.enabled = on
        self._started = self._started or on
        self._command = None

    def write(self, command: Command) -> None:
        """See :meth:`Driver.write`. Acts with the next read()."""
        if not self.enabled:
            raise DriverError("the mock driver has no torque; call enable(True) before write()")
        self._command = Command(*(np.array(getattr(command, f)) for f in Command.__slots__))
        self.written.append(self._command)

    def inject(self, kind: FaultKind, what: str = "") -> None:
        """Let a fault act from the next cycle on."""
        self.faults.append(MockFault(kind, what, cycle=self._cycle))

    def _wait(self) -> None:
        """Simulated time does not wait."""

    def _stamp(self) -> int:
        return (self._cycle + 1) * self.period

    def _passed(self) -> int:
        """[ns] since the last read()."""
        return self.period

    def _advance(self) -> None:
        dt, inertia = self._passed() * 1e-9, self.options.inertia
        q, v, c = self.position, self._velocity, self._command
        if c is None:
            self._effort = np.zeros_like(q)
        else:
            wanted = (
                inertia * v
                + dt * (c.effort + c.damping * c.velocity + c.stiffness * (c.position - q))
            ) / (inertia + dt * c.damping + dt * dt * c.stiffness)
            self._effort = np.clip(
                inertia * (wanted - v) / dt, -self._effort_limit, self._effort_limit
            )
        self._velocity = (inertia * v + dt * self._effort) / (inertia + dt * self.options.friction)
        self.position = q + dt * self._velocity

    def _ideal(self, stamp: int) -> Sample:
        n, feet = len(self.position), len(self._robot.feet)
        wrenches = np.zeros((feet, 6))
        wrenches[:, 2] = self.options.weight / feet
        # A real IMU never reads the same twice.
        self._readings += 1
        tremor = 1e-6 * np.sin(self._readings + np.arange(3.0))
        temperature = self.options.temperature
        return Sample(
            stamp=stamp,
            position=self.position.copy(),
            velocity=self._velocity.copy(),
            effort=self._effort.copy(),
            fresh=np.ones(n, dtype=bool),
            imu=ImuSample(tremor, np.array([0.0, 0.0, _GRAVITY]) + tremor),
            wrenches=wrenches,
            temperature=None if temperature is None else np.full(n, temperature),
            voltage=self.options.voltage,
        )

    def _faulty(self, sample: Sample) -> Sample:
        for fault in self.faults:
            if not fault.acts(self._cycle):
                continue
            if fault.kind == "raise":
                raise DriverError(f"mock fault 'raise' in cycle {self._cycle}")
            if fault.what == "imu":
                sample = self._faulty_imu(sample, fault)
            else:
                joint = slice(None) if not fault.what else self._robot.index[fault.what]
                self._faulty_joints(sample, fault, joint)
        return sample

    def _faulty_joints(self, sample: Sample, fault: MockFault, joint: slice | int) -> None:
        arrays = (sample.position, sample.velocity, sample.effort)
        last = self._sample
        if fault.kind in ("off", "intermittent"):
            sample.fresh[joint] = False
        elif fault.kind == "garbage":
            for array in arrays:
                array[joint] = np.nan
        elif fault.kind == "wrong":
            sample.position[joint] += fault.value
        elif last is not None:  # stuck
            for array, old in zip(arrays, (last.position, last.velocity, last.effort), strict=True):
                array[joint] = old[joint]

    def _faulty_imu(self, sample: Sample, fault: MockFault) -> Sample:
        imu = sample.imu
        assert imu is not None
        if fault.kind in ("off", "intermittent"):
            imu = None
        elif fault.kind == "garbage":
            imu = ImuSample(imu.angular_velocity * np.nan, imu.linear_acceleration)
        elif fault.kind == "wrong":
            imu = ImuSample(imu.angular_velocity + fault.value, imu.linear_acceleration)
        elif self._sample is not None:  # stuck
            imu = self._sample.imu
        return replace(sample, imu=imu)


class MockHardwareDriver(MockDriver):
    """The same joints as if on boards: real time paces read(), and no board has a watchdog."""

    capabilities = Capabilities(
        simulated=False, effort=True, wrenches=True, imu=True, board_watchdog=False
    )

    def open(self) -> None:
        """See :meth:`Driver.open`."""
        super().open()
        self._next = self._now = time.monotonic_ns()
        self._system_ahead = time.time_ns() - self._next
        self._before = self._now

    def _wait(self) -> None:
        now = time.monotonic_ns()
        self._next = max(self._next + self.period, now)  # skip what was missed, never catch up
        time.sleep((self._next - now) * 1e-9)
        self._before, self._now = self._now, time.monotonic_ns()

    def _stamp(self) -> int:
        return self._system_ahead + self._now

    def _passed(self) -> int:
        return self._now - self._before
