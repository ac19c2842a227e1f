"""Shafts become joints by direction, zero and gear, and commands go the same way back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.bus.device import Device, Shafts
from humanoid_hal.driver import Command

numbers = st.floats(-100.0, 100.0)


def shafts() -> Shafts:
    return Shafts([Device("a", 1, "m"), Device("b", 2, "m", direction=-1, zero=0.5, gear=4.0)])


def test_a_reversed_geared_shaft() -> None:
    two = np.array([0.0, 2.5])
    assert shafts().position_to_joint(two).tolist() == [0.0, -0.5]
    assert shafts().velocity_to_joint(np.array([1.0, 4.0])).tolist() == [1.0, -1.0]
    assert shafts().effort_to_joint(np.array([1.0, 1.0])).tolist() == [1.0, -4.0]


@given(q=numbers, dq=numbers, target=numbers, speed=numbers, effort=numbers)
def test_the_torque_law_is_the_same_on_both_sides(q, dq, target, speed, effort) -> None:
    both = np.ones(2)
    joint = Command(target * both, speed * both, effort * both, 20.0 * both, 3.0 * both)
    shaft = shafts().command_to_shaft(joint)
    ratio = np.array([1.0, -4.0])
    position, velocity = q * ratio + np.array([0.0, 0.5]), dq * ratio
    torque = (
        shaft.effort
        + shaft.stiffness * (shaft.position - position)
        + shaft.damping * (shaft.velocity - velocity)
    )
    wanted = effort + 20.0 * (target - q) + 3.0 * (speed - dq)
    np.testing.assert_allclose(shafts().effort_to_joint(torque), wanted, rtol=1e-9, atol=1e-7)
