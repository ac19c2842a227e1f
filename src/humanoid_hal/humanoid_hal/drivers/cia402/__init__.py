"""CiA 402 drives over CANopen."""
