"""Publishes TF from joint_states and odom, for RViz; it looks on and nothing depends on it."""

import sys
from typing import Any

import numpy as np
from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState

from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.transforms import Placed, Transforms
from humanoid_description import load_robot
from humanoid_runtime import topics
from humanoid_runtime.main import run_node, stopping
from humanoid_runtime.parameters import declare

NODE = "humanoid_transforms"


class TransformsNode(Node):
    """See the module docstring."""

    def __init__(self) -> None:
        super().__init__(NODE)
        try:
            from tf2_msgs.msg import TFMessage
        except ImportError as error:
            raise HumanoidError(
                "TF needs tf2_msgs, which comes with a ROS 2 installation: source one, or start "
                "without --tf",
                Exit.ENVIRONMENT,
            ) from error
        robot = declare(self, "robot", "", "path of the robot's robot.yaml")
        rate = declare(self, "rate", 50.0, "messages per second [Hz]", lower=1.0, upper=500.0)
        self._period = 1.0 / rate
        self._transforms = Transforms(load_robot(robot))
        self._message = TFMessage
        self._joints: bytes = b""  # the newest of each, read only when it is due
        self._odometry: bytes = b""
        self._moving = self.create_publisher(TFMessage, "/tf", QoSProfile(depth=100))
        self._fixed = self.create_publisher(TFMessage, "/tf_static", topics.LATCHED)
        self.create_subscription(
            JointState, topics.JOINT_STATES, self._on_joints, topics.STREAM, raw=True
        )
        self.create_subscription(Odometry, topics.ODOM, self._on_odometry, topics.STREAM, raw=True)
        self.create_timer(self._period, self._publish)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self)
        stamp = self.get_clock().now().to_msg()
        self._fixed.publish(self._tf(self._transforms.fixed(), stamp))

    def run(self) -> None:
        """Publish until the process is asked to stop."""
        while not stopping():
            self._executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown(timeout_sec=0)
        self.destroy_node()

    def _on_joints(self, data: bytes) -> None:
        self._joints = data

    def _on_odometry(self, data: bytes) -> None:
        self._odometry = data

    def _publish(self) -> None:
        if not self._joints or not self._odometry:
            return
        joints = deserialize_message(self._joints, JointState)
        odometry = deserialize_message(self._odometry, Odometry)
        self._joints = self._odometry = b""
        angles = dict(zip(joints.name, joints.position, strict=True))
        p, q = odometry.pose.pose.position, odometry.pose.pose.orientation
        base = np.array([p.x, p.y, p.z]), np.array([q.x, q.y, q.z, q.w])
        moving = self._transforms.moving(angles)
        message = self._tf(moving, joints.header.stamp)
        placed = self._transforms.base(*base, angles)
        message.transforms.extend(self._tf(placed, odometry.header.stamp).transforms)
        self._moving.publish(message)

    def _tf(self, placed: list[Placed], stamp: Any) -> Any:
        return self._message(transforms=[_stamped(each, stamp) for each in placed])


def _stamped(placed: Placed, stamp: Any) -> TransformStamped:
    message = TransformStamped(child_frame_id=placed.child)
    message.header.frame_id, message.header.stamp = placed.parent, stamp
    shift, turned = message.transform.translation, message.transform.rotation
    shift.x, shift.y, shift.z = placed.xyz.tolist()
    turned.x, turned.y, turned.z, turned.w = placed.orientation.tolist()
    return message


def main() -> int:
    """Run the node; the process's exit code."""
    return run_node(TransformsNode, sys.argv)


if __name__ == "__main__":
    sys.exit(main())
