"""Promises of the rotation arithmetic: exactness against plain series and finite differences."""

import numpy as np
import pytest

from humanoid_perception import lie

ANGLES = [0.0, 1e-9, 1e-4, 0.02, 0.31, 0.3163, 1.0, 3.0]  # 0.3162^2 = 0.1 is where the series ends


def axis(seed: int = 3) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=3)
    return vector / np.linalg.norm(vector)


def series(phi: np.ndarray, shift: int) -> np.ndarray:
    """Gamma_m: the sum of phi^k / (k + m)! over k."""
    total, term = np.zeros((3, 3)), np.eye(3)
    for i in range(1, shift + 1):
        term = term / i
    for k in range(60):
        total = total + term
        term = term @ lie.skew(phi[None])[0] / (k + 1 + shift)
    return total


def test_a_skew_matrix_multiplies_like_the_cross_product() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 5, 3))
    for matrix, a, b in zip(lie.skew(x), x, y, strict=True):
        np.testing.assert_allclose(matrix @ b, np.cross(a, b), atol=1e-15)


@pytest.mark.parametrize("angle", ANGLES)
def test_the_exponential_is_its_series(angle: float) -> None:
    phi = angle * axis()
    np.testing.assert_allclose(lie.exp(phi), series(phi, 0), atol=1e-14)


@pytest.mark.parametrize("angle", ANGLES)
def test_the_left_jacobian_is_its_series(angle: float) -> None:
    phi = angle * axis()
    np.testing.assert_allclose(lie.left_jacobian(phi), series(phi, 1), atol=1e-13)


@pytest.mark.parametrize("angle", ANGLES)
def test_the_integrals_of_a_turning_vector_are_their_series(angle: float) -> None:
    phi, a = angle * axis(), np.array([0.3, -9.8, 2.0])
    once, twice = lie.integrate_twice(phi, a)
    np.testing.assert_allclose(once, series(phi, 1) @ a, atol=1e-13)
    np.testing.assert_allclose(twice, series(phi, 2) @ a, atol=1e-13)


@pytest.mark.parametrize("angle", ANGLES)
def test_the_logarithm_undoes_the_exponential(angle: float) -> None:
    phi = angle * axis()
    np.testing.assert_allclose(lie.log(lie.exp(phi)), phi, atol=1e-12)


def test_the_left_jacobian_is_the_derivative_of_the_exponential() -> None:
    phi, step = 0.7 * axis(), 1e-6
    for column, direction in enumerate(np.eye(3)):
        ahead = lie.exp(phi + step * direction) @ lie.exp(phi - step * direction).T
        difference = lie.log(ahead) / (2.0 * step)
        np.testing.assert_allclose(lie.left_jacobian(phi)[:, column], difference, atol=1e-9)
