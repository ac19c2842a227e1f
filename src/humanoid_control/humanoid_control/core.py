"""The whole control cycle as one pure object, for the node and for closed-loop benchmarks alike.

Deterministic: no clock, no thread, no random number. Orders that arrive between two samples act on
the next one.
"""

from collections.abc import Sequence

from humanoid_control.anatomy import leg_joints, ready_height
from humanoid_control.config import ControlConfig
from humanoid_control.controller import Array, JointTargets, State
from humanoid_control.fall_prediction import FallPredictor
from humanoid_control.modes import Mode
from humanoid_control.ramps import Stopwatch
from humanoid_control.references import BodyPoseError, OperatorReferences
from humanoid_control.registry import build_modes, missing_modes
from humanoid_control.supervisor import ModeStatus, ModeSupervisor
from humanoid_control.trajectory import TrajectoryError, TrajectoryOrder
from humanoid_control.velocity import VelocityError
from humanoid_description.robot import RobotDescription


class ControlCore:
    """Samples in, joint targets out; orders in between."""

    def __init__(
        self,
        robot: RobotDescription,
        config: ControlConfig,
        startup_mode: str = "damping",
        modes: Sequence[Mode] | None = None,
    ) -> None:
        """`modes` replaces the registry's. Raises ValueError on an unknown `startup_mode`."""
        height = ready_height(robot)
        self._references = OperatorReferences(robot, config.references, height, leg_joints(robot))
        self._supervisor = ModeSupervisor(
            build_modes(robot, config, height) if modes is None else modes,
            len(robot.joints),
            blend=config.modes.blend,
            handover=config.modes.handover,
            startup=startup_mode,
            missing=missing_modes(robot),
            foresee=None if modes is not None else FallPredictor(robot, config.falls).update,
        )
        self._watch = Stopwatch()
        self._state: State | None = None
        self._answer: JointTargets | None = None
        self._armed = False

    def update(self, state: State) -> JointTargets:
        """Answer one sample; the result is valid until the next call. Sets ``state.armed``.

        A stamp that was answered before gets the same answer and changes nothing. A stamp before
        the last one means that another robot is there: damping, until a new request.
        """
        last = self._state
        if last is not None and self._answer is not None:
            if state.stamp == last.stamp:
                return self._answer
            if state.stamp < last.stamp:
                reason = f"stamps went back from {last.stamp} to {state.stamp} ns"
                self._supervisor.drop(reason)
                self._watch.start(state.stamp)
        state.armed = self._armed
        self._state = state
        references, supervisor = self._references, self._supervisor
        if not supervisor.walks:
            references.stop_walking()
        references.advance(state.stamp, self._watch.advance(state.stamp))
        mode = supervisor.mode
        self._answer = supervisor.step(state, references.values)
        if supervisor.mode != mode and not supervisor.balances:
            references.reset()
        return self._answer

    def on_safety(self, reaction: int, armed: bool) -> None:
        """Take the safety supervisor's word: `reaction` as in SafetyState, `armed`: torque on."""
        if reaction == self._supervisor.reaction and armed == self._armed:
            return
        held = self._supervisor.holding
        self._supervisor.set_reaction(reaction)
        self._armed = armed
        if self._supervisor.holding and not held and self._state is not None:
            self._references.freeze(self._state.stamp)

    def set_mode(self, target: str) -> tuple[bool, str]:
        """Ask for a mode. Returns whether it is accepted, and the way there or why not."""
        return self._supervisor.request(target, self._state)

    def on_body_pose(self, com_offset: Array, height: float, torso: Array) -> tuple[str, ...]:
        """Move the body, see :class:`References`; a `height` of 0 is that of the ready pose.

        Returns what had to be clamped. Raises BodyPoseError when refused.
        """
        supervisor = self._supervisor
        refusal = supervisor.deaf
        if not refusal and not supervisor.balances:
            refusal = f"mode {supervisor.mode} does not balance: ask for 'stand' first"
        if refusal:
            raise BodyPoseError(f"body pose refused: {refusal}")
        return self._references.order_body(com_offset, height, torso)

    def on_velocity(self, twist: Array) -> tuple[str, ...]:
        """Walk with `twist`, shape (3,), see :class:`References`; renew it in time.

        Returns what had to be clamped. Raises VelocityError when refused.
        """
        supervisor = self._supervisor
        if supervisor.holding:
            reaction = supervisor.reaction.name
            raise VelocityError(f"the safety reaction is {reaction}: the references are frozen")
        if not supervisor.walks or self._state is None:
            raise VelocityError(f"mode {supervisor.mode} does not walk: ask for 'walk' first")
        limits = supervisor.velocity_range
        return self._references.order_velocity(twist, self._state.stamp, limits)

    def on_trajectory(self, order: TrajectoryOrder) -> None:
        """Follow a joint trajectory from the next sample on. Raises TrajectoryError."""
        refusal = self._supervisor.deaf
        if refusal:
            raise TrajectoryError(refusal)
        assert self._state is not None  # before the first sample the mode is damping, which is deaf
        self._references.order_trajectory(order, self._state.stamp)

    @property
    def walks(self) -> bool:
        """Whether :meth:`on_velocity` would be taken by the present mode."""
        return self._supervisor.walks

    @property
    def mode_state(self) -> ModeStatus:
        """What the topic ``mode`` says."""
        return self._supervisor.status

    @property
    def faults(self) -> tuple[tuple[str, str], ...]:
        """Faults of control, (name of the fault table, reason)."""
        return self._supervisor.faults

    def take_events(self) -> tuple[str, ...]:
        """What happened since the last call, for the log."""
        events = tuple(self._supervisor.events)
        self._supervisor.events.clear()
        return events
