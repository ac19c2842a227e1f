"""Control tables and models of Feetech servos.

Addresses: ftservo-python-sdk 2.0.1 (sms_sts.py, scscl.py; a test compares them), the rest from
Feetech's memory tables for STS3215 and SCS0009. Numbers with a sign are sign and magnitude: bit
`sign` is the sign. STS and SMS are little-endian, SCS big-endian.
"""

from dataclasses import dataclass
from math import pi, radians
from typing import Literal

from humanoid_description.problems import nearest
from humanoid_hal.bus.protocol import BoardError

#: Addresses below this are EEPROM, writable while the lock register is 0.
EEPROM_END = 40


@dataclass(frozen=True)
class Register:
    """One entry of a control table: value = scale * raw, in `unit`."""

    address: int
    size: int = 1  # [bytes]
    sign: int | None = None  # bit of the sign
    scale: float = 1.0
    unit: str = ""

    def encode(self, value: float, order: "Order") -> bytes:
        """Raises OverflowError when `value` does not fit."""
        raw = round(value / self.scale)
        if raw < 0:
            if self.sign is None or -raw >= 1 << self.sign:
                raise OverflowError(f"{value} does not fit")
            raw = -raw | 1 << self.sign
        elif self.sign is not None and raw >= 1 << self.sign:
            raise OverflowError(f"{value} does not fit")
        return raw.to_bytes(self.size, order)

    def decode(self, data: bytes, order: "Order") -> float:
        """The value of `data`, of `size` bytes."""
        raw = int.from_bytes(data, order)
        if self.sign is not None and raw >> self.sign & 1:
            raw = -(raw & (1 << self.sign) - 1)
        return raw * self.scale


Order = Literal["little", "big"]
Table = dict[str, Register]

_COMMON: Table = {
    "firmware": Register(0, 2),
    "model_number": Register(3, 2),
    "id": Register(5),
    "baud_rate": Register(6),
    "return_delay": Register(7, scale=2e-6, unit="s"),
    "status_return": Register(8),
    "position_min": Register(9, 2, unit="counts"),
    "position_max": Register(11, 2, unit="counts"),
    "temperature_limit": Register(13, unit="degC"),
    "voltage_max": Register(14, scale=0.1, unit="V"),
    "voltage_min": Register(15, scale=0.1, unit="V"),
    "max_torque": Register(16, 2, scale=0.001),
    "position_p": Register(21),
    "position_d": Register(22),
    "position_i": Register(23),
    "dead_cw": Register(26),
    "dead_ccw": Register(27),
    "torque_enable": Register(40),
    "goal_time": Register(44, 2),
    "goal_speed": Register(46, 2, sign=15, unit="counts/s"),
    "present_load": Register(60, 2, sign=10, scale=0.001),
    "voltage": Register(62, scale=0.1, unit="V"),
    "temperature": Register(63, unit="degC"),
    "status": Register(65),
    "moving": Register(66),
}

STS: Table = {
    **_COMMON,
    "homing_offset": Register(31, 2, sign=11, unit="counts"),
    "mode": Register(33),
    "acceleration": Register(41, scale=100.0, unit="counts/s^2"),
    "goal_position": Register(42, 2, sign=15, unit="counts"),
    "torque_limit": Register(48, 2, scale=0.001),
    "lock": Register(55),
    "present_position": Register(56, 2, sign=15, unit="counts"),
    "present_speed": Register(58, 2, sign=15, unit="counts/s"),
    "present_current": Register(69, 2, sign=15, scale=0.0065, unit="A"),
}

SCS: Table = {
    **_COMMON,
    "goal_position": Register(42, 2, unit="counts"),
    "lock": Register(48),
    "present_position": Register(56, 2, unit="counts"),
    "present_speed": Register(58, 2, sign=15, unit="counts/s"),
}

#: Raw values of `baud_rate`. Feetech's own SDK; lists elsewhere differ in 5 to 7.
BAUD_RATES = {
    0: 1_000_000, 1: 500_000, 2: 250_000, 3: 128_000, 4: 115_200, 5: 76_800, 6: 57_600, 7: 38_400,
}  # fmt: skip


@dataclass(frozen=True)
class Model:
    """One model. `zero` counts is 0 rad; `stall_torque` [N m] is what a load of 100 % stands for.

    Stall torques are Feetech's product pages'. A load is the duty of the motor, no measured torque.
    """

    number: int
    series: Literal["sts", "scs"]
    counts: int  # per turn of the encoder
    zero: int
    stall_torque: float

    @property
    def radian(self) -> float:
        """[rad] per count."""
        return (2 * pi if self.series == "sts" else radians(300.0)) / self.counts


MODELS: dict[str, Model] = {
    "STS3215": Model(777, "sts", 4096, 2048, 1.9),  # 7.4 V; the 12 V type 2.9
    "STS3250": Model(2825, "sts", 4096, 2048, 4.9),
    "SM8512BL": Model(11272, "sts", 4096, 2048, 8.3),
    "SCS0009": Model(1284, "scs", 1024, 512, 0.23),
}

NAMES = {model.number: name for name, model in MODELS.items()}


def find_model(name: str) -> Model:
    """Raises BoardError, naming the nearest."""
    if name not in MODELS:
        known = ", ".join(MODELS)
        raise BoardError(f"unknown Feetech model '{name}'{nearest(name, MODELS)}; known: {known}")
    return MODELS[name]


def model_name(number: int) -> str:
    """Name of a model number."""
    return NAMES.get(number, f"unknown ({number})")
