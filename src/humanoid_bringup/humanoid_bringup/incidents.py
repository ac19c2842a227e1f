"""When there is an incident: a reaction of DAMP or above. Pure; time is an argument."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from humanoid_bringup.progress import DAMP, REACTIONS

#: [s] kept from before an incident, and waited for after it.
BEFORE, AFTER = 30.0, 2.0
#: [s] A reaction so soon after an incident is told by its file, unless it is a stronger one.
SAME = 10.0
#: So many files are kept in a directory.
KEPT = 30


@dataclass(frozen=True)
class Incident:
    """Why and when."""

    time: int  # [ns] system time of the message that said it
    stamp: int  # [ns] of the sample
    reaction: int  # of SafetyState
    reasons: tuple[str, ...]  # active and latched faults, worst first, as 'name: reason'

    @property
    def name(self) -> str:
        """For a file: of the worst fault, or of the reaction where none is named."""
        return re.sub(r"\W+", "_", self.fault or REACTIONS[self.reaction].lower())

    @property
    def fault(self) -> str:
        """Name of the worst fault, or ""."""
        return self.reasons[0].partition(":")[0] if self.reasons else ""


class Watch:
    """Takes what the safety supervisor says, and tells of incidents that are over long enough."""

    def __init__(self) -> None:
        self._reaction = 0
        self._last: Incident | None = None
        self.pending: Incident | None = None

    def take(self, incident: Incident) -> None:
        """One SafetyState; its reaction may be none."""
        rising = incident.reaction >= DAMP and incident.reaction > self._reaction
        self._reaction = incident.reaction
        if not rising:
            return
        if self.pending is not None:  # it became worse
            more = (r for r in incident.reasons if r not in self.pending.reasons)
            reasons = (*self.pending.reasons, *more)
            self.pending = replace(self.pending, reaction=incident.reaction, reasons=reasons)
        elif not self._told(incident):
            self.pending = incident

    def due(self, now: int, *, final: bool = False) -> Incident | None:
        """The incident to be saved at `now` [ns], once; `final`: nothing more will come."""
        found = self.pending
        if found is None or not (final or now - found.time >= AFTER * 1e9):
            return None
        self.pending, self._last = None, found
        return found

    def _told(self, incident: Incident) -> bool:
        last = self._last
        return (
            last is not None
            and incident.reaction <= last.reaction
            and incident.time - last.time < SAME * 1e9
        )


def reasons(active: Sequence[str], latched: Sequence[str]) -> tuple[str, ...]:
    """What SafetyState lists, each fault once; the latched ones have names only."""
    named = {text.partition(":")[0] for text in active}
    return (*active, *(name for name in latched if name not in named))


def default_directory() -> Path:
    """Beside the logs: in HUMANOID_LOG_DIR, or in ROS_HOME/log/humanoid (~/.ros)."""
    home = os.environ.get("ROS_HOME") or "~/.ros"
    root = os.environ.get("HUMANOID_LOG_DIR") or Path(home) / "log" / "humanoid"
    return Path(root).expanduser() / "incidents"
