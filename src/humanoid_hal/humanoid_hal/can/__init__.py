"""CAN frames in batches, and the serial adapters that carry them as text. Pure: no port, no clock."""
