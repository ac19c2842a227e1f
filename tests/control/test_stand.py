"""Promises of the standing controller, alone and in MuJoCo on the simulator's truth."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pinocchio as pin
import pytest

from humanoid_control.config import load_control_config
from humanoid_control.controller import FALLING, JointTargets, References, State
from humanoid_control.stand import StandController
from humanoid_control.whole_body import WholeBodyError
from humanoid_description import load_robot
from humanoid_description.dynamics import pinocchio_model, standing_configuration
from humanoid_description.robot import RobotDescription
from humanoid_hal.driver import Command
from humanoid_hal.drivers.mujoco.driver import MujocoDriver
from humanoid_hal.drivers.mujoco.options import PERFECT, MujocoOptions

ROBOTS = Path(__file__).parents[2] / "config" / "robots"
STEP = 2_000_000  # [ns]


def controller_of(robot: RobotDescription) -> StandController:
    config = load_control_config(ROBOTS / robot.name / "control.yaml")
    return StandController(robot, config.stand, config.whole_body)


def standing(robot: RobotDescription) -> State:
    """At rest in the ready pose, the weight shared by the feet."""
    model = pinocchio_model(robot)
    weight = 9.81 * sum(inertia.mass for inertia in model.inertias)
    wrenches = np.zeros((len(robot.feet), 6))
    wrenches[:, 2] = weight / len(robot.feet)
    return State(
        stamp=0,
        q=standing_configuration(robot, model),
        v=np.zeros(model.nv),
        effort=np.zeros(len(robot.joints)),
        contact=np.ones(len(robot.feet), dtype=bool),
        wrenches=wrenches,
    )


def hold(robot: RobotDescription, state: State) -> JointTargets:
    zero = np.zeros(len(robot.joints))
    return JointTargets(state.q[7:].copy(), zero, zero, zero, zero)


class Rig:
    """The controller in MuJoCo with perfect sensors, balanced on the truth."""

    def __init__(self, name: str, **options: float) -> None:
        self.robot = load_robot(ROBOTS / name)
        self.driver = MujocoDriver(self.robot, MujocoOptions(noise=PERFECT, **options))
        self.controller = controller_of(self.robot)
        self.references = References(height=None)
        self.driver.open()
        self.state = self._read()
        self.controller.start(self.state, hold(self.robot, self.state))
        self.driver.enable(True)

    def _read(self) -> State:
        sample = self.driver.read()
        pose, twist = self.driver.world.truth()
        feet = len(self.robot.feet)
        return State(
            sample.stamp,
            np.concatenate((pose, sample.position)),
            np.concatenate((twist, sample.velocity)),
            sample.effort,
            np.ones(feet, dtype=bool),
            sample.wrenches if sample.wrenches is not None else np.zeros((feet, 6)),
        )

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 500)):
            t = self.controller.update(self.state, self.references)
            self.driver.write(Command(t.position, t.velocity, t.effort, t.stiffness, t.damping))
            self.state = self._read()

    @property
    def tilt(self) -> float:
        return 2.0 * float(np.hypot(*self.state.q[3:5]))

    @property
    def height(self) -> float:
        soles = [self.driver.data.site(foot.name).xpos[2] for foot in self.robot.feet]
        return float(self.state.q[2] - np.mean(soles))

    @property
    def com(self) -> np.ndarray:
        """CoM beyond the middle of the feet, shape (2,)."""
        soles = [self.driver.data.site(foot.name).xpos for foot in self.robot.feet]
        return self.driver.data.subtree_com[1][:2] - np.mean(soles, axis=0)[:2]


def test_a_standing_robot_may_be_taken_over(g1: RobotDescription) -> None:
    assert controller_of(g1).blocked(standing(g1)) is None


def lifted(state: State) -> State:
    return replace(state, wrenches=np.zeros_like(state.wrenches))


def leaning(state: State) -> State:
    q = state.q.copy()
    q[3:7] = pin.Quaternion(pin.rpy.rpyToMatrix(0.0, 0.4, 0.0)).coeffs()
    return replace(state, q=q)


def moving(state: State) -> State:
    v = state.v.copy()
    v[0] = 0.8  # the capture point is then 0.2 m ahead
    return replace(state, v=v)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: replace(s, valid=False), "not valid.*wait for it"),
        (lambda s: replace(s, fall=FALLING), "not upright.*'ready'"),
        (leaning, r"tilted by 0.40 rad \(limit 0.3\)"),
        (lifted, "carry 0 % of the weight.*lower the robot"),
        (lambda s: replace(s, contact=np.array([True, False])), "every foot in contact"),
        (lambda s: replace(s, wrenches=s.wrenches * np.nan), "of the weight"),
        (moving, "capture point is 0.1.. m beyond the feet"),
    ],
)
def test_it_refuses_to_take_over_what_it_could_not_hold(
    g1: RobotDescription, change, reason: str
) -> None:
    import re

    said = controller_of(g1).blocked(change(standing(g1)))
    assert said is not None
    assert re.search(reason, said)


def test_taking_over_a_robot_at_rest_asks_for_no_motion_and_carries_its_weight(
    g1: RobotDescription,
) -> None:
    state, stand = standing(g1), controller_of(g1)
    stand.start(state, hold(g1, state))
    targets = stand.update(state, References())
    np.testing.assert_allclose(targets.position, state.q[7:], atol=1e-3)
    knee = g1.index["left_knee_joint"]
    assert abs(targets.effort[knee]) > 1.0
    assert np.all(np.abs(targets.effort) < 0.5 * g1.column("effort"))


def test_far_references_do_not_jump_in_at_the_start(g1: RobotDescription) -> None:
    """The first torques are those of standing still, whatever is asked for."""
    state = standing(g1)
    answers = []
    wild = References(com_offset=np.array([0.03, 0.05]), height=0.65, torso=np.array([0, 0.3, 0.2]))
    for references in (References(), wild):
        stand = controller_of(g1)
        stand.start(state, hold(g1, state))
        answers.append(stand.update(state, references).effort)
    np.testing.assert_allclose(answers[1], answers[0], atol=0.2)


def test_a_state_that_is_not_finite_ends_in_an_error_not_in_torques(g1: RobotDescription) -> None:
    state, stand = standing(g1), controller_of(g1)
    stand.start(state, hold(g1, state))
    bad = replace(state, v=state.v * np.nan, stamp=STEP)
    with pytest.raises(WholeBodyError):
        stand.update(bad, References())


@pytest.mark.parametrize("name", ["g1", "talos"])
def test_it_stands_still(name: str) -> None:
    rig = Rig(name)
    ready = rig.height
    rig.run(2.0)
    assert rig.tilt < 0.01
    assert rig.height == pytest.approx(ready, abs=5e-3)
    assert np.abs(rig.state.v).max() < 0.05


@pytest.mark.parametrize("scale", [0.95, 1.05])
def test_it_stands_though_the_robot_is_lighter_or_heavier_than_its_model(scale: float) -> None:
    rig = Rig("talos", mass_scale=scale)
    rig.run(2.0)
    assert rig.tilt < 0.03
    assert np.abs(rig.state.v).max() < 0.05


def test_it_squats_and_shifts_its_weight_to_where_it_is_asked() -> None:
    rig = Rig("g1")
    rig.run(1.2)
    height, com = rig.height, rig.com
    for k in range(1, 501):  # 15 cm and 5 cm in two seconds
        rig.references.height = height - 0.15 * k / 500
        rig.references.com_offset = np.array([0.0, 0.05 * k / 500])
        rig.run(0.004)
    rig.run(1.0)
    assert rig.height == pytest.approx(height - 0.15, abs=0.01)
    np.testing.assert_allclose(rig.com - com, [0.0, 0.05], atol=0.005)
    assert rig.tilt < 0.05


def test_arms_follow_a_trajectory_while_it_balances() -> None:
    rig = Rig("g1")
    rig.run(1.2)
    arms = [rig.robot.index[f"{side}_shoulder_pitch_joint"] for side in ("left", "right")]
    ready, n = rig.robot.poses["ready"], len(rig.robot.joints)
    rig.references.tracked = np.isin(np.arange(n), arms)
    rate, errors = 2.0 * np.pi * 0.7, []
    for k in range(700):
        t = k / 500
        position, velocity = ready.copy(), np.zeros(n)
        swing = 0.5 * (1.0 - np.cos(rate * t))
        position[arms] += swing * np.array([1.0, -1.0])
        velocity[arms] = 0.5 * rate * np.sin(rate * t) * np.array([1.0, -1.0])
        rig.references.position, rig.references.velocity = position, velocity
        rig.run(0.002)
        errors.append(np.abs(rig.state.q[7:][arms] - position[arms]).max())
    assert max(errors) < 0.03
    assert rig.tilt < 0.1


@pytest.mark.parametrize("angle", [0.0, 90.0, 180.0])
def test_it_survives_a_push_of_eight_newton_seconds(angle: float) -> None:
    rig = Rig("g1")
    rig.run(0.5)
    direction = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle)), 0.0])
    rig.driver.world.push("", 8.0 / 0.1 * direction, 0.1)
    rig.run(2.5)
    assert rig.tilt < 0.3
    assert np.linalg.norm(rig.com - [0.035, 0.0]) < 0.06


def test_knees_that_a_push_stretched_bend_again() -> None:
    """A straight knee could not: there the height does not depend on it."""
    rig = Rig("g1")
    rig.run(0.5)
    rig.driver.world.push("", np.array([100.0, 0.0, 0.0]), 0.1)
    knees = [7 + rig.robot.index[f"{side}_knee_joint"] for side in ("left", "right")]
    least = np.inf
    for _ in range(40):
        rig.run(0.1)
        least = min(least, float(rig.state.q[knees].min()))
    assert 0.0 < least < 0.15, "the push did not stretch the knees, or straightened them"
    np.testing.assert_allclose(rig.state.q[knees], 0.4, atol=0.05)
    assert rig.tilt < 0.05
