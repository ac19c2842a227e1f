"""A robot in simulation: ros2 launch humanoid_bringup sim.launch.py robot:=talos viewer:=true."""

from humanoid_bringup.launch_glue import launch_description


def generate_launch_description():
    """The graph on a simulator; it arms and stands up by itself."""
    return launch_description(robot="g1", hardware="mujoco", composed=True)
