"""Where joints are zero: swept by hand over their range, then held at a known posture.

Pure but for reading and writing the record, which makes a calibration resumable and keeps what the
zeros in the hardware file were made from.
"""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from humanoid_description import Joint
from humanoid_description.strict_yaml import key, load_config
from humanoid_hal.drivers.boards.options import JointOptions

VERSION = 1
#: Of a joint's range in the table: a shorter sweep says nothing, a longer one is another joint's,
#: or gear or model are wrong.
SHORTEST, LONGEST = 0.5, 1.2
#: [rad] that a sweep may go beyond the table's limits: those stand inside the hard stops.
SLACK = 0.15
#: [rad] A joint held still moves less than this.
STILL = 0.02
#: Share of readings that must have arrived.
FRESH = 0.9
#: [rad] between two readings: no hand is so fast, so the encoder has wrapped around.
JUMP = 1.0


@dataclass(frozen=True)
class JointRecord:
    """What was measured of one joint, in the joint's coordinates before the calibration."""

    lower: float = key(unit="rad")  # least and greatest of the sweep
    upper: float = key(unit="rad")
    home: float = key(unit="rad")  # held at the known posture
    posture: float = key(unit="rad")  # what the joint is to read there
    zero_before: float = key(unit="rad")  # of its shaft, as the hardware file had it
    zero: float = key(unit="rad")  # of its shaft, found


@dataclass(frozen=True)
class Record:
    """The file of a calibration."""

    version: int = key(choices=(VERSION,))
    robot: str = key()
    joints: dict[str, JointRecord] = field(default_factory=dict)


@dataclass
class Watch:
    """Readings of one joint while somebody moves it or holds it still."""

    lower: float = np.inf  # [rad]
    upper: float = -np.inf
    last: float | None = None
    total: float = 0.0
    fresh: int = 0
    missed: int = 0
    jumped: float = 0.0  # [rad] largest step between two readings

    def see(self, position: float, fresh: bool) -> None:
        """Take one reading [rad]."""
        if not fresh or not np.isfinite(position):
            self.missed += 1
            return
        if self.last is not None:
            self.jumped = max(self.jumped, abs(position - self.last))
        self.last = position
        self.fresh += 1
        self.total += position
        self.lower, self.upper = min(self.lower, position), max(self.upper, position)

    @property
    def mean(self) -> float:
        """[rad]."""
        return self.total / self.fresh if self.fresh else np.nan

    def problem(self) -> str:
        """Why these readings are no good; '' if they are."""
        if self.fresh < FRESH * (self.fresh + self.missed) or not self.fresh:
            return (
                f"{self.missed} of {self.fresh + self.missed} readings are missing; check the bus"
            )
        if self.jumped > JUMP:
            return (
                f"the reading jumps by {self.jumped:.2f} rad: the encoder wraps around inside the "
                "range; mount the horn elsewhere, then sweep again"
            )
        return ""


def calibrated(
    joint: Joint, options: JointOptions, sweep: Watch, held: Watch, posture: float
) -> JointRecord:
    """The zero that makes `joint` read `posture` [rad] where it was held.

    Raises ValueError when the readings are nonsense; the message says what to do.
    """
    for watch in (sweep, held):
        if watch.problem():
            raise ValueError(f"{joint.name}: {watch.problem()}")
    wobble = held.upper - held.lower
    if wobble > STILL:
        raise ValueError(
            f"{joint.name}: moved by {wobble:.3f} rad while it should be still; hold it at the posture"
        )
    span, due = sweep.upper - sweep.lower, joint.upper - joint.lower
    if not SHORTEST * due <= span <= LONGEST * due + 2.0 * SLACK:
        raise ValueError(
            f"{joint.name}: swept {span:.2f} rad, its range is {due:.2f}; sweep from stop to stop, or "
            "check id, model and gear"
        )
    shift = posture - held.mean
    _check_ends(joint, sweep.lower + shift, sweep.upper + shift, posture)
    ratio = options.direction * options.gear
    # q = (shaft - zero) / ratio, before and after, of the same shaft.
    zero = options.zero + ratio * (held.mean - posture)
    return JointRecord(sweep.lower, sweep.upper, held.mean, posture, options.zero, zero)


def _check_ends(joint: Joint, lower: float, upper: float, posture: float) -> None:
    """The swept range must lie in the table's once the joint has its new zero."""
    if _inside(joint, lower, upper):
        return
    if _inside(joint, 2.0 * posture - upper, 2.0 * posture - lower):
        raise ValueError(
            f"{joint.name} turns the other way: its range fits the table only mirrored; change its "
            "`direction` in the hardware file, then calibrate it again"
        )
    raise ValueError(
        f"{joint.name}: with this posture it would range from {lower:.2f} to {upper:.2f} rad, the "
        f"table allows {joint.lower:.2f} to {joint.upper:.2f}; was it held at the right posture?"
    )


def _inside(joint: Joint, lower: float, upper: float) -> bool:
    return lower >= joint.lower - SLACK and upper <= joint.upper + SLACK


def load_record(path: Path, robot: str) -> Record:
    """What was calibrated so far; an empty record if there is no file.

    Raises humanoid_description.ConfigError, ValueError when it is another robot's.
    """
    if not path.exists():
        return Record(VERSION, robot)
    record = load_config(path, Record)
    if record.robot != robot:
        raise ValueError(f"{path} is of robot '{record.robot}', not '{robot}'; name another file")
    return record


def with_joint(record: Record, name: str, joint: JointRecord) -> Record:
    """`record` and one more joint."""
    return replace(record, joints={**record.joints, name: joint})


def save_record(path: Path, record: Record) -> None:
    """Write it whole or not at all. Raises OSError."""
    lines = [f"version: {record.version}", f"robot: {record.robot}", "joints:"]
    for name, joint in record.joints.items():
        values = ", ".join(f"{item}: {value:.6f}" for item, value in vars(joint).items())
        lines.append(f"  {name}: {{{values}}}")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(part, path)
