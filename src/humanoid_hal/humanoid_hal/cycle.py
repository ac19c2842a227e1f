"""The HAL's cycle against real clocks: read, publish, wait for the answer, write.

A simulated driver runs in lock-step: the cycle waits for the command that answers its sample, for
at most `answer_timeout` of real time. If none comes, the simulation goes on in steps of real time
until one does, so that a lost controller has its consequence (HOLD, then DAMP) in simulated time
too. On hardware the cycle waits until its period is nearly over.
"""

import time
from collections.abc import Callable
from typing import Protocol

from humanoid_hal.driver import Driver, DriverError, Sample
from humanoid_hal.gate import Request
from humanoid_hal.hal import HalCore, Output
from humanoid_hal.latency import LatencyHistogram

#: Command messages looked at in one cycle; more is a flood (row 21).
COMMAND_BUDGET = 8
#: On hardware the answer is waited for during this share of the period; the rest is for the
#: next read.
ANSWER_SHARE = 0.9
#: [s] of real time between two repetitions of the sample of a world that stands still.
PAUSED_PERIOD = 0.01
#: DAMP commands written before torque goes off at the end (row 30).
STOP_FRAMES = 5


class CommandSource(Protocol):
    """Where command messages come from."""

    def take(self) -> Request | None:
        """The oldest waiting message, or None. Raises ValueError on one that cannot be read."""

    def wait(self, timeout: float) -> bool:
        """Sleep for up to `timeout` [s]; True: a message is there."""

    def rest(self) -> None:
        """Do what else is due."""


class Cycle:
    """Runs one driver under one core."""

    def __init__(
        self,
        driver: Driver,
        core: HalCore,
        period: int,
        commands: CommandSource,
        publish: Callable[[Sample], None],
        stopping: Callable[[], bool],
        *,
        paced: bool = True,
        busy_wait: bool = False,
        answer_timeout: float = 1.0,
    ) -> None:
        """`period` [ns]; `paced`: a simulation keeps to real time; `answer_timeout` [s].

        `busy_wait`: the pauses of a paced simulation are spun, not slept.
        """
        self._driver = driver
        self._core = core
        self._period = period
        self._commands = commands
        self._publish = publish
        self._stopping = stopping
        self._simulated = driver.capabilities.simulated
        self._paced = paced
        self._busy_wait = busy_wait
        self._answer_timeout = answer_timeout
        self._enabled = False
        self._paused = False
        self._answering = True  # the last answer came in time
        self._due = 0  # [ns] when the next read may start
        self._last_start = 0  # [ns] of the last cycle that counts for overruns
        self.stamp = -1  # [ns] of the newest sample
        self.turns = 0
        self.latency = LatencyHistogram()

    def turn(self) -> None:
        """One cycle. Raises DriverError."""
        self._pace()
        sample = self._driver.read()
        start = time.monotonic_ns()
        core = self._core
        self._paused = self._simulated and sample.stamp == self.stamp
        self._count(start)
        self.stamp = sample.stamp
        self._publish(sample)
        core.on_sample(sample)  # while perception and control work on it
        accepted = self._await_answer(sample.stamp, start)
        real = time.monotonic_ns()
        now = sample.stamp if self._simulated else sample.stamp + real - start
        output = core.output(now, real)
        self._apply(output)
        if accepted and output.source == "command":
            self.latency.record(time.monotonic_ns() - start)

    def brake(self) -> None:
        """Write the stop frames, each followed by a reading, then torque off.

        Raises DriverError, after torque was switched off.
        """
        try:
            for _ in range(STOP_FRAMES if self._enabled else 0):
                self._driver.write(self._core.damp())
                self._core.checks.see(self._driver.read())
        finally:
            self._core.deactivate()
            if self._enabled:
                self._enabled = False
                self._driver.enable(False)

    def world_was_reset(self) -> None:
        """The simulated world stands at its start pose, torque off."""
        self._enabled = False
        self._core.on_reset()

    def _pace(self) -> None:
        """Wait until the next read is due. What was missed is skipped, never caught up."""
        if not self._simulated:
            return
        interval = 0
        if self._paused:
            interval = round(PAUSED_PERIOD * 1e9)
        elif self._paced or not self._answering:
            interval = self._period
        now = time.monotonic_ns()
        self._due += interval
        if self._due <= now:
            self._due = now
        elif self._busy_wait and not self._paused:
            while time.monotonic_ns() < self._due:
                pass
        else:
            time.sleep((self._due - now) * 1e-9)

    def _count(self, start: int) -> None:
        """Tell the core how long the last cycle took, where it has a length to keep to."""
        self.turns += 1
        keeps_time = not self._simulated or (self._paced and not self._paused)
        if keeps_time and self._last_start:
            self._core.on_cycle(start - self._last_start)
        self._last_start = start if keeps_time else 0

    def _await_answer(self, stamp: int, start: int) -> bool:
        """Pass commands to the core until the one for `stamp` came; True: it was accepted."""
        deadline = start + round(self._patience() * 1e9)
        taken = 0
        while True:
            request = self._take()
            if request is not None:
                verdict = self._core.on_command(request)
                if request.stamp == stamp:
                    self._answering = True
                    return verdict.command is not None
                taken += 1
                if taken >= COMMAND_BUDGET:
                    self._core.on_event(
                        "command_flood", f"over {COMMAND_BUDGET} messages per cycle"
                    )
                    return False
                continue
            remaining = deadline - time.monotonic_ns()
            if remaining <= 0 or self._stopping():
                break
            if not self._commands.wait(remaining * 1e-9):
                self._commands.rest()
        self._answering = self._answering and (self._paused or not self._simulated)
        return False

    def _take(self) -> Request | None:
        try:
            return self._commands.take()
        except ValueError as error:
            self._core.on_event("command_rejected", f"cannot be read: {error}")
            return None

    def _patience(self) -> float:
        """How long this cycle waits for its answer [s]."""
        if not self._simulated:
            return ANSWER_SHARE * self._period * 1e-9
        if self._paused:
            return PAUSED_PERIOD
        return self._answer_timeout if self._answering else self._period * 1e-9

    def _apply(self, output: Output) -> None:
        if output.enable and not self._enabled:
            try:
                self._driver.enable(True)
            except DriverError as error:
                self._core.on_refusal(str(error))
                self._disarm()  # some boards may have it
                return
            self._enabled = True
        elif self._enabled and not output.enable:
            self._disarm()
        if output.command is not None:
            self._driver.write(output.command)

    def _disarm(self) -> None:
        """Torque off. A board that cannot be reached is told, and does not end the cycle."""
        self._enabled = False
        try:
            try:
                self._driver.write(self._core.off())
            finally:
                self._driver.enable(False)
        except DriverError as error:
            self._core.on_event("torque_off_unconfirmed", str(error))
