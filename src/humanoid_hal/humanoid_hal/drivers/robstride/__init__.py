"""The private protocol of RobStride RS00 to RS06 and of the Xiaomi CyberGear over CAN."""
