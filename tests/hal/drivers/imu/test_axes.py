"""Rotations agree with rotation matrices; aerospace axes become those of REP-103."""

from math import pi

import numpy as np
import pytest

from humanoid_hal.drivers.imu.axes import (
    Mounting,
    Reading,
    about,
    from_frd,
    from_ned_frd,
    multiply,
    rotate,
    unit,
)

RANDOM = np.random.default_rng(4)


def matrix(rotation: np.ndarray) -> np.ndarray:
    return np.column_stack([rotate(rotation, axis) for axis in np.eye(3)])


@pytest.mark.parametrize(
    ("axis", "moved", "to"),
    [(0, [0, 1, 0], [0, 0, 1]), (1, [0, 0, 1], [1, 0, 0]), (2, [1, 0, 0], [0, 1, 0])],
)
def test_a_quarter_turn_is_right_handed(axis: int, moved: list[int], to: list[int]) -> None:
    assert rotate(about(axis, pi / 2), np.array(moved, dtype=float)) == pytest.approx(to)


def test_a_product_turns_like_the_product_of_matrices() -> None:
    for _ in range(20):
        a, b = (q / np.linalg.norm(q) for q in RANDOM.normal(size=(2, 4)))
        assert matrix(multiply(a, b)) == pytest.approx(matrix(a) @ matrix(b))
        assert matrix(a) @ matrix(a).T == pytest.approx(np.eye(3))


def test_forward_right_down_becomes_forward_left_up() -> None:
    assert from_frd(np.array([1.0, 2.0, 3.0])).tolist() == [1.0, -2.0, -3.0]


@pytest.mark.parametrize(
    ("heading", "forward"), [(0.0, [0, 1, 0]), (pi / 2, [1, 0, 0]), (pi, [0, -1, 0])]
)
def test_a_compass_heading_points_the_same_way_in_east_north_up(
    heading: float, forward: list[int]
) -> None:
    # Headings count clockwise from north: a turn about down.
    orientation = from_ned_frd(about(2, heading))
    assert rotate(orientation, np.array([1.0, 0.0, 0.0])) == pytest.approx(forward, abs=1e-12)
    assert rotate(orientation, np.array([0.0, 0.0, 1.0])) == pytest.approx([0, 0, 1], abs=1e-12)


def test_nose_up_stays_nose_up() -> None:
    orientation = from_ned_frd(about(1, 0.3))
    assert rotate(orientation, np.array([1.0, 0.0, 0.0]))[2] == pytest.approx(np.sin(0.3))


@pytest.mark.parametrize(
    "bad", [[0, 0, 0, 0], [np.nan, 0, 0, 1], [0, 0, 0, 1.1], [np.inf, 0, 0, 0]]
)
def test_what_is_no_rotation_is_no_orientation(bad: list[float]) -> None:
    assert unit(np.array(bad)) is None


def test_a_mounting_turns_everything_into_the_frame_of_the_joint_table() -> None:
    # The case lies on its right side: its left points up.
    reading = Reading(np.array([1.0, 2.0, 3.0]), np.array([0.0, 9.81, 0.0]), about(0, pi / 2), 40.0)
    turned = Mounting(np.array([pi / 2, 0.0, 0.0]))(reading)
    assert turned.linear_acceleration == pytest.approx([0, 0, 9.81], abs=1e-12)
    assert turned.angular_velocity == pytest.approx([1, -3, 2])
    assert turned.orientation == pytest.approx([0, 0, 0, 1])
    assert turned.temperature == 40.0


def test_no_mounting_changes_nothing() -> None:
    reading = Reading(None, np.ones(3))
    assert Mounting(np.zeros(3))(reading) is reading


def test_a_mounting_is_fixed_axes_roll_pitch_yaw() -> None:
    rpy = np.array([0.3, -0.2, 1.1])
    expected = multiply(about(2, 1.1), multiply(about(1, -0.2), about(0, 0.3)))
    turned = Mounting(rpy)(Reading(None, np.array([1.0, 2.0, 3.0])))
    assert turned.linear_acceleration == pytest.approx(rotate(expected, np.array([1.0, 2.0, 3.0])))
