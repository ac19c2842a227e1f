"""What LX-16A servos can be asked and told, by name, and their models.

Commands, lengths and ranges: Hiwonder, "Bus Servo Communication Protocol", tables 2 and 4. Several
values of one command are read and written together.
"""

import struct
from dataclasses import dataclass
from math import radians

from humanoid_description.problems import nearest
from humanoid_hal.bus.protocol import BoardError


@dataclass(frozen=True)
class Register:
    """One value: scale * raw, in `unit`; field number `field` of the parameters of its commands."""

    read: int
    write: int | None  # None: only the servo writes it
    layout: str = "<B"  # of all parameters, as of struct
    field: int = 0
    scale: float = 1.0
    unit: str = ""
    keep: int | None = None  # command that keeps it without power; None: kept at once, or never

    @property
    def size(self) -> int:
        """[bytes] of the parameters."""
        return struct.calcsize(self.layout)

    def decode(self, parameters: bytes) -> float:
        """The value in an answer's parameters."""
        raw: int = struct.unpack(self.layout, parameters)[self.field]
        return raw * self.scale

    def encode(self, value: float, parameters: bytes) -> bytes:
        """`parameters` with this value in them. Raises OverflowError when it does not fit."""
        raw = list(struct.unpack(self.layout, parameters))
        raw[self.field] = round(value / self.scale)
        try:
            return struct.pack(self.layout, *raw)
        except struct.error:
            raise OverflowError(f"{value} does not fit") from None


TABLE: dict[str, Register] = {
    "goal_position": Register(2, 1, "<HH", 0, unit="counts"),
    "goal_time": Register(2, 1, "<HH", 1, scale=0.001, unit="s"),
    "id": Register(14, 13),
    "position_offset": Register(19, 17, "<b", unit="counts", keep=18),  # -125 to 125
    "position_min": Register(21, 20, "<HH", 0, unit="counts"),
    "position_max": Register(21, 20, "<HH", 1, unit="counts"),
    "voltage_min": Register(23, 22, "<HH", 0, scale=0.001, unit="V"),
    "voltage_max": Register(23, 22, "<HH", 1, scale=0.001, unit="V"),
    "temperature_limit": Register(25, 24, unit="degC"),
    "temperature": Register(26, None, unit="degC"),
    "voltage": Register(27, None, "<H", scale=0.001, unit="V"),
    "present_position": Register(28, None, "<h", unit="counts"),
    "mode": Register(30, 29, "<BBh", 0),  # 0: position, 1: motor
    "motor_speed": Register(30, 29, "<BBh", 2),  # -1000 to 1000
    "torque_enable": Register(32, 31),
    "led_off": Register(34, 33),
    "alarms": Register(36, 35),  # which faults make the light flash: 1 heat, 2 voltage, 4 stall
}

#: [counts] at both ends of the travel, in its middle, and [rad] of it all.
COUNTS, MIDDLE, TRAVEL = 1000, 500, radians(240.0)
RADIAN = TRAVEL / COUNTS  # [rad] per count


#: Stall torques [N m] by model: Hiwonder's product pages. The servos do not tell their model.
MODELS: dict[str, float] = {
    "LX-16A": 1.67,  # 17 kg cm at 7.4 V
    "LX-224": 1.96,  # 20 kg cm at 7.4 V
    "HTS-20H": 1.96,  # 20 kg cm at 11.1 V
    "HTS-35H": 3.43,  # 35 kg cm at 11.1 V
}


def stall_torque(model: str) -> float:
    """[N m] of a model. Raises BoardError, naming the nearest."""
    if model not in MODELS:
        known = ", ".join(MODELS)
        raise BoardError(f"unknown LX-16A model '{model}'{nearest(model, MODELS)}; known: {known}")
    return MODELS[model]


def find(name: str) -> Register:
    """Raises BoardError, naming the nearest."""
    if name not in TABLE:
        raise BoardError(f"no register '{name}'{nearest(name, TABLE)}; known: {', '.join(TABLE)}")
    return TABLE[name]
