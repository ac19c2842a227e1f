from dataclasses import fields, replace

import mujoco
import numpy as np
import pytest

from humanoid_hal.driver import Command, DriverError, Sample
from humanoid_hal.drivers.mujoco import PERFECT, MujocoDriver, MujocoOptions

PERFECT_OPTIONS = MujocoOptions(noise=PERFECT)
ONE_STEP = MujocoOptions(noise=PERFECT, control_rate=1000.0, timestep=0.001)


def bytes_of(samples: list[Sample]) -> bytes:
    arrays = []
    for sample in samples:
        assert sample.imu is not None
        assert sample.wrenches is not None
        arrays += [
            np.array(sample.stamp), sample.position, sample.velocity, sample.effort, sample.fresh,
            sample.imu.angular_velocity, sample.imu.linear_acceleration, sample.wrenches,
        ]  # fmt: skip
    return b"".join(array.tobytes() for array in arrays)


# --- the torque law


def test_torque_follows_the_law_inside_a_physics_step(g1, hold, run):
    driver = MujocoDriver(g1, ONE_STEP)
    driver.open()
    before = run(driver, hold(g1), 5)[-1]
    rng = np.random.default_rng(7)
    n = len(g1.joints)
    command = Command(
        position=before.position + 0.02 * rng.standard_normal(n),
        velocity=0.1 * rng.standard_normal(n),
        effort=0.3 * rng.standard_normal(n),
        stiffness=rng.uniform(0.0, 20.0, n),
        damping=rng.uniform(0.0, 1.0, n),
    )
    driver.write(command)
    after = driver.read()
    expected = (
        command.effort
        + command.stiffness * (command.position - before.position)
        + command.damping * (command.velocity - before.velocity)
    )
    np.testing.assert_allclose(after.effort, expected, atol=1e-12)


def test_torque_law_is_evaluated_anew_at_every_physics_step(g1, hold):
    """With two steps a period, the second uses the position after the first."""
    coarse, fine = (
        MujocoDriver(g1, replace(ONE_STEP, control_rate=rate)) for rate in (500.0, 1000.0)
    )
    assert (coarse.steps, fine.steps) == (2, 1)
    command = hold(g1)
    command.effort += 2.0
    for driver in (coarse, fine):
        driver.enable(True)
        driver.write(command)
        driver.read()
    fine.write(command)
    fine.read()
    np.testing.assert_array_equal(coarse.data.qpos, fine.data.qpos)
    np.testing.assert_array_equal(coarse.data.actuator_force, fine.data.actuator_force)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_torque_is_cut_at_the_effort_limit_after_feedback(g1, hold, run, sign):
    driver = MujocoDriver(g1, ONE_STEP)
    command = hold(g1)
    command.position += sign * 10.0
    np.testing.assert_array_equal(run(driver, command, 1)[0].effort, sign * g1.column("effort"))


def test_feed_forward_beyond_the_limit_is_not_cut_before_feedback(g1, hold, run):
    """effort = 2 limit with feedback of −1.5 limit gives half the limit, not −half of it."""
    driver = MujocoDriver(g1, ONE_STEP)
    limit, command = g1.column("effort"), hold(g1)
    command.effort = 2.0 * limit
    command.position -= 1.5 * limit / command.stiffness
    np.testing.assert_allclose(run(driver, command, 1)[0].effort, 0.5 * limit, atol=1e-9)


def test_positive_torque_accelerates_its_joint_forward(g1, hold, run):
    for joint in range(0, len(g1.joints), 4):
        driver = MujocoDriver(g1, replace(ONE_STEP, clearance=1.0))
        command = hold(g1)
        command.stiffness = np.zeros_like(command.stiffness)
        command.damping = np.zeros_like(command.damping)
        free = run(driver, command, 1)[0].velocity[joint]
        driver.world.reset()
        command.effort[joint] = 1.0
        assert run(driver, command, 1)[0].velocity[joint] > free


def test_each_command_acts_once_latency_periods_later(g1, hold):
    driver = MujocoDriver(g1, replace(ONE_STEP, latency=2))
    driver.enable(True)
    applied = []
    for number in range(1, 6):
        command = hold(g1)
        command.stiffness = np.zeros_like(command.stiffness)
        command.damping = np.zeros_like(command.damping)
        command.effort[:] = 0.1 * number
        driver.write(command)
        applied.append(driver.read().effort[0])
    np.testing.assert_allclose(applied, [0.0, 0.0, 0.1, 0.2, 0.3])


