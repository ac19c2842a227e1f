"""Nodes as a user writes them."""

from typing import ClassVar

from rclpy.node import Node
from sensor_msgs.msg import Imu
from std_msgs.msg import Float64

from humanoid_bringup.bags.unit import Unit


class Height(Unit):
    """A unit: the base's height from robot_state."""

    inputs: ClassVar = {"robot_state": "humanoid_interfaces/msg/RobotState"}
    outputs: ClassVar = {"height": "std_msgs/msg/Float64"}

    def take(self, topic, data, time):
        state = self.decode(topic, data)
        self.emit("height", Float64(data=state.pose.position.z))


class Turning(Node):
    """A plain node: a publisher in a callback and one in a timer."""

    def __init__(self):
        super().__init__("turning")
        self._rate = self.create_publisher(Float64, "rate", 10)
        self._beat = self.create_publisher(Float64, "beat", 10)
        self.create_subscription(Imu, "imu/data", self._on_imu, 10)
        self.create_timer(0.1, self._on_timer)

    def _on_imu(self, message):
        self._rate.publish(Float64(data=message.angular_velocity.z))

    def _on_timer(self):
        self._beat.publish(Float64(data=self.get_clock().now().nanoseconds * 1e-9))


class Broken(Node):
    def __init__(self):
        raise RuntimeError("no such sensor")
