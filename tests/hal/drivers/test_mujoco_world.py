from dataclasses import replace

import mujoco
import numpy as np
import pytest

from humanoid_hal.driver import DriverError
from humanoid_hal.drivers.mujoco import PERFECT, MujocoDriver, MujocoOptions
from humanoid_hal.drivers.mujoco.world import RESET_PAUSE

GRAVITY = 9.81  # [m/s^2] MuJoCo's default
PERFECT_OPTIONS = MujocoOptions(noise=PERFECT)
IN_THE_AIR = replace(PERFECT_OPTIONS, clearance=2.0)


def momentum(driver):
    mujoco.mj_subtreeVel(driver.model, driver.data)
    return driver.model.body_subtreemass[0] * driver.data.subtree_linvel[0]


# --- pushes


@pytest.mark.parametrize("duration", [0.001, 0.1, 0.0333])
def test_push_changes_momentum_by_force_times_duration(g1, hold, run, duration):
    driver = MujocoDriver(g1, IN_THE_AIR)
    run(driver, hold(g1), 1)
    before = momentum(driver)
    driver.world.push("", [50.0, -20.0, 10.0], duration)
    ticks = 60
    run(driver, hold(g1), ticks)
    fallen = driver.model.body_subtreemass[0] * GRAVITY * ticks * driver.period * 1e-9
    expected = np.array([50.0, -20.0, 10.0]) * round(duration * 1000) * 0.001 - [0, 0, fallen]
    np.testing.assert_allclose(momentum(driver) - before, expected, atol=0.05)


def test_pushes_at_the_same_time_add_up(g1, hold, run):
    driver = MujocoDriver(g1, IN_THE_AIR)
    driver.world.push("", [50.0, 0.0, 0.0], 0.02)
    driver.world.push("pelvis", [0.0, 30.0, 0.0], 0.04)
    run(driver, hold(g1), 30)
    np.testing.assert_allclose(momentum(driver)[:2], [1.0, 1.2], atol=0.02)


def test_push_waits_while_the_world_stands_still(g1, hold, run):
    driver = MujocoDriver(g1, IN_THE_AIR)
    driver.world.push("", [50.0, 0.0, 0.0], 0.02)
    for _ in range(20):
        driver.read()
    run(driver, hold(g1), 20)
    np.testing.assert_allclose(momentum(driver)[0], 1.0, atol=0.02)


def test_push_acts_at_the_centre_of_mass_of_the_named_link(g1, hold, run):
    """Free fall of the whole robot under a force on one hand: spin = lever x impulse."""
    driver = MujocoDriver(g1, IN_THE_AIR)
    model, data = driver.model, driver.data
    body = model.body(g1.frames["l_wrist"]).id
    force, duration = np.array([0.0, 0.0, 20.0]), 0.004
    lever = data.xipos[body] - data.subtree_com[1]
    driver.world.push("l_wrist", force, duration)
    run(driver, hold(g1), 2)
    mujoco.mj_subtreeVel(model, data)
    expected = np.cross(lever, force * duration)
    np.testing.assert_allclose(data.subtree_angmom[1], expected, atol=0.02 * abs(expected).max())


def test_torso_is_pushed_when_no_link_is_named(g1, hold, run):
    named, unnamed = MujocoDriver(g1, IN_THE_AIR), MujocoDriver(g1, IN_THE_AIR)
    named.world.push("torso_link", [0.0, 40.0, 0.0], 0.01)
    unnamed.world.push("", [0.0, 40.0, 0.0], 0.01)
    run(named, hold(g1), 10)
    run(unnamed, hold(g1), 10)
    np.testing.assert_array_equal(named.data.qpos, unnamed.data.qpos)


@pytest.mark.parametrize(
    ("link", "force", "duration", "message"),
    [
        ("torsoo", [1.0, 0.0, 0.0], 0.1, "unknown link 'torsoo'; did you mean 'torso'"),
        ("§", [1.0, 0.0, 0.0], 0.1, "unknown link '§'; known: .*pelvis"),
        ("world", [1.0, 0.0, 0.0], 0.1, "unknown link 'world'"),
        ("", [np.nan, 0.0, 0.0], 0.1, "force"),
        ("", [np.inf, 0.0, 0.0], 0.1, "force"),
        ("", [1.0, 0.0], 0.1, "force"),
        ("", [1.0, 0.0, 0.0], np.nan, "duration"),
        ("", [1.0, 0.0, 0.0], np.inf, "duration"),
        ("", [1.0, 0.0, 0.0], 0.0, "duration"),
        ("", [1.0, 0.0, 0.0], -1.0, "duration"),
    ],
)
def test_malformed_pushes_are_refused_and_push_nothing(
    g1, hold, run, link, force, duration, message
):
    driver, untouched = MujocoDriver(g1, PERFECT_OPTIONS), MujocoDriver(g1, PERFECT_OPTIONS)
    with pytest.raises(ValueError, match=message):
        driver.world.push(link, force, duration)
    run(driver, hold(g1), 5)
    run(untouched, hold(g1), 5)
    np.testing.assert_array_equal(driver.data.qpos, untouched.data.qpos)


# --- reset and truth


