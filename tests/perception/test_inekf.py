"""Promises of the invariant filter's mathematics, on states of no robot in particular."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from humanoid_perception import kernels
from humanoid_perception.inekf import (
    POSITION,
    ROTATION,
    InvariantFilter,
    Noise,
    Spread,
    gate,
)
from humanoid_perception.kernels import GRAVITY

NOISE = Noise(
    gyroscope=1e-3,
    accelerometer=1e-2,
    gyroscope_bias=1e-5,
    accelerometer_bias=1e-4,
    slip=1e-3,
    roll=1e-2,
    turn=1e-3,
)
SILENT = Noise(*[0.0] * 7)
SPREAD = Spread(tilt=0.05, velocity=0.1, gyroscope_bias=0.02, accelerometer_bias=0.1)
SEEN = np.diag([1e-6] * 3 + [1e-6] * 3)  # covariance of a sole seen by the kinematics
NO_GATE = np.inf


def rotation(random: np.random.Generator, size: float = 1.0) -> np.ndarray:
    return kernels.exp(size * random.normal(size=3))


def moving(seed: int, noise: Noise = SILENT) -> InvariantFilter:
    """A filter in some state, both feet in contact."""
    random = np.random.default_rng(seed)
    state = InvariantFilter(2, noise)
    state.reset(rotation(random), random.normal(size=3), SPREAD)
    state.velocity[:] = random.normal(size=3)
    state.state.gyroscope_bias[:] = 0.1 * random.normal(size=3)
    state.state.accelerometer_bias[:] = random.normal(size=3)
    for foot in (0, 1):
        state.add_contact(foot, random.normal(size=3), rotation(random), SEEN)
    return state


def displaced(state: InvariantFilter, delta: np.ndarray) -> InvariantFilter:
    """``exp(delta) X``."""
    other = copy.deepcopy(state)
    kernels.retract(other.state, delta)
    return other


def error(true: InvariantFilter, estimate: InvariantFilter) -> np.ndarray:
    """delta with ``true = exp(delta) estimate``."""
    turn = kernels.log(true.state.rotation @ estimate.state.rotation.T)
    moved = true.state.vectors - estimate.state.vectors @ kernels.exp(turn).T
    parts = np.linalg.solve(kernels.left_jacobian(turn), moved.T).T
    feet = [
        kernels.log(a @ b.T) for a, b in zip(true.state.soles, estimate.state.soles, strict=True)
    ]
    bias = [true.state.gyroscope_bias - estimate.state.gyroscope_bias]
    bias.append(true.state.accelerometer_bias - estimate.state.accelerometer_bias)
    return np.concatenate([parts[0], parts[1], turn, parts[2], feet[0], parts[3], feet[1], *bias])


def transition(state: InvariantFilter, *inputs: object) -> np.ndarray:
    """What the filter multiplies its covariance with, read off from identity covariances."""
    columns = []
    for direction in np.eye(27):
        probe = copy.deepcopy(state)
        probe.noise = SILENT
        probe.state.covariance[:] = np.outer(direction, direction)
        probe.predict(*inputs)  # type: ignore[arg-type]  # the caller's three
        norms = np.sqrt(np.diag(probe.state.covariance))
        largest = int(np.argmax(norms))
        columns.append(probe.state.covariance[largest] / norms[largest])
    return np.array(columns).T


def numbers(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(size=3), random.normal(size=3) + np.array([0.0, 0.0, GRAVITY])


@pytest.mark.parametrize("seed", range(3))
def test_retraction_and_error_are_inverse(seed: int) -> None:
    state = moving(seed)
    delta = 0.3 * np.random.default_rng(seed + 50).normal(size=27)
    np.testing.assert_allclose(error(displaced(state, delta), state), delta, atol=1e-12)


def test_prediction_is_exact_for_constant_readings() -> None:
    rate, force = numbers(1)
    coarse, fine = moving(4), moving(4)
    coarse.predict(rate, force, 0.2)
    for _ in range(20):
        fine.predict(rate, force, 0.01)
    np.testing.assert_allclose(coarse.state.rotation, fine.state.rotation, atol=1e-13)
    np.testing.assert_allclose(coarse.state.vectors, fine.state.vectors, atol=1e-13)


def test_prediction_of_a_turntable_matches_the_circle() -> None:
    state = InvariantFilter(2, SILENT)
    state.reset(np.eye(3), np.array([1.0, 0.0, 0.0]), SPREAD)
    speed = 2.0  # [rad/s] about z at a radius of 1 m, facing outward
    state.velocity[:] = (0.0, speed, 0.0)
    for _ in range(500):
        state.predict(np.array([0.0, 0.0, speed]), np.array([-(speed**2), 0.0, GRAVITY]), 0.002)
    angle = speed * 1.0
    np.testing.assert_allclose(state.position, [np.cos(angle), np.sin(angle), 0.0], atol=1e-11)
    np.testing.assert_allclose(
        state.velocity, speed * np.array([-np.sin(angle), np.cos(angle), 0]), atol=1e-11
    )


@pytest.mark.parametrize("seed", range(3))
def test_without_bias_errors_the_error_moves_alike_from_every_state(seed: int) -> None:
    """Autonomy, the reason for the invariant error: even of large ones."""
    rate, force = numbers(seed)
    delta = np.random.default_rng(seed + 70).normal(size=27)
    delta[-6:] = 0.0
    ends = []
    for start in (seed, seed + 100):
        estimate = moving(start)
        estimate.state.gyroscope_bias[:] = np.zeros(3)
        estimate.state.accelerometer_bias[:] = np.zeros(3)
        true = displaced(estimate, delta)
        for state in (estimate, true):
            state.predict(rate, force, 0.1)
        ends.append(error(true, estimate))
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_transition_is_the_derivative_of_the_prediction(seed: int) -> None:
    dt, step = 1e-3, 1e-6
    estimate, (rate, force) = moving(seed), numbers(seed)
    after = copy.deepcopy(estimate)
    after.predict(rate, force, dt)
    difference = np.empty((27, 27))
    for column, direction in enumerate(np.eye(27)):
        true = displaced(estimate, step * direction)
        true.predict(rate, force, dt)
        difference[:, column] = error(true, after) / step
    matrix = transition(estimate, rate, force, dt)
    signs = np.sign(np.sum(matrix * difference, axis=0))  # read off up to sign
    matrix = matrix * signs
    np.testing.assert_allclose(matrix[:, :-6], difference[:, :-6], atol=1e-5)
    np.testing.assert_allclose(matrix[:, -6:], difference[:, -6:], atol=2e-5)  # first order: dt^2


@pytest.mark.parametrize("foot", [0, 1])
def test_a_correction_uses_the_derivative_of_the_innovation(foot: int) -> None:
    """H from the covariance's change equals H by finite differences of the measurement."""
    estimate, step = moving(foot), 1e-6
    offset = estimate.state.vectors[2:][foot] - estimate.position
    turned = estimate.state.soles[foot].copy()
    derivative = np.empty((6, 27))
    for column, direction in enumerate(np.eye(27)):
        true = displaced(estimate, step * direction)
        seen = true.state.vectors[2:][foot] - true.position  # in world axes of the truth ...
        seen = (
            estimate.state.rotation @ true.state.rotation.T @ seen
        )  # ... put where the estimate believes them
        seen_turn = estimate.state.rotation @ true.state.rotation.T @ true.state.soles[foot]
        derivative[:3, column] = (seen - offset) / step
        derivative[3:, column] = kernels.log(seen_turn @ turned.T) / step
    expected = np.zeros((6, 27))
    own = 9 + 6 * foot
    expected[:3, own : own + 3], expected[3:, own + 3 : own + 6] = np.eye(3), np.eye(3)
    expected[:3, POSITION], expected[3:, ROTATION] = -np.eye(3), -np.eye(3)
    np.testing.assert_allclose(derivative, expected, atol=1e-5)

    random = np.random.default_rng(foot)
    root = random.normal(size=(27, 27))
    prior = root @ root.T
    estimate.state.covariance[:] = prior.copy()
    estimate.correct_contacts(foot, offset[None], turned[None], SEEN[None], NO_GATE)
    gain = prior @ expected.T @ np.linalg.inv(expected @ prior @ expected.T + SEEN)
    np.testing.assert_allclose(
        estimate.state.covariance, prior - gain @ expected @ prior, atol=1e-8
    )


