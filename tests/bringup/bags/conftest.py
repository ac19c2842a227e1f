import functools
from pathlib import Path

import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Imu
from std_msgs.msg import String

from humanoid_bringup.bags.bag import Topic
from humanoid_bringup.bags.outlet import serialise
from humanoid_bringup.bags.writer import BagWriter
from humanoid_bringup.definitions import definition
from humanoid_bringup.qos import describe
from humanoid_runtime.stamps import set_stamp

STREAM = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
SECOND = 1_000_000_000
ROOT = Path(__file__).parents[3]


def topic(name, kind, qos=STREAM):
    return Topic(name, kind, definition(kind), describe([qos]))


@functools.cache
def imu(index, change=0.0):
    """One message of a bag: numbers that only that one has."""
    message = Imu()
    set_stamp(message.header.stamp, index * 2_000_000)
    message.header.frame_id = "imu_link"
    values = np.random.default_rng(index).normal(size=6)
    message.angular_velocity.x, message.angular_velocity.y, message.angular_velocity.z = values[:3]
    message.linear_acceleration.x = values[3] + change
    message.linear_acceleration.y, message.linear_acceleration.z = values[4:]
    return serialise(message)


def write_bag(path, count=400, change=None, **options):
    """IMU messages and one latched text; `change(index)` is added to one number."""
    with BagWriter(path, chunk_size=options.pop("chunk_size", 8192), **options) as writer:
        writer.add(topic("/robot_description", "std_msgs/msg/String", LATCHED))
        writer.add(topic("/imu/data", "sensor_msgs/msg/Imu"))
        writer.write("/robot_description", SECOND, serialise(String(data="<robot/>")))
        for index in range(count):
            data = imu(index, change(index) if change else 0.0)
            writer.write("/imu/data", SECOND + index * 2_000_000, data)
    return path


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A bag of many small chunks; not to be changed."""
    return write_bag(tmp_path_factory.mktemp("bags") / "small")
