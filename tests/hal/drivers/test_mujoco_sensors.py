from dataclasses import replace

import numpy as np
import pytest

from humanoid_hal.drivers.mujoco import PERFECT, MujocoDriver, MujocoOptions, NoiseOptions
from humanoid_hal.drivers.mujoco.sensors import SensorErrors

GRAVITY = 9.81  # [m/s^2] MuJoCo's default
PERFECT_OPTIONS = MujocoOptions(noise=PERFECT)


def sensor_rotation(driver):
    """Rotation of the IMU's frame to the world."""
    return driver.data.site("imu").xmat.reshape(3, 3).copy()


# --- at rest


def test_imu_at_rest_reads_gravity_upward_and_no_rotation(humanoid):
    driver = MujocoDriver(humanoid, PERFECT_OPTIONS)
    imu = driver.read().imu
    np.testing.assert_allclose(
        sensor_rotation(driver) @ imu.linear_acceleration, [0, 0, GRAVITY], atol=1e-9
    )
    np.testing.assert_allclose(imu.angular_velocity, 0.0, atol=1e-12)
    assert imu.orientation is None


def test_feet_carry_the_weight_in_the_first_sample(humanoid):
    driver = MujocoDriver(humanoid, PERFECT_OPTIONS)
    weight = GRAVITY * driver.model.body_subtreemass[0]
    force = driver.read().wrenches[:, :3].sum(axis=0)
    np.testing.assert_allclose(force, [0.0, 0.0, weight], atol=1e-3 * weight)


def test_centre_of_pressure_at_rest_is_under_the_centre_of_mass(humanoid):
    driver = MujocoDriver(humanoid, PERFECT_OPTIONS)
    wrenches = driver.read().wrenches
    soles = np.array([driver.data.site(foot.name).xpos for foot in humanoid.feet])
    local = np.stack([-wrenches[:, 4], wrenches[:, 3]], axis=1) / wrenches[:, 2:3]
    share = wrenches[:, 2] / wrenches[:, 2].sum()
    pressure = share @ (soles[:, :2] + local)
    np.testing.assert_allclose(pressure, driver.data.subtree_com[0, :2], atol=1e-3)


def test_moving_sample_continues_the_resting_one(humanoid, hold, run):
    driver = MujocoDriver(humanoid, PERFECT_OPTIONS)
    first = driver.read()
    command = hold(humanoid)
    command.effort = first.effort.copy()
    second = run(driver, command, 1)[0]
    np.testing.assert_allclose(second.effort, first.effort, atol=0.05)
    np.testing.assert_allclose(second.wrenches, first.wrenches, atol=0.5)
    np.testing.assert_allclose(
        second.imu.linear_acceleration, first.imu.linear_acceleration, atol=0.02
    )


# --- in motion


def test_imu_increments_are_those_of_velocity_and_attitude(g1, hold, run):
    """Mean specific force and rate over a period, integrated, give the motion of the sensor."""
    import mujoco

    driver = MujocoDriver(g1, replace(PERFECT_OPTIONS, clearance=0.5))
    command = hold(g1)
    run(driver, command, 20)
    driver.world.push("", [60.0, 40.0, 0.0], 1.0)
    period = driver.period * 1e-9
    site = driver.model.site("imu").id

    def velocity():
        twist = np.empty(6)
        mujoco.mj_objectVelocity(
            driver.model, driver.data, mujoco.mjtObj.mjOBJ_SITE, site, twist, 0
        )
        return twist[3:]

    for _ in range(100):
        before, attitude = velocity(), sensor_rotation(driver)
        driver.write(command)
        imu = driver.read().imu
        middle = attitude @ rotation(imu.angular_velocity * period / 2)
        force = middle @ imu.linear_acceleration
        expected = (velocity() - before) / period + [0.0, 0.0, GRAVITY]
        np.testing.assert_allclose(force, expected, atol=0.05)
        predicted = attitude @ rotation(imu.angular_velocity * period)
        np.testing.assert_allclose(predicted, sensor_rotation(driver), atol=1e-6)


def rotation(vector):
    """Rodrigues' formula."""
    angle = np.linalg.norm(vector)
    if angle == 0.0:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def test_wrenches_are_zero_in_the_air(g1, hold, run):
    driver = MujocoDriver(g1, replace(PERFECT_OPTIONS, clearance=0.5))
    assert not driver.read().wrenches.any()
    assert not run(driver, hold(g1), 5)[-1].wrenches.any()