def test_correcting_by_two_feet_at_once_equals_one_after_the_other() -> None:
    together = moving(3, NOISE)
    together.predict(*numbers(3), 0.002)
    apart = copy.deepcopy(together)
    offsets = together.state.vectors[2:] - together.position + 1e-4
    turned = together.state.soles.copy()
    noise = np.array([SEEN, SEEN])
    together.correct_contacts(0, offsets, turned, noise, NO_GATE)
    start = apart.state.rotation.copy()
    for foot in (0, 1):
        one = slice(foot, foot + 1)
        moved = apart.state.rotation @ start.T  # the kinematics are those of the sensor's axes
        seen = offsets[one] @ moved.T, moved @ turned[one]
        apart.correct_contacts(foot, *seen, noise[one], NO_GATE)
    np.testing.assert_allclose(together.state.covariance, apart.state.covariance, atol=1e-9)
    np.testing.assert_allclose(together.state.vectors, apart.state.vectors, atol=1e-6)


def test_beyond_the_gate_nothing_changes() -> None:
    state = moving(1, NOISE)
    before = copy.deepcopy(state)
    offset = state.state.vectors[2:][:1] - state.position + 1.0
    distance = state.correct_contacts(0, offset, state.state.soles[:1], SEEN[None], gate(6, 1e-6))
    assert distance > gate(6, 1e-6)
    np.testing.assert_array_equal(state.state.covariance, before.state.covariance)
    np.testing.assert_array_equal(state.state.vectors, before.state.vectors)


