"""What a Gazebo server needs of this project, as files in one folder: `humanoid gazebo` writes it.

``world.sdf``, the torque law with its settings, and the configuration of ros_gz_bridge.
"""

import json
from pathlib import Path
from shutil import copyfile

from humanoid_description import RobotDescription
from humanoid_description.gazebo_topics import bridge_yaml, gazebo_topics
from humanoid_description.scene import SceneOptions
from humanoid_description.sdf_world import build_world
from humanoid_hal.drivers.gazebo import torque_law
from humanoid_hal.drivers.gazebo.options import GazeboOptions


def write_files(robot: RobotDescription, options: GazeboOptions, folder: Path) -> Path:
    """Write all files into `folder`, which exists; the path of the world."""
    scene = SceneOptions(
        timestep=1.0 / options.control_rate / steps_per_period(options),
        friction=options.friction,
        mass_scale=options.mass_scale,
    )
    world = folder / "world.sdf"
    world.write_text(build_world(robot, options.world, scene, sensor_rate=options.control_rate))
    law = folder / "humanoid_torque_law.py"
    copyfile(torque_law.__file__, law)
    law.with_suffix(".json").write_text(json.dumps(law_settings(robot, options.watchdog), indent=1))
    (folder / "ros_gz_bridge.yaml").write_text(bridge_yaml(robot))
    return world


def law_settings(robot: RobotDescription, watchdog: float) -> dict[str, object]:
    """What torque_law.py is told; `watchdog` [s]."""
    start = robot.poses["ready"]
    return {
        "topic": gazebo_topics(robot).command,
        "timeout": watchdog,
        "joints": [
            {"name": joint.name, "effort": joint.effort, "start": float(angle)}
            for joint, angle in zip(robot.joints, start, strict=True)
        ],
    }


def steps_per_period(options: GazeboOptions) -> int:
    """Physics steps in one control period."""
    return max(1, -int(-(1.0 / options.control_rate - 1e-9) // options.timestep))
