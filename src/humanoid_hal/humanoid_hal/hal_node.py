"""The HAL node: a lifecycle node around one driver, its gate and its safety supervisor.

One thread does everything: the cycle (:mod:`humanoid_hal.cycle`), and between two cycles the rest.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.serialization import deserialize_message
from rclpy.task import Future
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Bool, String
from std_srvs.srv import Trigger

from humanoid_hal.cycle import Cycle
from humanoid_hal.driver import Driver, DriverError, Sample
from humanoid_hal.faults import Reaction
from humanoid_hal.gate import Request
from humanoid_hal.hal import HalCore, Phase
from humanoid_hal.hardware import limitations
from humanoid_hal.parameters import read_parameters
from humanoid_hal.status import diagnostics, safety_state
from humanoid_hal.streams import CommandReader, SampleStreams, TruthStream
from humanoid_interfaces.msg import FaultReport, JointCommand, SafetyState
from humanoid_interfaces.srv import Push
from humanoid_runtime import topics
from humanoid_runtime.loop import HotLoop
from humanoid_runtime.main import run_node, stopping
from humanoid_runtime.realtime import set_up
from humanoid_runtime.stamps import set_stamp

NODE = "humanoid_hal"
#: [s] of real time between two looks at what is slow, two SafetyState, two diagnostics.
SLOW_PERIOD, STATE_PERIOD, DIAGNOSTICS_PERIOD = 0.05, 0.1, 1.0
#: [ns] of simulated time between two messages on /clock.
CLOCK_PERIOD = 10_000_000
#: How nodes that play bags begin their names: ours, and rosbag2's.
PLAYERS = ("humanoid_replay", "rosbag2_player")
#: [s] Longest wait of a `rearm` for the arming checks.
REARM_TIME = 2.0

_OK, _FAILED = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class _Commands:
    """The cycle's source of commands: the hot subscription."""

    def __init__(self, node: "HalNode", loop: HotLoop) -> None:
        self._loop = loop
        self._subscription = loop.subscribe(
            JointCommand, topics.JOINT_COMMANDS, topics.STREAM, raw=True
        )
        self._reader = CommandReader(node.robot, deserialize_message)
        self.rest = node.rest

    def take(self) -> Request | None:
        data = self._loop.take(self._subscription)
        return None if data is None else self._reader.read(data)

    def wait(self, timeout: float) -> bool:
        return self._loop.wait([self._subscription], timeout)