def test_wrenches_equal_the_contact_forces_moved_to_the_soles(g1, hold, run):
    """Summed contact by contact through MuJoCo's other interface, on a pushed humanoid."""
    import mujoco

    driver = MujocoDriver(g1, replace(PERFECT_OPTIONS, control_rate=1000.0))
    driver.world.push("", [40.0, 25.0, 0.0], 1.0)
    run(driver, hold(g1), 120)
    model, data = driver.model, driver.data
    sample = driver.read()
    mujoco.mj_forward(model, data)  # forces of the state that the next physics step starts from
    expected = np.zeros((2, 6))
    for number in range(data.ncon):
        contact, wrench = data.contact[number], np.zeros(6)
        mujoco.mj_contactForce(model, data, number, wrench)
        body = int(model.geom_bodyid[contact.geom].max())
        side = 1.0 if model.geom_bodyid[contact.geom[1]] == body else -1.0
        force = side * contact.frame.reshape(3, 3).T @ wrench[:3]
        foot = [foot.link for foot in g1.feet].index(model.body(body).name)
        sole = data.site(g1.feet[foot].name)
        into_sole = sole.xmat.reshape(3, 3).T
        expected[foot, :3] += into_sole @ force
        expected[foot, 3:] += into_sole @ np.cross(contact.pos - sole.xpos, force)
    following = driver.read()
    # The solver stops at its tolerance from another start here and there.
    np.testing.assert_allclose(following.wrenches, expected, atol=1e-2)
    assert np.abs(following.wrenches - sample.wrenches).max() > 0.1


def test_pushed_foot_does_not_feel_the_push_as_ground(g1, hold, run):
    driver = MujocoDriver(g1, replace(PERFECT_OPTIONS, clearance=0.5))
    driver.world.push("l_sole", [0.0, 0.0, 50.0], 1.0)
    assert not run(driver, hold(g1), 5)[-1].wrenches.any()


def test_samples_carry_wrenches_only_where_the_table_has_sensors_if_asked(humanoid):
    driver = MujocoDriver(humanoid, replace(PERFECT_OPTIONS, force_sensors=False))
    sensed = all(foot.force_sensor for foot in humanoid.feet)
    assert (driver.read().wrenches is not None) == sensed


def test_samples_do_not_change_after_they_were_returned(g1, hold, run):
    driver = MujocoDriver(g1)
    early = run(driver, hold(g1), 1)[0]
    kept = [early.position.copy(), early.imu.linear_acceleration.copy(), early.wrenches.copy()]
    run(driver, hold(g1), 5)
    for now, then in zip(
        (early.position, early.imu.linear_acceleration, early.wrenches), kept, strict=True
    ):
        np.testing.assert_array_equal(now, then)


# --- errors


def draw(noise, count, period, joints=0, feet=0):
    errors = SensorErrors(noise, joints, feet, period, seed=1)
    rows = np.zeros((count, 6 + 3 * joints + 6 * feet))
    for row in rows:
        errors.add(row)
    return rows


@pytest.mark.parametrize("period", [0.001, 0.002, 0.01])
def test_imu_noise_density_does_not_depend_on_the_rate(period):
    rows = draw(replace(PERFECT, gyroscope=0.01, accelerometer=0.3), 4000, period)
    deviation = rows.std(axis=0) * np.sqrt(period)
    np.testing.assert_allclose(deviation, [0.01] * 3 + [0.3] * 3, rtol=0.05)


def test_biases_walk_with_the_square_root_of_time():
    noise = replace(PERFECT, gyroscope_walk=0.02, accelerometer_walk=0.5)
    steps = np.diff(draw(noise, 4000, 0.002), axis=0).std(axis=0) / np.sqrt(0.002)
    np.testing.assert_allclose(steps, [0.02] * 3 + [0.5] * 3, rtol=0.05)


def test_first_bias_has_the_given_deviation():
    noise = replace(PERFECT, gyroscope_bias=0.1, accelerometer_bias=2.0)
    biases = np.array([SensorErrors(noise, 0, 0, 0.002, seed).bias for seed in range(1000)])
    np.testing.assert_allclose(biases.std(axis=0), [0.1] * 3 + [2.0] * 3, rtol=0.1)


def test_each_channel_has_its_own_noise():
    noise = NoiseOptions(position=1.0, velocity=2.0, effort=3.0, force=4.0, torque=5.0)
    rows = draw(noise, 4000, 0.002, joints=2, feet=2)
    expected = [1.0] * 2 + [2.0] * 2 + [3.0] * 2 + ([4.0] * 3 + [5.0] * 3) * 2
    np.testing.assert_allclose(rows[:, 6:].std(axis=0), expected, rtol=0.06)
    np.testing.assert_allclose(rows[:, 6:].mean(axis=0), 0.0, atol=0.3)


def test_perfect_sensors_have_no_error():
    assert not draw(PERFECT, 10, 0.002, joints=3, feet=2).any()
