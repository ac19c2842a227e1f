"""Registers, modes and faults of moteus. Source: moteus reference, "CAN-FD communication"."""

from enum import IntEnum


class Register(IntEnum):
    """The registers used here; units of float32."""

    MODE = 0x000
    POSITION = 0x001  # [rev] of the output
    VELOCITY = 0x002  # [rev/s]
    TORQUE = 0x003  # [N m]
    VOLTAGE = 0x00D  # [V]
    TEMPERATURE = 0x00E  # [degC]
    FAULT = 0x00F
    COMMAND_POSITION = 0x020  # [rev]; NaN: where it is
    COMMAND_VELOCITY = 0x021
    COMMAND_FEEDFORWARD = 0x022  # [N m]
    COMMAND_KP_SCALE = 0x023  # 0 to 1
    COMMAND_KD_SCALE = 0x024
    FIRMWARE = 0x101  # major << 16 | minor << 8 | micro


class Mode(IntEnum):
    """Register MODE."""

    STOPPED = 0
    FAULT = 1
    PREPARING = 2  # up to 4: enables its motor driver, calibrates its current sensors; no torque
    POSITION = 10
    TIMEOUT = 11  # its watchdog acted; leaves to STOPPED only


#: What a board with torque never says: it restarted, and was told to move since.
RESTARTED = frozenset((Mode.STOPPED, *range(Mode.PREPARING, Mode.PREPARING + 3)))

#: Register FAULT: fault of the fault table and its reason.
FAULTS = {
    32: ("unknown_fault", "calibration"),
    33: ("overload", "motor driver: over-current or short"),
    34: ("overload", "over-voltage"),
    35: ("unknown_fault", "encoder"),
    36: ("unknown_fault", "motor not configured: run moteus_tool --calibrate"),
    37: ("unknown_fault", "control loop overrun"),
    38: ("over_temperature", "over-temperature"),
    39: ("unknown_fault", "started outside of its position limits"),
    40: ("under_voltage", "under-voltage"),
    41: ("unknown_fault", "configuration changed while running"),
    42: ("unknown_fault", "no valid commutation encoder"),
    43: ("unknown_fault", "no valid output position"),
    44: ("unknown_fault", "motor driver cannot be enabled"),
    46: ("unknown_fault", "timing violation"),
}
#: Integers to units: (int8, int16, int32) per step, by register.
VOLTAGE_INT8 = 0.5  # [V]
TEMPERATURE_INT8 = 1.0  # [degC]
GAIN_INT16 = 1.0 / 32767.0