def test_reset_returns_to_the_start_and_stamps_jump_ahead(humanoid, hold, run):
    driver = MujocoDriver(humanoid, PERFECT_OPTIONS)
    start, first = driver.data.qpos.copy(), driver.read()
    driver.world.push("", [80.0, 0.0, 0.0], 1.0)
    last = run(driver, hold(humanoid), 40)[-1]
    driver.world.reset()
    np.testing.assert_array_equal(driver.data.qpos, start)
    again = driver.read()
    assert again.stamp == last.stamp + driver.period + round(RESET_PAUSE * 1e9)
    assert driver.read() is again
    np.testing.assert_array_equal(again.effort, first.effort)
    np.testing.assert_array_equal(again.wrenches, first.wrenches)


def test_reset_forgets_commands_and_pushes(g1, hold, run):
    driver = MujocoDriver(g1, replace(PERFECT_OPTIONS, latency=2))
    fresh = MujocoDriver(g1, replace(PERFECT_OPTIONS, latency=2))
    driver.world.push("", [80.0, 0.0, 0.0], 1.0)
    run(driver, hold(g1), 10)
    driver.world.reset()
    for each in (driver, fresh):
        each.enable(True)
        for _ in range(5):
            each.read()
    np.testing.assert_array_equal(driver.data.qpos, fresh.data.qpos)


def test_truth_is_the_base_pose_and_its_twist_in_the_base_frame(g1, hold, run):
    driver = MujocoDriver(g1, IN_THE_AIR)
    driver.data.qvel[:6] = [0.3, 0.0, 0.0, 0.0, 0.0, 1.0]
    run(driver, hold(g1), 400)
    pose, twist = driver.world.truth()
    qpos, qvel = driver.data.qpos, driver.data.qvel
    np.testing.assert_array_equal(pose[:3], qpos[:3])
    np.testing.assert_array_equal(pose[3:], qpos[[4, 5, 6, 3]])
    turn = np.empty(9)
    mujoco.mju_quat2Mat(turn, qpos[3:7])
    np.testing.assert_allclose(twist[:3], turn.reshape(3, 3).T @ qvel[:3], atol=1e-12)
    np.testing.assert_allclose(twist[3:], qvel[3:6], atol=1e-12)
    assert abs(pose[5]) > 0.3  # it did turn: a frame mix-up would show


def test_truth_is_a_copy(g1, hold, run):
    driver = MujocoDriver(g1, IN_THE_AIR)
    pose, _ = driver.world.truth()
    kept = pose.copy()
    run(driver, hold(g1), 20)
    np.testing.assert_array_equal(pose, kept)


# --- the start


def test_start_is_in_equilibrium_on_the_floor(humanoid):
    driver = MujocoDriver(humanoid, PERFECT_OPTIONS)
    model, data = driver.model, driver.data
    data.qfrc_applied[6:] = driver.read().effort
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.qacc, 0.0, atol=0.05)
    depth = min(data.site(foot.name).xpos[2] for foot in humanoid.feet)
    assert -0.002 < depth < 0.0


def test_middle_of_the_soles_starts_at_the_origin(humanoid):
    driver = MujocoDriver(humanoid, PERFECT_OPTIONS)
    soles = np.array([driver.data.site(foot.name).xpos for foot in humanoid.feet])
    np.testing.assert_allclose(soles[:, :2].mean(axis=0), 0.0, atol=1e-4)


def test_clearance_starts_above_the_floor(g1):
    driver = MujocoDriver(g1, replace(PERFECT_OPTIONS, clearance=0.25))
    heights = [driver.data.site(foot.name).xpos[2] for foot in g1.feet]
    assert min(heights) == pytest.approx(0.25)


@pytest.mark.parametrize("slope", [-0.1, 0.1])
def test_robot_starts_square_on_a_slope(g1, slope):
    driver = MujocoDriver(g1, replace(PERFECT_OPTIONS, slope=slope))
    normal = [-np.sin(slope), 0.0, np.cos(slope)]
    for foot in g1.feet:
        np.testing.assert_allclose(
            driver.data.site(foot.name).xmat.reshape(3, 3)[:, 2], normal, atol=2e-3
        )
    weight = GRAVITY * driver.model.body_subtreemass[0]
    assert driver.read().wrenches[:, 2].sum() == pytest.approx(weight, rel=0.02)


def test_heavier_robot_weighs_more_on_its_feet(g1):
    light, heavy = (
        MujocoDriver(g1, replace(PERFECT_OPTIONS, mass_scale=scale)) for scale in (1.0, 1.1)
    )
    forces = [driver.read().wrenches[:, 2].sum() for driver in (light, heavy)]
    assert forces[1] / forces[0] == pytest.approx(1.1, rel=1e-4)


def test_slippery_floor_gives_way_and_a_rough_one_holds(g1, hold, run):
    slips = []
    for friction in (0.02, 0.8):
        driver = MujocoDriver(g1, replace(PERFECT_OPTIONS, friction=friction, slope=0.06))
        start = driver.data.site("l_sole").xpos.copy()
        run(driver, hold(g1), 300)
        slips.append(np.linalg.norm(driver.data.site("l_sole").xpos - start))
    assert slips[0] > 0.01 > 0.002 > slips[1]


def test_pose_that_falls_over_at_once_is_refused_with_the_next_step(g1):
    bowed = g1.poses["ready"].copy()
    for side in ("left", "right"):
        bowed[g1.index[f"{side}_hip_pitch_joint"]] = -1.6
    poses = {"ready": g1.poses["ready"], "bowed": bowed}
    with pytest.raises(DriverError, match=r"cannot stand in its start pose.*set `clearance`"):
        MujocoDriver(replace(g1, poses=poses), MujocoOptions(pose="bowed"))
    MujocoDriver(replace(g1, poses=poses), MujocoOptions(pose="bowed", clearance=0.1))
