"""Where and when the next foot is set."""

from math import exp

import numpy as np
import pytest

from humanoid_control.walking.config import WalkConfig
from humanoid_control.walking.pendulum import advance
from humanoid_control.walking.planner import (
    LEFT,
    RIGHT,
    Foothold,
    Step,
    StepPlanner,
    rotation,
    wrap,
)

CONFIG = WalkConfig()
RATE = 3.8
FAR = 10.0  # [m] reach that limits nothing

STANCE = Foothold(np.array([1.0, -2.0]), 0.7)


@pytest.fixture
def planner() -> StepPlanner:
    return StepPlanner(CONFIG, RATE)


def planned_capture(step: Step, stance: Foothold) -> np.ndarray:
    """The capture point now, at the start of a step that goes to plan."""
    return stance.point + (step.goal - stance.point) / exp(RATE * step.duration)


def adapted(
    planner: StepPlanner, nominal: Step, side: float, push: np.ndarray, **more: float
) -> Step:
    capture = planned_capture(nominal, STANCE) + rotation(STANCE.yaw) @ push
    reach = (nominal.foothold.point, more.get("reach", FAR))
    return planner.adapt(nominal, STANCE, side, capture, STANCE.point, 0.0, reach)


@pytest.mark.parametrize("side", [LEFT, RIGHT])
@pytest.mark.parametrize(
    "twist", [(0.0, 0.0, 0.0), (0.5, 0.1, 0.0), (-0.2, 0.0, 0.6), (0, -0.3, 0)]
)
def test_nominal_steps_follow_the_ordered_velocity(
    planner: StepPlanner, side: float, twist: tuple[float, float, float]
) -> None:
    hold, order = STANCE, np.array(twist)
    trail = [hold]
    for count in range(20):
        hold = planner.nominal(hold, side * (-1) ** count, order).foothold
        trail.append(hold)
    time = 2.0 * CONFIG.step_duration
    for before, after in zip(trail[4:-2], trail[6:], strict=True):
        turned = wrap(after.yaw - before.yaw)
        assert turned == pytest.approx(twist[2] * time)
        if twist[2] == 0.0:
            moved = rotation(before.yaw).T @ (after.point - before.point)
            assert np.allclose(moved, order[:2] * time)


@pytest.mark.parametrize("speed", [0.0, 0.1, -0.3])
def test_the_feet_never_come_nearer_than_the_narrowest(planner: StepPlanner, speed: float) -> None:
    hold, side = STANCE, LEFT
    for _ in range(6):
        step = planner.nominal(hold, side, np.array([0.2, speed, 0.0]))
        across = (rotation(hold.yaw).T @ (step.foothold.point - hold.point))[1]
        assert -side * across >= CONFIG.narrowest - 1e-9
        hold, side = step.foothold, -side


def test_a_step_on_plan_is_left_as_it_is(planner: StepPlanner) -> None:
    nominal = planner.nominal(STANCE, LEFT, np.array([0.4, 0.0, 0.2]))
    step = adapted(planner, nominal, LEFT, np.zeros(2))
    assert np.allclose(step.foothold.point, nominal.foothold.point, atol=1e-7)
    assert step.duration == pytest.approx(nominal.duration, abs=1e-6)
    assert np.allclose(step.offset, nominal.offset, atol=1e-7)


def test_the_plan_obeys_the_pendulum(planner: StepPlanner) -> None:
    nominal = planner.nominal(STANCE, LEFT, np.array([0.4, 0.0, 0.0]))
    push, elapsed = np.array([0.01, -0.005]), 0.1
    pressure = STANCE.point + np.array([0.02, 0.01])
    capture = advance(planned_capture(nominal, STANCE), pressure, exp(RATE * elapsed)) + push
    reach = nominal.foothold.point, FAR
    step = planner.adapt(nominal, STANCE, LEFT, capture, pressure, elapsed, reach)
    landed = advance(capture, pressure, exp(RATE * (step.duration - elapsed)))
    assert np.allclose(landed, step.goal, atol=1e-7)


def test_a_push_forward_makes_the_step_longer_and_a_push_back_shorter(planner: StepPlanner) -> None:
    nominal = planner.nominal(STANCE, LEFT, np.array([0.3, 0.0, 0.0]))
    along = rotation(STANCE.yaw).T @ nominal.foothold.point
    for push in (0.03, -0.03):
        step = adapted(planner, nominal, LEFT, np.array([push, 0.0]))
        change = rotation(STANCE.yaw).T @ step.foothold.point - along
        assert change[0] * push > 0.0


def test_a_push_over_the_stance_foot_hastens_the_step(planner: StepPlanner) -> None:
    nominal = planner.nominal(STANCE, LEFT, np.zeros(3))
    away = adapted(planner, nominal, LEFT, np.array([0.0, -0.03]))
    assert away.duration < nominal.duration
    towards = adapted(planner, nominal, LEFT, np.array([0.0, 0.01]))
    assert towards.duration > nominal.duration


@pytest.mark.parametrize("side", [LEFT, RIGHT])
def test_no_push_makes_a_step_that_the_legs_cannot_make(planner: StepPlanner, side: float) -> None:
    nominal = planner.nominal(STANCE, side, np.array([0.3, 0.0, 0.0]))
    random = np.random.default_rng(1)
    for push in random.uniform(-0.5, 0.5, (200, 2)):
        step = adapted(planner, nominal, side, push)
        way = rotation(STANCE.yaw).T @ (step.foothold.point - STANCE.point)
        assert abs(way[0]) <= CONFIG.longest + 1e-6
        assert CONFIG.narrowest - 1e-6 <= -side * way[1] <= CONFIG.widest + 1e-6
        assert CONFIG.step_shortest - 1e-6 <= step.duration <= CONFIG.step_longest + 1e-6


def test_the_foot_is_never_sent_beyond_its_reach(planner: StepPlanner) -> None:
    nominal = planner.nominal(STANCE, LEFT, np.zeros(3))
    step = adapted(planner, nominal, LEFT, np.array([0.2, -0.1]), reach=0.05)
    change = np.abs(rotation(STANCE.yaw).T @ (step.foothold.point - nominal.foothold.point))
    assert change.max() <= 0.05 + 1e-6


def test_a_step_never_ends_before_now(planner: StepPlanner) -> None:
    nominal = planner.nominal(STANCE, LEFT, np.zeros(3))
    reach = nominal.foothold.point, FAR
    capture = STANCE.point + np.array([0.3, 0.0])
    late = CONFIG.step_longest + 0.1
    step = planner.adapt(nominal, STANCE, LEFT, capture, STANCE.point, late, reach)
    assert step.duration == pytest.approx(late)


@pytest.mark.parametrize(
    ("angle", "expected"), [(0.5, 0.5), (6.5, 6.5 - 2 * np.pi), (-4, 2 * np.pi - 4)]
)
def test_headings_are_compared_the_short_way_round(angle: float, expected: float) -> None:
    assert wrap(angle) == pytest.approx(expected)
