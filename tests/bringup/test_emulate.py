"""`humanoid emulate`: boards in real time, and a hardware file that finds them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from humanoid_bringup.commands import emulate
from humanoid_bringup.locate import find_robot
from humanoid_description import load_robot
from humanoid_hal.driver import Command, DriverError
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.plant import FreeMotors
from humanoid_hal.hardware import load_hardware, with_options


def test_a_fault_is_bus_id_kind_and_value() -> None:
    assert emulate.fault("leg:4:overheat:95") == ("leg", BoardFault("overheat", 4, 95.0))


@pytest.mark.parametrize("text", ["leg", "leg:x:off", "leg:1:melt", "leg:1:wrong:much"])
def test_other_faults_are_refused(text: str) -> None:
    with pytest.raises(emulate.argparse.ArgumentTypeError):
        emulate.fault(text)


def test_the_boards_driver_runs_on_the_written_copy_in_real_time(tmp_path: Path) -> None:
    robot = load_robot(find_robot("g1"))
    command = (sys.executable, "-m", "humanoid_bringup.cli", "emulate", "dynamixel-emulated")
    with subprocess.Popen(
        [*command, "--directory", str(tmp_path), "--json"], stdout=subprocess.PIPE
    ) as emulator:
        try:
            assert emulator.stdout is not None
            said = json.loads(emulator.stdout.readline())
            config, kind = load_hardware(said["hardware"])
            # A tenth of the rate and a long wait: a loaded machine must not make joints silent.
            config = with_options(config, control_rate=50.0, reply_share=0.9, retry_share=0.9)
            driver = kind(robot, config.options)
            patiently(driver.open)
            samples = [driver.read() for _ in range(10)]
            hold = samples[-1].position
            patiently(lambda: driver.enable(True))  # watchdogs and torque switches are read back
            zero = 0.0 * hold
            driver.write(Command(hold, zero, zero, zero + 20.0, zero + 1.0))
            samples += [driver.read() for _ in range(10)]
            patiently(lambda: driver.enable(False))
            driver.close()
        finally:
            emulator.send_signal(signal.SIGINT)
    assert emulator.returncode == 0
    assert any(sample.fresh.all() for sample in samples)
    assert set(said["ports"]) == set(config.options.buses)


def test_a_line_moves_a_joint_by_hand_and_nonsense_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    robot = load_robot(find_robot("g1"))
    plant = FreeMotors(robot, (), 100.0)
    out, into = os.pipe()
    with open(out) as lines:
        monkeypatch.setattr(sys, "stdin", lines)
        hands = emulate.Hands(plant)
        os.write(into, b"left_knee_joint 0.6\nleft_knee 1\nleft_knee_joint nan\nleft_hip_yaw_joi")
        assert not hands.look()
        os.write(into, b"nt -0.1\n")
        os.close(into)
        for _ in range(3):
            assert not hands.look()
    for _ in range(100):
        plant.advance(0.01)
    rows = [robot.index[name] for name in ("left_knee_joint", "left_hip_yaw_joint")]
    position, _, _ = plant._move(Command(*(np.zeros(29) for _ in range(5))), False, 0.01)
    assert position[rows] == pytest.approx([0.6, -0.1])
    assert capsys.readouterr().err.count("is not JOINT RAD") == 2


def patiently(do: Callable[[], None]) -> None:
    """Boards in real time on a busy machine may miss a deadline: ask again."""
    deadline = time.monotonic() + 60.0
    while True:
        try:
            return do()
        except DriverError:
            if time.monotonic() > deadline:
                raise
