"""Hardware abstraction: drivers, the gate above them, the safety supervisor, the HAL node."""
