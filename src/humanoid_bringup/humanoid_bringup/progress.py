"""What a start of the graph looks like from outside: pure bookkeeping, no ROS, no clock."""

from dataclasses import dataclass, field

REACTIONS = ("NONE", "WARN", "DERATE", "HOLD", "SIT", "DAMP", "TORQUE_OFF")
HOLD, SIT, DAMP = map(REACTIONS.index, ("HOLD", "SIT", "DAMP"))


@dataclass
class View:
    """What the graph last said. None: nothing yet."""

    nodes: int = 0  # of the expected ones, seen by discovery
    stamp: int | None = None  # [ns] of the newest `mode`
    mode: str = ""
    waiting_for: str = ""
    armed: bool = False
    reaction: int = 0
    active: tuple[str, ...] = ()
    latched: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """What is latched, where that made the reaction, and the worst active fault."""
        return (*(self.latched if self.reaction >= SIT else ()), *self.active[:1])

    @property
    def safety(self) -> str:
        """Reaction and reasons in words."""
        return REACTIONS[self.reaction] + (f" ({'; '.join(self.reasons)})" if self.reasons else "")

    def holds(self, goal: str) -> bool:
        """Whether the robot is in the mode `goal` and free to move."""
        return self.mode == goal and not self.waiting_for and self.armed and self.reaction < DAMP


@dataclass
class Progress:
    """Turns successive views into lines, and judges the run."""

    goal: str
    expected_nodes: int
    seconds: float | None  # [s] of the graph's time to stay in `goal`; None: until stopped
    reached_after: float | None = None  # [s] since the command
    _reached_stamp: int = 0
    _reached_time: float = 0.0
    _said: set[str] = field(default_factory=set)
    _alarms: set[str] = field(default_factory=set)
    _reaction: int = 0
    #: [s] of the graph's time since `goal` was reached, and of real time
    lasted: float = 0.0
    lasted_real: float = 0.0
    failure: str = ""
    done: bool = False

    def update(self, now: float, view: View) -> list[str]:
        """Take a view at `now` [s since the command]; the lines worth saying."""
        lines = []
        if view.nodes >= self.expected_nodes:
            lines += self._once(now, "nodes up")
        if view.armed:
            lines += self._once(now, "armed")
        lines += self._safety_lines(now, view)
        if self.reached_after is None:
            if view.holds(self.goal) and view.stamp is not None:
                self.reached_after = now
                self._reached_stamp, self._reached_time = view.stamp, now
                lines.append(f"{standing(self.goal)} after {now:.1f} s")
        elif view.stamp is not None:
            self.lasted = max(0.0, (view.stamp - self._reached_stamp) * 1e-9)
            self.lasted_real = now - self._reached_time
            self._judge(view)
        return lines

    def real_time_factor(self) -> float | None:
        """Graph's time per real time since `goal` was reached."""
        return self.lasted / self.lasted_real if self.lasted_real > 0.0 else None

    def _safety_lines(self, now: float, view: View) -> list[str]:
        """Each warning once; each alarm (HOLD and above) once while its reaction lasts."""
        if view.reaction != self._reaction:
            self._reaction = view.reaction
            self._alarms.clear()
        said = self._said if view.reaction < HOLD else self._alarms
        fault = view.reasons[0].split(":")[0] if view.reasons else ""
        safety = f"{REACTIONS[view.reaction]} {fault}"
        if view.reaction == 0 or safety in said:
            return []
        said.add(safety)
        return [f"  {now:6.1f} s  safety: {view.safety}"]

    def _judge(self, view: View) -> None:
        if self.seconds is None:
            return
        if not view.holds(self.goal):
            self.failure = (
                f"no longer {standing(self.goal)} after {self.lasted:.2f} s: mode '{view.mode}', "
                f"{'armed' if view.armed else 'not armed'}, safety {view.safety}"
            )
        self.done = bool(self.failure) or self.lasted >= self.seconds

    def _once(self, now: float, what: str) -> list[str]:
        if what in self._said:
            return []
        self._said.add(what)
        return [f"  {now:6.1f} s  {what}"]


def standing(mode: str) -> str:
    """A mode as an adjective."""
    return {"stand": "standing", "sit": "sitting", "walk": "walking"}.get(mode, f"in mode {mode}")
