"""The node ``humanoid_control``: one joint command for each robot_state, and orders in between."""

import sys
import time
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.serialization import deserialize_message
from trajectory_msgs.msg import JointTrajectory

from humanoid_control.config import load_control_config
from humanoid_control.controller import JointTargets, State
from humanoid_control.core import ControlCore
from humanoid_control.messages import (
    RobotStateError,
    StateReader,
    body_pose,
    command_example,
    trajectory_order,
    velocity,
)
from humanoid_control.references import BodyPoseError
from humanoid_control.ticks import Ticks
from humanoid_control.trajectory import TrajectoryError
from humanoid_control.velocity import VelocityError
from humanoid_control.walk_to_server import WalkToServer
from humanoid_description import load_robot
from humanoid_interfaces.msg import FaultReport, ModeState, RobotState, SafetyState
from humanoid_interfaces.srv import SetMode
from humanoid_runtime import realtime, topics
from humanoid_runtime.cdr import FixedPublisher
from humanoid_runtime.loop import LONGEST_WAIT, HotLoop
from humanoid_runtime.main import run_node, stopping
from humanoid_runtime.parameters import declare
from humanoid_runtime.stamps import set_stamp

NODE = "humanoid_control"
HEARTBEAT = 0.1  # [s] between two messages on `mode` and `faults`
DIAGNOSTICS = 1.0  # [s] between two on /diagnostics
TARGETS = ("position", "velocity", "effort", "stiffness", "damping")


