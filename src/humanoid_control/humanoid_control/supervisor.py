"""The mode supervisor: which controller drives the robot, and how it is handed over.

The graph of modes is data (modes.py, registry.py). An operator names a target; the
supervisor walks there one mode at a time, as each next mode lets it. Downward it needs no
permission: a fall, a lost estimate, a failed controller, a disarmed robot or the safety
supervisor's word end in ``damping``, and nothing but a new request leads up again.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from humanoid_control.blend import Fade
from humanoid_control.controller import (
    FALLEN,
    UPRIGHT,
    Array,
    HandOverError,
    JointTargets,
    References,
    State,
)
from humanoid_control.modes import DAMPING, SIT, Mode, ModeGraph
from humanoid_control.ramps import Stopwatch

#: What control reports while a robot that lies gets up; see humanoid_hal.faults.
GETTING_UP = "getting_up"
#: [s] So long a robot that was asked to get up waits to be armed.
ARMING_TIME = 10.0

_REARM = "re-arm with 'humanoid rearm' first"
_DISARMED = "the robot was disarmed"
_GET_UP = ", or let it get up ('humanoid rearm --mode get_up')"
_NO_STATE = "no robot_state has arrived yet: start perception and the HAL, then try again"


class Reaction(IntEnum):
    """The safety supervisor's ladder, as in SafetyState."""

    NONE = 0
    WARN = 1
    DERATE = 2
    HOLD = 3
    SIT = 4
    DAMP = 5
    TORQUE_OFF = 6


@dataclass(frozen=True)
class ModeStatus:
    """What the topic ``mode`` says."""

    mode: str
    target: str
    waiting_for: str  # why the target is not reached yet; empty when it is
    available: tuple[str, ...]


