"""The safety supervisor: from the causes seen in this cycle to one reaction.

Pure: no ROS, no clock. The highest active reaction wins, SIT and above latch, and nothing that was
latched is released but by :meth:`SafetySupervisor.rearm`. The ladder is PX4's failsafe framework,
its stop categories those of IEC 60204-1.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from humanoid_hal.faults import FAULTS, SECOND, Clears, Fault, Reaction

#: [ns] A robot that was told to sit has its torque switched off after this, seated or not.
SIT_TIME = 3 * SECOND


@dataclass(slots=True)
class _Entry:
    """A fault whose cause is, or was, there."""

    fault: Fault
    level: Reaction
    since: int  # [ns] the cause has held since
    seen: int  # [ns] the cause was last there
    reason: str = ""
    present: bool = True
    active: bool = False
    active_since: int = 0
    latched: bool = False


class SafetySupervisor:
    """Decides the reaction. Call :meth:`update` once per cycle, with times that never decrease."""

    def __init__(self, table: Mapping[str, Fault] = FAULTS) -> None:
        self._table = table
        self._entries: dict[str, _Entry] = {}
        self._floor = Reaction.NONE  # what only a re-arm can leave
        self._sitting_since: int | None = None
        self.reaction = Reaction.NONE

    def update(
        self,
        now: int,
        causes: Mapping[str, str],
        *,
        armed: bool,
        seated: bool = False,
        still: bool = False,
        getting_up: bool = False,
    ) -> Reaction:
        """Return the reaction to `causes` (fault name -> reason) at `now` [ns].

        `armed`: torque is on; faults latch only then, except those that always do. `seated`: the
        robot has sat down. `still`: no joint moves. `getting_up`: the recoverable faults are only
        warnings, and do not latch. A name that the table does not know is `unknown_fault`.
        """
        if not causes and not self._entries and not self._floor:
            self.reaction = Reaction.NONE
            return self.reaction
        self._note(now, causes)
        for name in list(self._entries):
            if not self._advance(self._entries[name], now, armed, getting_up):
                del self._entries[name]
        levels = [entry.level for entry in self._entries.values() if entry.active]
        reaction = max(levels, default=Reaction.NONE)
        reaction = self._end(max(reaction, self._floor), now, armed, seated, still)
        if armed and reaction >= Reaction.SIT:
            self._floor = reaction
        self.reaction = reaction
        return reaction

    @property
    def active(self) -> tuple[str, ...]:
        """Active faults, worst first, as 'name: reason'."""
        entries = [entry for entry in self._entries.values() if entry.active and entry.present]
        entries.sort(key=lambda entry: (-entry.level, entry.fault.row, entry.fault.name))
        return tuple(f"{entry.fault.name}: {entry.reason}" for entry in entries)

    @property
    def latched(self) -> tuple[str, ...]:
        """Names of the faults that are over but need a re-arm, in order of their rows."""
        entries = [entry for entry in self._entries.values() if entry.latched and not entry.present]
        entries.sort(key=lambda entry: (entry.fault.row, entry.fault.name))
        return tuple(entry.fault.name for entry in entries)

    @property
    def needs_rearm(self) -> bool:
        """Whether something is latched."""
        return bool(self._floor) or any(entry.latched for entry in self._entries.values())

    @property
    def derates(self) -> bool:
        """Whether a fault asks for scaled limits, whatever the reaction is by now."""
        levels = (entry.level for entry in self._entries.values() if entry.active)
        return Reaction.DERATE in levels

    def rearm(self, *, getting_up: bool = False) -> tuple[str, ...]:
        """Release the latched faults whose cause is gone, and, to get up, the recoverable ones.

        Returns what still forbids arming, as 'name: reason'; then the reaction stays as it is.
        """
        for name, entry in list(self._entries.items()):
            if not entry.present and entry.fault.clears is not Clears.NEVER:
                del self._entries[name]
        blocking = tuple(
            f"{entry.fault.name}: {entry.reason}"
            for entry in self._entries.values()
            if entry.active
            and entry.level >= Reaction.HOLD
            and not (getting_up and entry.fault.recoverable)
        )
        if not blocking:
            self._floor = Reaction.NONE
            self._sitting_since = None
            for entry in self._entries.values():
                entry.latched = entry.latched and not entry.fault.recoverable
        return blocking

    def _note(self, now: int, causes: Mapping[str, str]) -> None:
        for known in self._entries.values():
            known.present = False
        for name, reason in causes.items():
            fault = self._table.get(name)
            if fault is None:
                fault, reason = (
                    self._table["unknown_fault"],
                    f"'{name}' is not in the fault table: {reason}",
                )
            entry = self._entries.get(fault.name)
            if entry is None:
                entry = _Entry(fault, fault.reaction, since=now, seen=now)
                self._entries[fault.name] = entry
            entry.present, entry.seen, entry.reason = True, now, reason

    @staticmethod
    def _advance(entry: _Entry, now: int, armed: bool, getting_up: bool) -> bool:
        """Move one fault on; False: it is over."""
        fault = entry.fault
        if entry.present and not entry.active and now - entry.since >= fault.after:
            entry.active, entry.active_since = True, now
        if not entry.active:
            return entry.present
        lasted = entry.present and now - entry.active_since >= fault.escalates_after
        if armed and fault.escalates and lasted:
            entry.level = fault.escalates
        excused = getting_up and fault.recoverable
        if fault.recoverable:
            entry.level = Reaction.WARN if excused else fault.reaction
        if entry.present and ((armed and not excused) or fault.always_latches):
            latches = fault.clears is not Clears.ON_CLEAR or entry.level >= Reaction.SIT
            entry.latched = entry.latched or latches
        if entry.present or entry.latched or fault.clears is Clears.NEVER:
            return True
        return fault.clears is Clears.ON_CLEAR and now - entry.seen < fault.linger

    def _end(
        self, reaction: Reaction, now: int, armed: bool, seated: bool, still: bool
    ) -> Reaction:
        """SIT and DAMP end in TORQUE_OFF when they have done their work."""
        if reaction == Reaction.SIT and armed:
            if self._sitting_since is None:
                self._sitting_since = now
            if seated or now - self._sitting_since >= SIT_TIME:
                return Reaction.TORQUE_OFF
        fallen = self._entries.get("fallen")
        if reaction == Reaction.DAMP and still and fallen is not None and fallen.active:
            return Reaction.TORQUE_OFF
        return reaction