class ControlNode:
    """Shell around :class:`ControlCore`."""

    def __init__(self) -> None:
        """Raises DescriptionError, ValueError or RealtimeError, each saying what to do."""
        self._node = rclpy.create_node(NODE)
        robot_path = self._declare("robot", "", "robot.yaml, or the folder that holds it")
        if not robot_path:
            raise ValueError("parameter 'robot' is empty: give the path of a robot.yaml")
        config_path = self._declare("config", "", "control.yaml; empty: the one beside robot.yaml")
        startup = self._declare("startup_mode", "damping", "mode to walk to from the start on")
        priority = self._declare(
            "realtime_priority", 0, "SCHED_FIFO priority; 0: normal scheduling", lower=0, upper=99
        )
        cpu = self._declare("cpu", -1, "core to run on; -1: any", lower=-1, upper=1023)
        robot = load_robot(robot_path)
        beside = robot.directory / "control.yaml"
        path = Path(config_path) if config_path else beside if beside.is_file() else None
        config = load_control_config(path)
        self._core = ControlCore(robot, config, startup)
        self._reader = StateReader(robot)
        self._loop = HotLoop(self._node)
        self._state = self._loop.subscribe(RobotState, topics.ROBOT_STATE, topics.STREAM, raw=True)
        self._safety = self._loop.subscribe(SafetyState, topics.SAFETY_STATE, topics.EVENT)
        self._command = FixedPublisher(
            self._node, command_example(robot), topics.JOINT_COMMANDS, topics.STREAM
        )
        self._sequence = self._command.view("sequence")
        self._views = [self._command.view(name) for name in TARGETS]
        self._stamp: int | None = None  # of the last answer
        self._ticks = Ticks()
        self._refused = 0  # orders and robot_states that were refused
        self._converted = 0  # robot_states of another layout than ours: right, but slow to read
        self._set_up_slow()
        self._walk_to = WalkToServer(self._node, self._core, config.walk_to, self._tell_taken)
        realtime.set_up(priority, cpu)

    def run(self) -> None:
        """Answer each robot_state until told to stop."""
        while not stopping():
            if self.step() or not self._loop.wait([self._state], LONGEST_WAIT):
                self.rest()

    def step(self) -> bool:
        """Answer what waits; False: no robot_state was waiting."""
        answered = self._answer()
        if not answered:
            self._take_safety()
        return answered

    def rest(self) -> None:
        """Report, and do what else is due."""
        self._report()
        self._loop.spin_rest()

    def close(self) -> None:
        """Release everything."""
        self._walk_to.close()
        self._loop.close()
        self._node.destroy_node()

    # -- the control path ---------------------------------------------------------------------

    def _answer(self) -> bool:
        """Answer the newest robot_state; what waited behind it is late and gets no answer."""
        newest = None
        while (data := self._loop.take(self._state)) is not None:
            newest = data
        if newest is None:
            return False
        begin = time.perf_counter_ns()
        # The HAL publishes safety_state before the sample it holds for; taken here, it acts on the
        # same sample in every run.
        self._take_safety()
        state = self._convert(newest)
        if state is None:
            return True
        targets = self._core.update(state)
        if state.stamp != self._stamp:
            self._stamp = state.stamp
            self._fill(targets)
        self._command.publish(state.stamp)
        self._walk_to.on_state(state)
        self._ticks.add(time.perf_counter_ns() - begin)
        return True

    def _convert(self, data: bytes) -> State | None:
        state = self._reader.read(data)
        if state is not None:
            return state
        self._converted += 1
        try:
            return self._reader.convert(deserialize_message(data, RobotState))
        except RobotStateError as error:
            self._refuse(error)
            return None

    def _fill(self, targets: JointTargets) -> None:
        self._sequence += 1
        for view, name in zip(self._views, TARGETS, strict=True):
            view[:] = getattr(targets, name)

    def _take_safety(self) -> None:
        while (message := self._loop.take(self._safety)) is not None:
            self._core.on_safety(message.reaction, message.armed)

    # -- orders and reports -------------------------------------------------------------------

    def _set_up_slow(self) -> None:
        node = self._node
        self._mode_publisher = node.create_publisher(ModeState, topics.MODE, topics.EVENT)
        self._fault_publisher = node.create_publisher(FaultReport, topics.FAULTS, topics.EVENT)
        self._diagnostics_publisher = node.create_publisher(
            DiagnosticArray, topics.DIAGNOSTICS, topics.EVENT
        )
        node.create_service(SetMode, topics.SET_MODE, self._on_set_mode)
        node.create_subscription(PoseStamped, topics.BODY_POSE, self._on_body_pose, topics.EVENT)
        node.create_subscription(TwistStamped, topics.CMD_VEL, self._on_velocity, topics.EVENT)
        node.create_subscription(
            JointTrajectory, topics.JOINT_TRAJECTORY, self._on_trajectory, topics.EVENT
        )
        self._taken = {
            kind: node.create_publisher(kind, topic, topics.EVENT)
            for kind, topic in (
                (ModeState, topics.ORDER_MODE),
                (PoseStamped, topics.ORDER_POSE),
                (TwistStamped, topics.ORDER_VELOCITY),
                (JointTrajectory, topics.ORDER_TRAJECTORY),
            )
        }
        self._published: tuple[Any, Any] = (None, None)  # what `mode` and `faults` said last
        self._heartbeat_due = self._diagnostics_due = 0.0

    def _on_set_mode(self, request: Any, response: Any) -> Any:
        response.success, response.message = self._core.set_mode(request.mode)
        response.active = self._core.mode_state.mode
        if response.success:
            self._tell_taken(ModeState(mode=response.active, target=request.mode))
        return response

    def _tell_taken(self, order: Any) -> None:
        """Say that `order` acts from the next sample on: with this a recording can be replayed."""
        set_stamp(order.header.stamp, self._stamp or 0)
        self._taken[type(order)].publish(order)

    def _on_body_pose(self, message: PoseStamped) -> None:
        try:
            clamped = self._core.on_body_pose(*body_pose(message))
        except BodyPoseError as error:
            self._refuse(error)
            return
        self._tell_taken(message)
        if clamped:
            self._node.get_logger().warning(f"body pose: {'; '.join(clamped)}")

    def _on_velocity(self, message: TwistStamped) -> None:
        try:
            clamped = self._core.on_velocity(velocity(message))
            self._walk_to.interrupt("cmd_vel took over")
        except VelocityError as error:
            self._refuse(VelocityError(f"cmd_vel refused: {error}"))
            return
        self._tell_taken(message)
        if clamped:
            self._node.get_logger().warning(
                f"cmd_vel: {'; '.join(clamped)}", throttle_duration_sec=1.0
            )

    def _on_trajectory(self, message: JointTrajectory) -> None:
        try:
            self._core.on_trajectory(trajectory_order(message, self._stamp or 0))
        except TrajectoryError as error:
            self._refuse(TrajectoryError(f"joint trajectory refused: {error}"))
        else:
            self._tell_taken(message)

    def _refuse(self, error: Exception) -> None:
        self._refused += 1
        self._node.get_logger().warning(str(error), throttle_duration_sec=1.0)

    def _report(self) -> None:
        """Publish what changed, and everything at its heartbeat."""
        now = time.monotonic()
        beat = now >= self._heartbeat_due
        if beat:
            self._heartbeat_due = now + HEARTBEAT
        mode, faults = self._core.mode_state, self._core.faults
        if beat or mode != self._published[0]:
            self._publish_mode(mode)
        if beat or faults != self._published[1]:
            self._publish_faults(faults)
        self._published = (mode, faults)
        if now >= self._diagnostics_due:
            self._diagnostics_due = now + DIAGNOSTICS
            self._publish_diagnostics()
        for event in self._core.take_events():
            self._node.get_logger().info(event)

    def _publish_mode(self, mode: Any) -> None:
        message = ModeState(
            mode=mode.mode,
            target=mode.target,
            waiting_for=mode.waiting_for,
            available=list(mode.available),
        )
        set_stamp(message.header.stamp, self._stamp or 0)
        self._mode_publisher.publish(message)

    def _publish_faults(self, faults: tuple[tuple[str, str], ...]) -> None:
        message = FaultReport(source=NODE)
        message.name = [name for name, _ in faults]
        message.reason = [reason for _, reason in faults]
        set_stamp(message.header.stamp, self._stamp or 0)
        self._fault_publisher.publish(message)

    def _publish_diagnostics(self) -> None:
        faults = self._core.faults
        status = DiagnosticStatus(name=f"{NODE}: control", hardware_id="")
        status.level = DiagnosticStatus.ERROR if faults else DiagnosticStatus.OK
        status.message = "; ".join(f"{name}: {reason}" for name, reason in faults) or (
            f"mode {self._core.mode_state.mode}"
        )
        values = {**self._ticks.take(), "refused": str(self._refused)}
        values["converted"] = str(self._converted)
        status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._diagnostics_publisher.publish(message)

    def _declare(self, name: str, default: Any, text: str, **bounds: Any) -> Any:
        return declare(self._node, name, default, text, **bounds)


def main() -> None:
    """Entry point."""
    sys.exit(run_node(ControlNode))


if __name__ == "__main__":
    main()
