"""Control tables: where each register stands, its size and its unit.

Addresses and sizes are those of ROBOTIS' own control tables (the `.model` files that come with
dynamixel-sdk 4.1.0; a test compares them); units are from the e-manual of the series.
"""

from dataclasses import dataclass, replace
from math import pi

#: Addresses below this are EEPROM: kept without power, not writable while torque is on.
EEPROM_END = 64
RPM = 2 * pi / 60  # [rad/s]


@dataclass(frozen=True)
class Register:
    """One entry of a control table: value = scale * raw, in `unit`."""

    address: int
    size: int  # [bytes]
    signed: bool = False
    scale: float = 1.0
    unit: str = ""

    def encode(self, value: float) -> bytes:
        """Raises OverflowError when `value` does not fit."""
        return round(value / self.scale).to_bytes(self.size, "little", signed=self.signed)

    def decode(self, data: bytes) -> float:
        """The value of `data`, of `size` bytes."""
        return int.from_bytes(data, "little", signed=self.signed) * self.scale


Table = dict[str, Register]

# Angle registers are in counts here: the angle of a count is the model's.
_COMMON: Table = {
    "model_number": Register(0, 2),
    "firmware": Register(6, 1),
    "id": Register(7, 1),
    "baud_rate": Register(8, 1),
    "return_delay": Register(9, 1, scale=2e-6, unit="s"),
    "drive_mode": Register(10, 1),
    "operating_mode": Register(11, 1),
    "secondary_id": Register(12, 1),
    "protocol_type": Register(13, 1),
    "homing_offset": Register(20, 4, signed=True, unit="counts"),
    "temperature_limit": Register(31, 1, unit="degC"),
    "voltage_max": Register(32, 2, scale=0.1, unit="V"),
    "voltage_min": Register(34, 2, scale=0.1, unit="V"),
    "current_limit": Register(38, 2, unit="current units"),
    "position_max": Register(48, 4, signed=True, unit="counts"),
    "position_min": Register(52, 4, signed=True, unit="counts"),
    "shutdown": Register(63, 1),
}

X_SERIES: Table = {
    **_COMMON,
    "velocity_limit": Register(44, 4, scale=0.229 * RPM, unit="rad/s"),
    "torque_enable": Register(64, 1),
    "led": Register(65, 1),
    "status_return": Register(68, 1),
    "hardware_error": Register(70, 1),
    "position_d": Register(80, 2),
    "position_i": Register(82, 2),
    "position_p": Register(84, 2),
    "bus_watchdog": Register(98, 1, signed=True, scale=0.02, unit="s"),
    "goal_current": Register(102, 2, signed=True, unit="current units"),
    "goal_velocity": Register(104, 4, signed=True, scale=0.229 * RPM, unit="rad/s"),
    "profile_acceleration": Register(108, 4),
    "profile_velocity": Register(112, 4),
    "goal_position": Register(116, 4, signed=True, unit="counts"),
    "present_current": Register(126, 2, signed=True, unit="current units"),
    "present_velocity": Register(128, 4, signed=True, scale=0.229 * RPM, unit="rad/s"),
    "present_position": Register(132, 4, signed=True, unit="counts"),
    "voltage": Register(144, 2, scale=0.1, unit="V"),
    "temperature": Register(146, 1, unit="degC"),
    "indirect_address": Register(168, 2),
    "indirect_data": Register(224, 1),
}


def _moved(names: dict[str, int], **others: Register) -> Table:
    return {
        **_COMMON,
        **{name: replace(X_SERIES[name], address=address) for name, address in names.items()},
        **others,
    }


#: PRO H(A), DYNAMIXEL-P: the same registers at other places, speeds in 0.01 rpm.
P_SERIES: Table = _moved(
    {
        "torque_enable": 512, "led": 513, "status_return": 516, "hardware_error": 518,
        "position_d": 528, "position_i": 530, "position_p": 532, "bus_watchdog": 546,
        "goal_current": 550, "profile_acceleration": 556, "profile_velocity": 560,
        "goal_position": 564, "present_current": 574, "present_position": 580,
        "voltage": 592, "temperature": 594, "indirect_address": 168, "indirect_data": 634,
    },
    velocity_limit=Register(44, 4, scale=0.01 * RPM, unit="rad/s"),
    goal_velocity=Register(552, 4, signed=True, scale=0.01 * RPM, unit="rad/s"),
    present_velocity=Register(576, 4, signed=True, scale=0.01 * RPM, unit="rad/s"),
)  # fmt: skip

#: Raw values of `baud_rate`; 6 and 7 are not on every model.
BAUD_RATES = {
    0: 9600, 1: 57600, 2: 115200, 3: 1_000_000, 4: 2_000_000, 5: 3_000_000, 6: 4_000_000,
    7: 4_500_000,
}  # fmt: skip

#: Bits of `hardware_error`: the fault table's name, and the e-manual's words.
HARDWARE_ERRORS = {
    0: ("under_voltage", "input voltage error"),
    2: ("over_temperature", "overheating error"),
    3: ("overload", "motor encoder error"),
    4: ("overload", "electrical shock error"),
    5: ("overload", "overload error"),
}

#: Values of `operating_mode`.
MODES = {"current": 0, "velocity": 1, "position": 3, "extended_position": 4, "current_position": 5}
