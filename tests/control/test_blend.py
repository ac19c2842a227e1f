"""Promises of the cross-fade."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_control.blend import TargetsBuffer
from humanoid_control.controller import JointTargets
from humanoid_control.ramps import SMOOTHSTEP_SLOPE, smoothstep

FINITE = st.floats(-100.0, 100.0)
GAIN = st.floats(0.0, 1000.0)
LAW = st.tuples(FINITE, FINITE, FINITE, GAIN, GAIN)


def buffer_of(values: tuple[float, ...]) -> TargetsBuffer:
    buffer = TargetsBuffer(1)
    buffer.copy_from(JointTargets(*(np.array([value]) for value in values)))
    return buffer


def torque(targets: JointTargets, q: float, dq: float) -> float:
    position, velocity, effort, stiffness, damping = (float(a[0]) for a in astuple(targets))
    return effort + stiffness * (position - q) + damping * (velocity - dq)


@given(old=LAW, new=LAW, s=st.floats(0.0, 1.0), q=FINITE, dq=FINITE)
def test_a_fade_is_the_convex_combination_of_both_torques_at_every_measured_state(
    old: tuple[float, ...], new: tuple[float, ...], s: float, q: float, dq: float
) -> None:
    before, after = buffer_of(old), buffer_of(new)
    expected = (1.0 - s) * torque(before.targets, q, dq) + s * torque(after.targets, q, dq)
    after.fade(before, s)
    assert torque(after.targets, q, dq) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@given(old=LAW, new=LAW, q=FINITE, dq=FINITE, ticks=st.integers(2, 200))
def test_the_jump_per_tick_stays_below_the_stated_bound(
    old: tuple[float, ...], new: tuple[float, ...], q: float, dq: float, ticks: int
) -> None:
    torques, positions = [], []
    for tick in range(ticks + 1):
        mixed = buffer_of(new)
        mixed.fade(buffer_of(old), smoothstep(tick / ticks))
        torques.append(torque(mixed.targets, q, dq))
        positions.append(float(mixed.targets.position[0]))
    share = SMOOTHSTEP_SLOPE / ticks
    whole = abs(torques[-1] - torques[0])
    assert np.abs(np.diff(torques)).max() <= share * whole * (1 + 1e-9) + 1e-6
    assert np.abs(np.diff(positions)).max() <= share * abs(new[0] - old[0]) * (1 + 1e-9) + 1e-9


@given(old=LAW, new=LAW)
def test_a_fade_starts_at_the_old_law_and_ends_at_the_new_one(
    old: tuple[float, ...], new: tuple[float, ...]
) -> None:
    start, end = buffer_of(new), buffer_of(new)
    start.fade(buffer_of(old), 0.0)
    end.fade(buffer_of(old), 1.0)
    assert np.allclose(np.concatenate(astuple(start.targets)), old)
    assert np.allclose(np.concatenate(astuple(end.targets)), new)


@given(old=LAW, new=LAW, s=st.floats(0.0, 1.0))
def test_gains_never_become_negative(
    old: tuple[float, ...], new: tuple[float, ...], s: float
) -> None:
    mixed = buffer_of(new)
    mixed.fade(buffer_of(old), s)
    assert mixed.targets.stiffness[0] >= 0.0
    assert mixed.targets.damping[0] >= 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", range(5))
def test_one_value_that_is_not_finite_is_found(bad: float, row: int) -> None:
    buffer = TargetsBuffer(3)
    values = [np.zeros(3) for _ in range(5)]
    buffer.copy_from(JointTargets(*values))
    assert buffer.finite()
    values[row][1] = bad
    buffer.copy_from(JointTargets(*values))
    assert not buffer.finite()


def test_infinities_of_both_signs_do_not_cancel() -> None:
    buffer = buffer_of((np.inf, -np.inf, 0.0, 0.0, 0.0))
    assert not buffer.finite()


def test_targets_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        TargetsBuffer(3).copy_from(JointTargets(*(np.zeros(2) for _ in range(5))))
