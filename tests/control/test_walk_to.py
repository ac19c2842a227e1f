"""Promises of the way to a goal, with a body that does as it is told."""

from math import cos, pi, sin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_control.walk_to import (
    ALIGNING,
    ARRIVED,
    TURNING,
    WALKING,
    Pose,
    Progress,
    WalkToConfig,
    WalkToPlanner,
)

CONFIG = WalkToConfig()
STEP = 0.05  # [s]


def go(
    planner: WalkToPlanner, pose: Pose, seconds: float, drift: float = 0.0
) -> tuple[Pose, list[Progress]]:
    """Follow the orders; `drift` [m/s] pushes it to its left."""
    seen = []
    for _ in range(round(seconds / STEP)):
        seen.append(planner.step(pose))
        forward, left, turning = seen[-1].twist
        pose = pose.after(forward * STEP, (left + drift) * STEP, turning * STEP)
    return pose, seen


def phases(seen: list[Progress]) -> list[str]:
    names = [progress.phase for progress in seen]
    return [name for row, name in enumerate(names) if row == 0 or name != names[row - 1]]


COORDINATE, ANGLE = st.floats(-3.0, 3.0), st.floats(-pi, pi)


@given(x=COORDINATE, y=COORDINATE, yaw=ANGLE, start=ANGLE)
def test_it_arrives_from_everywhere_and_stays(x: float, y: float, yaw: float, start: float) -> None:
    planner = WalkToPlanner(CONFIG, Pose(x, y, yaw))
    pose, seen = go(planner, Pose(0.0, 0.0, start), 60.0)
    assert seen[-1].phase == ARRIVED
    assert np.hypot(pose.x - x, pose.y - y) <= CONFIG.tolerance + 1e-9
    assert abs((pose.yaw - yaw + pi) % (2 * pi) - pi) <= CONFIG.heading + 1e-9
    assert not seen[-1].twist.any()
    limits = np.array([CONFIG.speed, CONFIG.sideways, CONFIG.turning])
    assert all(np.all(np.abs(progress.twist) <= limits + 1e-9) for progress in seen)


def test_far_away_it_turns_walks_and_aligns() -> None:
    _, seen = go(WalkToPlanner(CONFIG, Pose(-2.0, 1.0, 0.0)), Pose(0.0, 0.0, 0.0), 60.0)
    assert phases(seen) == [TURNING, WALKING, ALIGNING, ARRIVED]


def test_nearby_it_steps_sideways_and_back_without_turning_away() -> None:
    _, seen = go(WalkToPlanner(CONFIG, Pose(-0.2, 0.2, 0.0)), Pose(0.0, 0.0, 0.0), 20.0)
    assert phases(seen) == [ALIGNING, ARRIVED]
    assert seen[0].twist[0] < 0.0 < seen[0].twist[1]
    assert seen[0].twist[2] == 0.0


def test_with_any_heading_it_ends_as_it_came() -> None:
    goal = WalkToPlanner(CONFIG, Pose(0.0, 2.0, -1.0), any_heading=True)
    pose, seen = go(goal, Pose(0.0, 0.0, 0.0), 60.0)
    assert seen[-1].phase == ARRIVED
    assert seen[-1].turn == 0.0
    assert pose.yaw == pytest.approx(pi / 2, abs=0.3)


def test_a_body_that_drifts_aside_still_arrives() -> None:
    planner = WalkToPlanner(CONFIG, Pose(3.0, 0.0, 0.0))
    _, seen = go(planner, Pose(0.0, 0.0, 0.0), 60.0, drift=0.04)
    assert seen[-1].phase == ARRIVED


def test_it_slows_down_near_the_goal_and_never_walks_back_far_away() -> None:
    _, seen = go(WalkToPlanner(CONFIG, Pose(2.0, 0.0, 0.0)), Pose(0.0, 0.0, 0.0), 20.0)
    speeds = [progress.twist[0] for progress in seen if progress.phase == WALKING]
    assert max(speeds) == CONFIG.speed
    assert min(speeds) >= 0.0


def test_a_pose_of_the_base_is_its_place_and_heading() -> None:
    q = np.array([1.0, 2.0, 0.8, 0.0, 0.0, sin(0.4), cos(0.4)])
    pose = Pose.of(q)
    assert (pose.x, pose.y, pose.yaw) == (1.0, 2.0, pytest.approx(0.8))
    there = pose.after(1.0, 0.0, 0.1)
    assert (there.x, there.y) == (pytest.approx(1.0 + cos(0.8)), pytest.approx(2.0 + sin(0.8)))
    assert there.yaw == pytest.approx(0.9)


def test_rules_between_keys_are_kept() -> None:
    with pytest.raises(ValueError, match="tolerance must be below near"):
        WalkToConfig(tolerance=0.5, near=0.4)
