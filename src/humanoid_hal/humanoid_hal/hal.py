"""One cycle of the HAL without ROS, clock or port: samples and messages in, a command out.

The HAL node and in-process benchmarks run the same cycle::

    core.on_sample(sample)           # what driver.read() returned
    core.on_command(request)         # any number of times; the gate is in here
    output = core.output(now)        # exactly once
    driver.enable(output.enable)     # when it changes
    driver.write(output.command)     # while enabled

Whatever comes in, an enabled driver gets one of these each cycle: the newest accepted command while
it is fresh, HOLD, DAMP, or the torque goes off. All times are stamps of samples [ns].
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from humanoid_description import RobotDescription
from humanoid_hal.checks import SampleChecks
from humanoid_hal.driver import Capabilities, Command, Sample
from humanoid_hal.faults import FAULTS, GETTING_UP, SEATED, SECOND, Reaction
from humanoid_hal.gate import Gate, Rejection, Request, Verdict
from humanoid_hal.hardware import HardwareConfig
from humanoid_hal.safety import SafetySupervisor

#: Rejected non-finite commands in a row after which the robot holds (row 5).
NONFINITE_IN_A_ROW = 3
#: A cycle longer than this many periods is an overrun, so many in a row hold the robot (row 9).
OVERRUN_PERIODS = 1.5
OVERRUNS_IN_A_ROW = 5
#: [ns] A robot that has not got up after this is one that has fallen (row 17).
GET_UP_TIME = 30 * SECOND
#: Faults that do not keep a lying robot from getting up.
RECOVERABLE = frozenset(name for name, fault in FAULTS.items() if fault.recoverable)


class Phase(Enum):
    """How far the HAL is with torque."""

    INACTIVE = "inactive"  # the lifecycle node is not active
    ARMING = "arming"  # arms as soon as :meth:`HalCore.blockers` is empty
    ARMED = "armed"  # commands are executed
    STOPPED = "stopped"  # after a stop or a fault: waits for a re-arm, damping or without torque


@dataclass(slots=True)
class Output:
    """What the driver gets in this cycle."""

    enable: bool
    command: Command | None  # to be written; None only while not enabled
    source: str  # 'command', 'hold', 'damp', 'off'


class HalCore:
    """See the module docstring."""

    def __init__(
        self, robot: RobotDescription, config: HardwareConfig, capabilities: Capabilities
    ) -> None:
        n = len(robot.joints)
        self._names = robot.joint_names
        self._config = config
        self._capabilities = capabilities
        self._timeout = round(config.safety.command_timeout * 1e9)
        self._report_timeout = round(config.safety.report_timeout * 1e9)
        self._ramp = round(config.arming.ramp * 1e9)
        self._hold_gains = (robot.column("stiffness"), robot.column("damping"))
        self._damp_torque = robot.column("effort") * config.safety.damp_torque
        self._zeros = np.zeros(n)
        self.gate = Gate(robot, config.limits)
        self.checks = SampleChecks(robot, config, capabilities)
        self.supervisor = SafetySupervisor()
        self.phase = Phase.INACTIVE
        self.enabled = False
        self.publishers: int | None = None  # on the command topic; None: not known
        self.replayed = ""  # the node that replays a recording onto the command topic, if any
        self.awaited = ""  # what arming waits for outside of the HAL
        self.cycles = 0
        self.overruns = 0
        self._overruns_in_a_row = 0
        self._nonfinite_in_a_row = 0
        self._stamp = 0  # of the newest sample
        self._complete_in_a_row = 0
        self._accepted: Command | None = None
        self._accepted_stamp = 0
        self._armed_at = 0
        self._derated = False
        self._refused = ""  # why a board gave no torque when it was asked last
        self._getting_up_since: int | None = None  # [ns]; None: a fall is a fall
        self._sample_causes: dict[str, str] = {}
        self._events: dict[str, str] = {}  # causes that last one cycle
        self._reports: dict[str, tuple[int, int | None, dict[str, str]]] = {}

    # -- what comes in --------------------------------------------------------------------------

    def on_sample(self, sample: Sample) -> None:
        """Take what ``driver.read()`` returned."""
        self._sample_causes = self.checks.see(sample)
        self._stamp = sample.stamp
        self._complete_in_a_row = self._complete_in_a_row + 1 if self.checks.complete else 0

    def on_command(self, request: Request) -> Verdict:
        """Check a command message; the accepted one is what :meth:`output` gives."""
        checks = self.checks
        verdict = self.gate.check(
            request, self._stamp, self._config.period_ns, checks.position, checks.velocity
        )
        if verdict.command is not None:
            self._accepted, self._accepted_stamp = verdict.command, request.stamp
            self._nonfinite_in_a_row = 0
            if verdict.reason:
                self._events["command_limit"] = verdict.reason
            return verdict
        nonfinite = verdict.rejection is Rejection.NONFINITE
        self._nonfinite_in_a_row = self._nonfinite_in_a_row + 1 if nonfinite else 0
        second = verdict.rejection is Rejection.SECOND_PUBLISHER
        self._events["second_publisher" if second else "command_rejected"] = verdict.reason
        return verdict

    def on_report(self, source: str, causes: Mapping[str, str], heard: int | None = None) -> None:
        """Take the faults (name -> reason) that the node `source` sees now; also its heartbeat.

        `heard` [ns] is real time: a node counts as silent only when it is so in sample time and in
        real time, so that neither a slow nor a fast simulation makes it look silent.
        """
        self._reports[source] = (self._stamp, heard, dict(causes))

    def on_event(self, name: str, reason: str) -> None:
        """Note a cause (a name of the fault table) that this cycle alone has."""
        self._events[name] = reason

    def on_cycle(self, duration: int) -> None:
        """Count one cycle of `duration` [ns] that had a period to keep to.

        A late simulation is only counted: its robot does not notice.
        """
        self.cycles += 1
        limit = OVERRUN_PERIODS * self._config.period_ns
        if duration <= limit:
            self._overruns_in_a_row = 0
            return
        self.overruns += 1
        self._overruns_in_a_row += 1
        reason = f"cycle took {duration * 1e-6:.2f} ms, limit {limit * 1e-6:.2f} ms"
        self._events["overrun"] = reason
        if self._overruns_in_a_row >= OVERRUNS_IN_A_ROW and not self._capabilities.simulated:
            self._events["overrun_repeated"] = f"{self._overruns_in_a_row} in a row, {reason}"

    # -- what the operator asks -----------------------------------------------------------------

    def activate(self) -> None:
        """Arm as soon as nothing forbids it. A latched fault still needs :meth:`rearm`."""
        self._refused = ""
        self.phase = Phase.STOPPED if self.supervisor.needs_rearm else Phase.ARMING

    def deactivate(self) -> None:
        """Torque off with the next output, and stay so."""
        self.phase = Phase.INACTIVE
        self._disable()

    def stop(self, reason: str) -> None:
        """DAMP, until re-armed."""
        self.on_event("operator_stop", reason)

    def emergency_stop(self, reason: str) -> None:
        """TORQUE_OFF, until re-armed."""
        self.on_event("emergency_stop", reason)

    def rearm(self) -> tuple[str, ...]:
        """Release what is latched and start arming; or return the faults that forbid it.

        That the robot lies forbids it, unless control says that it was asked to get up.
        """
        self._refused = ""
        getting_up = any(GETTING_UP in reported for *_, reported in self._reports.values())
        blocking = self.supervisor.rearm(getting_up=getting_up)
        if blocking:
            return blocking
        self._getting_up_since = self._stamp if getting_up else None
        if self.phase is Phase.STOPPED:
            self.phase = Phase.ARMING
        return ()

    def on_refusal(self, reason: str) -> None:
        """A board gave no torque: stopped, until the next :meth:`rearm`."""
        self._disable()
        self.phase = Phase.STOPPED
        self._refused = reason
        self.on_event("arming_refused", reason)

    def give_up_arming(self) -> None:
        """Do not arm any more until the next :meth:`rearm`."""
        if self.phase is Phase.ARMING:
            self.phase = Phase.STOPPED

    def on_reset(self) -> None:
        """The simulated world was reset: torque is off, and the past is another robot's."""
        self._disable()
        if self.phase is not Phase.INACTIVE:
            self.phase = Phase.STOPPED
        self.checks.reset()
        self._reports.clear()
        self._complete_in_a_row = 0

    def on_opened(self) -> None:
        """The driver was opened anew: a clock of its own. What is latched stays so."""
        self.on_reset()
        self._accepted = None

    # -- arming ---------------------------------------------------------------------------------

    def blockers(self) -> list[str]:
        """Why the robot cannot be armed now, one sentence each; empty: it can."""
        arming, capabilities = self._config.arming, self._capabilities
        found = []
        if self._complete_in_a_row < arming.samples:
            found.append(
                f"{self._complete_in_a_row} of {arming.samples} samples with every joint fresh"
            )
        if self.supervisor.needs_rearm:
            names = ", ".join(self.supervisor.latched) or self.supervisor.reaction.name
            found.append(f"latched: {names}; re-arm to release")
        if self.supervisor.reaction >= Reaction.HOLD:
            found += [f"fault {text}" for text in self.supervisor.active[:1]]
        if self._refused:
            found.append(f"refused: {self._refused}")
        if self.awaited:
            found.append(f"waiting for {self.awaited}")
        if self.replayed:
            found.append(f"{self.replayed} replays a recording: commands must come from control")
        if self.publishers is not None and self.publishers != 1:
            found.append(f"{self.publishers} publishers of commands, must be one")
        watched = capabilities.simulated or capabilities.board_watchdog
        if not watched and not arming.accept_no_board_watchdog:
            found.append(
                "the boards have no watchdog: they keep torque on if this process dies; set "
                "arming.accept_no_board_watchdog in the hardware file to accept that"
            )
        return found + self._start_pose()

    def _start_pose(self) -> list[str]:
        command = self._accepted
        if command is None or self._stamp - self._accepted_stamp > self._timeout:
            return ["no fresh command; is the controller running?"]
        tolerance = self._config.arming.tolerance
        error = np.abs(command.position - self.checks.position)
        away = np.flatnonzero(error > tolerance)
        if not away.size:
            return []
        listed = ", ".join(f"{self._names[i]} by {error[i]:.2f} rad" for i in away)
        return [f"the command is more than {tolerance:g} rad from the measured position: {listed}"]

    def _arm(self) -> None:
        self.phase = Phase.ARMED
        self.enabled = True
        self._armed_at = self._stamp
        self.gate.lock()

    def _disable(self) -> None:
        self.enabled = False
        self.gate.unlock()

    # -- what goes out --------------------------------------------------------------------------

    def output(self, now: int, real: int | None = None) -> Output:
        """Decide this cycle. `now` [ns] is the time, in the time base of the stamps.

        `real` [ns] is real time, where :meth:`on_report` was told it.
        """
        reaction = self._decide(now, real)
        if self.phase in (Phase.ARMING, Phase.ARMED):
            if reaction >= Reaction.DAMP and self.supervisor.needs_rearm:
                self.phase = Phase.STOPPED
                self.gate.unlock()
            elif self.phase is Phase.ARMING and not self.blockers():
                self._arm()
        if self.enabled and reaction >= Reaction.TORQUE_OFF:
            self._disable()
        if not self.enabled:
            return Output(False, None, "off")
        if self.phase is not Phase.ARMED:
            return Output(True, self.damp(), "damp")
        return self._obey(now)

    def damp(self) -> Command:
        """Brake every joint: zero velocity wanted, torque within `safety.damp_torque`."""
        speed = np.abs(self.checks.velocity)
        damping = np.minimum(self._hold_gains[1], self._damp_torque / np.maximum(speed, 1e-9))
        zeros = self._zeros
        return Command(self.checks.position.copy(), zeros, zeros, zeros, damping)

    def off(self) -> Command:
        """No torque at all."""
        return Command(self.checks.position.copy(), *(self._zeros for _ in range(4)))

    def _decide(self, now: int, real: int | None) -> Reaction:
        causes = self._causes(now)
        self._listen(now, real, causes)
        seated = causes.pop(SEATED, None) is not None
        getting_up = self._gets_up(now, causes)
        reaction = self.supervisor.update(
            now,
            causes,
            armed=self.enabled,
            seated=seated,
            still=self.checks.still,
            getting_up=getting_up,
        )
        self._events.clear()
        derate = self.supervisor.derates
        if derate != self._derated:
            self._derated = derate
            self.gate.limiter.derate(self._config.limits.derate if derate else 1.0)
        return reaction

    def _gets_up(self, now: int, causes: dict[str, str]) -> bool:
        """Whether falls are excused: from the rearm until it is up, stopped, or out of time."""
        says_so = causes.pop(GETTING_UP, None) is not None
        since = self._getting_up_since
        if since is None:
            return False
        trying = says_so and self.phase in (Phase.ARMING, Phase.ARMED)
        if not trying or now - since >= GET_UP_TIME or RECOVERABLE.isdisjoint(causes):
            self._getting_up_since = None
        return self._getting_up_since is not None

    def _causes(self, now: int) -> dict[str, str]:
        causes = {**self._sample_causes, **self._events, **self.checks.stale(now)}
        if self.publishers is not None and self.publishers > 1:
            causes.setdefault("second_publisher", f"{self.publishers} publishers of commands")
        if self.replayed:
            causes["second_publisher"] = f"{self.replayed} replays a recording"
        if self._nonfinite_in_a_row >= NONFINITE_IN_A_ROW:
            causes["command_nonfinite"] = f"{self._nonfinite_in_a_row} messages in a row"
        if self.phase is Phase.ARMED and now - self._accepted_stamp > self._timeout:
            age, limit = (now - self._accepted_stamp) * 1e-6, self._timeout * 1e-6
            causes["command_timeout"] = f"last command is {age:.0f} ms old, limit {limit:.0f} ms"
        return causes

    def _listen(self, now: int, real: int | None, causes: dict[str, str]) -> None:
        """Add what other nodes reported, and who of them has gone silent (row 32)."""
        for source, (stamp, heard, reported) in self._reports.items():
            for name, reason in reported.items():
                causes[name] = f"{reason} ({source})"
            silence = now - stamp
            if real is not None and heard is not None:
                silence = min(silence, real - heard)
            if silence > self._report_timeout:
                causes["reporter_silent"] = f"{source} not heard for {silence * 1e-9:.1f} s"

    def _obey(self, now: int) -> Output:
        """The newest accepted command, or HOLD when it is too old."""
        accepted = self._accepted
        assert accepted is not None  # arming asked for it
        scale = min(1.0, (now - self._armed_at) / self._ramp) if self._ramp else 1.0
        held = now - self._accepted_stamp > self._timeout
        if held:
            accepted = Command(accepted.position, self._zeros, accepted.effort, *self._hold_gains)
            accepted = self.gate.limiter.limit_torque(
                accepted, self.checks.position, self.checks.velocity
            )
        if scale < 1.0:
            accepted = Command(
                accepted.position,
                accepted.velocity,
                scale * accepted.effort,
                scale * accepted.stiffness,
                scale * accepted.damping,
            )
        return Output(True, accepted, "hold" if held else "command")
