"""A robot in Gazebo: ros2 launch humanoid_bringup gazebo.launch.py robot:=g1 viewer:=true.

The driver starts a headless server of its own; docs/gazebo.md.
"""

from humanoid_bringup.launch_glue import launch_description


def generate_launch_description():
    """The graph on Gazebo; it arms and stands up by itself."""
    return launch_description(robot="g1", hardware="gazebo", composed=True)
