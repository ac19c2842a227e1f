"""Promises of the compiled arithmetic: rotations exact against plain series; the bits of the source."""

from collections.abc import Callable

import numpy as np
import pytest

from humanoid_description import RobotDescription
from humanoid_perception import kernels, sense_kernels
from humanoid_perception.pipeline import Perception
from humanoid_perception.types import Measurement

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
        term = term @ np.cross(phi, np.eye(3)).T / (k + 1 + shift)
    return total


@pytest.mark.parametrize("angle", ANGLES)
def test_the_exponential_is_its_series(angle: float) -> None:
    phi = angle * axis()
    np.testing.assert_allclose(kernels.exp(phi), series(phi, 0), atol=1e-14)


@pytest.mark.parametrize("angle", ANGLES)
def test_the_left_jacobian_is_its_series(angle: float) -> None:
    phi = angle * axis()
    np.testing.assert_allclose(kernels.left_jacobian(phi), series(phi, 1), atol=1e-13)


@pytest.mark.parametrize("angle", ANGLES)
def test_the_integrals_of_a_turning_vector_are_their_series(angle: float) -> None:
    phi, a = angle * axis(), np.array([0.3, -9.8, 2.0])
    once, twice = kernels.integrate_twice(phi, a)
    np.testing.assert_allclose(once, series(phi, 1) @ a, atol=1e-13)
    np.testing.assert_allclose(twice, series(phi, 2) @ a, atol=1e-13)


@pytest.mark.parametrize("angle", ANGLES)
def test_the_logarithm_undoes_the_exponential(angle: float) -> None:
    phi = angle * axis()
    np.testing.assert_allclose(kernels.log(kernels.exp(phi)), phi, atol=1e-12)


def test_the_left_jacobian_is_the_derivative_of_the_exponential() -> None:
    phi, step = 0.7 * axis(), 1e-6
    for column, direction in enumerate(np.eye(3)):
        ahead = kernels.exp(phi + step * direction) @ kernels.exp(phi - step * direction).T
        difference = kernels.log(ahead) / (2.0 * step)
        np.testing.assert_allclose(kernels.left_jacobian(phi)[:, column], difference, atol=1e-9)


@pytest.mark.parametrize("angle", [np.pi - 1e-9, np.pi])
def test_the_logarithm_of_half_a_turn_is_found_about_every_axis(angle: float) -> None:
    for vector in (*np.eye(3), *-np.eye(3), axis(), -axis(5)):
        turn = kernels.exp(angle * vector)
        np.testing.assert_allclose(kernels.exp(kernels.log(turn)), turn, atol=1e-12)


@pytest.mark.parametrize("angle", ANGLES)
def test_a_quaternion_is_the_half_angle_up_to_sign(angle: float) -> None:
    expected = np.array([*np.sin(angle / 2) * axis(), np.cos(angle / 2)])
    found = kernels.quaternion(kernels.exp(angle * axis()))
    np.testing.assert_allclose(found * np.sign(found @ expected), expected, atol=1e-14)


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Put the Python source in place of every compiled function."""

    def use_source() -> None:
        for module in (kernels, sense_kernels):
            for name, value in list(vars(module).items()):
                if hasattr(value, "py_func"):
                    monkeypatch.setattr(module, name, value.py_func)

    return use_source


@pytest.mark.parametrize("sensors", [True, False], ids=["force sensors", "torques"])
def test_compiled_code_gives_the_bits_of_its_source(
    g1: RobotDescription, sensors: bool, interpreted: Callable[[], None]
) -> None:
    def estimates() -> list[np.ndarray]:
        perception, random, found = Perception(g1), np.random.default_rng(5), []
        n, weight = len(g1.joints), 340.0
        for tick in range(40):
            noise = 1e-3 * random.normal(size=(5, n))
            wrenches = np.zeros((2, 6))
            # The right foot lifts, and stands again; both slip.
            wrenches[:, 2] = (weight, 0.5 * weight if not 10 < tick < 20 else 0.0)
            m = Measurement(
                stamp=2_000_000 * tick,
                position=noise[0] * (20.0 if tick > 30 else 1.0),
                velocity=noise[1],
                effort=100.0 * noise[2],
                angular_velocity=noise[3, :3].copy(),
                linear_acceleration=noise[4, :3] + [0.0, 0.0, kernels.GRAVITY],
                wrenches=wrenches if sensors else None,
            )
            e = perception.update(m)
            parts = (e.position, e.orientation, e.linear_velocity, e.angular_velocity)
            biases = (e.gyroscope_bias, e.accelerometer_bias)
            found.append(np.concatenate((*parts, *biases, e.wrenches.ravel(), e.contact)))
            found.append(perception._base.filter.state.covariance.copy())
        return found

    compiled = estimates()
    interpreted()
    for expected, actual in zip(estimates(), compiled, strict=True):
        np.testing.assert_array_equal(actual, expected)
