"""Objects of CiA 301 and CiA 402 used here, and the state machine of the drive profile.

Source: CiA 301 version 4.2; CiA 402-2 / IEC 61800-7-201 (drive profile).
"""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Object:
    """One entry of the object dictionary, at most four bytes."""

    index: int
    sub: int = 0
    size: int = 4  # [bytes]
    signed: bool = False

    def __str__(self) -> str:
        return f"{self.index:04X}:{self.sub}"


DEVICE_TYPE = Object(0x1000)
CONSUMER_HEARTBEAT = Object(0x1016, 1)  # node << 16 | time [ms]
VENDOR = Object(0x1018, 1)
ABORT_OPTION = Object(0x6007, size=2, signed=True)  # what a lost heartbeat does
ERROR_CODE = Object(0x603F, size=2)
CONTROLWORD = Object(0x6040, size=2)
STATUSWORD = Object(0x6041, size=2)
MODE = Object(0x6060, size=1, signed=True)
MODE_DISPLAY = Object(0x6061, size=1, signed=True)
POSITION = Object(0x6064, signed=True)  # [increments]
VELOCITY = Object(0x606C, signed=True)  # [increments/s]
TARGET_TORQUE = Object(0x6071, size=2, signed=True)  # [0.1 % of RATED_TORQUE]
RATED_TORQUE = Object(0x6076)  # [mN m]
TORQUE = Object(0x6077, size=2, signed=True)  # [0.1 % of RATED_TORQUE]
TARGET_POSITION = Object(0x607A, signed=True)  # [increments]
INCREMENTS, ENCODER_TURNS = Object(0x608F, 1), Object(0x608F, 2)
GEAR_MOTOR, GEAR_SHAFT = Object(0x6091, 1), Object(0x6091, 2)

#: Low half of DEVICE_TYPE: the drive profile.
PROFILE = 402
#: MODE: cyclic synchronous position and torque.
CSP, CST = 8, 10
#: ABORT_OPTION: disable the output stage.
DISABLE_VOLTAGE = 2
#: Controlwords.
SHUTDOWN, SWITCH_ON, ENABLE_OPERATION, DISABLE, FAULT_RESET = 0x06, 0x07, 0x0F, 0x00, 0x80


class State(Enum):
    """Mask and value of the statusword."""

    NOT_READY = (0x4F, 0x00)
    SWITCH_ON_DISABLED = (0x4F, 0x40)
    READY_TO_SWITCH_ON = (0x6F, 0x21)
    SWITCHED_ON = (0x6F, 0x23)
    OPERATION_ENABLED = (0x6F, 0x27)
    QUICK_STOP = (0x6F, 0x07)
    FAULT_REACTION = (0x4F, 0x0F)
    FAULT = (0x4F, 0x08)


def state_of(statusword: int) -> State | None:
    """The state that a statusword tells; None: none of the profile."""
    for state in State:
        mask, value = state.value
        if statusword & mask == value:
            return state
    return None


#: The controlword that goes on from a state towards OPERATION_ENABLED.
NEXT = {
    State.FAULT: FAULT_RESET,
    State.SWITCH_ON_DISABLED: SHUTDOWN,
    State.READY_TO_SWITCH_ON: SWITCH_ON,
    State.SWITCHED_ON: ENABLE_OPERATION,
    State.QUICK_STOP: DISABLE,
}


def fault_of(code: int) -> tuple[str, str]:
    """Fault of the fault table and a reason for an emergency error code (CiA 402-2, table of codes)."""
    text = f"error {code:#06x}"
    if code == 0x8130:
        return "board_rebooted", "its watchdog acted: the heartbeat was lost"
    if code >> 8 == 0x32:
        return ("under_voltage" if code >> 4 == 0x322 else "overload"), f"supply voltage, {text}"
    if code >> 12 == 2:
        return "overload", f"over-current, {text}"
    if code >> 12 == 4:
        return "over_temperature", f"temperature, {text}"
    if code >> 8 in (0x71, 0x83):
        return "overload", f"motor blocked or torque limit, {text}"
    return "unknown_fault", text
