"""A bag over live topics: ros2 launch humanoid_bringup replay.launch.py bag:=run rate:=0.5.

No hardware is opened. For a verdict on a bag: humanoid replay <bag> --check.
"""

from humanoid_bringup.launch_glue import replay_description


def generate_launch_description():
    """The player of one bag."""
    return replay_description()
