"""The hardware file, ``config/robots/<robot>/hardware/<name>.yaml``, as typed data."""

import re
from dataclasses import dataclass, field, fields, make_dataclass, replace
from pathlib import Path
from typing import Any

from humanoid_description import RobotDescription
from humanoid_description.strict_yaml import Source, key, load_config
from humanoid_hal.driver import Capabilities, Driver
from humanoid_hal.drivers import DriverLookupError, find_driver

_NANOSECONDS = 1e9


@dataclass(frozen=True)
class ArmingConfig:
    """What must hold before torque is switched on."""

    # Samples in a row with every joint fresh.
    samples: int = key(20, min=1, max=10_000)
    # Largest difference between the commanded and the measured position of a joint.
    tolerance: float = key(0.1, unit="rad", above=0.0, max=3.2)
    # Stiffness, damping and effort grow from 0 to the commanded values over this time. 0: at once,
    # right where the robot already carries its weight, as in simulation.
    ramp: float = key(1.0, unit="s", min=0.0, max=10.0)
    # Arm although no board goes safe by itself when this process dies (row 8).
    accept_no_board_watchdog: bool = False


@dataclass(frozen=True)
class LimitsConfig:
    """What the gate lets through, on top of the joint table's limits."""

    # Scale of the table's speed and torque limits; for first steps on new hardware.
    velocity_scale: float = key(1.0, above=0.0, max=1.0)
    effort_scale: float = key(1.0, above=0.0, max=1.0)
    # How both are scaled again while the reaction is DERATE.
    derate: float = key(0.7, above=0.0, max=1.0)
    # A joint measured this far beyond its limit may only be pushed back (row 15).
    margin: float = key(0.05, unit="rad", min=0.0, max=1.0)
    # How fast the commanded position may move, in units of the joint's speed limit.
    position_rate: float = key(2.0, above=0.0, max=1000.0)
    # How fast the commanded effort may change, in torque limits per second. The default is half the
    # limit in 2 ms: a push is answered in full, a flipped sign is not.
    effort_rate: float = key(250.0, unit="1/s", above=0.0, max=1e6)
    # Largest stiffness [N m/rad] and damping [N m s/rad].
    gain_max: float = key(5000.0, above=0.0, max=1e5)
    # Oldest sample that a command may answer.
    max_age: float = key(0.04, unit="s", above=0.0, max=0.1)
    # Commands of one publisher that may get lost in a row; a longer jump is another publisher's.
    max_gap: int = key(25, min=1, max=1000)

    @property
    def max_age_ns(self) -> int:
        """`max_age` [ns]."""
        return round(self.max_age * _NANOSECONDS)


@dataclass(frozen=True)
class SafetyConfig:
    """Thresholds of the HAL's own detectors (docs/safety.md)."""

    # HOLD when the last accepted command answers a sample older than this (rows 6 and 7). Franka
    # robots stop after 20 ms, Universal Robots after 40 ms, moteus boards after 100 ms.
    command_timeout: float = key(0.04, unit="s", min=0.02, max=0.1)
    # A node that once reported faults must be heard again within this (row 32).
    report_timeout: float = key(0.5, unit="s", min=0.2, max=5.0)
    # DERATE this far below the table's temperature limit (row 12).
    temperature_margin: float = key(10.0, unit="degC", min=0.0, max=50.0)
    # DERATE below `voltage_low`, SIT below `voltage_minimum` (row 13). None: not watched.
    voltage_low: float | None = key(None, unit="V", above=0.0)
    voltage_minimum: float | None = key(None, unit="V", above=0.0)
    # DAMP brakes with at most this fraction of a joint's torque limit.
    damp_torque: float = key(0.5, above=0.0, max=1.0)

    def __post_init__(self) -> None:
        low, minimum = self.voltage_low, self.voltage_minimum
        if low is not None and minimum is not None and low <= minimum:
            raise ValueError(
                f"voltage_low must be above voltage_minimum (got {low:g} and {minimum:g} V)"
            )


@dataclass(frozen=True)
class HardwareConfig:
    """One hardware file."""

    driver: str = key(doc="name of the driver, see `humanoid_hal.drivers`")
    # Control rate.
    rate: float = key(500.0, unit="Hz", min=50.0, max=2000.0)
    arming: ArmingConfig = field(default_factory=ArmingConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    safety: SafetyConfig = field(default_factory=SafetyConfig)
    options: Any = None  # the driver's own, of its type `Options`

    @property
    def period_ns(self) -> int:
        """The control period [ns]."""
        return round(_NANOSECONDS / self.rate)


_DRIVER_KEY = re.compile(r"^driver:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)


def load_hardware(path: str | Path) -> tuple[HardwareConfig, type[Driver]]:
    """Read a hardware file and find its driver.

    Raises humanoid_description.ConfigError with file, line, key and rule.
    """
    path = Path(path)
    driver: type[Driver] | None = None
    try:
        match = _DRIVER_KEY.search(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        match = None  # the strict loader says it better
    if match:
        try:
            driver = find_driver(match[1])
        except DriverLookupError as error:
            source = Source(path)
            source.refuse("driver", str(error), _line(path, match.start()))
            source.check()
    options = Driver.Options if driver is None else driver.Options
    config = load_config(path, _file_type(options))
    assert driver is not None
    return config, driver


def with_options(config: HardwareConfig, **values: Any) -> HardwareConfig:
    """`config` with those of `values` set in the driver's options that its driver knows."""
    known = {item.name for item in fields(config.options)}
    return replace(
        config, options=replace(config.options, **{k: v for k, v in values.items() if k in known})
    )


def limitations(capabilities: Capabilities, robot: RobotDescription) -> tuple[str, ...]:
    """What the graph cannot do on such a driver, in plain words; empty: nothing is missing."""
    missing = []
    if not capabilities.effort:
        missing.append(
            "takes position targets only: modes that balance with torque (stand) will not work, "
            "and in DAMP its targets follow the measured position"
        )
    if not capabilities.imu:
        missing.append("has no IMU: the base cannot be estimated, no mode but damping will start")
    with_sensor = [foot.name for foot in robot.feet if foot.force_sensor]
    if with_sensor and not capabilities.wrenches:
        missing.append(
            "has no foot wrenches although robot.yaml promises force sensors on "
            f"{', '.join(with_sensor)}: contact is estimated from joint torques"
        )
    return tuple(missing)


def _file_type(options: type[Any]) -> type[HardwareConfig]:
    item = ("options", options, field(default_factory=options))
    return make_dataclass("HardwareFile", [item], bases=(HardwareConfig,), frozen=True)


def _line(path: Path, offset: int) -> int:
    return path.read_text(encoding="utf-8").count("\n", 0, offset) + 1
