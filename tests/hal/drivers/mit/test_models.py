"""No scale is guessed: what sources disagree on has to be stated or read back."""

import pytest

from humanoid_hal.drivers.mit.models import CUBEMARS, DAMIAO, ROBSTRIDE, ScaleError, agreed_scale


def test_a_model_all_sources_agree_on_has_one_scale() -> None:
    scale = agreed_scale(ROBSTRIDE, "RS04")
    assert (scale.stiffness, scale.damping, scale.torque) == (5000.0, 100.0, 120.0)


@pytest.mark.parametrize(
    ("table", "model"), [(DAMIAO, "DM-J4340"), (CUBEMARS, "AK80-9"), (ROBSTRIDE, "RS00")]
)
def test_a_disputed_scale_names_its_sources_and_the_way_out(table: dict, model: str) -> None:
    with pytest.raises(ScaleError, match=r"disagree.*state it as `scale`"):
        agreed_scale(table, model)


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(ScaleError, match="DM-J4310"):
        agreed_scale(DAMIAO, "DM-J4301")


@pytest.mark.parametrize("table", [DAMIAO, CUBEMARS, ROBSTRIDE])
def test_every_candidate_is_sound_and_has_a_source(table: dict) -> None:
    for model, candidates in table.items():
        assert candidates, model
        for item in candidates:
            assert item.source
            scale = item.scale
            assert min(scale.position, scale.velocity, scale.torque) > 0
            assert min(scale.stiffness, scale.damping) > 0
