"""What a robot's topics and services are called in Gazebo: one table for model, driver and bridge."""

from dataclasses import dataclass

import yaml

from humanoid_description.robot import RobotDescription

#: Name of every world written by :mod:`humanoid_description.sdf_world`.
WORLD = "humanoid"


@dataclass(frozen=True)
class GazeboTopics:
    """Names in Gazebo's transport; tuples are in the order of the table's feet."""

    joint_states: str  # gz.msgs.Model
    imu: str  # gz.msgs.IMU
    wrenches: tuple[str, ...]  # gz.msgs.Wrench, ground on foot in the sole frame
    contacts: tuple[str, ...]  # gz.msgs.Contacts
    odometry: str  # gz.msgs.Odometry, the true base pose
    command: str  # gz.msgs.Double_V, see torque_law.py
    clock: str  # gz.msgs.Clock
    push: str  # gz.msgs.EntityWrench, one physics step
    push_on: str  # gz.msgs.EntityWrench, until cleared
    push_off: str  # gz.msgs.Entity
    control: str  # service, gz.msgs.WorldControl -> gz.msgs.Boolean


def gazebo_topics(robot: RobotDescription) -> GazeboTopics:
    """The names of one robot in the world :data:`WORLD`."""
    model, world = f"/model/{robot.name}", f"/world/{WORLD}"
    return GazeboTopics(
        joint_states=f"{world}{model}/joint_state",
        imu=f"{model}/imu",
        wrenches=tuple(f"{model}/wrench/{foot.name}" for foot in robot.feet),
        contacts=tuple(f"{model}/contact/{foot.name}" for foot in robot.feet),
        odometry=f"{model}/odometry",
        command=f"{model}/joint_torque_law",
        clock=f"{world}/clock",
        push=f"{world}/wrench",
        push_on=f"{world}/wrench/persistent",
        push_off=f"{world}/wrench/clear",
        control=f"{world}/control",
    )


def bridge_yaml(robot: RobotDescription) -> str:
    """The configuration of ros_gz_bridge that shows Gazebo's own topics to ROS 2.

    Under `gazebo/`, beside the graph's topics and never in their place: the HAL publishes those.
    """
    topics = gazebo_topics(robot)
    rows = [
        ("clock", topics.clock, "rosgraph_msgs/msg/Clock", "gz.msgs.Clock"),
        ("joint_states", topics.joint_states, "sensor_msgs/msg/JointState", "gz.msgs.Model"),
        ("imu", topics.imu, "sensor_msgs/msg/Imu", "gz.msgs.IMU"),
        ("odometry", topics.odometry, "nav_msgs/msg/Odometry", "gz.msgs.Odometry"),
    ]
    for foot, wrench, contact in zip(robot.feet, topics.wrenches, topics.contacts, strict=True):
        kind = "geometry_msgs/msg/WrenchStamped"
        rows.append((f"wrench/{foot.name}", wrench, kind, "gz.msgs.Wrench"))
        kind = "ros_gz_interfaces/msg/Contacts"
        rows.append((f"contact/{foot.name}", contact, kind, "gz.msgs.Contacts"))
    entries = [
        {
            "ros_topic_name": f"gazebo/{ros}",
            "gz_topic_name": gazebo,
            "ros_type_name": ros_type,
            "gz_type_name": gazebo_type,
            "direction": "GZ_TO_ROS",
        }
        for ros, gazebo, ros_type, gazebo_type in rows
    ]
    return yaml.safe_dump(entries, sort_keys=False)
