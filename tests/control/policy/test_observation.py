"""What a policy is shown."""

from math import cos, pi, sin

import numpy as np
import pytest

from humanoid_control.policy.observation import TERMS, GaitClock, Observer, Sight, gravity_in_base


@pytest.fixture
def sight() -> Sight:
    """Every number another one."""
    return Sight(
        orientation=np.array([0.0, 0.0, 0.0, 1.0]),
        linear=np.array([0.1, 0.2, 0.3]),
        angular=np.array([1.0, 2.0, 3.0]),
        position=np.array([0.5, -0.5]),
        velocity=np.array([4.0, -4.0]),
        action=np.array([0.25, 0.75]),
        command=np.array([0.6, 0.1, -0.2]),
        phase=np.array([0.3, 0.3 - pi]),
    )


def test_terms_come_scaled_and_in_the_given_order(sight: Sight) -> None:
    observer = Observer({"dof_vel": 0.5, "command_lin_vel": 1.0, "base_ang_vel": 2.0}, 1, 2)
    assert observer.observe(sight).tolist() == [
        pytest.approx([2.0, -2.0, 0.6, 0.1, 2.0, 4.0, 6.0], rel=1e-6)
    ]


def test_history_is_by_term_with_the_oldest_first_and_zeros_before(sight: Sight) -> None:
    observer = Observer({"actions": 1.0, "command_ang_vel": 1.0}, 3, 2)
    observer.observe(sight)
    sight.action, sight.command = np.array([1.0, 2.0]), np.array([0.0, 0.0, 5.0])
    second = observer.observe(sight)[0]
    assert second == pytest.approx([0, 0, 0.25, 0.75, 1, 2, 0, -0.2, 5])
    observer.reset()
    assert observer.observe(sight)[0] == pytest.approx([0, 0, 0, 0, 1, 2, 0, 0, 5])


def test_gravity_points_down_in_the_base(sight: Sight) -> None:
    assert gravity_in_base(sight.orientation) == pytest.approx([0.0, 0.0, -1.0])
    a = 0.4  # nose down: gravity gets a forward part
    pitched = np.array([0.0, sin(a / 2), 0.0, cos(a / 2)])
    assert gravity_in_base(pitched) == pytest.approx([sin(a), 0.0, -cos(a)])
    rolled = np.array([sin(a / 2), 0.0, 0.0, cos(a / 2)])  # left side up
    assert gravity_in_base(rolled) == pytest.approx([0.0, -sin(a), -cos(a)])


def test_every_term_has_the_size_it_says(sight: Sight) -> None:
    for name, (size, value) in TERMS.items():
        assert len(value(sight)) == (size or 2), name


def test_the_clock_turns_once_a_period_with_the_feet_half_a_turn_apart() -> None:
    clock = GaitClock(period=1.0, step=0.02)
    phases = [clock.advance(moving=True) for _ in range(50)]
    assert phases[0] == pytest.approx([0.04 * pi, -pi + 0.04 * pi])
    assert phases[24] % (2 * pi) == pytest.approx([pi, 0.0], abs=1e-9)
    assert np.sin(phases[49]) == pytest.approx([0.0, 0.0], abs=1e-9)


def test_the_clock_stands_with_both_feet_and_starts_with_the_left() -> None:
    clock = GaitClock(period=1.0, step=0.02)
    clock.advance(moving=True)
    assert clock.advance(moving=False).tolist() == [pi, pi]
    assert clock.advance(moving=True).tolist() == [0.0, pi]
