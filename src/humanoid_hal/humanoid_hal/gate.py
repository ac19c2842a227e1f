"""The gate: the last check between a command message and the wire, below every driver.

A message is accepted whole, accepted with numbers clamped to the robot's limits, or rejected whole.
Finiteness is tested first: every clamp lets NaN through (``np.clip``) or turns it into a limit
(``max(lower, min(upper, nan))``).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humanoid_description import RobotDescription
from humanoid_hal import kernels
from humanoid_hal.driver import Command
from humanoid_hal.hardware import LimitsConfig
from humanoid_hal.limiter import FIELDS, Limiter

Array = NDArray[np.float64]

_WRAP = 1 << 32  # sequence numbers are uint32


class Rejection(Enum):
    """Why a message was rejected."""

    LENGTH = "wrong length"
    NAMES = "wrong joint names"
    NONFINITE = "not finite"
    NEGATIVE_GAIN = "negative gain"
    OUT_OF_ORDER = "out of order"
    TOO_OLD = "too old"
    FUTURE = "from the future"
    SECOND_PUBLISHER = "second publisher"


@dataclass(slots=True)
class Request:
    """A command message as it arrived: nothing about it is trusted."""

    stamp: int  # [ns] of the sample it answers
    sequence: int  # counts up by one per command of one publisher, modulo 2^32
    names: Sequence[str]
    position: Any  # array-likes that hold one number per name, see FIELDS
    velocity: Any
    effort: Any
    stiffness: Any
    damping: Any
    publisher: Hashable = None  # the sender's identity where the middleware tells it


@dataclass(slots=True)
class Verdict:
    """What became of a message."""

    command: Command | None  # None: rejected. Valid until the check after the next one.
    rejection: Rejection | None = None
    reason: str = ""  # of the rejection, or of the clamping; empty: taken as it is


@dataclass
class Counters:
    """What the gate did since it was made."""

    accepted: int = 0
    rejected: dict[Rejection, int] = field(default_factory=lambda: dict.fromkeys(Rejection, 0))
    changed: int = 0  # commands with at least one clamped number
    lost: int = 0  # gaps in the sequence

    @property
    def rejected_total(self) -> int:
        """Messages rejected for any reason."""
        return sum(self.rejected.values())


class Gate:
    """Checks the commands for one robot. Arrays are in table order."""

    def __init__(self, robot: RobotDescription, limits: LimitsConfig) -> None:
        n = len(robot.joints)
        self.counters = Counters()
        self.limiter = Limiter(robot, limits)
        self._joints = robot.joint_names
        self._index = robot.index
        self._limits = limits
        # Two matrices in turn, so that the last accepted command outlives the next message.
        self._matrices = [np.zeros((5, n)), np.zeros((5, n))]
        self._least = np.vstack([np.full((3, n), -np.inf), np.zeros((2, n))])  # gains only
        self._most = np.full((5, n), np.inf)
        self._raw = np.zeros((5, n))
        self._last_raw = np.zeros((5, n))
        self._last: tuple[int, int] | None = None  # stamp, sequence
        self._names = list(self._joints)
        self._order: NDArray[np.intp] | None = None
        self._locked = False
        self._publisher: Hashable = None
        self._previous: Array | None = None  # the last accepted matrix

    def lock(self) -> None:
        """From now on only the last accepted command's publisher counts, and rates are limited."""
        self._locked = True

    def unlock(self) -> None:
        """Forget the publisher: the next one may start its own sequence. Rates are unlimited."""
        self._locked = False

    def check(
        self, request: Request, now: int, period: int, position: Array, velocity: Array
    ) -> Verdict:
        """Check one message.

        `now` is the stamp of the newest sample [ns], `period` the nominal time between samples
        [ns], `position` [rad] and `velocity` [rad/s] that sample's, shape (n,), finite.
        """
        refused = self._read(request) or self._order_of(request, now)
        if refused is not None:
            assert refused.rejection is not None
            self.counters.rejected[refused.rejection] += 1
            return refused
        steps = 1 if self._last is None else max(1, round((request.stamp - self._last[0]) / period))
        self._remember(request)
        values = self._matrices[0]
        self._matrices.reverse()
        np.copyto(values, self._last_raw)
        reason = self.limiter.clamp(
            values,
            self._previous if self._locked else None,
            steps * period * 1e-9,
            position,
            velocity,
        )
        self.counters.accepted += 1
        if reason:
            self.counters.changed += 1
        self._previous = values
        return Verdict(Command(*values), reason=reason)

    # -- the message as a whole ---------------------------------------------------------------

    def _read(self, request: Request) -> Verdict | None:
        """Copy the numbers into ``self._raw`` in table order, or say what is wrong with them."""
        n = len(self._joints)
        columns = (
            request.position, request.velocity, request.effort, request.stiffness, request.damping,
        )  # fmt: skip
        for name, column in zip(("name", *FIELDS), (request.names, *columns), strict=True):
            if len(column) != n:
                return _reject(
                    Rejection.LENGTH, f"'{name}' has {len(column)} entries, the robot {n} joints"
                )
        if request.names != self._names:
            wrong = self._learn_order(list(request.names))
            if wrong:
                return _reject(Rejection.NAMES, wrong)
        raw = self._raw
        for row, column in zip(raw, columns, strict=True):
            row[:] = column
        if self._order is not None:
            np.copyto(raw, raw[:, self._order])
        if not kernels.finite(raw):
            return self._at(Rejection.NONFINITE, ~np.isfinite(raw))
        if not kernels.within(raw, self._least, self._most):
            return self._at(Rejection.NEGATIVE_GAIN, raw < self._least)
        return None

    def _learn_order(self, names: list[str]) -> str:
        """Take `names` as the order of the messages to come; returns what is wrong with it."""
        unknown = [name for name in names if name not in self._index]
        if unknown:
            return f"unknown joint '{unknown[0]}'"
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            return f"joint '{twice}' is given twice"
        position = {name: column for column, name in enumerate(names)}
        order = np.array([position[name] for name in self._joints])
        self._names = names
        self._order = None if (order == np.arange(len(order))).all() else order
        return ""

    def _order_of(self, request: Request, now: int) -> Verdict | None:
        """Age, order and origin of the message."""
        if request.stamp > now:
            return _reject(
                Rejection.FUTURE, f"stamp is {_ms(request.stamp - now)} after the newest sample"
            )
        age = now - request.stamp
        if age > self._limits.max_age_ns:
            limit = _ms(self._limits.max_age_ns)
            return _reject(Rejection.TOO_OLD, f"answers a sample {_ms(age)} old, limit {limit}")
        if not self._locked or self._last is None:
            return None
        if request.publisher != self._publisher:
            return _reject(Rejection.SECOND_PUBLISHER, "another publisher sends commands")
        return self._in_order(request, *self._last)

    def _in_order(self, request: Request, last_stamp: int, last_sequence: int) -> Verdict | None:
        """A publisher answers each sample once, counting up; RFC 1982 serial number arithmetic."""
        ahead = (request.sequence - last_sequence) % _WRAP
        if request.stamp == last_stamp:
            if ahead == 0 and np.array_equal(self._raw, self._last_raw):
                return None
            return _reject(
                Rejection.SECOND_PUBLISHER, "the same sample was answered twice, differently"
            )
        if request.stamp < last_stamp:
            late = _ms(last_stamp - request.stamp)
            return _reject(
                Rejection.OUT_OF_ORDER, f"its sample is {late} older than the last answer's"
            )
        if ahead == 0 or ahead >= _WRAP // 2:
            return _reject(
                Rejection.OUT_OF_ORDER,
                f"sequence {request.sequence} after {last_sequence}: second or restarted publisher",
            )
        if ahead > self._limits.max_gap:
            return _reject(
                Rejection.SECOND_PUBLISHER,
                f"sequence jumps from {last_sequence} to {request.sequence}",
            )
        self.counters.lost += ahead - 1
        return None

    def _remember(self, request: Request) -> None:
        self._last = (request.stamp, request.sequence)
        self._publisher = request.publisher
        self._raw, self._last_raw = self._last_raw, self._raw

    def _at(self, rejection: Rejection, wrong: NDArray[np.bool_]) -> Verdict:
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        value = self._raw[row, column]
        return _reject(rejection, f"{FIELDS[row]} of {self._joints[column]} is {value}")


def _reject(rejection: Rejection, reason: str) -> Verdict:
    return Verdict(None, rejection, f"{rejection.value}: {reason}")


def _ms(nanoseconds: int) -> str:
    return f"{nanoseconds * 1e-6:.1f} ms"
