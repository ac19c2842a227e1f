"""The file of a campaign: what it stands for, and what it is refused for."""

from pathlib import Path

import pytest

from humanoid_bringup.campaign.definition import Push, driver_options, load_campaign, scenarios
from humanoid_description.strict_yaml import ConfigError
from humanoid_hal.drivers.mujoco.options import MujocoOptions

TEXT = """\
controllers: [walk, fastsac]
commands: {slow: [0.3, 0.0, 0.0]}
worlds:
  flat: {}
  ice: {friction: 0.3, latency: 1}
pushes:
  none: []
  twice: [{impulse: 5.0, direction: 90.0}, {impulse: 6.0, at: 7.0}]
seeds: [2, 1]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "campaign.yaml"
    path.write_text(TEXT)
    return path


def test_it_stands_for_every_combination_sorted_by_name(path: Path) -> None:
    made = scenarios(load_campaign(path))
    names = [scenario.name for scenario in made]
    assert len(made) == 2 * 1 * 2 * 2 * 2
    assert names == sorted(names)
    assert names[0] == "g1-fastsac-slow-none-flat-1"
    last = made[-1]
    assert (last.controller, last.seed, last.pushes[1]) == ("walk", 2, Push(6.0, 0.0, 7.0, 0.1))
    assert driver_options(last, MujocoOptions) == {"friction": 0.3, "latency": 1}
    assert type(driver_options(last, MujocoOptions)["latency"]) is int


def test_the_digest_changes_with_whatever_a_result_depends_on(path: Path) -> None:
    before = {scenario.name: scenario.digest for scenario in scenarios(load_campaign(path))}
    path.write_text(TEXT.replace("0.3, 0.0, 0.0", "0.4, 0.0, 0.0"))
    after = {scenario.name: scenario.digest for scenario in scenarios(load_campaign(path))}
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("friction: 0.3", "frction: 0.3", "worlds.ice.frction.*did you mean 'friction'"),
        ("friction: 0.3", "friction: -1.0", "worlds.ice.friction.*at least 0"),
        ("friction: 0.3", "seed: 3", "worlds.ice.seed.*no numeric option"),
        ("seeds: [2, 1]", "seeds: [1, 1]", "two scenarios would be called"),
        ("seeds: [2, 1]", "seeds: []", "must each have a row"),
        ("seeds: [2, 1]", "seconds: 2.0\nsettle: 2.0", "settle .2 s. must be below"),
        ("impulse: 5.0", "impulse: hard", "impulse.*must be a plain decimal number"),
    ],
)
def test_it_is_refused(path: Path, old: str, new: str, rule: str) -> None:
    assert old in TEXT
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(ConfigError, match=rule):
        load_campaign(path)


def test_the_example_is_a_campaign() -> None:
    root = Path(__file__).parents[3]
    assert len(scenarios(load_campaign(root / "config" / "campaigns" / "walking.yaml"))) == 48
