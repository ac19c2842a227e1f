"""Promises of the wrench cone of a sole."""

import numpy as np
import pytest

from humanoid_control.whole_body.contact import hull_edges, inner_rectangle, wrench_cone

RECTANGLE = np.array([[0.12, 0.03], [0.12, -0.03], [-0.05, 0.03], [-0.05, -0.03]])
TRAPEZOID = np.array([[0.12, 0.03], [0.12, -0.03], [-0.05, 0.025], [-0.05, -0.025]])
HEXAGON = np.array(
    [[0.1, 0.0], [0.05, 0.05], [-0.05, 0.05], [-0.1, 0], [-0.05, -0.05], [0.05, -0.05]]
)
MU = 0.6


def point_force(point: np.ndarray, force: np.ndarray) -> np.ndarray:
    return np.concatenate((force, np.cross(np.append(point, 0.0), force)))


def random_forces(points: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """One force in each point, inside the pyramid that lies in the friction cone."""
    normal = rng.uniform(0.0, 100.0, len(points))
    sideways = rng.uniform(-1.0, 1.0, (len(points), 2)) * (MU / np.sqrt(2.0) * normal)[:, None]
    return [np.append(s, n) for s, n in zip(sideways, normal, strict=True)]


def test_every_wrench_that_corner_forces_can_make_on_a_rectangle_is_allowed() -> None:
    rng = np.random.default_rng(1)
    cone = wrench_cone(RECTANGLE, MU)
    for _ in range(500):
        forces = random_forces(RECTANGLE, rng)
        wrench = sum(point_force(p, f) for p, f in zip(RECTANGLE, forces, strict=True))
        assert np.all(cone @ wrench <= 1e-9)


def test_every_row_is_reached_by_corner_forces_so_no_bound_is_too_wide() -> None:
    """The cone of a rectangle is exact: each row is tight on at least one extreme wrench."""
    cone = wrench_cone(RECTANGLE, MU)
    pyramid = MU / np.sqrt(2.0) * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    corner = [np.append(side, 1.0) for side in pyramid]
    rays = np.array([point_force(p, f) for p in RECTANGLE for f in corner])
    assert np.all(cone @ rays.T <= 1e-12)
    for row in cone[:-1]:
        tight = rays[np.abs(rays @ row) < 1e-12]
        assert np.linalg.matrix_rank(tight) == 5, "a facet of a 6-D cone is spanned by 5 rays"


@pytest.mark.parametrize("points", [RECTANGLE, TRAPEZOID, HEXAGON])
def test_a_single_force_is_allowed_at_a_corner_and_refused_one_millimetre_beyond(
    points: np.ndarray,
) -> None:
    cone = wrench_cone(points, MU)
    up = np.array([0.0, 0.0, 100.0])
    for point in points:
        on_the_axis = cone[:-9]  # without yaw: beyond the inner rectangle it is conservative
        assert np.all(on_the_axis @ point_force(point, up) <= 1e-9)
        beyond = point * (1.0 + 1e-3 / np.linalg.norm(point))
        assert np.any(cone @ point_force(beyond, up) > 0.0)


def test_sliding_twisting_and_pulling_are_refused() -> None:
    cone = wrench_cone(TRAPEZOID, MU)
    for wrench in ([60, 0, 100, 0, 0, 0], [0, -60, 100, 0, 0, 0], [0, 0, -1, 0, 0, 0]):
        assert np.any(cone @ np.array(wrench, dtype=float) > 0.0)
    limit = MU / np.sqrt(2.0) * 100.0 * (0.085 + 0.025)  # mu (X + Y) fz of the inner rectangle
    centre = np.array([0.0, 0.0, 100.0, 0.0, -100.0 * 0.035, 0.0])
    assert np.all(cone @ (centre + 0.9 * limit * np.eye(6)[5]) <= 0.0)
    assert np.any(cone @ (centre + 1.1 * limit * np.eye(6)[5]) > 0.0)


def test_a_trapezoid_has_seventeen_rows() -> None:
    assert wrench_cone(TRAPEZOID, MU).shape == (17, 6)


def test_the_hull_ignores_points_inside_and_twins() -> None:
    inside = np.vstack((RECTANGLE, RECTANGLE[:1], [[0.0, 0.0]]))
    normals, offsets = hull_edges(inside)
    assert sorted(np.round(offsets, 9)) == [0.03, 0.03, 0.05, 0.12]
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)


def test_the_inner_rectangle_lies_inside_and_is_that_of_a_rectangle_itself() -> None:
    centre, half = inner_rectangle(RECTANGLE)
    np.testing.assert_allclose(centre, [0.035, 0.0], atol=1e-12)
    np.testing.assert_allclose(half, [0.085, 0.03], atol=1e-12)
    centre, half = inner_rectangle(HEXAGON)
    normals, offsets = hull_edges(HEXAGON)
    for signs in ([1, 1], [1, -1], [-1, 1], [-1, -1]):
        assert np.all(normals @ (centre + signs * half) <= offsets + 1e-9)


@pytest.mark.parametrize("points", [[[0, 0], [1, 1], [2, 2]], [[0, 0], [1, 0]], [[0, 0]]])
def test_points_without_area_are_refused(points: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="span no area"):
        hull_edges(np.array(points, dtype=float))
