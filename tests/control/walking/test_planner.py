"""Where and when the next foot is set."""

from dataclasses import replace
from math import exp

import numpy as np
import pytest

from humanoid_control.walking.config import WalkConfig
from humanoid_control.walking.pendulum import advance
from humanoid_control.walking.planner import (
    LEFT,
    RIGHT,
    Foothold,
    Moment,
    Step,
    StepPlanner,
    rotation,
    wrap,
)

CONFIG = WalkConfig()
RATE = 3.8

STANCE = Foothold(np.array([1.0, -2.0]), 0.7)


@pytest.fixture
def planner() -> StepPlanner:
    return StepPlanner(CONFIG, RATE)


def planned_capture(step: Step, stance: Foothold) -> np.ndarray:
    """The capture point now, at the start of a step that goes to plan."""
    return stance.point + (step.goal - stance.point) / exp(RATE * step.duration)


def adapted(
    planner: StepPlanner, nominal: Step, side: float, push: np.ndarray, elapsed: float = 0.0
) -> Step:
    """The step after a push by `push` [m]; its foot is at rest above the nominal foothold."""
    capture = advance(planned_capture(nominal, STANCE), STANCE.point, exp(RATE * elapsed))
    capture += rotation(STANCE.yaw) @ push
    return planner.adapt(nominal, STANCE, side, moment(nominal, capture, elapsed))


def moment(
    nominal: Step,
    capture: np.ndarray,
    elapsed: float = 0.0,
    pressure: np.ndarray = STANCE.point,
    speed: float = 0.0,
) -> Moment:
    """The foot above the nominal foothold, moving forward; the centre of mass over the stance."""
    velocity = rotation(STANCE.yaw) @ (speed, 0.0)
    return Moment(elapsed, capture, STANCE.point, pressure, nominal.foothold.point, velocity)


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
    step = planner.adapt(nominal, STANCE, LEFT, moment(nominal, capture, elapsed, pressure))
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


def test_a_foot_is_sent_no_farther_than_it_gets_in_time(planner: StepPlanner) -> None:
    nominal = planner.nominal(STANCE, LEFT, np.array([0.3, 0.0, 0.0]))
    change = []
    for elapsed in (0.1, 0.25, 0.33):
        step = adapted(planner, nominal, LEFT, np.array([0.2, -0.05]), elapsed)
        left = step.duration - elapsed
        way = np.abs(rotation(STANCE.yaw).T @ (step.foothold.point - nominal.foothold.point)).max()
        assert way <= CONFIG.foot_acceleration * left**2 / 5.7
        change.append(step.duration)
    assert change[0] < change[1] < change[2]


@pytest.mark.parametrize("side", [LEFT, RIGHT])
def test_a_foot_lands_no_farther_aside_of_the_body_than_its_ankle_levels_it(side: float) -> None:
    reach = 0.2
    planner = StepPlanner(CONFIG, RATE, reach=reach)
    nominal = planner.nominal(STANCE, side, np.zeros(3))
    step = adapted(planner, nominal, side, np.array([0.0, -0.1 * side]))
    start = rotation(STANCE.yaw).T @ (planned_capture(nominal, STANCE) - STANCE.point)
    capture = -side * (start[1] - 0.1 * side)
    centre = capture * np.sinh(RATE * step.duration)  # from rest over the pressure
    foot = -side * (rotation(STANCE.yaw).T @ (step.foothold.point - STANCE.point))[1]
    assert foot == pytest.approx(centre + reach, abs=1e-6)
    free = adapted(StepPlanner(CONFIG, RATE), nominal, side, np.array([0.0, -0.1 * side]))
    assert -side * (rotation(STANCE.yaw).T @ (free.foothold.point - STANCE.point))[1] > foot


def test_a_foot_in_motion_gets_farther_ahead_than_back() -> None:
    timed = StepPlanner(replace(CONFIG, step_longest=CONFIG.step_shortest), RATE)
    nominal = timed.nominal(STANCE, LEFT, np.zeros(3))
    capture, reached = STANCE.point + rotation(STANCE.yaw) @ (0.4, 0.0), []
    for speed in (-1.0, 1.0):
        late = moment(nominal, capture, CONFIG.step_shortest - 0.06, speed=speed)
        step = timed.adapt(nominal, STANCE, LEFT, late)
        reached.append((rotation(STANCE.yaw).T @ (step.foothold.point - STANCE.point))[0])
    assert reached[1] == pytest.approx(reached[0] + 0.06)  # by itself it goes v t / 2


def test_the_swing_of_a_leg_is_foreseen(planner: StepPlanner) -> None:
    """A leg that has a long way ahead carries the capture point with it: the step is longer."""
    leggy, lengths = StepPlanner(CONFIG, RATE, leg_share=0.07), []
    nominal = planner.nominal(STANCE, LEFT, np.array([0.5, 0.0, 0.0]))
    capture = planned_capture(nominal, STANCE)
    back = STANCE.point - rotation(STANCE.yaw) @ (0.3, 0.2)
    for plan in (planner, leggy):
        now = Moment(0.0, capture, STANCE.point, STANCE.point, back, np.zeros(2))
        step = plan.adapt(nominal, STANCE, LEFT, now)
        lengths.append((rotation(STANCE.yaw).T @ (step.foothold.point - STANCE.point))[0])
    assert lengths[1] > lengths[0] + 0.02


def test_a_step_never_ends_before_now(planner: StepPlanner) -> None:
    nominal = planner.nominal(STANCE, LEFT, np.zeros(3))
    capture = STANCE.point + np.array([0.3, 0.0])
    late = CONFIG.step_longest + 0.1
    step = planner.adapt(nominal, STANCE, LEFT, moment(nominal, capture, late))
    assert step.duration == pytest.approx(late)


@pytest.mark.parametrize(
    ("angle", "expected"), [(0.5, 0.5), (6.5, 6.5 - 2 * np.pi), (-4, 2 * np.pi - 4)]
)
def test_headings_are_compared_the_short_way_round(angle: float, expected: float) -> None:
    assert wrap(angle) == pytest.approx(expected)
