"""Models: which control table, how fine the encoder, what a unit of current is worth.

Model numbers and resolutions: the `.model` files of dynamixel-sdk 4.1.0 (a test compares them).
Current units: e-manual. Torque constants are no register and no promise: stall torque over stall
current of the e-manual (P series: continuous torque over continuous current); XC330: the `.model`
file's own. Measure yours and set `torque_constant` in the joint's `settings`.
"""

from dataclasses import dataclass
from math import pi

from humanoid_description.problems import nearest
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.drivers.dynamixel.registers import P_SERIES, X_SERIES, Table


@dataclass(frozen=True)
class Model:
    """One model. Positions are counts of `counts` per turn; `zero` counts is 0 rad."""

    number: int
    table: Table
    counts: int
    zero: int
    current_unit: float = 0.0  # [A]; 0: no current control
    torque_constant: float = 0.0  # [N m/A] at the output
    indirect: int = 28  # indirect registers

    @property
    def radian(self) -> float:
        """[rad] per count."""
        return 2 * pi / self.counts


def _x(number: int, unit: float = 2.69e-3, stall: tuple[float, float] = (0.0, 1.0)) -> Model:
    return Model(number, X_SERIES, 4096, 2048, unit, stall[0] / stall[1])


def _small(number: int, constant: float) -> Model:
    return Model(number, X_SERIES, 4096, 2048, 1e-3, constant, indirect=20)


def _p(number: int, half_turn: int, rated: tuple[float, float]) -> Model:
    return Model(number, P_SERIES, 2 * half_turn, 0, 1e-3, rated[0] / rated[1], indirect=128)


MODELS: dict[str, Model] = {
    "XL430-W250": _x(1060, 0.0),
    "XC430-W150": _x(1070, 0.0),
    "XC430-W240": _x(1080, 0.0),
    "2XL430-W250": _x(1090, 0.0),
    "2XC430-W250": _x(1160, 0.0),
    "XM430-W350": _x(1020, stall=(4.1, 2.3)),
    "XM430-W210": _x(1030, stall=(3.0, 2.3)),
    "XH430-W350": _x(1000, stall=(3.4, 1.3)),
    "XH430-W210": _x(1010, stall=(2.5, 1.3)),
    "XM540-W270": _x(1120, stall=(10.6, 4.4)),
    "XM540-W150": _x(1130, stall=(7.3, 4.4)),
    "XH540-W270": _x(1100, stall=(9.9, 4.2)),
    "XH540-W150": _x(1110, stall=(7.1, 4.9)),
    "XL330-M077": _small(1190, 0.228 / 1.47),
    "XL330-M288": _small(1200, 0.52 / 1.47),
    "XC330-T181": _small(1210, 0.6709470),
    "XC330-T288": _small(1220, 0.9674797),
    "PH42-020-S300": _p(2000, 303750, (5.1, 1.5)),
    "PH54-100-S500": _p(2010, 501923, (25.3, 5.5)),
    "PH54-200-S500": _p(2020, 501923, (44.7, 9.3)),
}

NAMES = {model.number: name for name, model in MODELS.items()}


def find_model(name: str) -> Model:
    """Raises BoardError, naming the nearest."""
    if name not in MODELS:
        raise BoardError(f"unknown Dynamixel model '{name}'{nearest(name, MODELS)}; known: "
                         + ", ".join(MODELS))  # fmt: skip
    return MODELS[name]


def model_name(number: int) -> str:
    """Name of a model number that a ping returned."""
    return NAMES.get(number, f"unknown ({number})")
