"""The compiled looks at all joints: the bits of their source, and what numpy would say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal import kernels

JOINTS = 4
#: Numbers on, beside and far from the limits ±1 that the tests below use.
NUMBERS = st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 1.0 + 1e-15, -1.0 - 1e-15, 3.0, -3.0])
WRONG = st.sampled_from([0.0, 1.0, -1.0, 1e308, np.nan, np.inf, -np.inf])


def arrays(rows: int, numbers: st.SearchStrategy[float] = NUMBERS):
    size = rows * JOINTS
    return st.lists(numbers, min_size=size, max_size=size).map(
        lambda values: np.array(values).reshape(rows, JOINTS)
    )


@given(arrays(5, WRONG))
def test_finite_is_what_numpy_calls_finite(values: np.ndarray) -> None:
    expected = bool(np.isfinite(values).all())
    assert kernels.finite(values) == kernels.finite.py_func(values) == expected


@given(arrays(5), arrays(5), arrays(5))
def test_within_has_no_number_beyond_its_limits(values, lower, upper) -> None:
    expected = not ((values < lower) | (values > upper)).any()
    assert kernels.within(values, lower, upper) == expected
    assert kernels.within.py_func(values, lower, upper) == expected


@given(arrays(3), st.sampled_from([0.5, 1.0, 2.0]))
def test_slow_steps_are_no_longer_than_their_rates_allow(rows, seconds: float) -> None:
    values, before, rates = rows
    expected = not (np.abs(values - before) > rates * seconds).any()
    assert kernels.slow(values, before, rates, seconds) == expected
    assert kernels.slow.py_func(values, before, rates, seconds) == expected


@given(arrays(5), arrays(5))
def test_torques_are_within_if_feedback_and_sum_are_and_no_joint_is_beyond(command, rows) -> None:
    position, velocity, most, lower, upper = rows
    feedback = command[3] * (command[0] - position) + command[4] * (command[1] - velocity)
    wrong = (np.abs(feedback) > most) | (np.abs(feedback + command[2]) > most)
    expected = not (wrong | (position < lower) | (position > upper)).any()
    arguments = command, position, velocity, most, lower, upper
    assert kernels.torque_within(*arguments) == expected
    assert kernels.torque_within.py_func(*arguments) == expected


@given(arrays(3), arrays(3), arrays(5))
def test_a_sample_is_unusual_in_what_numpy_finds_in_it(now, before, rows) -> None:
    position, velocity, lower, upper, torque = rows
    still = np.abs(velocity) < 1.0
    expected = (
        kernels.SAME_POSITION * (now[0] == before[0]).any()
        + kernels.BEYOND * ((position < lower) | (position > upper)).any()
        + kernels.MOVING * (not still.all())
        + kernels.FULL_TORQUE * (still & (np.abs(now[2]) >= torque)).any()
    )
    arguments = now, before, position, velocity, lower, upper, torque, 1.0
    assert kernels.unusual(*arguments) == expected
    assert kernels.unusual.py_func(*arguments) == expected


@pytest.mark.parametrize("row", range(3))
def test_what_is_not_a_number_is_never_within_nor_slow(row: int) -> None:
    values, limit = np.zeros((3, JOINTS)), np.ones((3, JOINTS))
    values[row, 2] = np.nan
    assert not kernels.within(values, -limit, limit)
    assert not kernels.slow(values[row], limit[0], limit[0], 1.0)
