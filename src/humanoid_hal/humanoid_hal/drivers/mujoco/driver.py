"""The MuJoCo driver: a simulated robot behind the driver contract.

Each ``read()`` advances the world by one control period in several physics steps. The torque law

    tau = effort + stiffness (position - q) + damping (velocity - dq)

cut at the table's effort limits runs inside every physics step as MuJoCo's affine actuators: gain
1 on ``effort + stiffness position + damping velocity``, bias ``-stiffness q - damping dq``, force
range ± effort limit.

A physics step is taken as ``mj_step2`` then ``mj_step1``, so that after each step positions,
velocities and the gyroscope belong to the new state and nothing is computed twice.
"""

from collections import deque
from dataclasses import replace
from math import ceil

import mujoco
import numpy as np

from humanoid_description import RobotDescription
from humanoid_hal.driver import Array, Capabilities, Command, Driver, DriverError, Sample
from humanoid_hal.drivers.mujoco.bench import MujocoBench
from humanoid_hal.drivers.mujoco.model import build, floor_normal
from humanoid_hal.drivers.mujoco.options import MujocoOptions
from humanoid_hal.drivers.mujoco.recorder import Recorder
from humanoid_hal.drivers.mujoco.sensors import SensorErrors, Sensors
from humanoid_hal.drivers.mujoco.start import StartPose
from humanoid_hal.drivers.mujoco.viewer import Viewer
from humanoid_hal.drivers.mujoco.world import MujocoWorld


