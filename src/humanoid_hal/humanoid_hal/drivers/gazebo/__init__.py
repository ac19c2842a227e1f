"""The robot in Gazebo: a server of its own or one that runs, behind the driver contract."""

from humanoid_hal.drivers.gazebo.driver import GazeboDriver
from humanoid_hal.drivers.gazebo.options import GazeboOptions

__all__ = ["GazeboDriver", "GazeboOptions"]
