"""The file of a campaign, and the scenarios it stands for: every combination of its rows."""

from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from itertools import product
from json import dumps
from math import isfinite
from pathlib import Path
from typing import Any, get_type_hints

from humanoid_bringup.locate import find_hardware, find_robot, nearest
from humanoid_description.schema import check_rules
from humanoid_description.strict_yaml import Source, key, load_with_source
from humanoid_hal.hardware import load_hardware


@dataclass(frozen=True)
class Push:
    """A constant horizontal force on the torso."""

    impulse: float = key(unit="N s", min=0.0, doc="force times duration")
    direction: float = key(0.0, unit="deg", doc="0: to the front, 90: to the left")
    at: float = key(4.0, unit="s", min=0.0, doc="after walking began")
    duration: float = key(0.1, unit="s", above=0.0)


@dataclass(frozen=True)
class Campaign:
    """The file; see docs/campaigns.md."""

    commands: dict[str, tuple[float, float, float]] = key(
        unit="m/s, m/s, rad/s", doc="name -> forward, left, turning"
    )
    robots: list[str] = key(default_factory=lambda: ["g1"], doc="names or paths")
    controllers: list[str] = key(default_factory=lambda: ["walk"], doc="modes that walk")
    seeds: list[int] = key(default_factory=lambda: [1], min=0, doc="of the sensor noise")
    worlds: dict[str, dict[str, float]] = key(
        default_factory=lambda: {"flat": {}}, doc="name -> options of the simulator"
    )
    pushes: dict[str, list[Push]] = key(
        default_factory=lambda: {"none": []}, doc="name -> pushes, one after another"
    )
    hardware: str = key("mujoco", doc="name or path of the hardware file")
    seconds: float = key(10.0, above=0.0, max=3600.0, unit="s", doc="of walking")
    settle: float = key(3.0, min=0.0, unit="s", doc="not counted in the speed reached")

    def __post_init__(self) -> None:
        if not self.settle < self.seconds:
            raise ValueError(f"settle ({self.settle:g} s) must be below seconds ({self.seconds:g})")
        if not (self.commands and self.robots and self.controllers and self.seeds):
            raise ValueError("commands, robots, controllers and seeds must each have a row")
        if not (self.worlds and self.pushes):
            raise ValueError("worlds and pushes, where given, must each have a row")


@dataclass(frozen=True)
class Scenario:
    """One run: everything that its result depends on, besides the software."""

    robot: str
    controller: str
    command_name: str
    command: tuple[float, float, float]
    push_name: str
    pushes: tuple[Push, ...]
    world_name: str
    world: tuple[tuple[str, float], ...]  # options of the driver, by name
    seed: int
    hardware: str
    seconds: float
    settle: float

    @property
    def name(self) -> str:
        """Unique in its campaign, and good as a file name."""
        robot = Path(self.robot).name.removesuffix(".yaml")
        parts = (robot, self.controller, self.command_name, self.push_name, self.world_name)
        return "-".join(map(_safe, (*parts, str(self.seed))))

    @property
    def digest(self) -> str:
        """Of all it holds: a result of another definition is not taken for this one's."""
        return sha256(dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def load_campaign(path: str | Path) -> Campaign:
    """Read and check a file. Raises ConfigError, or HumanoidError on an unknown robot."""
    campaign, source = load_with_source(path, Campaign)
    for robot in campaign.robots:
        _check_worlds(campaign, find_robot(robot), source)
    names = [scenario.name for scenario in scenarios(campaign)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        source.refuse("", f"two scenarios would be called '{twice}': name the rows differently")
    source.check()
    return campaign


def scenarios(campaign: Campaign) -> tuple[Scenario, ...]:
    """All of them, sorted by name."""
    rows = product(
        campaign.robots,
        campaign.controllers,
        campaign.commands.items(),
        campaign.pushes.items(),
        campaign.worlds.items(),
        campaign.seeds,
    )
    common = (campaign.hardware, campaign.seconds, campaign.settle)
    made = [
        Scenario(
            robot,
            controller,
            *command,
            push,
            tuple(pushes),
            world,
            tuple(sorted(options.items())),
            seed,
            *common,
        )
        for robot, controller, command, (push, pushes), (world, options), seed in rows
    ]
    return tuple(sorted(made, key=lambda scenario: scenario.name))


def _check_worlds(campaign: Campaign, robot_file: Path, source: Source) -> None:
    """Every key of a world is a numeric option of the driver, within its rules."""
    config, _ = load_hardware(find_hardware(robot_file, campaign.hardware))
    options = type(config.options)
    hints = get_type_hints(options)
    known = {item.name: item for item in fields(options) if hints[item.name] in (int, float)}
    known.pop("seed", None)
    for name, world in campaign.worlds.items():
        for option, value in world.items():
            where = f"worlds.{name}.{option}"
            if option not in known:
                guess = nearest(option, known)
                hint = f"did you mean '{guess}'?" if guess else f"known: {', '.join(known)}"
                source.refuse(where, f"no numeric option of the driver; {hint}")
                continue
            try:
                check_rules(value, known[option].metadata)
            except ValueError as error:
                source.refuse(where, f"{error} (got {value:g})")


def driver_options(scenario: Scenario, options: type) -> dict[str, Any]:
    """The scenario's world as keyword arguments of the driver's `options`."""
    hints = get_type_hints(options)
    return {name: hints[name](value) for name, value in scenario.world}


def _safe(text: str) -> str:
    return "".join(c if c.isalnum() or c in "._" else "_" for c in text)


def finite(values: dict[str, Any]) -> dict[str, Any]:
    """`values` with what is no number as None, so that every JSON reader takes it."""
    return {
        name: None if isinstance(value, float) and not isfinite(value) else value
        for name, value in values.items()
    }
