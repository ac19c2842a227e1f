"""The Gazebo driver: a robot in Gazebo's server behind the driver contract.

Gazebo's own systems publish joint states, IMU and foot wrenches; one message a control period takes
the command to the torque law in the server (:mod:`.torque_law`), which runs at the physics rate.

In lock-step each ``read()`` lets a paused server take the steps of one control period and waits for
the state of exactly that time. Paced, the server runs by itself and ``read()`` waits for the next
period's state. Either way what counts is the stamp of a state, never that a message came: while it
is paused, Gazebo repeats one state a thousand times a second.

A server that says nothing for `timeout` is lost: every sample then repeats the last values, not
fresh, with the fault `bus_lost`, until a server answers again. One whose time went back was reset
or started again by somebody else: the fault `board_rebooted`, once.
"""

import os
import time
from dataclasses import replace

import numpy as np

from humanoid_description import RobotDescription, pinocchio_model, standing_torques
from humanoid_description.gazebo_topics import gazebo_topics
from humanoid_hal.driver import Array, Capabilities, Command, Driver, DriverError, Sample
from humanoid_hal.drivers.gazebo.bindings import find_bindings
from humanoid_hal.drivers.gazebo.files import steps_per_period
from humanoid_hal.drivers.gazebo.link import Link, News
from humanoid_hal.drivers.gazebo.messages import (
    imu_sample,
    joint_arrays,
    law_rows,
    law_torque,
    wrench_array,
)
from humanoid_hal.drivers.gazebo.options import GazeboOptions
from humanoid_hal.drivers.gazebo.server import GazeboServer
from humanoid_hal.drivers.gazebo.services import Services
from humanoid_hal.drivers.gazebo.world import GazeboWorld

#: [ns] How far the stamps jump when the world starts again: beyond what estimators take for a gap.
RESET_PAUSE = 1_000_000_000
#: [s] A paced world whose stamp stands still this long is paused.
PAUSE = 0.05
#: [s] of simulated time the robot settles on its soles before the world stands still, with so many
#: commands.
SETTLING, SETTLING_COMMANDS = 0.2, 4
#: States after which a world that was to stand still is taken for one that others run.
STILL = 1000
#: [s] that the last zeros have to get out.
_FAREWELL = 0.05


