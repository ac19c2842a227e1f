"""The simulated robot and floor: the description's model, set up for this driver."""

from math import cos, sin

import mujoco
import numpy as np

from humanoid_description import RobotDescription
from humanoid_description.mujoco_model import SceneOptions, build_mujoco
from humanoid_hal.driver import Array
from humanoid_hal.drivers.mujoco.options import MujocoOptions


def build(robot: RobotDescription, options: MujocoOptions, timestep: float) -> mujoco.MjModel:
    """Return the model; `timestep` in [s]."""
    scene = SceneOptions(
        timestep=timestep,
        friction=options.friction,
        slope=options.slope,
        ramp=options.ramp,
        steps=options.steps,
        mass_scale=options.mass_scale,
        visuals=options.viewer,
    )
    model = build_mujoco(robot, scene)
    # Explicit steps: the torques that are reported are the torques that acted.
    model.opt.integrator = mujoco.mjtIntegrator.mjINT_EULER
    # Without it MuJoCo answers a divergence by silently starting again from its first state.
    model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    # The actuators carry the torque law: a feed-forward beyond the effort limit, and a feedback.
    model.actuator_ctrllimited[:] = 0
    model.actuator_biastype[:] = int(mujoco.mjtBias.mjBIAS_AFFINE)
    return model


def floor_normal(options: MujocoOptions) -> Array:
    """Unit vector, shape (3,), world frame; the floor goes through the origin."""
    return np.array([-sin(options.slope), 0.0, cos(options.slope)])