class MujocoDriver(Driver):
    """See the module docstring. `model` and `data` are MuJoCo's, for tests to look at."""

    Options = MujocoOptions
    # board_watchdog: this world stands still by itself when nobody reads.
    capabilities = Capabilities(
        simulated=True, effort=True, wrenches=True, imu=True, board_watchdog=True
    )
    world: MujocoWorld

    def __init__(self, robot: RobotDescription, options: MujocoOptions | None = None) -> None:
        """Build the world. Raises DriverError if the robot cannot stand in its start pose."""
        self.options = options = options or MujocoOptions()
        self.period = round(1e9 / options.control_rate)  # [ns]
        self.steps = ceil(self.period * 1e-9 / options.timestep - 1e-6)  # physics steps per period
        self._robot = robot
        self._posture = _posture(robot, options.pose)
        self.model = build(robot, options, self.period * 1e-9 / self.steps)
        self.data = mujoco.MjData(self.model)
        self.world = MujocoWorld(self, robot)
        self.bench = MujocoBench(self)
        errors = SensorErrors(
            options.noise, len(robot.joints), len(robot.feet), self.period * 1e-9, options.seed
        )
        sensed = options.force_sensors or all(foot.force_sensor for foot in robot.feet)
        self._sensors = Sensors(self.model, self.data, robot, errors, sensed)
        self._start = StartPose(self.model, robot, floor_normal(options))
        self._control = self.data.ctrl
        self._stiffness = self.model.actuator_biasprm[:, 1]  # negated, as MuJoCo wants them
        self._damping = self.model.actuator_biasprm[:, 2]
        self._queue: deque[tuple[int, Array, Array, Array]] = deque()  # first: the tick it acts in
        self._viewer: Viewer | None = None
        self._recorder: Recorder | None = None
        self._ticks = 0
        self.enabled = self._moving = False
        self.restart()

    def open(self) -> None:
        """Open the window and the recording, where asked for."""
        options = self.options
        config = mujoco.MjLogConfig.get()
        config.logto_console = config.logto_file = False  # warnings become faults of a sample
        config.set()
        if options.record and self._recorder is None:
            self._recorder = Recorder(options.record, self._robot.name, options.record_rate)
        if options.viewer and self._viewer is None:
            self._viewer = Viewer(self.model, self.data)

    def close(self) -> None:
        """See :meth:`Driver.close`. Writes the recording."""
        self.enable(False)
        if self._viewer is not None:
            self._viewer.close()
        if self._recorder is not None:
            self._recorder.close()
        self._viewer = self._recorder = None

    def read(self) -> Sample:
        """See :meth:`Driver.read`. The standing world shows the torques that would hold it.

        Once the physics diverged (row 31 of the fault table) every sample repeats the last good
        values, not fresh, with the fault `simulator_divergence`, until the world is reset.
        """
        if self._moving:
            self._ticks += 1
            self._advance()
        if self._recorder is not None:
            self._recorder.see(self._sample.stamp, self.data.qpos)
        if self._viewer is not None:
            self._viewer.sync()
        return self._sample

    def enable(self, on: bool) -> None:
        """See :meth:`Driver.enable`. Torque stays zero until the next ``write``."""
        self.enabled = on
        self._moving = self._moving or on
        if not on:
            self._release()

    def write(self, command: Command) -> None:
        """See :meth:`Driver.write`. Acts `latency` periods later; ignored while not enabled."""
        if not self.enabled:
            return
        control = command.stiffness * command.position
        control += command.damping * command.velocity
        control += command.effort
        due = self._ticks + 1 + self.options.latency
        self._queue.append((due, control, -command.stiffness, -command.damping))

    def restart(self, pause: float = 0.0) -> None:
        """At rest in the start pose with torque off, one tick and `pause` [s] later."""
        self.enabled = self._moving = False
        self._release()
        self._ticks += 1 + round(pause * 1e9 / self.period)
        self._start.place(self.data, self._posture, self.options.clearance)
        self._sensors.begin()
        self._sensors.feel()
        self._sensors.feel_ground()
        self._sample = self._sensors.sample(
            self._ticks * self.period, 1, torque=self.data.qfrc_inverse[6:]
        )
        mujoco.mj_step1(self.model, self.data)

    def _advance(self) -> None:
        """One control period: physics steps, then the sample of it."""
        stamp = self._ticks * self.period
        if self._sample.faults:
            self._sample = replace(self._sample, stamp=stamp)
            return
        self._take_command()
        model, data, sensors = self.model, self.data, self._sensors
        sensors.begin()
        for step in range(self.steps):
            self.world.apply()
            mujoco.mj_step2(model, data)
            sensors.feel()
            if step == self.steps - 1:
                sensors.feel_ground()
            mujoco.mj_step1(model, data)
            sensors.turn()
        reason = self._divergence()
        if reason:
            lost = np.zeros_like(self._sample.fresh)
            fault = f"simulator_divergence: {reason}; reset the world, then lower gains or timestep"
            self._sample = replace(self._sample, stamp=stamp, fresh=lost, faults=(fault,))
        else:
            self._sample = sensors.sample(stamp, self.steps)

    def _take_command(self) -> None:
        """Load the newest command that is due into the actuators."""
        queue = self._queue
        while queue and queue[0][0] <= self._ticks:
            _, self._control[:], self._stiffness[:], self._damping[:] = queue.popleft()

    def _release(self) -> None:
        """No torque, from the next physics step on."""
        self._queue.clear()
        self._control[:] = self._stiffness[:] = self._damping[:] = 0.0

    def _divergence(self) -> str:
        """Why the state cannot be trusted, or ''. MuJoCo itself counts warnings and goes on.

        It checks controls, accelerations, and then positions and velocities of the new state.
        """
        warnings = self.data.warning.number
        if not warnings.any():
            return ""
        first = mujoco.mjtWarning(int(np.flatnonzero(warnings)[0]))
        return f"MuJoCo warns {first.name} at {self.data.time:.3f} s"


def _posture(robot: RobotDescription, name: str) -> Array:
    if name not in robot.poses:
        known = ", ".join(robot.poses)
        raise DriverError(f"robot '{robot.name}' has no pose '{name}'; key `pose`, known: {known}")
    return robot.poses[name]
