"""The benchmark of walking: what it refuses, measures and makes of its pushes."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from types import ModuleType

import pytest

from humanoid_bringup.commands import benchmark
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_control.policy.policy import PolicyController


@pytest.fixture(scope="module")
def locomotion() -> ModuleType:
    return benchmark.load(benchmark.files()["locomotion"])


def parse(locomotion: ModuleType, words: list[str]) -> Namespace:
    parser = ArgumentParser()
    locomotion.add_arguments(parser)
    return parser.parse_args(words)


def test_pushes_come_from_all_eight_directions(locomotion: ModuleType) -> None:
    assert list(locomotion.DIRECTIONS) == [0, 45, 90, 135, 180, 225, 270, 315]


@pytest.mark.parametrize(
    ("left", "held"),
    [
        ([10.0, 20.0, 30.0], True),
        ([9.9, 20.0, 30.0], False),  # the worst moment
        ([10.0, 19.9, 30.0], False),  # the median
    ],
)
def test_one_direction_that_misses_a_bar_is_enough_for_the_verdict(
    locomotion: ModuleType, left: list[float], held: bool
) -> None:
    survived = {angle: [25.0, 25.0, 25.0] for angle in locomotion.DIRECTIONS}
    survived[90] = left
    figures: dict[str, object] = {}
    assert locomotion.push_figures(survived, figures) is held
    assert figures["push_worst_N_s"] == figures["push_90_worst_N_s"] == min(left)
    assert figures["push_median_N_s"] == figures["push_90_median_N_s"] == left[1]
    assert figures["push_0_worst_N_s"] == 25.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mode", "wlak"], "no mode 'wlak' of g1 walks.*did you mean 'walk'"),
        (["--mode", "stand"], "no mode 'stand' of g1 walks"),
        (["--peers", "fastsc"], "did you mean 'fastsac'"),
    ],
)
def test_a_mode_that_does_not_walk_is_refused_before_anything_is_measured(
    locomotion: ModuleType, arguments: list[str], said: str
) -> None:
    with pytest.raises(HumanoidError, match=said) as refused:
        locomotion.run(parse(locomotion, arguments))
    assert refused.value.code == Exit.CONFIGURATION


def test_a_policy_whose_extra_is_not_there_is_refused_with_what_to_install(
    locomotion: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PolicyController, "missing", lambda self: "./humanoid setup policies")
    with pytest.raises(HumanoidError, match=r"fastsac: \./humanoid setup policies") as refused:
        locomotion.require("g1", ["walk", "fastsac"])
    assert refused.value.code == Exit.ENVIRONMENT


def test_peers_are_measured_by_the_same_protocol_and_do_not_count_for_the_verdict(
    locomotion: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(pool: object, arguments: object, mode: str) -> dict[str, object]:
        return {"forward_0.2_m_s": 0.2 if mode == "walk" else 0.1, "ok": mode == "walk"}

    monkeypatch.setattr(locomotion, "require", lambda robot, modes: None)
    monkeypatch.setattr(locomotion, "_measure", measure)
    figures = locomotion.run(parse(locomotion, ["--peers", "ppo", "walk"]))
    assert figures == {
        "mode": "walk", "forward_0.2_m_s": 0.2, "ok": True, "ppo_forward_0.2_m_s": 0.1,
    }  # fmt: skip


def test_plots_show_every_controller_beside_the_others(
    locomotion: ModuleType, tmp_path: Path
) -> None:
    image = pytest.importorskip("PIL.Image", reason="the extra 'video' is not installed")
    keys = [locomotion._speed_key(name) for name in (*locomotion.SPEEDS, *locomotion.BEYOND)]
    walked = [f"{name}_walked" for name in (*locomotion.TERRAIN, *locomotion.ROBUSTNESS)]
    figures = {**dict.fromkeys(keys, 0.3), **dict.fromkeys(walked, "2 of 3"), keys[0]: "falls"}
    locomotion.push_figures({angle: [9.0, 30.0] for angle in locomotion.DIRECTIONS}, figures)
    locomotion._plot(tmp_path, {"walk": figures, "ppo": figures})
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"speed.png", "conditions.png", "push_worst.png", "push_median.png"}
    for name in names:
        assert image.open(tmp_path / name).size == (900, 420)


@pytest.mark.slow
def test_a_small_square_comes_round_and_odometry_knows_where(locomotion: ModuleType) -> None:
    drift = locomotion.square(("g1", "walk", False), 1.0, 1)
    assert drift is not None
    assert drift < 0.1
