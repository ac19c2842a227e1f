"""What all inertial sensors share: units, axes, mounting, start-up."""
