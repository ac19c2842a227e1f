"""Promises of the support polygon and of the balance law's saturation."""

import numpy as np
import pytest

from humanoid_control.capture import SupportPolygon, pressure_and_excess

SQUARE = SupportPolygon.of(np.array([[0.1, 0.1], [0.1, -0.1], [-0.1, 0.1], [-0.1, -0.1]]))
CENTRE = np.zeros(2)


@pytest.mark.parametrize(
    ("point", "distance"), [([0, 0], -0.1), ([0.1, 0], 0.0), ([0.1, 0.15], 0.05), ([-0.3, 0], 0.2)]
)
def test_distance_is_negative_inside_zero_on_the_edge_and_positive_outside(
    point: list[float], distance: float
) -> None:
    assert SQUARE.distance_outside(np.array(point)) == pytest.approx(distance)


def test_a_way_that_stays_inside_is_not_cut() -> None:
    np.testing.assert_array_equal(SQUARE.cut(CENTRE, np.array([0.05, 0.09])), [0.05, 0.09])


def test_a_way_out_ends_on_the_edge_or_the_margin_before_it_in_the_same_direction() -> None:
    np.testing.assert_allclose(SQUARE.cut(CENTRE, np.array([0.4, 0.2])), [0.1, 0.05])
    np.testing.assert_allclose(SQUARE.cut(CENTRE, np.array([0.4, 0.2]), 0.02), [0.08, 0.04])


def test_a_start_beyond_the_margin_stays_where_it_is_if_the_way_leads_out() -> None:
    start = np.array([0.095, 0.0])
    np.testing.assert_array_equal(SQUARE.cut(start, np.array([0.2, 0.0]), 0.02), start)
    np.testing.assert_allclose(SQUARE.cut(start, CENTRE, 0.02), CENTRE)


def test_no_way_at_all_is_no_problem() -> None:
    np.testing.assert_array_equal(SQUARE.cut(CENTRE, CENTRE), CENTRE)


def test_the_pressure_leads_the_capture_point_and_stops_at_the_edge() -> None:
    pressure, excess = pressure_and_excess(np.array([0.02, 0.0]), CENTRE, SQUARE, 3.0, 0.02)
    np.testing.assert_allclose(pressure, [0.06, 0.0])
    np.testing.assert_array_equal(excess, CENTRE)
    pressure, _ = pressure_and_excess(np.array([0.06, 0.0]), CENTRE, SQUARE, 3.0, 0.02)
    np.testing.assert_allclose(pressure, [0.1, 0.0])


def test_the_excess_begins_at_the_margin_and_grows_with_the_capture_point() -> None:
    for x, expected in ((0.079, 0.0), (0.08, 0.0), (0.09, 0.01), (0.15, 0.07)):
        _, excess = pressure_and_excess(np.array([x, 0.0]), CENTRE, SQUARE, 3.0, 0.02)
        np.testing.assert_allclose(excess, [expected, 0.0], atol=1e-12)


def test_pressure_pushes_back_so_that_the_capture_point_returns() -> None:
    """d(capture)/dt = pole (capture - pressure): it shrinks wherever the pressure lies beyond."""
    for angle in np.linspace(0.0, 2.0 * np.pi, 16):
        capture = 0.09 * np.array([np.cos(angle), np.sin(angle)])
        pressure, _ = pressure_and_excess(capture, CENTRE, SQUARE, 3.0, 0.0)
        assert (capture - pressure) @ capture < 0.0
