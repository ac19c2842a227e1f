"""Row 22 of the fault table, end to end: an adapter that takes no frames, and what follows."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from humanoid_description import RobotDescription
from humanoid_hal.driver import Command, Sample
from humanoid_hal.drivers.boards.options import BusOptions, JointOptions
from humanoid_hal.drivers.emulated import EmulatedDriver, EmulatedOptions


@pytest.fixture
def driver(robot: RobotDescription) -> Iterator[EmulatedDriver]:
    bus = {"protocol": "damiao", "transport": "slcan"}
    joint = {"model": "DM-J8009"}
    options = EmulatedOptions(
        {name: BusOptions(port=name, **bus) for name in ("legs", "arms")},
        {
            "hip": JointOptions(bus="legs", id=1, **joint),
            "knee": JointOptions(bus="legs", id=2, **joint),
            "shoulder": JointOptions(bus="arms", id=1, **joint),
        },
        plant="motors",
        reconnect=0.1,
    )
    driver = EmulatedDriver(robot, options)
    driver.open()
    yield driver
    driver.close()


@pytest.fixture
def cycle(driver: EmulatedDriver) -> Callable[[float], Sample]:
    """Write one command and read."""

    def run(position: float) -> Sample:
        n = 3
        driver.write(
            Command(
                np.full(n, position), np.zeros(n), np.zeros(n), np.full(n, 10.0), np.full(n, 1.0)
            )
        )
        return driver.read()

    return run


def faults(sample: Sample) -> set[str]:
    return {text.partition(":")[0] for text in sample.faults}


def test_a_jammed_adapter_is_a_bus_off_within_three_cycles(
    driver: EmulatedDriver, cycle: Callable[[float], Sample]
) -> None:
    driver.enable(True)
    assert not faults(cycle(0.1))
    adapter: Any = driver.emulator.buses["legs"].adapter
    adapter.jammed = True
    seen = [faults(cycle(0.2)) for _ in range(3)]
    assert "bus_off" in seen[-1]
    sample = cycle(0.2)
    assert sample.fresh.tolist() == [False, False, True]


def test_it_comes_back_without_torque_and_without_the_motion_of_before(
    driver: EmulatedDriver, cycle: Callable[[float], Sample]
) -> None:
    driver.enable(True)
    cycle(0.1)
    boards: Any = driver.emulator.buses["legs"].boards
    adapter: Any = driver.emulator.buses["legs"].adapter
    adapter.jammed = True
    for _ in range(60):  # longer than the boards' watchdog of 0.1 s
        cycle(0.2)
    assert not boards.motors.powered.any()
    before = boards.motors.target.copy()
    adapter.jammed = False
    for _ in range(2000):
        sample = cycle(0.3)
        if sample.fresh.all():
            break
    assert sample.fresh.all()
    assert not boards.motors.powered.any()
    np.testing.assert_array_equal(boards.motors.target, before)
    assert "bus_lost" in faults(sample)  # back, but not armed: says so until it is
    driver.enable(True)
    assert boards.motors.powered.all()
