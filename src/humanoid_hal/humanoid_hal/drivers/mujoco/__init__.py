"""The simulated robot: MuJoCo behind the driver contract."""

from humanoid_hal.drivers.mujoco.driver import MujocoDriver
from humanoid_hal.drivers.mujoco.options import PERFECT, MujocoOptions, NoiseOptions

__all__ = ["PERFECT", "MujocoDriver", "MujocoOptions", "NoiseOptions"]
