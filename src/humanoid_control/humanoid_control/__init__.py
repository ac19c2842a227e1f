"""Control: from the robot state to joint commands."""
