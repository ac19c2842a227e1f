"""ODrive controllers over CANSimple."""
