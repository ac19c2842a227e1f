"""The rooted problem against the textbook form, and what a solution guarantees."""

import daqp
import numpy as np
import pinocchio as pin
import pytest

from humanoid_control.whole_body import (
    MomentumTask,
    OrientationTask,
    PoseTask,
    WholeBody,
    WholeBodyConfig,
    WholeBodyError,
)

CONFIG = WholeBodyConfig()


class Setting:
    """A whole-body problem with random commands."""

    def __init__(
        self, body, seed: int, speed: float = 0.3, config: WholeBodyConfig = CONFIG
    ) -> None:
        self.body, self.config = body, config
        rng = np.random.default_rng(seed)
        self.whole = WholeBody(body.robot, body.model, config)
        mass = self.whole.body.mass
        momentum = MomentumTask(np.concatenate((np.full(3, 10.0) / mass**2, np.full(3, 0.01))))
        momentum.linear[:] = mass * rng.standard_normal(3)
        momentum.angular[:] = 5.0 * rng.standard_normal(3)
        torso = OrientationTask(
            body.model.getFrameId(body.robot.frames["torso"]), np.full(3, 0.5), 50.0, 10.0
        )
        self.tasks = (momentum, torso)
        joints = len(body.robot.joints)
        self.whole.posture_weight = rng.uniform(0.01, 0.1, joints)
        self.whole.posture_command = rng.standard_normal(joints)
        self.q, v = body.state(seed, spread=0.02)
        self.v = speed * v
        self.whole.update(self.q, self.v)

    def textbook(self, feet: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Accelerations, torques, wrenches with base and all wrenches as variables."""
        whole, dynamics = self.whole, self.whole.body
        nv, n = dynamics.nv, dynamics.nv + 6 * len(feet)
        H, g = np.zeros((n, n)), np.zeros(n)
        for task in self.tasks:
            J, W = task.jacobian(dynamics), np.diag(task.weight)
            H[:nv, :nv] += J.T @ W @ J
            g[:nv] -= J.T @ W @ (task.command(dynamics) - task.drift(dynamics))
        joints = np.arange(6, nv)
        H[joints, joints] += whole.posture_weight
        g[6:nv] -= whole.posture_weight * whole.posture_command
        wrenches = np.arange(nv, n)
        config = self.config
        cost = [config.force_weight] * 3 + [config.torque_weight] * 3
        H[wrenches, wrenches] += np.tile(cost, len(feet))
        jacobians = np.vstack([dynamics.frame(whole.feet[f].frame).jacobian for f in feet])
        dynamic = np.hstack((dynamics.mass_matrix, -jacobians.T))
        A, low, high, kind = [dynamic], [-dynamics.bias.copy()], [-dynamics.bias.copy()], [5] * 6
        effort = config.effort_scale * self.body.robot.column("effort")
        low[0][6:] -= effort
        high[0][6:] += effort
        kind += [0] * len(effort)
        for index, foot in enumerate(feet):
            support = whole.feet[foot]
            still = -dynamics.frame(support.frame).drift
            still -= config.contact_damping * dynamics.frame(support.frame).twist
            keep, cone = np.zeros((6, n)), np.zeros((len(support.cone), n))
            keep[:, :nv] = dynamics.frame(support.frame).jacobian
            cone[:, nv + 6 * index : nv + 6 * index + 6] = support.cone
            A += [keep, cone]
            low += [still, np.full(len(cone), -1e30)]
            high += [still, support.limit]
            kind += [5] * 6 + [0] * len(cone)
        x, _, flag, _ = daqp.solve(
            H, g, np.vstack(A), np.concatenate(high), np.concatenate(low), np.array(kind, np.int32)
        )
        assert flag == 1
        torque = (dynamic @ x + dynamics.bias)[6:]
        return x[:nv], torque, x[nv:].reshape(-1, 6)


@pytest.mark.parametrize("feet", [(0, 1), (1, 0), (0,), (1,)])
@pytest.mark.parametrize("seed", range(5))
def test_the_rooted_problem_has_the_optimum_of_the_textbook_problem(
    body, seed: int, feet: tuple[int, ...]
) -> None:
    setting = Setting(body, seed)
    acceleration, torque, wrenches = setting.textbook(feet)
    solution = setting.whole.solve(feet, setting.tasks)
    assert solution.stale == 0
    scale = max(1.0, np.abs(acceleration).max())
    np.testing.assert_allclose(solution.acceleration, acceleration, atol=1e-8 * scale)
    np.testing.assert_allclose(solution.torque, torque, atol=1e-7)
    np.testing.assert_allclose(solution.wrenches, wrenches, atol=1e-5)


def test_torque_limits_that_matter_are_found_though_their_rows_are_left_out_at_first(
    g1_body,
) -> None:
    """Weak motors: the optimum lies on the limits, in the first sample and in those after it."""
    weak = WholeBodyConfig(effort_scale=0.12)
    setting = Setting(g1_body, 4, speed=0.0, config=weak)
    limit = weak.effort_scale * g1_body.robot.column("effort")
    for _ in range(2):
        solution = setting.whole.solve((0, 1), setting.tasks)
        _, torque, _ = setting.textbook((0, 1))
        assert np.any(np.isclose(np.abs(torque), limit)), "no torque is at its limit"
        np.testing.assert_allclose(solution.torque, torque, atol=1e-6)


@pytest.mark.parametrize("feet", [(0, 1), (0,)])
@pytest.mark.parametrize("seed", range(5))
def test_a_solution_obeys_the_equations_of_motion_and_keeps_the_feet_still(
    body, seed: int, feet: tuple[int, ...]
) -> None:
    setting = Setting(body, seed, speed=0.05)
    solution = setting.whole.solve(feet, setting.tasks)
    dynamics, model = setting.whole.body, body.model
    forces = pin.rnea(model, model.createData(), setting.q, setting.v, solution.acceleration)
    for foot, wrench in zip(feet, solution.wrenches, strict=True):
        support = setting.whole.feet[foot]
        forces -= dynamics.frame(support.frame).jacobian.T @ wrench
        moves = dynamics.frame(support.frame).jacobian @ solution.acceleration
        moves += dynamics.frame(support.frame).drift
        slowed = -CONFIG.contact_damping * dynamics.frame(support.frame).twist
        np.testing.assert_allclose(moves, slowed, atol=1e-7)
    np.testing.assert_allclose(forces, np.concatenate((np.zeros(6), solution.torque)), atol=1e-6)


def test_wrenches_and_torques_stay_within_their_limits_under_wild_commands(g1_body) -> None:
    for seed in range(20):
        setting = Setting(g1_body, seed, speed=0.02)
        momentum = setting.tasks[0]
        momentum.linear[:] *= 5.0
        momentum.angular[:] *= 20.0
        solution = setting.whole.solve((0, 1), setting.tasks)
        assert solution.stale == 0
        limit = CONFIG.effort_scale * g1_body.robot.column("effort")
        assert np.all(np.abs(solution.torque) <= limit + 1e-6)
        for support, wrench in zip(setting.whole.feet, solution.wrenches, strict=True):
            assert np.all(support.cone @ wrench <= support.limit + 1e-6)
            assert wrench[2] >= CONFIG.force_min - 1e-6


def test_standing_still_costs_the_weight_shared_evenly(body) -> None:
    setting = Setting(body, 0)
    momentum = setting.tasks[0]
    momentum.linear[:] = momentum.angular[:] = 0.0
    setting.whole.posture_command[:] = 0.0
    setting.whole.update(body.standing, np.zeros(body.model.nv))
    setting.tasks[1].target = setting.whole.body.placement(setting.tasks[1].frame).rotation.copy()
    solution = setting.whole.solve((0, 1), setting.tasks)
    weight = setting.whole.body.mass * 9.81
    np.testing.assert_allclose(solution.wrenches[:, 2], weight / 2.0, rtol=0.02)
    assert np.abs(solution.acceleration).max() < 0.2


def test_a_joint_at_its_limit_is_not_pushed_beyond(g1_body) -> None:
    robot = g1_body.robot
    row = robot.index["left_elbow_joint"]
    setting = Setting(g1_body, 1, speed=0.0)
    q = setting.q.copy()
    q[7 + row] = robot.joints[row].upper
    setting.whole.update(q, np.zeros(g1_body.model.nv))
    setting.whole.posture_command[row] = 500.0
    setting.whole.posture_weight[row] = 1.0
    assert setting.whole.solve((0, 1), setting.tasks).acceleration[6 + row] < 1e-3


def test_joints_racing_beyond_their_limits_leave_a_solution(g1_body) -> None:
    """Bounds on accelerations are soft: the physics and the torque limits come first."""
    setting = Setting(g1_body, 1, speed=0.0)
    q, v = setting.q.copy(), setting.v.copy()
    arms = slice(15, None)
    q[7:][arms] = g1_body.robot.column("upper")[arms] + 0.5
    v[6:][arms] = 10.0
    setting.whole.update(q, v)
    solution = setting.whole.solve((0, 1), setting.tasks)
    assert solution.stale == 0
    assert np.all(solution.acceleration[6:][arms] < 0.0)


def test_a_swing_foot_follows_its_task_while_the_other_foot_stands(g1_body) -> None:
    setting = Setting(g1_body, 2, speed=0.0)
    swing = PoseTask(setting.whole.feet[1].frame, np.full(6, 100.0), 0.0, 0.0)
    swing.acceleration = np.array([1.0, 0.0, 2.0, 0.0, 0.0, 0.0])
    solution = setting.whole.solve((0,), (*setting.tasks, swing))
    moves = setting.whole.body.frame(swing.frame).jacobian @ solution.acceleration
    np.testing.assert_allclose(moves, swing.acceleration, atol=0.2)


def test_switching_feet_and_tasks_back_and_forth_changes_no_result(g1_body) -> None:
    setting = Setting(g1_body, 2, speed=0.0)
    first = setting.whole.solve((0, 1), setting.tasks)
    setting.whole.solve((0,), setting.tasks)
    setting.whole.solve((0, 1), setting.tasks[:1])
    again = setting.whole.solve((0, 1), setting.tasks)
    np.testing.assert_array_equal(first.torque, again.torque)


def test_a_solution_is_not_overwritten_by_the_next_one(g1_body) -> None:
    setting = Setting(g1_body, 2)
    first = setting.whole.solve((0, 1), setting.tasks)
    kept = first.torque.copy(), first.wrenches.copy(), first.acceleration.copy()
    setting.whole.update(g1_body.standing, np.zeros(g1_body.model.nv))
    setting.whole.solve((0, 1), setting.tasks)
    for value, copy in zip((first.torque, first.wrenches, first.acceleration), kept, strict=True):
        np.testing.assert_array_equal(value, copy)


def test_without_a_solution_the_last_one_is_reused_for_a_while_and_then_it_is_an_error(
    g1_body,
) -> None:
    setting = Setting(g1_body, 3)
    good = setting.whole.solve((0, 1), setting.tasks)
    setting.whole.posture_command = np.full(len(g1_body.robot.joints), np.nan)
    for count in range(1, CONFIG.stale_limit + 1):
        again = setting.whole.solve((0, 1), setting.tasks)
        assert again.stale == count
        np.testing.assert_array_equal(again.torque, good.torque)
    with pytest.raises(WholeBodyError, match=r"no solution for 6 samples.*'damping'") as caught:
        setting.whole.solve((0, 1), setting.tasks)
    assert caught.value.samples == CONFIG.stale_limit + 1


def test_one_good_sample_forgives_the_bad_ones_before(g1_body) -> None:
    setting = Setting(g1_body, 3)
    command = setting.whole.posture_command
    setting.whole.solve((0, 1), setting.tasks)
    for _ in range(3):
        setting.whole.posture_command = np.full_like(command, np.nan)
        assert setting.whole.solve((0, 1), setting.tasks).stale > 0
        setting.whole.posture_command = command
        assert setting.whole.solve((0, 1), setting.tasks).stale == 0


def test_the_first_sample_without_a_solution_is_an_error_at_once(g1_body) -> None:
    setting = Setting(g1_body, 3)
    setting.whole.posture_command = np.full(len(g1_body.robot.joints), np.nan)
    with pytest.raises(WholeBodyError):
        setting.whole.solve((0, 1), setting.tasks)


def test_torques_of_other_feet_are_never_reused(g1_body) -> None:
    setting = Setting(g1_body, 3)
    setting.whole.solve((0, 1), setting.tasks)
    setting.whole.posture_command = np.full(len(g1_body.robot.joints), np.nan)
    with pytest.raises(WholeBodyError):
        setting.whole.solve((0,), setting.tasks)


@pytest.mark.parametrize("feet", [(), (0, 0)])
def test_no_foot_and_a_foot_twice_are_refused(g1_body, feet: tuple[int, ...]) -> None:
    setting = Setting(g1_body, 0)
    with pytest.raises(ValueError, match="feet must be one or more different"):
        setting.whole.solve(feet, setting.tasks)
