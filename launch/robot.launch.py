"""A robot on its hardware: ros2 launch humanoid_bringup robot.launch.py robot:=g1 hardware:=real.

It reads and does not move until it is armed: ros2 service call /rearm std_srvs/srv/Trigger.
"""

from humanoid_bringup.incidents import default_directory
from humanoid_bringup.launch_glue import launch_description


def generate_launch_description():
    """The graph on hardware, inactive; it keeps incidents, as `humanoid up` does."""
    return launch_description(
        robot=None,
        hardware=None,
        autostart="inactive",
        startup_mode="damping",
        incidents=str(default_directory()),
    )
