"""The fault table as data: what each fault is called, what it causes, when it is over.

One row here, one detector, one test: that is all a new fault needs. docs/safety.md explains the
rows; a test keeps the two equal.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum

MS = 1_000_000  # [ns]
SECOND = 1_000_000_000  # [ns]


class Reaction(IntEnum):
    """The ladder, after PX4's failsafe framework; values are those of SafetyState."""

    NONE = 0
    WARN = 1
    DERATE = 2  # torque and velocity limits are scaled down
    HOLD = 3  # references frozen, the controller keeps balancing (IEC 60204-1 stop category 2)
    SIT = 4  # crouch within 3 s, then torque off (category 1)
    DAMP = 5  # zero-velocity damping, torque-capped, no balance (category 1)
    TORQUE_OFF = 6  # category 0


class Clears(Enum):
    """When a fault is over. SIT and above never end by themselves, whatever this says."""

    ON_CLEAR = "on_clear"  # with its cause
    ON_REARM = "on_rearm"  # when the operator re-arms and the cause is gone
    NEVER = "never"  # only with a restart of the HAL


class Detector(Enum):
    """Who finds the fault."""

    GATE = "gate"
    HAL = "hal"
    DRIVER = "driver"
    PERCEPTION = "perception"
    CONTROL = "control"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Fault:
    """One row. Durations in nanoseconds of sample time."""

    name: str
    row: int  # of the project's fault table (docs/safety.md)
    detector: Detector
    reaction: Reaction
    clears: Clears
    after: int = 0  # the cause must hold this long before the fault is active
    linger: int = 0  # an ON_CLEAR fault stays active this long after its cause is gone
    escalates: Reaction = Reaction.NONE  # what it becomes when it stays active ...
    escalates_after: int = 0  # ... this long
    always_latches: bool = False  # also while disarmed
    recoverable: bool = False  # only a warning while the robot gets up at its operator's request


def _table(*rows: Fault) -> dict[str, Fault]:
    table = {row.name: row for row in rows}
    if len(table) != len(rows):
        raise ValueError("faults.py: a fault name appears twice")
    return table


_CLEAR, _REARM, _NEVER = Clears.ON_CLEAR, Clears.ON_REARM, Clears.NEVER
_GATE, _HAL, _DRIVER = Detector.GATE, Detector.HAL, Detector.DRIVER
_PERCEPTION, _CONTROL, _OPERATOR = Detector.PERCEPTION, Detector.CONTROL, Detector.OPERATOR
_WARN, _DERATE, _HOLD = Reaction.WARN, Reaction.DERATE, Reaction.HOLD
_SIT, _DAMP, _OFF = Reaction.SIT, Reaction.DAMP, Reaction.TORQUE_OFF

# A warning shorter than this cannot be seen on the 10 Hz topic.
_SEEN = SECOND // 2

FAULTS = _table(
    Fault("bus_lost", 1, _DRIVER, _DAMP, _REARM),
    Fault("arm_bus_lost", 1, _DRIVER, _HOLD, _REARM),
    Fault("joint_silent", 2, _HAL, _DAMP, _REARM),
    Fault("arm_joint_silent", 2, _HAL, _HOLD, _REARM),
    Fault("foot_sensor_lost", 2, _DRIVER, _HOLD, _CLEAR, linger=_SEEN),
    Fault("torque_off_unconfirmed", 2, _DRIVER, _WARN, _CLEAR, linger=SECOND),
    Fault("frames_corrupted", 3, _DRIVER, _WARN, _CLEAR, linger=_SEEN),
    Fault("state_stale", 4, _HAL, _DAMP, _REARM),
    Fault("joint_frozen", 4, _HAL, _DAMP, _REARM),
    Fault("imu_frozen", 4, _HAL, _DAMP, _REARM, after=100 * MS),
    Fault("command_rejected", 5, _GATE, _WARN, _CLEAR, linger=_SEEN),
    Fault("command_nonfinite", 5, _GATE, _HOLD, _CLEAR),
    # Rows 6 and 7 are one cause to the HAL: hold for at most 300 ms, then damp.
    Fault("command_timeout", 6, _HAL, _HOLD, _CLEAR, escalates=_DAMP, escalates_after=300 * MS),
    Fault("overrun", 9, _HAL, _WARN, _CLEAR, linger=_SEEN),
    Fault("overrun_repeated", 9, _HAL, _HOLD, _CLEAR, linger=_SEEN),
    Fault("estimator_divergence", 10, _PERCEPTION, _DAMP, _REARM),
    Fault("imu_dropout", 11, _HAL, _DAMP, _REARM, after=20 * MS),
    Fault("temperature_unknown", 12, _HAL, _WARN, _CLEAR, after=SECOND),
    Fault("temperature_high", 12, _HAL, _DERATE, _CLEAR, linger=SECOND),
    Fault("over_temperature", 12, _HAL, _SIT, _REARM),
    Fault("voltage_low", 13, _HAL, _DERATE, _CLEAR, after=5 * SECOND, linger=SECOND),
    Fault("under_voltage", 13, _HAL, _SIT, _REARM, after=100 * MS),
    Fault("command_limit", 14, _GATE, _WARN, _CLEAR, linger=_SEEN),
    Fault("joint_limit", 15, _HAL, _DERATE, _CLEAR, linger=_SEEN),
    Fault("stall", 15, _HAL, _HOLD, _CLEAR, linger=_SEEN),
    Fault("overload", 16, _DRIVER, _SIT, _REARM),
    Fault("arm_overload", 16, _DRIVER, _HOLD, _REARM),
    Fault("fall", 17, _PERCEPTION, _DAMP, _REARM, recoverable=True),
    Fault("fall_foreseen", 17, _CONTROL, _DAMP, _REARM),
    # Becomes TORQUE_OFF once the joints are still (safety.py).
    Fault("fallen", 17, _PERCEPTION, _DAMP, _REARM, recoverable=True),
    Fault("clock_jump", 18, _HAL, _WARN, _CLEAR, linger=SECOND),
    Fault("second_publisher", 19, _GATE, _WARN, _CLEAR, linger=SECOND),
    Fault("second_master", 20, _DRIVER, _HOLD, _REARM),
    Fault("command_flood", 21, _HAL, _WARN, _CLEAR, linger=_SEEN),
    Fault("bus_off", 22, _DRIVER, _DAMP, _REARM),
    Fault("arming_refused", 27, _DRIVER, _WARN, _CLEAR, linger=SECOND),
    Fault("board_rebooted", 28, _DRIVER, _DAMP, _REARM),
    Fault("emergency_stop", 29, _OPERATOR, _OFF, _REARM, always_latches=True),
    Fault("operator_stop", 29, _OPERATOR, _DAMP, _REARM, always_latches=True),
    Fault("driver_error", 30, _DRIVER, _DAMP, _NEVER),
    Fault("simulator_divergence", 31, _DRIVER, _DAMP, _REARM),
    Fault("reporter_silent", 32, _HAL, _HOLD, _CLEAR, linger=_SEEN),
    Fault("controller_failure", 32, _CONTROL, _DAMP, _REARM),
    Fault("controller_handover", 32, _CONTROL, _WARN, _CLEAR, linger=_SEEN),
    Fault("unknown_fault", 32, _HAL, _HOLD, _REARM),
)

#: Not a fault: what control reports when it has sat down, so that SIT ends before its 3 s are over.
SEATED = "seated"
#: Not a fault: what control reports while it is in the mode that gets a lying robot up.
GETTING_UP = "getting_up"
