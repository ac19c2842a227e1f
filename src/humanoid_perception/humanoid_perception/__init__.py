"""From sensor samples to the state of the robot: base, contacts, falls."""