def test_a_measurement_that_is_not_a_number_is_refused() -> None:
    state = moving(1, NOISE)
    before = state.state.vectors.copy()
    offset = np.full((1, 3), np.nan)
    distance = state.correct_contacts(0, offset, state.state.soles[:1], SEEN[None], NO_GATE)
    assert not distance <= NO_GATE
    np.testing.assert_array_equal(state.state.vectors, before)


def test_a_removed_contact_leaves_no_trace() -> None:
    state = moving(2, NOISE)
    state.remove_contact(0)
    assert not state.state.covariance[9:15].any()
    assert not state.state.covariance[:, 9:15].any()
    state.predict(*numbers(2), 0.002)
    assert not state.state.covariance[9:15].any()


def test_a_rolling_foot_moves_only_with_its_rotation() -> None:
    """Noise of a rolling foot is that of turning about the pressure: w, and w x lever."""
    state = InvariantFilter(1, Noise(0, 0, 0, 0, slip=0.0, roll=2.0, turn=2.0))
    state.reset(np.eye(3), np.zeros(3), Spread(0, 0, 0, 0))
    state.add_contact(0, np.zeros(3), np.eye(3), np.zeros((6, 6)))
    lever = np.array([0.1, -0.2, 0.3])
    state.loosen_contact(0, lever, 0.25)
    motion = np.vstack([np.cross(np.eye(3), lever).T, np.eye(3)])  # w x lever per unit turn w
    np.testing.assert_allclose(state.state.covariance[9:15, 9:15], motion @ motion.T, atol=1e-12)


@pytest.mark.parametrize(
    ("freedom", "tail", "value"), [(2, 0.05, 5.9915), (6, 0.01, 16.812), (12, 0.001, 32.909)]
)
def test_gates_are_those_of_the_chi_square_tables(freedom: int, tail: float, value: float) -> None:
    assert gate(freedom, tail) == pytest.approx(value, abs=1e-3)