class HalNode(LifecycleNode):
    """See the module docstring; docs/architecture.md tells the life of this node."""

    def __init__(self) -> None:
        super().__init__(NODE)
        self._settings = parameters = read_parameters(self)
        self.robot = parameters.robot
        self._simulated = parameters.driver.capabilities.simulated
        self._driver: Driver | None = None
        self._cycle: Cycle | None = None
        self._failure = ""
        self.core = HalCore(
            self.robot,
            parameters.hardware,
            parameters.driver.capable(parameters.hardware.options),
        )
        #: The wait of the cycle; a neighbour in the same process may work in it ...
        self.loop = HotLoop(self)
        #: ... and do the rest of its work between two cycles.
        self.neighbours_rest: Callable[[], None] = _nothing
        self._commands = _Commands(self, self.loop)
        self._open_topics()
        self._open_services()
        self._rearming: tuple[Future, float] | None = None
        self._looked_at: int | None = None  # publishers of commands when last looked who they are
        self._clock_due = 0
        self._slow_due = self._state_due = self._diagnostics_due = 0.0
        self._told: tuple[object, ...] = ()
        self._counted = (0.0, 0)  # time and turns of the last diagnostics

    def _open_topics(self) -> None:
        self._streams = SampleStreams(self, self.robot)
        self._truth = TruthStream(self) if self._settings.publish_truth else None
        self._safety = self.create_publisher(SafetyState, topics.SAFETY_STATE, topics.EVENT)
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, topics.EVENT)
        self._clock_topic = self.create_publisher(Clock, "/clock", 10) if self._simulated else None
        self._description = self.create_publisher(String, topics.ROBOT_DESCRIPTION, topics.LATCHED)
        self._description.publish(String(data=self.robot.urdf))
        self._reports = self.loop.subscribe(FaultReport, topics.FAULTS, topics.EVENT)

        if self._settings.await_recorder:
            self.core.awaited = "the recorder"
            self.create_subscription(Bool, topics.RECORDING, self._on_recording, topics.LATCHED)

    def _on_recording(self, message: Bool) -> None:
        self.core.awaited = "" if message.data else self.core.awaited

    def _open_services(self) -> None:
        change = self._service_change_state.callback
        self._service_change_state.callback = lambda *both: self._on_change_state(change, *both)
        self.create_service(Trigger, topics.STOP, self._on_stop)
        self.create_service(Trigger, topics.EMERGENCY_STOP, self._on_emergency_stop)
        self.create_service(Trigger, topics.REARM, self._on_rearm)
        if self._simulated:
            self.create_service(Push, topics.PUSH, self._on_push)
            self.create_service(Trigger, topics.RESET, self._on_reset)

    # -- life -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Start as `autostart` says and cycle until the process is asked to stop."""
        set_up(self._settings.realtime_priority, self._settings.cpu)
        self._start()
        while not stopping():
            if self._cycle is None:
                self.loop.idle(0.01)
            else:
                self._turn(self._cycle)
            self.rest()

    def close(self) -> None:
        """Brake, torque off, release everything."""
        try:
            self._release()
        finally:
            self.loop.close()
            self.destroy_node()

    def _start(self) -> None:
        target = self._settings.autostart
        if target != "none" and self.trigger_configure() != _OK:
            raise DriverError(self._failure)
        if target == "active":
            self.trigger_activate()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the driver; no torque."""
        parameters, driver = self._settings, None
        try:
            driver = parameters.driver(self.robot, parameters.hardware.options)
            driver.open()
        except Exception as error:
            self._failure = f"driver '{self._settings.hardware.driver}': {error}"
            self.get_logger().error(self._failure)
            if driver is not None:
                driver.close()
            return _FAILED
        for text in limitations(driver.capabilities, self.robot):
            self.get_logger().warning(f"driver '{self._settings.hardware.driver}' {text}")
        logger = self.get_logger()
        for text in driver.remarks:  # of boards that do not exist nobody wants to know
            (logger.debug if self._simulated else logger.info)(text)
        self.core.on_opened()
        self._driver = driver
        self._cycle = Cycle(
            driver,
            self.core,
            parameters.hardware.period_ns,
            self._commands,
            self._publish,
            stopping,
            paced=parameters.paced,
            busy_wait=parameters.busy_wait,
            answer_timeout=parameters.answer_timeout,
        )
        return _OK

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Arm as soon as the checks hold."""
        self.core.activate()
        return _OK

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Brake, then torque off."""
        if self._cycle is not None:
            try:
                self._cycle.brake()
            except DriverError as error:  # the others are off, and the cycle goes on to tell it
                self.core.on_event("torque_off_unconfirmed", str(error))
        return _OK

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close the driver."""
        self._release()
        return _OK

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close the driver."""
        self._release()
        return _OK

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close the driver; the node is unconfigured again."""
        self._release()
        return _OK

    def _release(self) -> None:
        driver, cycle = self._driver, self._cycle
        self._driver = self._cycle = None
        self._clock_due = 0
        if driver is None or cycle is None:
            return
        try:
            cycle.brake()
        except DriverError as error:
            self.get_logger().error(
                f"driver '{self._settings.hardware.driver}' while braking: {error}"
            )
        finally:
            driver.close()

    # -- cycle and rest -------------------------------------------------------------------------

    def _turn(self, cycle: Cycle) -> None:
        while (report := self.loop.take(self._reports)) is not None:
            self._on_report(report)
        try:
            cycle.turn()
        except DriverError as error:
            self.core.on_event("driver_error", str(error))
            self.core.output(cycle.stamp)
            self._safety.publish(safety_state(self.core, cycle.stamp))
            raise
        supervisor = self.core.supervisor
        told = (supervisor.reaction, self.core.phase, supervisor.latched)
        if told != self._told:
            self._told = told
            # Before the next sample goes out, so that control sees both together in every run.
            self._safety.publish(safety_state(self.core, cycle.stamp))
            self._tell()
        if self._rearming is not None:
            self._finish_rearming(*self._rearming)

    def _publish(self, sample: Sample) -> None:
        self._streams.publish(sample)
        if self._truth is not None and self._driver is not None and self._driver.world is not None:
            self._truth.publish(sample.stamp, self._driver.world)
        if self._clock_topic is not None and sample.stamp >= self._clock_due:
            self._clock_due = sample.stamp - sample.stamp % CLOCK_PERIOD + CLOCK_PERIOD
            message = Clock()
            set_stamp(message.clock, sample.stamp)
            self._clock_topic.publish(message)

    def rest(self) -> None:
        """What is due besides the cycle: reports, services, parameters, lifecycle."""
        self.loop.spin_rest()
        self.neighbours_rest()
        now = time.monotonic()
        if now < self._slow_due or self._cycle is None:
            return
        self._slow_due = now + SLOW_PERIOD
        self.core.publishers = self.count_publishers(topics.JOINT_COMMANDS)
        if self.core.publishers != self._looked_at:
            self._looked_at = self.core.publishers
            self.core.replayed = self._replaying()
        stamp = self._cycle.stamp
        if now >= self._state_due:
            self._state_due = now + STATE_PERIOD
            self._safety.publish(safety_state(self.core, stamp))
        elif now >= self._diagnostics_due:
            self._diagnostics_due = now + DIAGNOSTICS_PERIOD
            before, turns = self._counted
            self._counted = (now, self._cycle.turns)
            rate = (self._cycle.turns - turns) / (now - before)
            waiting_for = self.waiting_for()
            self._diagnostics.publish(
                diagnostics(self.core, self._cycle.latency, rate, waiting_for, stamp)
            )

    def _replaying(self) -> str:
        """The name of a node that plays a bag onto the command topic, or ""."""
        names = [i.node_name for i in self.get_publishers_info_by_topic(topics.JOINT_COMMANDS)]
        return next((name for name in names if name.startswith(PLAYERS)), "")

    def waiting_for(self) -> str:
        """What the HAL needs to be armed; empty when it is, or does not try."""
        return "; ".join(self.core.blockers()) if self.core.phase is Phase.ARMING else ""

    def _tell(self) -> None:
        supervisor, phase = self.core.supervisor, self.core.phase
        reasons = "; ".join(
            (*supervisor.active, *(f"{name} (latched)" for name in supervisor.latched))
        )
        text = f"{phase.value}, {supervisor.reaction.name}{f': {reasons}' if reasons else ''}"
        if supervisor.reaction >= Reaction.HOLD:
            self.get_logger().error(text)
        else:
            self.get_logger().info(text)

    # -- reports and services -------------------------------------------------------------------

    def _on_report(self, message: FaultReport) -> None:
        reasons = [*message.reason, *[""] * len(message.name)]
        causes = dict(zip(message.name, reasons, strict=False))
        self.core.on_report(message.source, causes, time.monotonic_ns())

    def _on_change_state(self, change: Callable[..., Any], request: Any, response: Any) -> Any:
        """The service of rclpy, but that a transition which the state has not ends no process."""
        try:
            return change(request, response)
        except rclpy_implementation.RCLError as error:
            self.get_logger().warning(f"lifecycle transition refused: {error}")
            response.success = False
            return response

    def _on_stop(self, _: Any, response: Any) -> Any:
        self.core.stop("asked for by service")
        response.success, response.message = True, "damping; 'rearm' arms again"
        return response

    def _on_emergency_stop(self, _: Any, response: Any) -> Any:
        self.core.emergency_stop("asked for by service")
        response.success, response.message = True, "torque off; 'rearm' arms again"
        return response

    async def _on_rearm(self, _: Any, response: Any) -> Any:
        response.success, response.message = False, "armed already"
        if self._cycle is None:
            response.message = "the driver is not open; configure the node first"
            return response
        if self._rearming is not None:
            response.message = "another rearm is under way"
            return response
        if self.core.phase is Phase.INACTIVE:
            self.trigger_activate()
        blocking = self.core.rearm()
        if blocking:
            response.message = f"still there: {'; '.join(blocking)}"
            return response
        future: Future = Future()
        self._rearming = (future, time.monotonic() + REARM_TIME)
        response.message = await future
        response.success = not response.message
        response.message = response.message or "armed"
        return response

    def _finish_rearming(self, future: Future, deadline: float) -> None:
        """Answer a waiting rearm: with '' when armed, with what is missing when time is up."""
        if self.core.phase is Phase.ARMED:
            answer = ""
        elif self.core.phase is not Phase.ARMING or time.monotonic() > deadline:
            answer = "; ".join(self.core.blockers()) or "stopped meanwhile"
            self.core.give_up_arming()
        else:
            return
        self._rearming = None
        future.set_result(answer)

    def _on_push(self, request: Any, response: Any) -> Any:
        world = None if self._driver is None else self._driver.world
        link = request.link or self.robot.frames.get("torso", self.robot.base_link)
        force = np.array([request.force.x, request.force.y, request.force.z])
        if world is None:
            response.success, response.message = False, "there is no simulated world to push in"
            return response
        try:
            world.push(link, force, request.duration)
        except ValueError as error:
            response.success, response.message = False, str(error)
            return response
        response.success, response.message = True, f"pushing {link}"
        return response

    def _on_reset(self, _: Any, response: Any) -> Any:
        if self._driver is None or self._driver.world is None or self._cycle is None:
            response.success, response.message = False, "there is no simulated world to reset"
            return response
        self._driver.world.reset()
        self._cycle.world_was_reset()
        response.success, response.message = True, "at the start pose; 'rearm' arms"
        return response


def _nothing() -> None:
    return None


def main() -> int:
    """Run the node; the process's exit code."""
    return run_node(HalNode, sys.argv)


if __name__ == "__main__":
    sys.exit(main())
