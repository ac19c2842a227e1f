"""Parameters declared once, with description, range and default."""

from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node


def declare(
    node: Node,
    name: str,
    default: Any,
    description: str,
    *,
    lower: float | None = None,
    upper: float | None = None,
) -> Any:
    """Declare the read-only parameter `name` and return its value.

    `lower` and `upper` bound a number; rclpy refuses a value outside of them with its own message.
    """
    descriptor = ParameterDescriptor(description=description, read_only=True)
    if lower is not None and upper is not None:
        if isinstance(default, int):
            descriptor.integer_range = [IntegerRange(from_value=int(lower), to_value=int(upper))]
        else:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(lower), to_value=float(upper))
            ]
    return node.declare_parameter(name, default, descriptor).value