class World:
    """A body swinging over two fixed feet, with the IMU and kinematics it would measure."""

    def __init__(self, seed: int, still: bool = False, spread: Spread = SPREAD) -> None:
        self.random = np.random.default_rng(seed)
        self.swing = 0.0 if still else 1.0
        self.feet = np.array([[0.0, 0.1, 0.0], [0.0, -0.1, 0.0]])
        self.bias = (
            spread.gyroscope_bias * self.random.normal(size=3),
            spread.accelerometer_bias * self.random.normal(size=3),
        )

    def pose(self, t: float) -> tuple[np.ndarray, np.ndarray]:
        s = self.swing
        turn = s * np.array([0.2 * np.sin(2 * t), 0.15 * np.sin(3 * t), 0.3 * np.sin(t)])
        place = np.array([0.0, 0.0, 0.7])
        return kernels.exp(turn), place + s * np.array(
            [0.05 * np.sin(2 * t), 0.05 * np.sin(3 * t), 0.03 * np.sin(4 * t)]
        )

    def velocity(self, t: float) -> np.ndarray:
        return (self.pose(t + 1e-5)[1] - self.pose(t - 1e-5)[1]) / 2e-5

    def imu(self, t: float, dt: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
        """Means over [t, t + dt], as strap-down units give them."""
        start, end = self.pose(t)[0], self.pose(t + dt)[0]
        rate = kernels.log(start.T @ end) / dt
        change = (self.velocity(t + dt) - self.velocity(t)) / dt + [0.0, 0.0, GRAVITY]
        force = np.linalg.solve(kernels.left_jacobian(rate * dt), start.T @ change)
        white = self.random.normal(size=(2, 3)) / np.sqrt(dt) * noise
        return (
            rate + self.bias[0] + NOISE.gyroscope * white[0],
            force + self.bias[1] + NOISE.accelerometer * white[1],
        )

    def kinematics(self, t: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
        """Offsets and rotations of the soles in the sensor frame."""
        turned, place = self.pose(t)
        spread = noise * 1e-3 * self.random.normal(size=(4, 3))
        offsets = (self.feet - place) @ turned + spread[:2]
        return offsets, np.array([turned.T @ kernels.exp(spread[2 + i]) for i in (0, 1)])


def run(
    world: World, state: InvariantFilter, seconds: float, noise: float = 1.0
) -> InvariantFilter:
    dt = 0.002
    for tick in range(round(seconds / dt)):
        state.predict(*world.imu(tick * dt, dt, noise), dt)
        for foot in (0, 1):
            state.loosen_contact(foot, np.zeros(3), dt)
        offsets, turned = world.kinematics((tick + 1) * dt, noise)
        state.correct_contacts(
            0,
            offsets @ state.state.rotation.T,
            state.state.rotation @ turned,
            np.array([SEEN] * 2),
            NO_GATE,
        )
    return state


def begin(world: World, spread: Spread) -> InvariantFilter:
    """A filter whose start errs as `spread` says."""
    state = InvariantFilter(2, NOISE)
    turned, place = world.pose(0.0)
    tilt = np.array([*spread.tilt * world.random.normal(size=2), 0.0])
    state.reset(kernels.exp(tilt) @ turned, place, spread)
    state.velocity[:] = world.velocity(0.0) + spread.velocity * world.random.normal(size=3)
    offsets, soles = world.kinematics(0.0, 1.0)
    for foot in (0, 1):
        state.add_contact(
            foot, state.state.rotation @ offsets[foot], state.state.rotation @ soles[foot], SEEN
        )
    return state


@pytest.mark.parametrize("seed", range(3))
def test_wrong_tilt_velocity_and_bias_at_the_start_are_found(seed: int) -> None:
    wide = Spread(tilt=0.3, velocity=0.5, gyroscope_bias=0.05, accelerometer_bias=0.3)
    world = World(seed, spread=wide)
    state = begin(world, wide)
    run(world, state, 10.0)
    turned, _ = world.pose(10.0)
    up_error = np.arccos(np.clip(state.state.rotation[2] @ turned[2], -1.0, 1.0))
    assert np.degrees(up_error) < 0.3
    assert np.linalg.norm(state.state.gyroscope_bias - world.bias[0]) < 1e-3
    assert np.linalg.norm(state.state.accelerometer_bias - world.bias[1]) < 0.06
    heading = kernels.log(state.state.rotation @ turned.T)[2]
    velocity = kernels.exp(np.array([0.0, 0.0, -heading])) @ state.velocity
    assert np.linalg.norm(velocity - world.velocity(10.0)) < 0.01


def test_errors_are_as_large_as_the_covariance_says() -> None:
    """Normalised squared error of velocity and tilt over 30 runs: mean within chi-square bounds."""
    squares = []
    for seed in range(30):
        world = World(seed)
        state = begin(world, SPREAD)
        state.noise = replace(NOISE, slip=0.0, roll=0.0, turn=0.0)  # these feet do not move
        run(world, state, 0.6)
        turned, place = world.pose(0.6)
        true = copy.deepcopy(state)
        true.state.rotation[:] = turned
        true.state.vectors[:2] = world.velocity(0.6), place
        delta = error(true, state)[[0, 1, 2, 6, 7]]
        part = state.state.covariance[np.ix_([0, 1, 2, 6, 7], [0, 1, 2, 6, 7])]
        squares.append(delta @ np.linalg.solve(part, delta))
    # 150 degrees of freedom: 99.9 % lie between 98 and 209; wide enough for the correlation of
    # noise.
    assert 80.0 < sum(squares) < 220.0


def test_the_covariance_stays_symmetric_and_positive() -> None:
    world = World(5)
    state = run(world, begin(world, SPREAD), 20.0)
    np.testing.assert_array_equal(state.state.covariance, state.state.covariance.T)
    scale = np.sqrt(np.diag(state.state.covariance)) + 1e-12
    assert np.linalg.eigvalsh(state.state.covariance / np.outer(scale, scale)).min() > -1e-9
    assert abs(np.linalg.det(state.state.rotation) - 1.0) < 1e-12


def test_on_one_foot_yaw_and_gyroscope_bias_are_held() -> None:
    """What a point contact cannot do: standing on one flat foot, the heading does not drift."""
    world = World(8, still=True)
    world.bias = (np.array([0.0, 0.0, 0.02]), np.zeros(3))
    state = begin(world, SPREAD)
    state.remove_contact(1)
    dt = 0.002
    for tick in range(5000):
        state.predict(*world.imu(tick * dt, dt, 1.0), dt)
        state.loosen_contact(0, np.zeros(3), dt)
        offsets, turned = world.kinematics((tick + 1) * dt, 1.0)
        state.correct_contacts(
            0,
            offsets[:1] @ state.state.rotation.T,
            (state.state.rotation @ turned)[:1],
            SEEN[None],
            NO_GATE,
        )
    assert abs(state.state.gyroscope_bias[2] - 0.02) < 2e-3
    assert abs(np.degrees(kernels.log(state.state.rotation)[2])) < 1.0
