"""Hardware files are typed, and what is wrong in them has a place and a rule."""

import re
from dataclasses import MISSING, Field, fields, replace
from pathlib import Path

import pytest

from humanoid_description import ConfigError, RobotDescription
from humanoid_hal.driver import Capabilities
from humanoid_hal.drivers import mock
from humanoid_hal.drivers.gazebo import GazeboOptions
from humanoid_hal.drivers.mujoco import MujocoOptions, NoiseOptions
from humanoid_hal.hardware import (
    ArmingConfig,
    LimitsConfig,
    SafetyConfig,
    limitations,
    load_hardware,
    with_options,
)

CONFIG = Path(__file__).parents[2] / "config" / "robots"


def write(folder: Path, text: str) -> Path:
    path = folder / "hardware.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(CONFIG.glob("*/hardware/*.yaml")), ids=str)
def test_every_file_that_is_shipped_loads(path: Path) -> None:
    config, driver = load_hardware(path)
    assert config.rate == 500.0
    assert config.period_ns == 2_000_000
    assert isinstance(config.options, driver.Options)


def test_the_drivers_own_options_are_typed(tmp_path: Path) -> None:
    text = "driver: 'mock' # quoted\noptions:\n  faults: [{kind: stuck, what: imu, cycle: 5}]\n"
    config, driver = load_hardware(write(tmp_path, text))
    assert driver is mock.MockDriver
    assert config.options.faults == (mock.MockFault("stuck", "imu", 5),)


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ("rate: 500.0\n", ":1", "driver': missing"),
        ("rate: 500.0\ndriver: mok\n", ":2", "no driver 'mok'; did you mean 'mock'?"),
        ("driver: mock\noptions: {inertai: 1.0}\n", ":2", "did you mean 'inertia'?"),
        ("driver: mock\nrate: 49.9\n", ":2", "at least 50 Hz"),
        ("driver: mock\nrate: .nan\n", ":2", "must be finite"),
        ("driver: mock\narming: {tolerance: 0.0}\n", ":2", "greater than 0 rad"),
        ("driver: mock\nlimits: {derate: 1.1}\n", ":2", "at most 1"),
        ("driver: mock\nsafety: {command_timeout: 0.101}\n", ":2", "at most 0.1 s"),
        ("driver: mock\nsafety: {command_timeout: 0.019}\n", ":2", "at least 0.02 s"),
        (
            "driver: mock\nsafety: {voltage_low: 40.0, voltage_minimum: 40.0}\n",
            ":2",
            "voltage_low must be above voltage_minimum",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, text: str, place: str, rule: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_hardware(write(tmp_path, text))
    assert f"hardware.yaml{place}" in str(caught.value)
    assert rule in str(caught.value)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_hardware(tmp_path / "none.yaml")


def test_a_file_that_is_not_text_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "hardware.yaml"
    path.write_bytes(b"driver: \xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_hardware(path)


def test_voltages_may_be_given_alone(tmp_path: Path) -> None:
    text = "driver: mock\nsafety: {voltage_low: 40.0}\n"
    assert load_hardware(write(tmp_path, text))[0].safety.voltage_low == 40.0


def test_options_that_the_driver_does_not_know_are_left_out(tmp_path: Path) -> None:
    config, _ = load_hardware(write(tmp_path, "driver: mock\n"))
    changed = with_options(config, control_rate=100.0, viewer=True)
    assert changed.options.control_rate == 100.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"effort": False}, "takes position targets only"),
        ({"imu": False}, "has no IMU"),
        ({"wrenches": False}, "no foot wrenches although robot.yaml promises"),
    ],
)
def test_what_a_driver_lacks_is_said_plainly(
    robot: RobotDescription, simulated: Capabilities, change: dict[str, bool], words: str
) -> None:
    assert limitations(simulated, robot) == ()
    (text,) = limitations(replace(simulated, **change), robot)
    assert words in text


def test_a_robot_without_force_sensors_misses_none(
    robot: RobotDescription, simulated: Capabilities
) -> None:
    feet = (replace(robot.feet[0], force_sensor=False),)
    assert limitations(replace(simulated, wrenches=False), replace(robot, feet=feet)) == ()


_PAGE = (CONFIG.parents[1] / "docs" / "hardware.md").read_text(encoding="utf-8")
_TYPES = (ArmingConfig, LimitsConfig, SafetyConfig, MujocoOptions, NoiseOptions, mock.MockOptions)
_KEYS = [(kind, item) for kind in _TYPES for item in fields(kind) if item.default is not MISSING]


@pytest.mark.parametrize(
    ("kind", "item"), _KEYS, ids=[f"{kind.__name__}.{item.name}" for kind, item in _KEYS]
)
def test_the_page_names_every_key_with_unit_and_default(kind: type, item: "Field[object]") -> None:
    default = item.default
    if default is None or default in ("", ()):
        shown = "–"
    elif isinstance(default, bool):
        shown = str(default).lower()
    else:
        shown = f"{default:.4g}" if isinstance(default, float) else str(default)
    unit = item.metadata.get("unit", "")
    assert f"| `{item.name}` | {unit} | {shown} |" in _PAGE


def test_every_option_of_gazebo_stands_on_its_page() -> None:
    page = (CONFIG.parents[1] / "docs" / "gazebo.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| .*? \| (\S+) \|", page, re.MULTILINE))
    for option in fields(GazeboOptions):
        default = option.default
        shown = str(default).lower() if isinstance(default, bool) else f"{default}"
        assert rows[option.name] in (shown, shown.removesuffix(".0")), option.name
