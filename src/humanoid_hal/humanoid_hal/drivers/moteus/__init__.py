"""mjbots moteus controllers over CAN FD."""
