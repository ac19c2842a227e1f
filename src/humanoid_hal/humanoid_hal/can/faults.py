"""What goes wrong on the CAN side of a port (row 22 of the fault table)."""

from humanoid_hal.bus.transport import TransportError


class BusOffError(TransportError):
    """The controller takes no frames: it is off the bus, or its queue is full.

    The port counts as lost. It is opened again with an empty queue, and without torque: motion that was
    queued before must not come out later.
    """

    fault = "bus_off"
