"""What all inertial sensors share: framing of a byte stream, units, axes, mounting."""
