"""The HAL node: a lifecycle node around one driver, its gate and its safety supervisor.

One thread does everything: the cycle (:mod:`humanoid_hal.cycle`), and between two cycles the rest.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.serialization import deserialize_message
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Bool, String

from humanoid_hal.cycle import Cycle
from humanoid_hal.driver import Driver, DriverError, Sample
from humanoid_hal.gate import Request
from humanoid_hal.hal import HalCore
from humanoid_hal.hardware import limitations
from humanoid_hal.orders import Orders
from humanoid_hal.parameters import read_parameters
from humanoid_hal.reporter import Reporter
from humanoid_hal.streams import CommandReader, SampleStreams, TruthStream
from humanoid_interfaces.msg import FaultReport, JointCommand
from humanoid_runtime import topics
from humanoid_runtime.loop import HotLoop
from humanoid_runtime.main import run_node, stopping
from humanoid_runtime.realtime import set_up
from humanoid_runtime.stamps import set_stamp

NODE = "humanoid_hal"
#: [ns] of simulated time between two messages on /clock.
CLOCK_PERIOD = 10_000_000

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
        self.driver: Driver | None = None
        self.cycle: Cycle | None = None
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
        self._orders = Orders(self, simulated=self._simulated)
        change = self._service_change_state.callback
        self._service_change_state.callback = lambda *both: self._on_change_state(change, *both)
        self._reporter = Reporter(self)
        self._clock_due = 0

    def _open_topics(self) -> None:
        self._streams = SampleStreams(self, self.robot)
        self._truth = TruthStream(self) if self._settings.publish_truth else None
        self._clock_topic = self.create_publisher(Clock, "/clock", 10) if self._simulated else None
        self._description = self.create_publisher(String, topics.ROBOT_DESCRIPTION, topics.LATCHED)
        self._description.publish(String(data=self.robot.urdf))
        self._reports = self.loop.subscribe(FaultReport, topics.FAULTS, topics.EVENT)
        if self._settings.await_recorder:
            self.core.awaited = "the recorder"
            self.create_subscription(Bool, topics.RECORDING, self._on_recording, topics.LATCHED)

    def _on_recording(self, message: Bool) -> None:
        self.core.awaited = "" if message.data else self.core.awaited

    # -- life -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Start as `autostart` says and cycle until the process is asked to stop."""
        set_up(self._settings.realtime_priority, self._settings.cpu)
        self._start()
        while not stopping():
            if self.cycle is None:
                self.loop.idle(0.01)
            else:
                self._turn(self.cycle)
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

    def _on_change_state(self, change: Callable[..., Any], request: Any, response: Any) -> Any:
        """The service of rclpy, but that a transition which the state has not ends no process."""
        try:
            return change(request, response)
        except rclpy_implementation.RCLError as error:
            self.get_logger().warning(f"lifecycle transition refused: {error}")
            response.success = False
            return response

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
        self.driver = driver
        self.cycle = Cycle(
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
        if self.cycle is not None:
            try:
                self.cycle.brake()
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
        driver, cycle = self.driver, self.cycle
        self.driver = self.cycle = None
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
            self._reporter.publish_state(cycle.stamp)
            raise
        self._reporter.after_cycle(cycle.stamp)
        self._orders.after_cycle()

    def _publish(self, sample: Sample) -> None:
        self._streams.publish(sample)
        if self._truth is not None and self.driver is not None and self.driver.world is not None:
            self._truth.publish(sample.stamp, self.driver.world)
        if self._clock_topic is not None and sample.stamp >= self._clock_due:
            self._clock_due = sample.stamp - sample.stamp % CLOCK_PERIOD + CLOCK_PERIOD
            message = Clock()
            set_stamp(message.clock, sample.stamp)
            self._clock_topic.publish(message)

    def rest(self) -> None:
        """What is due besides the cycle: reports, services, parameters, lifecycle."""
        self.loop.spin_rest()
        self.neighbours_rest()
        if self.cycle is not None:
            self._reporter.report(self.cycle)

    def _on_report(self, message: FaultReport) -> None:
        reasons = [*message.reason, *[""] * len(message.name)]
        causes = dict(zip(message.name, reasons, strict=False))
        self.core.on_report(message.source, causes, time.monotonic_ns())


def _nothing() -> None:
    return None


def main() -> int:
    """Run the node; the process's exit code."""
    return run_node(HalNode, sys.argv)


if __name__ == "__main__":
    sys.exit(main())
