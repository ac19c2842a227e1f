"""What a sample tells, at each detector's boundary."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from humanoid_description import RobotDescription
from humanoid_hal.checks import SampleChecks, leg_mask
from humanoid_hal.driver import Capabilities, ImuSample, Sample
from humanoid_hal.hardware import HardwareConfig, SafetyConfig

MS = 1_000_000
PERIOD = 2 * MS
MOVING = np.array([0.06, 0.06, 0.06])

Make = Callable[..., Sample]


class Bench:
    """Feeds samples one period apart and keeps the causes of the last one."""

    def __init__(self, checks: SampleChecks, make: Make) -> None:
        self.checks, self.make = checks, make
        self.stamp = 0
        self.causes: dict[str, str] = {}

    def feed(self, count: int = 1, **changes: object) -> dict[str, str]:
        for _ in range(count):
            self.stamp += PERIOD
            self.causes = self.checks.see(self.make(self.stamp, **changes))
        return self.causes

    def periods_until(self, name: str, most: int = 1000, **changes: object) -> int:
        """How many periods of such samples it takes for the cause `name`, after a healthy one."""
        self.feed()
        for count in range(1, most):
            if name in self.feed(**changes):
                return count
        raise AssertionError(f"{name} did not come in {most} periods")


@pytest.fixture
def bench(
    robot: RobotDescription, config: HardwareConfig, simulated: Capabilities, make_sample: Make
) -> Bench:
    return Bench(SampleChecks(robot, config, simulated), make_sample)


@pytest.fixture
def real(
    robot: RobotDescription, config: HardwareConfig, on_hardware: Capabilities, make_sample: Make
) -> Bench:
    config = replace(config, safety=SafetyConfig(voltage_low=44.0, voltage_minimum=40.0))
    return Bench(SampleChecks(robot, config, on_hardware), make_sample)


def test_legs_are_the_joints_between_the_base_and_a_foot(robot: RobotDescription) -> None:
    assert leg_mask(robot).tolist() == [True, True, False]


def test_a_healthy_sample_shows_nothing(bench: Bench) -> None:
    assert bench.feed(3) == {}
    assert bench.checks.complete
    assert bench.checks.position.tolist() == [0.1, 0.2, 0.3]


def test_the_drivers_own_faults_are_passed_on(bench: Bench) -> None:
    faults = ("simulator_divergence: NaN at 1 s: reset", "bus_lost")
    assert bench.feed(faults=faults) == {
        "simulator_divergence": "NaN at 1 s: reset",
        "bus_lost": "",
    }


def fresh(*joints: int) -> np.ndarray:
    mask = np.ones(3, dtype=bool)
    mask[list(joints)] = False
    return mask


@pytest.mark.parametrize(("joint", "name"), [(1, "joint_silent"), (2, "arm_joint_silent")])
def test_a_joint_that_misses_three_cycles_is_silent(bench: Bench, joint: int, name: str) -> None:
    assert bench.periods_until(name, fresh=fresh(joint)) == 3
    assert not bench.checks.complete
    assert ["hip", "knee", "shoulder"][joint] in bench.causes[name]
    assert bench.feed() == {}


def test_a_reply_in_between_starts_the_count_again(bench: Bench) -> None:
    bench.feed(2, fresh=fresh(0))
    bench.feed(fresh=fresh(1))
    assert bench.feed(2, fresh=fresh(0)) == {}
    assert "joint_silent" in bench.feed(fresh=fresh(0))


def test_repeated_samples_of_a_standing_world_do_not_count_as_cycles(bench: Bench) -> None:
    lost = bench.make(PERIOD, fresh=fresh(0))
    for _ in range(10):
        assert bench.checks.see(lost) == {}


@pytest.mark.parametrize("field", ["position", "velocity", "effort"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_reading_that_is_not_finite_is_no_reading(bench: Bench, field: str, value: float) -> None:
    bad = np.array([0.5, value, 0.7])
    assert bench.periods_until("joint_silent", **{field: bad}) == 3
    assert np.isfinite(bench.checks.position).all()
    assert np.isfinite(bench.checks.velocity).all()


def test_invalid_joints_keep_their_last_valid_values(bench: Bench) -> None:
    bench.feed()
    bench.feed(position=np.array([1.0, np.nan, 1.0]), fresh=fresh(2))
    assert bench.checks.position.tolist() == [1.0, 0.2, 0.3]


@pytest.mark.parametrize(("after", "stale"), [(5 * PERIOD, False), (5 * PERIOD + 1, True)])
def test_a_sample_is_stale_after_five_periods(bench: Bench, after: int, stale: bool) -> None:
    bench.feed()
    assert ("state_stale" in bench.checks.stale(bench.stamp + after)) is stale


def test_before_the_first_sample_nothing_is_stale(bench: Bench) -> None:
    assert bench.checks.stale(10**12) == {}


def test_a_joint_that_reports_speed_at_one_place_for_half_a_second_is_frozen(bench: Bench) -> None:
    assert bench.periods_until("joint_frozen", velocity=MOVING) == 251
    assert bench.feed() == {}


def test_a_joint_at_rest_is_not_frozen(bench: Bench) -> None:
    assert bench.feed(600, velocity=np.array([0.05, 0.0, -0.05])) == {}


def test_one_changed_reading_starts_the_frozen_time_again(bench: Bench) -> None:
    bench.feed(250, velocity=MOVING)
    bench.feed(velocity=MOVING, position=np.array([0.11, 0.21, 0.31]))
    assert bench.feed(250, velocity=MOVING) == {}


@pytest.mark.parametrize(
    ("position", "beyond"), [(2.0499, False), (2.0501, True), (-1.0499, False), (-1.0501, True)]
)
def test_a_joint_is_beyond_its_limit_outside_of_the_margin(
    bench: Bench, position: float, beyond: bool
) -> None:
    causes = bench.feed(position=np.array([0.1, position, 0.3]))
    assert ("joint_limit" in causes) is beyond
    if beyond:
        assert "knee" in causes["joint_limit"]


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_full_torque_without_motion_for_200_ms_is_a_stall(bench: Bench, sign: float) -> None:
    assert bench.periods_until("stall", effort=np.array([0.0, 0.0, sign * 19.0])) == 100
    assert "shoulder" in bench.causes["stall"]
    assert bench.feed() == {}


def test_motion_or_less_torque_is_no_stall(bench: Bench) -> None:
    full = np.array([0.0, 0.0, 19.0])
    assert bench.feed(300, effort=full * 0.999) == {}
    for _ in range(6):
        bench.feed(99, effort=full)
        assert bench.feed(velocity=np.array([0.0, 0.0, 0.051]), effort=full) == {}


def test_the_robot_is_still_after_a_second_without_motion(bench: Bench) -> None:
    bench.feed(500)
    assert not bench.checks.still
    bench.feed()
    assert bench.checks.still
    bench.feed(velocity=MOVING)
    assert not bench.checks.still


@pytest.mark.parametrize("field", ["angular_velocity", "linear_acceleration"])
def test_a_missing_or_broken_imu_is_a_dropout(bench: Bench, field: str) -> None:
    assert bench.feed(imu=None) == {"imu_dropout": "no reading"}
    imu = ImuSample(np.ones(3), np.ones(3))
    setattr(imu, field, np.array([0.0, np.nan, 0.0]))
    assert bench.feed(imu=imu) == {"imu_dropout": "reading is not finite"}


def test_identical_imu_readings_are_frozen_unless_the_world_stands_still(bench: Bench) -> None:
    same = ImuSample(np.ones(3), np.ones(3))
    assert bench.feed(imu=same) == {}
    assert bench.checks.see(bench.make(bench.stamp, imu=same)) == {}
    assert bench.feed(imu=same) == {"imu_frozen": "identical readings"}
    assert bench.feed(imu=ImuSample(np.ones(3), np.array([1.0, 1.0, 1.1]))) == {}


def test_an_imu_slower_than_the_cycle_is_frozen_too(bench: Bench) -> None:
    same = ImuSample(np.ones(3), np.ones(3))
    assert bench.feed(imu=same) == {}
    assert bench.feed(imu=None) == {"imu_dropout": "no reading"}
    assert bench.feed(imu=same) == {"imu_frozen": "identical readings"}
    both = {"imu_dropout": "no reading", "imu_frozen": "identical readings"}
    assert bench.feed(imu=None) == both
    assert bench.feed(imu=ImuSample(np.ones(3), np.zeros(3))) == {}
    assert bench.feed(imu=None) == {"imu_dropout": "no reading"}


def test_without_an_imu_none_is_missed(
    robot: RobotDescription, config: HardwareConfig, simulated: Capabilities, make_sample: Make
) -> None:
    checks = SampleChecks(robot, config, replace(simulated, imu=False))
    assert checks.see(make_sample(0, imu=None)) == {}


@pytest.mark.parametrize(
    ("step", "jump"), [(-1, True), (0, False), (10**9, False), (10**9 + 1, True)]
)
def test_a_stamp_that_steps_back_or_a_second_ahead_is_a_jump(
    bench: Bench, step: int, jump: bool
) -> None:
    bench.feed()
    causes = bench.checks.see(bench.make(bench.stamp + step))
    assert ("clock_jump" in causes) is jump


def test_a_jump_of_the_clock_adds_no_time(bench: Bench) -> None:
    bench.feed(2, velocity=MOVING)
    bench.stamp += 10**10
    assert set(bench.feed(velocity=MOVING)) == {"clock_jump"}


def warm(*degrees: float) -> np.ndarray:
    return np.array(degrees)


def test_a_simulator_needs_no_temperatures_but_hardware_does(bench: Bench, real: Bench) -> None:
    assert bench.feed() == {}
    assert real.feed() == {"temperature_unknown": "no readings"}


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_a_joint_without_a_temperature_is_named(bench: Bench, missing: float) -> None:
    causes = bench.feed(temperature=warm(30.0, missing, 30.0))
    assert causes == {"temperature_unknown": "no reading: knee"}
    assert bench.feed(temperature=warm(30.0, 79.0, 30.0)) == {
        "temperature_high": "knee at 79 degC, limit 70"
    }
    assert "temperature_high" in bench.feed(temperature=warm(30.0, missing, 30.0))


@pytest.mark.parametrize(
    ("degrees", "name"),
    [
        (70.0, None),
        (70.1, "temperature_high"),
        (80.0, "temperature_high"),
        (80.1, "over_temperature"),
    ],
)
def test_temperature_limits_are_soft_then_hard(
    bench: Bench, degrees: float, name: str | None
) -> None:
    causes = bench.feed(temperature=warm(20.0, degrees, 20.0))
    assert set(causes) == ({name} if name else set())


def test_a_spike_of_the_temperature_is_filtered_over_a_second(bench: Bench) -> None:
    bench.feed(temperature=warm(60.0, 60.0, 60.0))
    assert bench.feed(temperature=warm(60.0, 200.0, 60.0)) == {}
    bench.feed(499, temperature=warm(60.0, 85.0, 60.0))
    # 60 + 25 (1 - 1/e) after one time constant
    assert bench.causes == {"temperature_high": "knee at 76 degC, limit 70"}


@pytest.mark.parametrize(
    ("volts", "name"),
    [
        (44.0, None),
        (43.9, "voltage_low"),
        (40.0, "voltage_low"),
        (39.9, "under_voltage"),
        (np.nan, "under_voltage"),
    ],
)
def test_voltage_limits(real: Bench, volts: float, name: str | None) -> None:
    causes = real.feed(voltage=volts, temperature=warm(20.0, 20.0, 20.0))
    assert set(causes) == ({name} if name else set())


def test_voltage_is_not_watched_without_limits(bench: Bench) -> None:
    assert bench.feed(voltage=0.0) == {}


def test_reset_forgets_counters_and_filters(bench: Bench) -> None:
    bench.feed(2, fresh=fresh(0), temperature=warm(95.0, 95.0, 95.0))
    bench.checks.reset()
    bench.stamp = 0
    assert bench.feed(2, fresh=fresh(0), temperature=warm(20.0, 20.0, 20.0)) == {}
    assert not bench.checks.still


def test_a_driver_may_reuse_its_arrays(bench: Bench) -> None:
    position = np.array([0.1, 0.2, 0.3])
    for _ in range(400):
        position += 1e-6
        assert bench.feed(position=position, velocity=MOVING) == {}
