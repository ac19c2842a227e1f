"""The MIT mini-cheetah protocol over CAN: CubeMars AK, Damiao DM, RobStride in MIT mode."""
