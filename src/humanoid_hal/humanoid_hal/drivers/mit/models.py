"""What full scale means on each model, with every source that says so.

Where sources disagree there are several candidates, and nobody guesses: a board that can be asked
(Damiao, registers 21 to 23) is asked at start-up, for the others the hardware file states the scale.
A wrong scale is no small error: an RS04 driven with an RS01's gains gets a tenth of them.

Sources:

- ``vendor``: robstride-dynamics 0.0.1 (RobStride's own package, table.py).
- ``RS00 manual``: RobStride RS00 user manual v1.0 (2025-11), MIT protocol.
- ``Damiao sheet``: Damiao's parameter sheet (defaults of PMAX, VMAX, TMAX), as in Seeed's Damiao wiki.
- ``damiao-motor``: damiao-motor 1.0.6 (PyPI), motor.py. ``lerobot``: lerobot 0.6.1, damiao tables.
- ``TMotorCANControl``: TMotorCANControl 1.2.6, mit_can.py. ``DFKI``: mini-cheetah-motor-driver-socketcan
  0.4.3 (DFKI), which tells firmware versions apart. ``AK manual``: CubeMars AK series manual v1.0.15.
- ``CyberGear manual``: Xiaomi CyberGear instruction manual v1.2, operation control mode.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import pi

import numpy as np

from humanoid_description.problems import nearest
from humanoid_hal.drivers.mit.codec import Scales


@dataclass(frozen=True, slots=True)
class Scale:
    """Full scale of one motor, motor side."""

    position: float  # [rad]
    velocity: float  # [rad/s]
    torque: float  # [N m]
    stiffness: float = 500.0  # [N m/rad]
    damping: float = 5.0  # [N m s/rad]

    def __str__(self) -> str:
        return (
            f"{self.position:g} rad, {self.velocity:g} rad/s, {self.torque:g} N m, "
            f"kp {self.stiffness:g}, kd {self.damping:g}"
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """One scale and who says so."""

    scale: Scale
    source: str


class ScaleError(ValueError):
    """The scale of a motor is not known beyond doubt. The message names the candidates."""


_FOUR_PI = 4.0 * pi


def _same(scale: Scale, *sources: str) -> tuple[Candidate, ...]:
    return (Candidate(scale, ", ".join(sources)),)


def _either(*candidates: tuple[Scale, str]) -> tuple[Candidate, ...]:
    return tuple(Candidate(scale, source) for scale, source in candidates)


_SHEET, _PACKAGE = "Damiao sheet", "damiao-motor"

#: Damiao: the defaults of registers 21 to 23, which users may change on the board.
DAMIAO = {
    "DM-J3507": _either(
        (Scale(12.566, 50.0, 5.0), f"{_SHEET}, {_PACKAGE}"), (Scale(12.5, 30.0, 10.0), "lerobot")
    ),
    "DM-J4310": _same(Scale(12.5, 30.0, 10.0), _SHEET, _PACKAGE, "lerobot"),
    "DM-J4310-48V": _either(
        (Scale(12.5, 30.0, 10.0), _SHEET), (Scale(12.5, 50.0, 10.0), f"{_PACKAGE}, lerobot")
    ),
    "DM-J4340": _either(
        (Scale(12.5, 8.0, 28.0), f"{_SHEET}, lerobot"), (Scale(12.5, 10.0, 28.0), _PACKAGE)
    ),
    "DM-J4340-48V": _either(
        (Scale(12.5, 8.0, 28.0), _SHEET), (Scale(12.5, 10.0, 28.0), f"{_PACKAGE}, lerobot")
    ),
    "DM-J6006": _same(Scale(12.5, 45.0, 20.0), _SHEET, _PACKAGE),
    "DM-J8006": _same(Scale(12.5, 45.0, 40.0), _SHEET, _PACKAGE),
    "DM-J8009": _same(Scale(12.5, 45.0, 54.0), _SHEET, _PACKAGE),
    "DM-J10010": _same(Scale(12.5, 20.0, 200.0), _SHEET, _PACKAGE),
    "DM-J10010L": _same(Scale(12.5, 25.0, 200.0), _SHEET, _PACKAGE),
    "DM-H3510": _same(Scale(12.5, 280.0, 1.0), _PACKAGE),
    "DM-H6215": _same(Scale(12.5, 45.0, 10.0), _PACKAGE),
    "DM-G6220": _same(Scale(12.5, 45.0, 10.0), _PACKAGE),
}

_TMOTOR, _DFKI = "TMotorCANControl", "DFKI"

#: CubeMars AK with firmware 1 and 2; firmware 3 has another layout (kp first, extended identifiers).
CUBEMARS = {
    "AK10-9": _same(Scale(12.5, 50.0, 65.0), _TMOTOR, _DFKI),
    "AK60-6": _same(Scale(12.5, 50.0, 15.0), _TMOTOR),
    "AK70-10": _either(
        (Scale(12.5, 50.0, 25.0), _TMOTOR), (Scale(12.5, 50.0, 24.0), f"{_DFKI} (V1.1)")
    ),
    "AK80-6": _either(
        (Scale(12.5, 76.0, 12.0), f"{_TMOTOR}, {_DFKI} (V2)"),
        (Scale(12.5, 22.5, 12.0), f"{_DFKI} (V1.1)"),
        (Scale(95.5, 45.0, 18.0), f"{_DFKI} (V1)"),
    ),
    "AK80-8": _same(Scale(12.5, 37.5, 32.0), "AK manual"),
    "AK80-9": _either(
        (Scale(12.5, 50.0, 18.0), _TMOTOR),
        (Scale(12.5, 22.5, 18.0), f"{_DFKI} (V1.1)"),
        (Scale(12.5, 25.64, 18.0), f"{_DFKI} (V2)"),
    ),
    "AK80-64": _same(Scale(12.5, 8.0, 144.0), _TMOTOR),
}

#: RobStride, in the private protocol and in MIT mode; the CyberGear in the private protocol only.
ROBSTRIDE = {
    "RS00": _either(
        (Scale(_FOUR_PI, 50.0, 17.0), "vendor"), (Scale(12.57, 33.0, 14.0), "RS00 manual")
    ),
    "RS01": _same(Scale(_FOUR_PI, 44.0, 17.0), "vendor"),
    "RS02": _same(Scale(_FOUR_PI, 44.0, 17.0), "vendor"),
    "RS03": _same(Scale(_FOUR_PI, 50.0, 60.0, 5000.0, 100.0), "vendor"),
    "RS04": _same(Scale(_FOUR_PI, 15.0, 120.0, 5000.0, 100.0), "vendor"),
    "RS05": _same(Scale(_FOUR_PI, 33.0, 17.0), "vendor"),
    "RS06": _same(Scale(_FOUR_PI, 20.0, 60.0, 5000.0, 100.0), "vendor"),
    "CyberGear": _same(Scale(_FOUR_PI, 30.0, 12.0), "CyberGear manual"),
}


def candidates_of(table: dict[str, tuple[Candidate, ...]], model: str) -> tuple[Candidate, ...]:
    """All that is said about `model`. Raises ScaleError with the known names."""
    if model not in table:
        known = ", ".join(table)
        raise ScaleError(f"no model '{model}'{nearest(model, table)}; known: {known}")
    return table[model]


def agreed_scale(table: dict[str, tuple[Candidate, ...]], model: str) -> Scale:
    """The scale of `model` if all sources agree. Raises ScaleError otherwise."""
    candidates = candidates_of(table, model)
    if len(candidates) > 1:
        said = "; ".join(f"{item.scale} ({item.source})" for item in candidates)
        raise ScaleError(
            f"sources disagree on the scale of '{model}': {said}. Read it from the board or its "
            "manual and state it as `scale` of the joint in the hardware file"
        )
    return candidates[0].scale


def stack(scales: Iterable[Scale]) -> Scales:
    """The scales of many motors as arrays."""
    rows = [(s.position, s.velocity, s.torque, s.stiffness, s.damping) for s in scales]
    return Scales(*np.array(rows, np.float64).reshape(-1, 5).T.copy())