def test_a_late_command_is_not_changed_by_its_sender_reusing_the_arrays(g1, hold):
    driver = MujocoDriver(g1, replace(ONE_STEP, latency=1))
    driver.enable(True)
    command = hold(g1)
    command.stiffness, command.damping = np.zeros((2, len(g1.joints)))
    command.effort[:] = 1.0
    driver.write(command)
    command.effort[:] = 5.0
    driver.read()
    np.testing.assert_allclose(driver.read().effort, 1.0)


# --- standing still, enabling, stopping


def test_world_stands_still_until_first_enabled(humanoid, hold):
    driver = MujocoDriver(humanoid)
    driver.open()
    first = driver.read()
    driver.write(hold(humanoid))
    for _ in range(5):
        assert driver.read() is first
    driver.enable(True)
    assert driver.read().stamp > first.stamp


def test_number_of_reads_while_still_cannot_be_seen_later(g1, hold, run):
    patient, eager = MujocoDriver(g1), MujocoDriver(g1)
    for _ in range(50):
        patient.read()
    assert bytes_of(run(patient, hold(g1), 10)) == bytes_of(run(eager, hold(g1), 10))


def test_disabling_removes_all_torque_and_the_world_goes_on(g1, hold, run):
    driver = MujocoDriver(g1, replace(PERFECT_OPTIONS, latency=3))
    before = run(driver, hold(g1), 10)[-1]
    driver.enable(False)
    driver.write(hold(g1))
    for _ in range(6):
        after = driver.read()
        assert not after.effort.any()
    assert after.stamp == before.stamp + 6 * driver.period


def test_gravity_brings_an_unpowered_robot_down(g1, hold, run):
    driver = MujocoDriver(g1, PERFECT_OPTIONS)
    run(driver, hold(g1), 1)
    driver.enable(False)
    for _ in range(1000):
        driver.read()
    assert driver.world.truth()[0][2] < 0.5


def test_robot_stands_under_the_torques_of_its_first_sample(humanoid, hold, run):
    driver = MujocoDriver(humanoid, PERFECT_OPTIONS)
    start, _ = driver.world.truth()
    command = hold(humanoid)
    command.effort = driver.read().effort
    samples = run(driver, command, 1500)
    pose, twist = driver.world.truth()
    np.testing.assert_allclose(pose, start, atol=2e-3)
    np.testing.assert_allclose(twist, 0.0, atol=2e-3)
    assert not any(sample.faults for sample in samples)


def test_closing_twice_and_unopened_is_harmless(g1):
    driver = MujocoDriver(g1)
    driver.close()
    driver.close()
    driver.open()
    driver.close()
    driver.close()


# --- stamps


@pytest.mark.parametrize("rate", [200.0, 300.0, 500.0, 999.0, 2000.0])
def test_stamps_are_whole_periods_without_drift(g1, hold, run, rate):
    driver = MujocoDriver(g1, replace(PERFECT_OPTIONS, control_rate=rate))
    first = driver.read().stamp
    stamps = [sample.stamp for sample in run(driver, hold(g1), 50)]
    assert stamps == [first + (k + 1) * round(1e9 / rate) for k in range(50)]


@pytest.mark.parametrize("rate", [200.0, 300.0, 500.0, 999.0, 2000.0])
def test_physics_steps_fill_the_period_at_a_kilohertz_or_more(g1, rate):
    driver = MujocoDriver(g1, replace(PERFECT_OPTIONS, control_rate=rate))
    timestep = driver.model.opt.timestep
    assert timestep <= 0.001
    assert driver.steps * timestep == pytest.approx(driver.period * 1e-9, rel=1e-12)


def test_first_stamp_is_not_zero_which_ros_takes_for_no_time(g1):
    assert MujocoDriver(g1).read().stamp > 0


# --- determinism


def test_same_seed_gives_the_same_bytes(humanoid, hold, run):
    def record() -> bytes:
        driver = MujocoDriver(humanoid, MujocoOptions(seed=3))
        driver.world.push("", [30.0, 5.0, 0.0], 0.05)
        return bytes_of([driver.read(), *run(driver, hold(humanoid), 150)])

    assert record() == record()


