"""`humanoid emulate`: boards in real time, and a hardware file that finds them."""

import threading
from pathlib import Path

import pytest

from humanoid_bringup.commands import emulate
from humanoid_bringup.locate import find_hardware, find_robot
from humanoid_description import load_robot
from humanoid_hal.driver import Command
from humanoid_hal.drivers.emulated import EmulatedOptions
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.build import build_emulator, make_plant
from humanoid_hal.emulation.bus import WireOptions
from humanoid_hal.hardware import load_hardware, with_options


def test_a_fault_is_bus_id_kind_and_value() -> None:
    assert emulate.fault("leg:4:overheat:95") == ("leg", BoardFault("overheat", 4, 95.0))


@pytest.mark.parametrize("text", ["leg", "leg:x:off", "leg:1:melt", "leg:1:wrong:much"])
def test_other_faults_are_refused(text: str) -> None:
    with pytest.raises(emulate.argparse.ArgumentTypeError):
        emulate.fault(text)


def test_the_boards_driver_runs_on_the_written_copy_in_real_time(tmp_path: Path) -> None:
    robot_file = find_robot("g1")
    robot = load_robot(robot_file)
    copy = tmp_path / "hardware.yaml"
    source = find_hardware(robot_file, "dynamixel-emulated")
    copy.write_text(emulate.for_boards(source, tmp_path))
    config, kind = load_hardware(copy)
    # Half of the rate and a long wait: a loaded machine must not make joints silent.
    config = with_options(config, control_rate=50.0, reply_share=0.9, retry_share=0.9)
    options = EmulatedOptions(
        buses=config.options.buses, joints=config.options.joints, plant="motors"
    )
    emulator = build_emulator(
        robot, options, lambda groups: make_plant(robot, groups, options), 0.002, WireOptions()
    )
    ended = threading.Event()
    server = threading.Thread(target=emulator.run, args=(ended.is_set,))
    server.start()
    driver = kind(robot, config.options)
    try:
        driver.open()
        samples = [driver.read() for _ in range(10)]
        assert any(sample.fresh.all() for sample in samples)
        driver.enable(True)
        hold = samples[-1].position
        zero = 0.0 * hold
        driver.write(Command(hold, zero, zero, zero + 20.0, zero + 1.0))
        assert emulator.plant.groups[0].motors.powered.all()
        driver.enable(False)
        assert not emulator.plant.groups[0].motors.powered.any()
    finally:
        driver.close()
        ended.set()
        server.join()
        emulator.close()