class ModeSupervisor:
    """Runs one controller per sample and fades from one to the next."""

    def __init__(
        self,
        modes: Sequence[Mode],
        joints: int,
        *,
        blend: float,
        handover: float | None = None,
        startup: str = DAMPING,
        foresee: Callable[[State, bool], str] | None = None,
        missing: Mapping[str, str] | None = None,
    ) -> None:
        """Raises ValueError on an unknown `startup` mode.

        `blend` [s] is the duration of a fade, `handover` [s] that of one to a fallback, when nothing
        balances meanwhile (None: the same); `foresee` says why a robot that balances will fall,
        or "", given whether its mode steps; `missing`: modes this robot does not have, and why.
        """
        self._missing = dict(missing or {})
        self._foresee = foresee
        self._modes = ModeGraph(modes)
        self._mode = self._modes[DAMPING]
        if startup not in self._modes:
            raise ValueError(self._modes.unknown(startup))
        self._target = startup
        self._waiting = ""
        self._fade = Fade(joints)
        self._blend = blend
        self._handover = blend if handover is None else handover
        self._started = False
        self._reaction = Reaction.NONE
        self._armed = False
        self._dropped = ""  # why the next sample finds damping
        self._at_startup = True  # until the robot was armed once, or something was asked for
        self._failure = ""
        self._handed_over = ""  # why the last mode gave up
        self._foreseen = ""  # why a fall is certain
        self._unarmed = Stopwatch()  # since the robot was asked to get up
        #: What happened, for the log; the oldest are dropped.
        self.events: deque[str] = deque(maxlen=20)

    @property
    def status(self) -> ModeStatus:
        return ModeStatus(self._mode.name, self._target, self._waiting, tuple(self._modes))

    @property
    def mode(self) -> str:
        return self._mode.name

    @property
    def reaction(self) -> Reaction:
        return self._reaction

    @property
    def deaf(self) -> str:
        """Why no reference may be changed now, or ""."""
        if self.holding:
            return f"the safety reaction is {self._reaction.name}: the references are frozen"
        if self._mode.down:
            return f"mode {self.mode} follows no references: ask for 'stand' first"
        busy = self._mode.controller.busy()
        return f"mode {self.mode} is busy: {busy}" if busy else ""

    @property
    def balances(self) -> bool:
        """Whether the active controller keeps the robot from falling."""
        return self._mode.controller.balances

    @property
    def walks(self) -> bool:
        """Whether the active controller follows walking orders, and no other mode is asked for."""
        return self._mode.controller.walks and self._target == self._mode.name

    @property
    def velocity_range(self) -> tuple[Array, Array] | None:
        """What the active controller can follow; see :class:`Controller`."""
        return self._mode.controller.velocity_range

    @property
    def holding(self) -> bool:
        """Whether the references are frozen."""
        return self._reaction >= Reaction.HOLD

    @property
    def faults(self) -> tuple[tuple[str, str], ...]:
        """Names of the fault table with reasons, or what is no fault.

        That is ``seated``, once `sit` has done its work, and ``getting_up``, while a robot that
        lies may be armed, and gets up.
        """
        if self._failure:
            return (("controller_failure", self._failure),)
        if self._foreseen:
            return (("fall_foreseen", self._foreseen),)
        if self._handed_over:
            return (("controller_handover", self._handed_over),)
        if self._mode.name == SIT and self._mode.controller.busy() is None:
            return (("seated", "the robot has sat down"),)
        if self._mode.controller.lies:
            return ((GETTING_UP, "at the operator's request"),)
        return ()

    def set_reaction(self, reaction: int) -> None:
        """Take the safety supervisor's word; it holds from the next sample on.

        A reaction above those known counts as the worst.
        """
        self._reaction = Reaction(min(reaction, Reaction.TORQUE_OFF))
        if self._reaction >= Reaction.DAMP:
            # Heard: a re-arm must not find them still reported.
            self._failure = self._handed_over = self._foreseen = ""

    def request(self, target: str, state: State | None) -> tuple[bool, str]:
        """Make `target` the mode to walk to. Returns whether it was accepted, and why not."""
        refusal = self._refusal(target, state)
        if refusal:
            return False, f"{target}: {refusal}" if target in self._modes else refusal
        self._target = target
        self._at_startup = False
        self._waiting = self._failure = self._handed_over = self._foreseen = ""
        if state is not None:
            self._unarmed.start(state.stamp)
        if target == self._mode.name:
            return True, f"in mode {target}"
        self._waiting = "the next sample"
        return True, f"on the way from {self._mode.name} to {' to '.join(self._path(target))}"

    def step(self, state: State, references: References) -> JointTargets:
        """Answer one sample. The result is valid until the next call."""
        self._supervise(state)
        return self._run(state, references)

    def drop(self, reason: str) -> None:
        """Go to damping with the next sample, and stay there."""
        self._at_startup = False
        self._dropped = reason

    def _supervise(self, state: State) -> None:
        reason = self._unsafe(state)
        if reason:
            self._protect(state, reason)
        elif self._reaction == Reaction.SIT and state.armed:
            self._target = DAMPING if self._mode.name == DAMPING else SIT
        self._advance(state)
        self._armed = state.armed
        self._at_startup = self._at_startup and not state.armed

    def _unsafe(self, state: State) -> str:
        """Why the robot must be in damping now, or ""."""
        if self._dropped:
            reason, self._dropped = self._dropped, ""
            return reason
        if self._waits_to_get_up(state):
            return self._overdue(state)
        lies = self._mode.controller.lies
        if self._reaction >= (Reaction.HOLD if lies else Reaction.DAMP):
            return f"safety reaction {self._reaction.name}"
        if state.fall != UPRIGHT and not lies:
            return "the robot has fallen" if state.fall == FALLEN else "the robot is falling"
        if self._armed and not state.armed:
            return _DISARMED
        if self._mode.controller.balances and not state.valid:
            return f"the estimated state is invalid and {self._mode.name} needs it to balance"
        return self._foresee_fall(state)

    def _waits_to_get_up(self, state: State) -> bool:
        """Whether it lies without torque and was asked to get up: nothing can happen to it."""
        return self._modes[self._target].controller.lies and not state.armed

    def _overdue(self, state: State) -> str:
        """Why a robot that waits to get up must not wait any longer, or ""."""
        if self._armed:
            return _DISARMED
        self._unarmed.advance(state.stamp)
        late = self._unarmed.elapsed > ARMING_TIME
        return f"not armed for {ARMING_TIME:g} s after it was asked to get up" if late else ""

    def _foresee_fall(self, state: State) -> str:
        controller = self._mode.controller
        if self._foresee is None or not (controller.balances and state.armed):
            return ""
        reason = self._foresee(state, controller.walks)
        self._foreseen = reason or self._foreseen
        return f"a fall is certain: {reason}" if reason else ""

    def _protect(self, state: State, reason: str) -> None:
        if not self._at_startup or state.fall != UPRIGHT:
            self._target = DAMPING  # nothing leads up again by itself
        self._waiting = "" if self._target == DAMPING else reason
        if self._mode.name != DAMPING:
            self._enter(self._modes[DAMPING], state, reason)

    def _advance(self, state: State) -> None:
        mode = self._mode
        if self._target == mode.name:
            self._waiting = mode.controller.busy() or "" if mode.then else ""
            if mode.then is None or self._waiting:
                return
            self._target = mode.then
        if self._reaction >= Reaction.DAMP and not self._waits_to_get_up(state):
            return
        following = self._modes[self._path(self._target)[0]]
        obstacle = self._obstacle(following, state)
        if obstacle is None:
            self._waiting = ""
            self._enter(following, state)
        elif state.armed and (mode.name == DAMPING or (mode.then and not mode.controller.busy())):
            # Waiting here would move the robot at some later moment that nobody chose.
            self.events.append(f"{self._target} given up: {obstacle}")
            self._target, self._waiting = DAMPING, ""
            self._advance(state)
        else:
            self._waiting = obstacle

    def _obstacle(self, following: Mode, state: State) -> str | None:
        if not self._modes[self._target].down:
            if state.armed and self._reaction >= Reaction.HOLD:
                return f"{following.name}: safety reaction {self._reaction.name}"
            busy = self._mode.controller.busy()
            if busy and not (following.in_motion and self._mode.controller.walks):
                return f"{self._mode.name}: {busy}"
        if following.controller.balances and not state.valid:
            return f"{following.name}: the estimated state is not valid (see 'humanoid status')"
        blocked = following.controller.blocked(state)
        return f"{following.name}: {blocked}" if blocked else None

    def _enter(
        self, mode: Mode, state: State, reason: str = "", blend: float | None = None
    ) -> None:
        self.events.append(f"{self._mode.name} -> {mode.name}{reason and ': '}{reason}")
        self._mode = mode
        if self._started:
            self._take_over(state, blend)

    def _take_over(self, state: State, blend: float | None = None) -> None:
        """Start the active controller from the targets sent last, fading for `blend` [s]."""
        if state.armed:
            last = self._fade.begin(state.stamp, self._blend if blend is None else blend)
        else:
            last = self._fade.skip()  # without torque there is nothing to fade
        try:
            self._mode.controller.start(state, last)
        except Exception as error:
            self._fail(state, error)

    def _run(self, state: State, references: References) -> JointTargets:
        if not self._started:
            self._first(state, references)
        try:
            self._make_or_hand_over(state, references)
        except Exception as error:
            self._fail(state, error)
            self._make(state, references)
        return self._fade.send(state.stamp)

    def _make_or_hand_over(self, state: State, references: References) -> None:
        try:
            self._make(state, references)
        except HandOverError as reason:
            if self._mode.fallback is None:
                raise
            fallback, self._target = self._mode.fallback
            self._handed_over = f"{self._mode.name} handed over to {fallback}: {reason}"
            self._enter(self._modes[fallback], state, str(reason), self._handover)
            self._make(state, references)

    def _make(self, state: State, references: References) -> None:
        self._fade.prepare(self._mode.controller.update(state, references))

    def _first(self, state: State, references: References) -> None:
        """The very first sample: what damping would say counts as the last targets."""
        self._started = True
        self._fade.prepare(self._modes[DAMPING].controller.update(state, references))
        self._fade.send(state.stamp)
        self._take_over(state)
        self._fade.skip()

    def _fail(self, state: State, error: Exception) -> None:
        """A controller failed, however: damping takes over from the last good targets."""
        if self._mode.name == DAMPING:
            raise error
        self._failure = f"{self._mode.name}: {type(error).__name__}: {error}"
        self.events.append(f"controller failure in {self._failure}")
        self._target, self._waiting = DAMPING, ""
        self._mode = self._modes[DAMPING]
        self._take_over(state)

    def _refusal(self, target: str, state: State | None) -> str:
        if target in self._missing:
            return f"{target}: {self._missing[target]}"
        if target not in self._modes:
            return self._modes.unknown(target)
        if missing := self._modes[target].controller.missing():
            return missing
        if self._modes[target].down:
            below = target != DAMPING and self._mode.name == DAMPING
            return "the robot is in damping already, which is below it" if below else ""
        if self._modes[target].controller.lies:
            return self._refusal_to_get_up(target, state)
        if self._reaction >= Reaction.SIT:
            return f"the safety reaction is {self._reaction.name}: {_REARM}"
        if state is None:
            return _NO_STATE
        if state.fall != UPRIGHT:
            return f"the robot is not upright: {self._way_up()}, then try again"
        if target != self._mode.name and self._mode.name == DAMPING:
            return self._modes[self._path(target)[0]].controller.blocked(state) or ""
        return ""

    def _refusal_to_get_up(self, target: str, state: State | None) -> str:
        if state is None:
            return _NO_STATE
        if state.fall == UPRIGHT:
            return "the robot is upright: ask for 'ready' or 'stand'"
        if state.armed:
            return "only a robot that lies without torque gets up: wait until torque is off"
        return self._modes[target].controller.blocked(state) or ""

    def _way_up(self) -> str:
        by_itself = any(mode.controller.lies for mode in self._modes.values())
        return f"set it up or hang it up{_GET_UP if by_itself else ''}"

    def _path(self, target: str) -> tuple[str, ...]:
        return self._modes.path(self._mode.name, target)
