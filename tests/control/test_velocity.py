"""The ordered walking velocity."""

import numpy as np
import pytest

from humanoid_control.velocity import VelocityConfig, VelocityError, VelocityReference

CONFIG = VelocityConfig()
STEP = 2_000_000  # [ns]
DT = 0.002  # [s]
ORDER = np.array([0.3, -0.1, 0.4])


def follow(reference: VelocityReference, samples: int, start: int = 0) -> np.ndarray:
    """Values of the samples after `start`, shape (samples, 3)."""
    values = []
    for sample in range(start + 1, start + samples + 1):
        reference.advance(sample * STEP, DT)
        values.append(reference.value)
    return np.array(values)


def test_an_order_is_reached_with_limited_acceleration() -> None:
    reference = VelocityReference(CONFIG)
    reference.order(ORDER, 0)
    values = []
    for sample in range(1, 501):
        reference.order(ORDER, sample * STEP)
        reference.advance(sample * STEP, DT)
        values.append(reference.value)
    steps = np.abs(np.diff(np.vstack([np.zeros(3), *values]), axis=0))
    assert np.all(steps <= np.array(CONFIG.acceleration) * DT + 1e-12)
    assert np.allclose(values[-1], ORDER)


def test_an_order_that_is_not_renewed_is_over_after_the_timeout() -> None:
    reference = VelocityReference(CONFIG)
    reference.order(ORDER, 0)
    values = follow(reference, 1000)
    last = round(CONFIG.timeout / DT) - 1
    assert values[:last, 0].max() == values[last - 1, 0] > 0.2
    assert np.all(np.diff(values[last - 1 :, 0]) <= 0.0)
    assert np.all(values[-1] == 0.0)


def test_a_stop_slows_down_and_does_not_jump() -> None:
    reference = VelocityReference(CONFIG)
    reference.order(ORDER, 0)
    before = follow(reference, 200)[-1]
    reference.stop()
    after = follow(reference, 400, 200)
    assert np.all(np.abs(after[0] - before) <= np.array(CONFIG.acceleration) * DT + 1e-12)
    assert np.all(after[-1] == 0.0)


def test_a_reset_is_at_rest_at_once() -> None:
    reference = VelocityReference(CONFIG)
    reference.order(ORDER, 0)
    follow(reference, 100)
    reference.reset()
    assert np.all(reference.value == 0.0)
    assert np.all(follow(reference, 10, 100) == 0.0)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("limit", ["lower", "upper"])
def test_orders_are_clamped_at_their_limits_and_the_clamping_is_said(axis: int, limit: str) -> None:
    bound = getattr(CONFIG, limit)[axis]
    order = np.zeros(3)
    order[axis] = bound
    reference = VelocityReference(CONFIG)
    assert reference.order(order, 0) == ()
    order[axis] = bound * 1.01
    (said,) = reference.order(order, 0)
    assert f"clamped to {bound:.3f}" in said
    for sample in range(1, 2000):
        reference.order(order, sample * STEP)
        reference.advance(sample * STEP, DT)
    assert reference.value[axis] == pytest.approx(bound)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("axis", "name"), enumerate(("forward", "left", "turning")))
def test_an_order_that_is_not_finite_is_refused_and_changes_nothing(
    axis: int, name: str, value: float
) -> None:
    reference = VelocityReference(CONFIG)
    reference.order(ORDER, 0)
    order = np.zeros(3)
    order[axis] = value
    with pytest.raises(VelocityError, match=f"{name} is not finite"):
        reference.order(order, 0)
    assert np.all(follow(reference, 10)[-1] * ORDER > 0.0)
