"""Promises of the fixed-layout serialisation."""

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Imu, JointState

from humanoid_interfaces.msg import FootState, JointCommand, RobotState, SafetyState
from humanoid_runtime.cdr import FixedPublisher, Layout

NAMES = ["hip", "knee_of_the_left_leg", "ankle"]


def robot_state(value: float = 0.0) -> RobotState:
    message = RobotState(child_frame_id="base_link", name=NAMES)
    message.header.frame_id = "odom"
    for field in ("position", "velocity", "effort"):
        setattr(message, field, [value, value + 1.0, value + 2.0])
    message.feet = [FootState(name="l_sole"), FootState(name="r_sole", contact=True)]
    message.pose.position.x = value
    message.twist.angular.z = -value
    message.feet[1].wrench.force.z = 3.0 * value
    return message


@pytest.mark.parametrize(
    "message",
    [
        robot_state(4.5),
        Imu(),
        JointState(name=NAMES, position=[1.0, 2.0, 3.0], velocity=[0.0] * 3, effort=[0.0] * 3),
        JointCommand(
            name=NAMES,
            sequence=7,
            position=[1.0, 2.0, 3.0],
            velocity=[0.0] * 3,
            effort=[0.0] * 3,
            stiffness=[0.0] * 3,
            damping=[0.5] * 3,
        ),
        SafetyState(reaction=3, armed=True, active=["fall: 41 deg"], clamped=2**40),
        DiagnosticArray(),
    ],
    ids=lambda message: type(message).__name__,
)
def test_the_bytes_mean_the_same_message_to_rclpy(message: object) -> None:
    layout = Layout(message)
    assert deserialize_message(bytes(layout.template()), type(message)) == message
    assert len(serialize_message(message)) == layout.size


def test_trailing_empty_sequences_mean_the_same_message_to_rclpy() -> None:
    message = JointCommand(name=NAMES)
    assert deserialize_message(bytes(Layout(message).template()), JointCommand) == message


def test_a_number_written_through_a_view_arrives() -> None:
    layout = Layout(robot_state())
    buffer = layout.template()
    layout.view(buffer, "velocity")[:] = [7.0, 8.0, 9.0]
    layout.view(buffer, "pose.position.x", "pose.orientation.w")[:] = range(7)
    layout.view(buffer, "feet.0.contact")[:] = True
    layout.write_stamp(buffer, 3_000_000_004)
    message = deserialize_message(bytes(buffer), RobotState)
    assert list(message.velocity) == [7.0, 8.0, 9.0]
    assert message.pose.orientation.w == 6.0
    assert message.feet[0].contact is True
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (3, 4)
    assert layout.read_stamp(buffer) == 3_000_000_004


def test_what_rclpy_serialised_can_be_read_in_place() -> None:
    layout = Layout(robot_state())
    data = serialize_message(robot_state(2.5))
    assert layout.fits(data)
    assert layout.view(data, "position").tolist() == [2.5, 3.5, 4.5]
    assert layout.view(data, "feet.1.wrench.force.z").item() == 7.5


def test_the_padding_that_the_wire_adds_at_the_end_is_no_other_layout() -> None:
    message = robot_state(2.5)
    layout = Layout(message)
    data = bytes(layout.template())
    assert len(data) % 4 == 2
    assert layout.fits(data + b"\x00\x00")
    assert layout.view(data + b"\x00\x00", "position").tolist() == [2.5, 3.5, 4.5]
    assert not layout.fits(data + b"\x00\x00\x00\x00")


def test_other_names_lengths_or_byte_orders_do_not_fit() -> None:
    layout = Layout(robot_state())
    other = robot_state()
    other.name = ["hip", "knee_of_the_left_leg", "anklf"]
    shorter = robot_state()
    shorter.position = [0.0, 0.0]
    swapped = bytearray(layout.template())
    swapped[1] = 0
    for data in (serialize_message(other), serialize_message(shorter), bytes(swapped), b""):
        assert not layout.fits(data)


def test_what_other_writers_leave_between_the_fields_is_no_other_layout() -> None:
    layout = Layout(JointState(name=["ab"], position=[0.0]))
    data = layout.template()
    data[data.index(b"ab\x00") + 3] = 0xAA
    assert layout.fits(bytes(data))


def test_equal_messages_have_equal_bytes_because_padding_is_zero() -> None:
    layout = Layout(robot_state(1.0))
    assert layout.template() == Layout(robot_state(1.0)).template()


def test_a_run_over_a_gap_or_two_types_is_refused() -> None:
    layout = Layout(robot_state())
    with pytest.raises(ValueError, match="gapless"):
        layout.view(layout.template(), "feet.0.contact", "feet.0.wrench.force.x")
    with pytest.raises(ValueError, match="gapless"):
        layout.view(layout.template(), "position", "velocity")


def test_an_unknown_field_is_an_error() -> None:
    layout = Layout(robot_state())
    with pytest.raises(KeyError):
        layout.view(layout.template(), "posiition")


def test_views_write_into_the_buffer_they_were_made_of() -> None:
    layout = Layout(robot_state())
    buffer = layout.template()
    view = layout.view(buffer, "effort")
    view += 1.0
    assert np.array_equal(layout.view(bytes(buffer), "effort"), view)


def test_a_fixed_publisher_sends_what_its_views_hold() -> None:
    sent: list[bytes] = []

    class Wire:
        """Stands for an rclpy node and its publisher."""

        def create_publisher(self, *_: object) -> "Wire":
            return self

        def publish(self, data: bytes) -> None:
            sent.append(data)

    publisher = FixedPublisher(Wire(), robot_state(), "robot_state", 1)
    publisher.view("position")[:] = [1.0, 2.0, 3.0]
    publisher.publish(5)
    publisher.view("position")[:] = 0.0
    publisher.publish(6)
    first, second = (deserialize_message(data, RobotState) for data in sent)
    assert list(first.position) == [1.0, 2.0, 3.0]
    assert first.header.stamp.nanosec == 5
    assert list(second.position) == [0.0, 0.0, 0.0]
