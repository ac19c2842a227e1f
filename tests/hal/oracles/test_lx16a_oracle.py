"""pylx16a speaks with our emulated LX-16A servos and reads what our driver reads.

It is not in ``requirements/oracles.txt``: it declares PyQt6, which its servo module does not import.
Install it with ``pip install --no-deps pylx16a==1.1.1``; without, the test is skipped.
"""

from typing import Any

import numpy as np
import pytest

from humanoid_hal.bus.device import Device
from humanoid_hal.drivers.lx16a.registers import RADIAN
from humanoid_hal.emulation.lx16a import Lx16aBoards
from humanoid_hal.emulation.motors import Motors


def test_pylx16a_reads_and_moves_our_servos(serve) -> None:
    oracle: Any = pytest.importorskip("pylx16a.lx16a")
    motors = Motors([Device("", 1, "LX-16A"), Device("", 7, "LX-16A")])
    motors.position[:] = 0.5, -1.0
    oracle.LX16A.initialize(serve(Lx16aBoards(motors), None), timeout=5.0)
    servo = oracle.LX16A(7, disable_torque=True)
    try:
        assert servo.get_physical_angle() == pytest.approx(
            np.degrees(-1.0) + 120.0, abs=np.degrees(RADIAN)
        )
        assert (servo.get_temp(), servo.get_vin(), servo.get_id(True)) == (25, 7400, 7)
        assert servo.get_angle_limits(True) == (0.0, 240.0)
        assert servo.get_vin_limits(True) == (6500, 12000)
        servo.enable_torque()
        assert servo.is_torque_enabled(True)
        servo.move(150.0)
        servo.set_angle_offset(-6, permanent=True)
        assert servo.get_angle_offset(True) == pytest.approx(-6.0)
        servo.motor_mode(-300)
        assert servo.get_motor_speed(True) == -300
        servo.servo_mode()
        assert not servo.is_motor_mode(True)
    finally:
        servo.disable_torque()
        assert not servo.is_torque_enabled(True)
        oracle.LX16A._controller.close()
