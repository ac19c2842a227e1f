"""Promises of the support polygon and of the balance law's saturation."""

import cmath

import numpy as np
import pytest

from humanoid_control.capture import SupportPolygon, pressure_and_excess

SQUARE = SupportPolygon.of(np.array([[0.1, 0.1], [0.1, -0.1], [-0.1, 0.1], [-0.1, -0.1]]))
CENTRE = 0j


@pytest.mark.parametrize(
    ("point", "distance"), [(0j, -0.1), (0.1 + 0j, 0.0), (0.1 + 0.15j, 0.05), (-0.3 + 0j, 0.2)]
)
def test_distance_is_negative_inside_zero_on_the_edge_and_positive_outside(
    point: complex, distance: float
) -> None:
    assert SQUARE.distance_outside(point) == pytest.approx(distance)


def test_a_way_that_stays_inside_is_not_cut() -> None:
    assert SQUARE.cut(CENTRE, 0.05 + 0.09j) == 0.05 + 0.09j


def test_a_way_out_ends_on_the_edge_or_the_margin_before_it_in_the_same_direction() -> None:
    assert SQUARE.cut(CENTRE, 0.4 + 0.2j) == pytest.approx(0.1 + 0.05j)
    assert SQUARE.cut(CENTRE, 0.4 + 0.2j, 0.02) == pytest.approx(0.08 + 0.04j)


def test_a_start_beyond_the_margin_stays_where_it_is_if_the_way_leads_out() -> None:
    start = 0.095 + 0j
    assert SQUARE.cut(start, 0.2 + 0j, 0.02) == start
    assert SQUARE.cut(start, CENTRE, 0.02) == pytest.approx(CENTRE)


def test_no_way_at_all_is_no_problem() -> None:
    assert SQUARE.cut(CENTRE, CENTRE) == CENTRE


def test_the_pressure_leads_the_capture_point_and_stops_at_the_edge() -> None:
    pressure, excess = pressure_and_excess(0.02 + 0j, CENTRE, SQUARE, 3.0, 0.02)
    assert pressure == pytest.approx(0.06)
    assert excess == CENTRE
    pressure, _ = pressure_and_excess(0.06 + 0j, CENTRE, SQUARE, 3.0, 0.02)
    assert pressure == pytest.approx(0.1)


def test_the_excess_begins_at_the_margin_and_grows_with_the_capture_point() -> None:
    for x, expected in ((0.079, 0.0), (0.08, 0.0), (0.09, 0.01), (0.15, 0.07)):
        _, excess = pressure_and_excess(complex(x), CENTRE, SQUARE, 3.0, 0.02)
        assert excess == pytest.approx(expected, abs=1e-12)


def test_pressure_pushes_back_so_that_the_capture_point_returns() -> None:
    """d(capture)/dt = pole (capture - pressure): it shrinks wherever the pressure lies beyond."""
    for angle in np.linspace(0.0, 2.0 * np.pi, 16):
        capture = cmath.rect(0.09, angle)
        pressure, _ = pressure_and_excess(capture, CENTRE, SQUARE, 3.0, 0.0)
        assert ((capture - pressure) * capture.conjugate()).real < 0.0