def test_another_seed_gives_other_bytes(g1):
    one, other = (MujocoDriver(g1, MujocoOptions(seed=seed)).read() for seed in (1, 2))
    assert bytes_of([one]) != bytes_of([other])


def test_sensor_noise_does_not_touch_the_physics(g1, hold, run):
    noisy, perfect = MujocoDriver(g1), MujocoDriver(g1, PERFECT_OPTIONS)
    run(noisy, hold(g1), 50)
    run(perfect, hold(g1), 50)
    np.testing.assert_array_equal(noisy.data.qpos, perfect.data.qpos)


# --- divergence (row 31)


def poison_position(driver):
    driver.data.qpos[8] = np.nan


def poison_velocity(driver):
    driver.data.qvel[8] = 1e12


def poison_force(driver):
    driver.data.qfrc_applied[3] = 1e30


def poison_control(driver):
    nan = np.full(driver.model.nu, np.nan)
    driver.write(Command(nan, nan, nan, nan, nan))


@pytest.mark.parametrize("poison", [poison_position, poison_velocity, poison_force, poison_control])
def test_divergence_is_a_fault_of_the_same_sample_until_reset(g1, hold, run, poison):
    driver = MujocoDriver(g1)
    driver.open()
    good = run(driver, hold(g1), 3)[-1]
    poison(driver)
    first = driver.read()
    assert [fault.split(":")[0] for fault in first.faults] == ["simulator_divergence"]
    assert not first.fresh.any()
    driver.write(hold(g1))
    second = driver.read()
    assert second.faults
    assert good.stamp < first.stamp < second.stamp
    for sample in (first, second):
        assert sample.imu is not None
        for values in (sample.position, sample.velocity, sample.effort, sample.wrenches,
                       sample.imu.angular_velocity, sample.imu.linear_acceleration):  # fmt: skip
            assert np.isfinite(values).all()
    driver.world.reset()
    healed = run(driver, hold(g1), 3)
    assert not any(sample.faults for sample in healed)
    assert all(sample.fresh.all() for sample in healed)


def test_gains_that_make_the_physics_explode_are_found(g1, hold, run):
    driver = MujocoDriver(g1)
    driver.model.actuator_forcelimited[:] = 0
    command = hold(g1)
    command.damping = np.full(len(g1.joints), 1e4)
    command.effort += 1.0
    assert run(driver, command, 500)[-1].faults


def test_divergence_leaves_no_log_file_behind(g1, hold, run, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    driver = MujocoDriver(g1)
    driver.open()
    run(driver, hold(g1), 1)
    poison_position(driver)
    driver.read()
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


# --- configuration


def test_unknown_pose_is_refused_naming_the_known_ones(g1):
    with pytest.raises(DriverError, match=r"no pose 'redy'.*known: .*ready"):
        MujocoDriver(g1, MujocoOptions(pose="redy"))


def test_model_whose_joints_differ_from_the_table_is_refused(g1, monkeypatch):
    class Swapped:
        @staticmethod
        def build(humanoid, options, timestep):
            spec = mujoco.MjSpec.from_string(
                "<mujoco><worldbody><body><freejoint/><geom size='1'/></body></worldbody></mujoco>"
            )
            return spec.compile()

    monkeypatch.setattr("humanoid_hal.drivers.mujoco.driver.build", Swapped.build)
    with pytest.raises(DriverError, match="joint table"):
        MujocoDriver(g1)


def test_every_noise_has_a_switch_and_perfect_turns_all_off():
    assert {getattr(PERFECT, item.name) for item in fields(PERFECT)} == {0.0}


def test_options_load_from_a_hardware_file(tmp_path):
    from humanoid_description import load_config

    path = tmp_path / "options.yaml"
    path.write_text("seed: 5\nslope: 0.1\nnoise: {gyroscope: 0.0, position: 0.001}\n")
    options = load_config(path, MujocoOptions)
    assert (options.seed, options.slope, options.noise.position) == (5, 0.1, 0.001)
    assert options.noise.force == MujocoOptions().noise.force


def test_physics_slower_than_a_kilohertz_is_refused(tmp_path):
    from humanoid_description import ConfigError, load_config

    path = tmp_path / "options.yaml"
    path.write_text("timestep: 0.002\n")
    with pytest.raises(ConfigError, match="timestep"):
        load_config(path, MujocoOptions)
