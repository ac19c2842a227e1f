"""Promises of damping."""

from collections.abc import Callable

import numpy as np

from humanoid_control.controller import References, State
from humanoid_control.damping import DampingController
from humanoid_description.robot import RobotDescription


def test_damping_has_no_stiffness_and_no_effort_and_the_tables_damping(
    robot: RobotDescription, make_state: Callable[..., State]
) -> None:
    targets = DampingController(robot).update(make_state(position=0.3, velocity=4.0), References())
    assert not targets.stiffness.any()
    assert not targets.effort.any()
    assert not targets.velocity.any()
    assert np.array_equal(targets.damping, robot.column("damping"))


def test_its_position_is_the_measured_one_so_that_arming_succeeds(
    robot: RobotDescription, make_state: Callable[..., State]
) -> None:
    position = np.array([0.1, -0.2, 0.3, 0.4])
    targets = DampingController(robot).update(make_state(position=position), References())
    assert np.array_equal(targets.position, position)


def test_damping_stays_finite_when_nothing_is_measured(
    robot: RobotDescription, make_state: Callable[..., State]
) -> None:
    damping = DampingController(robot)
    damping.update(make_state(position=0.7), References())
    lost = make_state(position=[np.nan, np.inf, 0.2, 0.7], valid=False)
    assert np.array_equal(damping.update(lost, References()).position, [0.7, 0.7, 0.2, 0.7])


def test_damping_is_open_to_a_fallen_robot(
    robot: RobotDescription, make_state: Callable[..., State]
) -> None:
    assert DampingController(robot).blocked(make_state(fall=2, valid=False)) is None