class GazeboDriver(Driver):
    """See the module docstring."""

    Options = GazeboOptions
    # board_watchdog: the law in the server lets go when commands stop.
    capabilities = Capabilities(
        simulated=True, effort=True, wrenches=True, imu=True, board_watchdog=True
    )
    world: GazeboWorld

    def __init__(self, robot: RobotDescription, options: GazeboOptions | None = None) -> None:
        """Check the options; nothing of Gazebo is looked for yet."""
        self.options = options = options or GazeboOptions()
        if "ready" not in robot.poses:
            raise DriverError(f"robot '{robot.name}' has no pose 'ready' to start in")
        self.period = round(1e9 / options.control_rate)  # [ns]
        self.steps = steps_per_period(options)
        self._robot = robot
        self._topics = gazebo_topics(robot)
        self._limits = robot.column("effort")
        self._zeros = np.zeros((3, len(robot.joints)))
        self.world = GazeboWorld(self, robot, self._topics)
        self.server: GazeboServer | None = None
        self.services: Services | None = None
        self._link: Link | None = None
        self._forget()

    def _forget(self) -> None:
        self._rows: Array = self._zeros  # the law's newest command
        self._sequence = 0
        self._enabled = self._moving = self._stepping = False
        self._lost_since: float | None = None
        self._offset = 0  # [ns] stamp of a sample less Gazebo's time
        self._sample: Sample | None = None

    # -- life -----------------------------------------------------------------------------------

    def open(self) -> None:
        """Start or find the server, and wait until the robot stands in it. Raises DriverError."""
        if self._link is not None:
            return
        try:
            self._bindings = bindings = find_bindings()
            partition = os.environ.get("GZ_PARTITION", "")
            if self.options.server == "own":
                self.server = GazeboServer(self._robot, self.options)
                self.server.start(self.options.viewer)
                partition = self.server.partition
            self.services = Services(self._topics.control, partition)
            self._link = Link(bindings, self._topics, partition)
            self._number = bindings.message("Double_V")
            self._publisher = self._link.node.advertise(self._topics.command, self._number)
            self.world.connect(self._link, bindings)
            self._await_server()
            self._sample = self._settle()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """See :meth:`Driver.close`: zeros, then the server where it is ours."""
        link, self._link = self._link, None
        if link is not None:
            for _ in range(3):
                self._send(self._zeros)
                time.sleep(_FAREWELL / 3)
            self.world.disconnect()
            link.close()
        if self.services is not None:
            self.services.close()
        if self.server is not None:
            self.server.close()
        self.services = self.server = None
        self._forget()

    def restart(self) -> None:
        """Back to the start pose, torque off, still until enabled; starts a dead server again."""
        link, services, sample = self._opened()
        stamp = sample.stamp
        self._enabled = self._moving = self._stepping = False
        self._send(self._zeros)
        if self.server is not None and self.server.pid is None:
            self.server.stop()
            self.server.start(self.options.viewer)
        else:
            services.ask("reset")
            self._await_idle()
        link.forget()
        self._await_server()
        self._offset = 0
        self._lost_since = None
        settled = self._settle()
        self._offset = stamp + RESET_PAUSE - settled.stamp
        self._sample = replace(settled, stamp=stamp + RESET_PAUSE)

    # -- cycle ----------------------------------------------------------------------------------

    def read(self) -> Sample:
        """See :meth:`Driver.read` and the module docstring."""
        link, services, sample = self._opened()
        now = sample.stamp - self._offset  # Gazebo's time of the last sample
        if self._lost_since is not None:
            if self._publisher.has_connections() and services.idle():
                services.ask(
                    f"step {self.steps}"
                )  # a new server says nothing before its first step
            heard = link.heard_since(self._lost_since, PAUSE)
            news = link.wait(-1, 0, 0.0) if heard else None
            return self._silence(link, sample) if news is None else self._again(sample, news)
        lockstep = self.options.mode == "lockstep"
        patience = 0.0
        if self._moving:
            patience = self.options.timeout if lockstep else PAUSE
            if lockstep and not self._stepping:
                services.ask(f"step {self.steps}")
                self._stepping = True
        news = link.wait(now, now + (self.period if self._moving else 1), patience)
        if news is None:
            return self._silence(link, sample)
        self._stepping = False
        if news.stamp < now:
            return self._again(sample, news)
        self._sample = self._assemble(news)
        self.world.apply(self._sample.stamp)
        return self._sample

    def enable(self, on: bool) -> None:
        """See :meth:`Driver.enable`. Torque stays zero until the next ``write``."""
        _, services, _ = self._opened()
        self._enabled = on
        self._send(self._zeros)
        if on and not self._moving:
            self._moving = True
            if self.options.mode == "paced":
                services.ask("run")

    def write(self, command: Command) -> None:
        """See :meth:`Driver.write`. Ignored while not enabled."""
        if self._enabled:
            self._send(law_rows(command))

    # -- parts ----------------------------------------------------------------------------------

    def _opened(self) -> tuple[Link, Services, Sample]:
        if self._link is None or self.services is None or self._sample is None:
            raise DriverError("the Gazebo driver is not open; call open() first")
        return self._link, self.services, self._sample

    def _send(self, rows: Array) -> None:
        self._rows = rows
        self._sequence += 1
        message = self._number()
        message.data.append(float(self._sequence))
        message.data.extend(rows.ravel().tolist())
        self._publisher.publish(message)

    def _assemble(self, news: News) -> Sample:
        position, velocity = joint_arrays(news.joints, self._robot.joint_names)
        return Sample(
            stamp=news.stamp + self._offset,
            position=position,
            velocity=velocity,
            effort=law_torque(self._rows, self._limits, position, velocity),
            fresh=np.ones(len(position), dtype=bool),
            imu=imu_sample(news.imu),
            wrenches=wrench_array(news.wrenches),
        )

    def _silence(self, link: Link, sample: Sample) -> Sample:
        """No new state came: the world stands still, is paused, or is lost."""
        silent = time.monotonic() - link.heard
        died = self.server is not None and self.server.pid is None
        if not died and silent < self.options.timeout:
            self._stepping = self._stepping and not self._idle()
            return sample
        if self._lost_since is None:
            self._lost_since = link.heard
        how = "has ended" if died else f"has been silent for {silent:.1f} s"
        fix = "reset the world to start it again" if self.server else "start it again, then re-arm"
        lost = np.zeros_like(sample.fresh)
        self._sample = replace(
            sample,
            stamp=sample.stamp + self.period,
            fresh=lost,
            faults=(f"bus_lost: Gazebo's server {how}; {fix}",),
        )
        return self._sample

    def _again(self, sample: Sample, news: News) -> Sample:
        """The first state of a world that was reset, started again, or found again."""
        self._lost_since = None
        self._stepping = False
        back = news.stamp < sample.stamp - self._offset
        stamp = sample.stamp + (RESET_PAUSE if back else self.period)
        self._offset = stamp - news.stamp
        found = self._assemble(news)
        if back:
            fault = "board_rebooted: Gazebo's time went back: its world was reset or started again"
            found = replace(found, faults=(fault,))
        self._sample = found
        return found

    def _idle(self) -> bool:
        assert self.services is not None
        return self.services.idle()

    def _await_idle(self) -> None:
        deadline = time.monotonic() + self.options.patience
        while not self._idle():
            if time.monotonic() > deadline:
                raise DriverError("Gazebo's server does not answer its control service")
            time.sleep(0.002)

    def _await_server(self) -> None:
        """Wait until the server's torque law listens. Raises DriverError."""
        deadline = time.monotonic() + self.options.patience
        while not self._publisher.has_connections():
            if self.server is not None:
                self.server.complain()
            if time.monotonic() > deadline:
                raise DriverError(
                    f"no Gazebo server runs the torque law on {self._topics.command}: start one with "
                    "the files of `humanoid gazebo`, and set GZ_PARTITION as there; docs/gazebo.md"
                )
            time.sleep(0.02)

    def _settle(self) -> Sample:
        """Hold the start pose until the robot is at rest and every sensor has spoken; then zeros."""
        robot = self._robot
        zeros = np.zeros(len(robot.joints))
        torques = standing_torques(robot, pinocchio_model(robot))
        gains = robot.column("stiffness"), robot.column("damping")
        hold = Command(robot.poses["ready"], zeros, torques * self.options.mass_scale, *gains)
        steps = max(1, round(SETTLING / SETTLING_COMMANDS / self.period * 1e9)) * self.steps
        assert self._link is not None
        news = self._link.wait(-1, 0, PAUSE)
        running = news is not None and self.options.mode == "paced"  # not ours to stop
        stamp = 0 if news is None else news.stamp
        for _ in range(0 if running else SETTLING_COMMANDS):  # the law forgets after `watchdog`
            self._send(law_rows(hold))
            news = self._take_steps(steps, stamp + steps * self.period // self.steps)
            stamp = news.stamp
        assert news is not None
        news = news if running else self._still(self._link, news, law_rows(hold))
        sample = self._assemble(news)
        self._send(self._zeros)
        return sample

    def _still(self, link: Link, news: News, rows: Array) -> News:
        """The state in which the world stands still.

        A first step that was asked for twice, before the transport had found its ways, is taken twice.
        """
        for _ in range(STILL):
            later = link.wait(news.stamp, news.stamp + 1, PAUSE)
            if later is None:
                break
            self._send(rows)
            news = later
        return news

    def _take_steps(self, steps: int, least: int) -> News:
        """Let the paused server take `steps` and wait for the state of stamp `least` [ns]."""
        link, services = self._link, self.services
        assert link is not None
        assert services is not None
        deadline = time.monotonic() + self.options.patience
        services.ask(f"step {steps}")
        while (news := link.wait(least - 1, least, PAUSE)) is None:
            if self.server is not None:
                self.server.complain()
            if time.monotonic() > deadline:
                raise DriverError(
                    f"Gazebo publishes no joint states on {self._topics.joint_states}; "
                    "is another world loaded?"
                )
            if self._idle() and link.heard == 0.0:
                services.ask(f"step {steps}")
        return news
