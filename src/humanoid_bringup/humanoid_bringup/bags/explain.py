"""Says of an incident file what happened: the reason, the last seconds, what to do next."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from humanoid_bringup.bags.bag import Bag, Message
from humanoid_bringup.bags.fields import Decoder, stamp_of
from humanoid_bringup.bags.incident_file import Circumstances, read_incident
from humanoid_bringup.incidents import Incident
from humanoid_bringup.progress import REACTIONS
from humanoid_hal.faults import FAULTS, Reaction
from humanoid_runtime import topics
from humanoid_runtime.stamps import to_nanoseconds

#: What to look at first, by fault; docs/safety.md tells the rest.
NEXT = {
    "bus_lost": "power and plug of that bus, its adapter; then: humanoid doctor",
    "joint_silent": "cable and power of that joint's board; its counters are in the diagnostics",
    "state_stale": "what the HAL waited for: a slow bus, or a busy machine (overruns)",
    "joint_frozen": "that joint's encoder: it repeats a value while it reports speed",
    "imu_frozen": "the IMU: it repeats one reading",
    "command_timeout": "the log of humanoid_control: it stopped or was too slow",
    "estimator_divergence": "replay perception with this file; feet slipping, a wrong IMU mounting?",
    "imu_dropout": "plug and rate of the IMU",
    "fall": "what came before: a push, a slip, an order out of reach",
    "fall_foreseen": "what came before: a push, a slip, an order out of reach",
    "fallen": "the robot lies: lift it into its start pose before rearm",
    "bus_off": "CAN wiring, termination and bit rate",
    "board_rebooted": "supply of that board: it lost power or crashed",
    "emergency_stop": "somebody pressed it; release it when the robot is safe",
    "operator_stop": "somebody asked for it (humanoid stop)",
    "driver_error": "the log of humanoid_hal, then start the graph again",
    "simulator_divergence": "humanoid reset; lower gains or the timestep",
    "controller_failure": "the log of humanoid_control; replay the controller with this file",
}
#: Topics whose rate before the incident is told, and [s] over which it is counted.
RATED, RATED_OVER = (topics.JOINT_STATES, topics.ROBOT_STATE, topics.JOINT_COMMANDS), 0.5
#: [ns] Before that, samples of a fifth of each such period are enough for a picture.
THINNED = 10_000_000
#: Lines of the timeline that are shown.
LINES = 25


@dataclass
class Explanation:
    """What a person wants to know. Times [s] are relative to the incident."""

    path: Path
    incident: Incident
    circumstances: Circumstances
    timeline: list[tuple[float, str]] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)  # just before
    #: Name -> (time, value), for plots.
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    @property
    def next_step(self) -> str:
        """Where to look first."""
        return NEXT.get(self.incident.fault, "docs/safety.md tells what the fault means")

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        incident, said = self.incident, self.circumstances
        return {
            "file": str(self.path),
            "time_ns": incident.time,
            "stamp_ns": incident.stamp,
            "reaction": REACTIONS[incident.reaction],
            "fault": incident.fault,
            "reasons": list(incident.reasons),
            "next": self.next_step,
            "facts": self.facts,
            "timeline": [{"t": t, "what": text} for t, text in self.timeline],
            "custom": dict(said.custom),
            "versions": dict(said.versions),
            "parameters": {node: dict(values) for node, values in said.parameters.items()},
            "files": sorted(said.files),
        }


def explain(path: Path) -> Explanation:
    """Read an incident file. Raises BagError."""
    incident, circumstances = read_incident(path)
    found = Explanation(path, incident, circumstances)
    space = _space(circumstances)
    with Bag(path) as bag:
        teller = _Teller(bag.decoder(), incident, space)
        wanted = {name for name in bag.topics if teller.takes(name)}
        for message in bag.messages(wanted):
            teller.take(message, bag.topics[message.topic].kind)
    found.timeline = sorted(teller.lines)
    found.facts = teller.facts()
    found.curves = teller.curves
    return found


def _space(circumstances: Circumstances) -> str:
    """Namespace of the robot, with a slash at its end: that of its HAL."""
    hal = next((n for n in circumstances.parameters if n.endswith("/humanoid_hal")), "/")
    return hal.rpartition("/")[0] + "/"


class _Teller:
    """Turns messages into lines, facts and curves."""

    def __init__(self, decoder: Decoder, incident: Incident, space: str) -> None:
        self._decoder, self._incident, self._space = decoder, incident, space
        self._told: dict[str, Any] = {}
        self._last: dict[str, Message] = {}  # newest of each topic before the incident
        self._recent: dict[str, deque[int]] = {name: deque() for name in RATED}
        self._samples: dict[int, dict[str, float]] = {}  # stamp -> joint -> position, the newest
        self._error: tuple[float, str] = (0.0, "")
        self.lines: list[tuple[float, str]] = []
        self.curves: dict[str, list[tuple[float, float]]] = {}
        self._takers = {
            topics.SAFETY_STATE: self._safety,
            topics.MODE: self._mode,
            topics.FAULTS: self._faults,
            topics.ORDER_MODE: lambda m, _: [f"order: mode {m.target}"],
            topics.ORDER_POSE: lambda m, _: self._changed("order: body pose", ""),
            topics.ORDER_VELOCITY: lambda m, _: self._changed("order: velocity", _twist(m)),
            topics.ORDER_TRAJECTORY: lambda m, _: ["order: joint trajectory"],
            topics.ROBOT_STATE: self._state,
            topics.JOINT_STATES: self._joints,
            topics.JOINT_COMMANDS: self._commands,
            "/rosout": lambda m, _: [f"{m.name}: {m.msg}"] if m.level >= 30 else [],
        }

    def takes(self, topic: str) -> bool:
        """Whether the absolute `topic` tells something."""
        return self._relative(topic) in self._takers

    def take(self, message: Message, kind: str) -> None:
        """One message."""
        name = self._relative(message.topic)
        seconds = (message.time - self._incident.time) * 1e-9
        if message.time <= self._incident.time:
            self._last[name] = message
            if name in self._recent:
                self._recent[name].append(message.time)
                if seconds < -RATED_OVER and stamp_of(message.data) % THINNED >= THINNED // 5:
                    return
        decoded = self._decoder.decode(kind, message.data)
        for text in self._takers[name](decoded, seconds):
            self.lines.append((seconds, text))

    def facts(self) -> dict[str, str]:
        """What was so just before."""
        found = {}
        for name, times in self._recent.items():
            begin = self._incident.time - RATED_OVER * 1e9
            count = sum(time >= begin for time in times)
            age = (self._incident.time - times[-1]) * 1e-6 if times else math.inf
            found[name] = f"{count / RATED_OVER:.0f} Hz, the last {age:.1f} ms before"
        if "base" in self._told:
            found["base"] = self._told["base"]
        error, joint = self._error
        if joint:
            found["furthest from its command"] = f"{joint} by {error:.3f} rad"
        return found

    def _relative(self, topic: str) -> str:
        space = self._space
        return topic[len(space) :] if topic.startswith(space) and topic != "/rosout" else topic

    def _changed(self, what: str, value: Any) -> list[str]:
        if self._told.get(what) == value:
            return []
        self._told[what] = value
        return [f"{what} {value}".rstrip()]

    def _safety(self, message: Any, _: float) -> list[str]:
        armed = "armed" if message.armed else "not armed"
        reasons = "; ".join((*message.active, *(f"{n} (latched)" for n in message.latched)))
        text = f"{REACTIONS[message.reaction]}, {armed}{f': {reasons}' if reasons else ''}"
        # Reasons carry numbers that change, and warnings come and go: both are no news.
        names = (text.partition(":")[0] for text in message.active)
        grave = tuple(sorted(name for name in names if _grave(name)))
        reaction = message.reaction if message.reaction > Reaction.WARN else 0
        key = (reaction, message.armed, grave, tuple(message.latched))
        if self._told.get("safety") == key:
            return []
        self._told["safety"] = key
        return [f"safety: {text}"]

    def _mode(self, message: Any, _: float) -> list[str]:
        way = f", on the way to {message.target}" if message.target != message.mode else ""
        return self._changed("mode:", f"{message.mode}{way}")

    def _faults(self, message: Any, _: float) -> list[str]:
        said = tuple(message.name)
        before = self._told.get(message.source, ())
        self._told[message.source] = said
        new = zip(message.name, message.reason, strict=False)
        lines = [f"{message.source} reports {n}: {why}" for n, why in new if n not in before]
        return lines + [f"{message.source}: {name} is over" for name in before if name not in said]

    def _state(self, message: Any, seconds: float) -> list[str]:
        q, p, v = message.pose.orientation, message.pose.position, message.twist.linear
        tilt = math.degrees(math.acos(max(-1.0, min(1.0, 1.0 - 2.0 * (q.x * q.x + q.y * q.y)))))
        self._point("base height [m]", seconds, p.z)
        self._point("tilt [deg]", seconds, tilt)
        for foot in message.feet:
            self._point(f"force under {foot.name} [N]", seconds, foot.wrench.force.z)
        if seconds <= 0.0:
            feet = [foot.name for foot in message.feet if foot.contact]
            self._told["base"] = (
                f"height {p.z:.2f} m, tilt {tilt:.1f} deg, speed {math.hypot(v.x, v.y, v.z):.2f} "
                f"m/s, on {' and '.join(feet) or 'no foot'}"
            )
        return []

    def _joints(self, message: Any, _: float) -> list[str]:
        measured = dict(zip(message.name, message.position, strict=False))
        self._samples[to_nanoseconds(message.header.stamp)] = measured
        while len(self._samples) > 50:
            del self._samples[next(iter(self._samples))]
        return []

    def _commands(self, message: Any, seconds: float) -> list[str]:
        measured = self._samples.get(to_nanoseconds(message.header.stamp), {})
        rows = zip(message.name, message.position, message.stiffness, strict=False)
        away = [
            (abs(float(wanted - measured[name])), str(name))
            for name, wanted, stiffness in rows
            if name in measured and stiffness > 0.0
        ]
        if away:
            worst = max(away)
            self._point("furthest joint from its command [rad]", seconds, worst[0])
            if -RATED_OVER <= seconds <= 0.0:
                self._error = max(self._error, worst)
        return []

    def _point(self, name: str, seconds: float, value: float) -> None:
        self.curves.setdefault(name, []).append((seconds, float(value)))


def _grave(name: str) -> bool:
    fault = FAULTS.get(name)
    return fault is None or max(fault.reaction, fault.escalates) > Reaction.WARN


def _twist(message: Any) -> str:
    twist = message.twist
    return f"{twist.linear.x:.2f} {twist.linear.y:.2f} {twist.angular.z:.2f}"


def text_of(explanation: Explanation) -> Iterator[str]:
    """Lines for a terminal."""
    from datetime import datetime

    incident, said = explanation.incident, explanation.circumstances
    when = datetime.fromtimestamp(incident.time * 1e-9).strftime("%Y-%m-%d %H:%M:%S")
    robot = " on ".join(filter(None, (said.custom.get("robot"), said.custom.get("hardware"))))
    yield f"{REACTIONS[incident.reaction]} at {when}{f', {robot}' if robot else ''}"
    for reason in incident.reasons or ("no reason was given",):
        fault = FAULTS.get(reason.partition(":")[0])
        yield f"  {reason}{f' (found by {fault.detector.value})' if fault else ''}"
    yield f"look at: {explanation.next_step}"
    yield "just before:"
    for name, value in explanation.facts.items():
        yield f"  {name}: {value}"
    shown = explanation.timeline[-LINES:]
    yield f"what happened (s from the incident{', the last lines' if len(shown) == LINES else ''}):"
    for seconds, text in shown:
        yield f"  {seconds:+8.3f}  {text}"
    yield (
        f"in the file: {len(said.parameters)} nodes' parameters, {len(said.files)} settings files, "
        f"{len(said.versions)} versions (--json)"
    )
