"""What the benchmark of walking makes of its pushes."""

from types import ModuleType

import pytest

from humanoid_bringup.commands import benchmark


@pytest.fixture(scope="module")
def locomotion() -> ModuleType:
    return benchmark.load(benchmark.files()["locomotion"])


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
