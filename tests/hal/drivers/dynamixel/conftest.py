"""Emulated Dynamixels behind a pty."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from humanoid_hal.bus.device import Device
from humanoid_hal.drivers.dynamixel.options import DynamixelOptions
from humanoid_hal.drivers.dynamixel.protocol import DynamixelProtocol
from humanoid_hal.emulation.dynamixel import DynamixelBoards
from humanoid_hal.emulation.motors import Motors


@pytest.fixture
def servos(tmp_path: Path, make_served: Callable) -> Iterator[Any]:
    """Five XM540 that stand and move at different places."""
    motors = Motors([Device(f"joint_{id}", id, "XM540-W270") for id in (1, 2, 3, 7, 200)])
    motors.position[:] = [-3.0, -0.5, 0.0, 0.25, 2.5]
    motors.velocity[:] = [-7.0, -1.0, 0.0, 0.1, 5.0]
    motors.torque[:] = [-4.0, 0.0, 0.5, 1.0, 8.0]
    served = make_served(motors, DynamixelBoards(motors), tmp_path / "tty")
    yield served
    served.bus.port.unplug()


@pytest.fixture
def threaded(servos, in_thread: Callable) -> Iterator[Any]:
    """The same, served by a thread."""
    with in_thread(servos):
        yield servos


@pytest.fixture
def make_protocol() -> Callable[..., DynamixelProtocol]:
    """The protocol for the devices of `servos`."""

    def make(served: Any, **options: Any) -> DynamixelProtocol:
        return DynamixelProtocol(served.motors.devices, DynamixelOptions(**options))

    return make
