"""ROBOTIS Dynamixel servos, Protocol 2.0."""
