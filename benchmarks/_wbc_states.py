"""What `wbc-tick` solves: states of a robot that stands and walks, and what is wanted at each."""

from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from humanoid_bringup.closed_loop import ClosedLoop, Tick
from humanoid_bringup.errors import HumanoidError
from humanoid_control.anatomy import ready_height
from humanoid_control.whole_body import Dynamics
from humanoid_description.dynamics import pinocchio_model, standing_configuration
from humanoid_description.robot import RobotDescription

#: Feet that carry, by number of the support: both, the left one, the right one.
SUPPORTS = ((0, 1), (0,), (1,))
#: [N] A foot that carries less is in the air.
LIFTED = 20.0
#: Stiffness and damping of the CoM, [1/s^2] and [1/s].
COM_GAINS = (30.0, 10.0)


@dataclass
class States:
    """Rows, one per state."""

    walking: bool
    q: np.ndarray  # shape (k, nq)
    v: np.ndarray  # shape (k, nv)
    support: np.ndarray  # shape (k,), rows of SUPPORTS
    com: np.ndarray  # shape (k, 3), wanted [m]
    torso: np.ndarray  # shape (k, 3, 3), wanted, to the world
    swing: np.ndarray  # shape (k, 4, 4), wanted pose of the link of the foot that swings

    def __len__(self) -> int:
        return len(self.q)


def record(name: str) -> tuple[RobotDescription, States, States]:
    """The robot, and every second sample of standing (8 s) and of walking (4 s)."""
    loop = ClosedLoop(name, seed=1)
    try:
        loop.run(1.5)
        standing = _stand(loop)
        walking = _walk(loop)
    finally:
        loop.close()
    return loop.robot, standing, walking


def _stand(loop: ClosedLoop) -> States:
    """Pushed, squatting, shifting and turning its body; wanted is the pose of standing still."""
    ticks: list[Tick] = []
    for impulse in ((4.0, 0.0, 0.0), (0.0, 6.0, 0.0)):
        loop.driver.world.push("", np.array(impulse) / 0.1, 0.1)
        loop.run(1.5, ticks.append)
    height = 0.9 * ready_height(loop.robot)
    loop.control.on_body_pose(np.array([0.0, 0.04]), height, np.array([0.0, 0.15, 0.2]))
    loop.run(2.5, ticks.append)
    loop.control.on_body_pose(np.array([0.01, -0.04]), 0.0, np.zeros(3))
    loop.run(2.5, ticks.append)
    if loop.control.mode_state.mode != "stand":
        raise HumanoidError("the robot did not keep standing while its states were recorded")
    model, count = pinocchio_model(loop.robot), len(ticks[::2])
    body = Dynamics(model)
    body.update(standing_configuration(loop.robot, model), np.zeros(model.nv))
    torso = body.frame(model.getFrameId(loop.robot.frames["torso"])).rotation
    return States(
        False,
        *_motion(ticks),
        np.zeros(count, dtype=int),
        np.tile(body.com, (count, 1)),
        np.tile(torso, (count, 1, 1)),
        np.tile(np.eye(4), (count, 1, 1)),
    )


def _walk(loop: ClosedLoop) -> States:
    """Forward in a curve.

    Wanted is what the pendulum over the feet that carry does, a torso that heads where the base
    does, and the swinging foot where it is 4 ms later.
    """
    ticks: list[Tick] = []
    accepted, reason = loop.control.set_mode("walk")
    if not accepted:
        raise HumanoidError(f"the robot does not walk: {reason}")
    loop.run(0.5)
    for second in np.arange(0.0, 6.0, 0.1):
        loop.control.on_velocity(np.array([0.4, 0.0, 0.2]))
        loop.run(0.1, ticks.append if second >= 2.0 else None)
    if loop.control.mode_state.mode != "walk":
        raise HumanoidError("the robot did not keep walking while its states were recorded")
    robot, model = loop.robot, pinocchio_model(loop.robot)
    links = [model.getFrameId(foot.link) for foot in robot.feet]
    soles = [model.getFrameId(foot.name) for foot in robot.feet]
    body, rows = Dynamics(model), []
    for now, later in zip(ticks[:-2:2], ticks[2::2], strict=True):
        loaded = now.estimate.wrenches[:, 2] > LIFTED
        support = 0 if loaded.all() or not loaded.any() else 1 + int(loaded[1])
        body.update(later.state.q, later.state.v)
        swing = body.placement(links[0] if support == 2 else links[1]).homogeneous
        body.update(now.state.q, now.state.v)
        carrying = [body.frame(soles[foot]).position for foot in SUPPORTS[support]]
        away = body.com - np.mean(carrying, axis=0)
        acceleration = -body.gravity[2] / away[2] * away * (1.0, 1.0, 0.0)
        stiffness, damping = COM_GAINS
        com = body.com + (acceleration + damping * body.com_velocity) / stiffness
        heading = np.arctan2(body.base_rotation[1, 0], body.base_rotation[0, 0])
        rows.append((support, com, pin.utils.rotate("z", heading), swing))
    q, v = _motion(ticks[:-2])
    return States(True, q, v, *(np.array(column) for column in zip(*rows, strict=True)))


def _motion(ticks: list[Tick]) -> tuple[np.ndarray, np.ndarray]:
    states = [tick.state for tick in ticks[::2]]
    return np.array([state.q for state in states]), np.array([state.v for state in states])
