"""Force cells as registers of boards on Dynamixel buses: read, converted, and missed when they lie."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humanoid_description import DescriptionError, Foot, RobotDescription
from humanoid_hal.bus.exchange import LinkState
from humanoid_hal.bus.feet import FootBoard
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.checks import SampleChecks
from humanoid_hal.conformance import Subject
from humanoid_hal.conformance.readings import declared
from humanoid_hal.driver import Command, DriverError
from humanoid_hal.drivers.boards import BusOptions, JointOptions
from humanoid_hal.drivers.boards.options import CellOptions, FootOptions
from humanoid_hal.drivers.dynamixel.codec import Instruction, Packet, make_packet, make_read
from humanoid_hal.drivers.dynamixel.feet import FootCycle
from humanoid_hal.drivers.dynamixel.options import DynamixelOptions
from humanoid_hal.drivers.emulated import EmulatedDriver, EmulatedOptions
from humanoid_hal.drivers.feetech.protocol import FeetechSts
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.hardware import HardwareConfig, load_hardware

MODEL = "XM540-W270"
#: Four strain gauges of a BitFoot: where they are, and what they count.
CELLS = {
    "front_left": CellOptions(0.08, 0.04, 0.002, -1500.0),
    "front_right": CellOptions(0.08, -0.04, 0.002, 200.0),
    "back_left": CellOptions(-0.05, 0.04, -0.0025, 33.0),
    "back_right": CellOptions(-0.05, -0.04, 0.002, 0.0),
}
FOOT = FootOptions("leg", "int32", CELLS, id=101, address=36, heaviest=400.0)


@pytest.fixture
def two_feet(robot: RobotDescription) -> RobotDescription:
    """The tiny robot, with a second sole at the other end of its leg."""
    other = Foot("r_sole", "thigh", np.zeros(3), np.zeros((4, 3)), force_sensor=True)
    return replace(robot, feet=(*robot.feet, other))


def options(**changes: Any) -> EmulatedOptions:
    """A foot on the bus of the leg, another alone on a bus of its own."""
    joints = {name: JointOptions("leg", MODEL, id) for id, name in enumerate(("hip", "knee"), 1)}
    joints["shoulder"] = JointOptions("arm", MODEL, 1)
    values: dict[str, Any] = {
        "buses": {
            name: BusOptions(protocol="dynamixel", port=name) for name in ("leg", "arm", "foot")
        },
        "joints": joints,
        "feet": {"l_sole": FOOT, "r_sole": replace(FOOT, bus="foot", id=102)},
        "plant": "motors",
        "reconnect": 0.1,
    }
    return EmulatedOptions(**{**values, **changes})


@pytest.fixture
def driver(two_feet: RobotDescription) -> Iterator[EmulatedDriver]:
    made = EmulatedDriver(two_feet, options())
    made.open()
    yield made
    made.close()


def stand(driver: EmulatedDriver, left: list[float], right: list[float]) -> np.ndarray:
    """What is read when the feet feel these wrenches."""
    felt = np.array([left, right])
    driver.emulator.plant._driver.read = lambda read=driver.emulator.plant._driver.read: replace(
        read(), wrenches=felt
    )
    driver.read()
    found = driver.read().wrenches
    assert found is not None
    return found


def causes(sample: Any) -> list[str]:
    return [text for text in sample.faults if text.startswith("foot_sensor_lost")]


# -- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("counts", ["uint8", "int16", "uint16", "int32", "uint32", "float32"])
def test_counts_become_the_loads_that_made_them(counts) -> None:
    cells = {"a": CellOptions(0.1, 0.2, 2.0, 10.0), "b": CellOptions(-0.1, 0.0, 0.5, 4.0)}
    board = replace(FOOT, counts=counts, cells=cells).board("l_sole")
    data = np.array([60, 24], dtype=board.counts).tobytes()
    forces = board.forces(data)
    assert forces.tolist() == [100.0, 10.0]
    assert board.implausible(forces) == ""
    # Along z; about x: y F = 20; about y: -x F = -10 + 1 (REP-103, r x F).
    assert board.wrench(forces).tolist() == pytest.approx([0, 0, 110, 20, -9, 0])


@pytest.mark.parametrize(
    ("load", "reason"), [(400.0, ""), (401.0, "reads 401 N of 400"), (-40.0, ""),
                         (-41.0, "reads -41 N"), (np.nan, "reads nan N"), (np.inf, "reads inf N")]
)  # fmt: skip
def test_a_load_that_a_cell_cannot_bear_is_no_reading(load: float, reason: str) -> None:
    board = FOOT.board("l_sole")
    told = board.implausible(np.array([0.0, load, 0.0, 0.0]))
    assert told == "" if not reason else reason in told and "front_right" in told


# -- the cycle ------------------------------------------------------------------------------------


def boards() -> list[FootBoard]:
    return [replace(FOOT, id=id).board(f"{id}") for id in (101, 102)]


def answer(id: int, data: bytes = bytes(16), error: int = 0) -> Packet:
    return Packet(id, Instruction.STATUS, bytes([error]) + data, 0)


def test_one_board_after_the_other_is_asked_and_heard() -> None:
    cycle = FootCycle(boards())
    cycle.begin()
    assert cycle.next() == make_read(101, 36, 16)
    assert cycle.next() is None  # the first has not answered
    assert not cycle.take(answer(102))  # nobody asked
    assert not cycle.take(answer(101, bytes(15)))
    assert not cycle.take(answer(101, error=4))
    assert cycle.take(answer(101, bytes(range(16)), error=0x80))  # an alert is no refusal
    assert not cycle.complete
    assert cycle.next() == make_read(102, 36, 16)
    assert cycle.take(answer(102))
    assert cycle.complete
    assert cycle.end() == [bytes(range(16)), bytes(16)]


def test_a_silent_board_is_asked_rarely_and_heard_again() -> None:
    cycle = FootCycle(boards())
    asked = []
    for _ in range(60):
        cycle.begin()
        asked.append(cycle.next() == make_read(101, 36, 16))
        cycle.skip()
        cycle.next()
        cycle.take(answer(102))
        cycle.end()
    assert asked[:3] == [True] * 3
    assert 2 <= sum(asked[3:]) <= 3


# -- through the driver ---------------------------------------------------------------------------


def test_what_the_feet_feel_is_in_the_sample(driver) -> None:
    left, right = [0.0, 0.0, 210.0, 3.0, -5.0, 0.0], [0.0, 0.0, 90.0, -2.0, 1.0, 0.0]
    np.testing.assert_allclose(stand(driver, left, right), [left, right], atol=0.02)
    assert driver.capabilities.wrenches
    assert driver.read().fresh.all()


def test_a_cell_does_not_measure_what_is_not_along_z(driver) -> None:
    found = stand(driver, [50.0, -20.0, 100.0, 0.0, 0.0, 4.0], [0.0] * 6)
    np.testing.assert_allclose(found[0], [0, 0, 100, 0, 0, 0], atol=0.02)


@pytest.mark.parametrize(
    ("bus", "id", "row", "fault", "reason"),
    [
        ("leg", 101, 0, BoardFault("off", 101), "l_sole: no reply"),
        ("leg", 101, 0, BoardFault("garbage", 101), "l_sole: no reply"),
        ("foot", 102, 1, BoardFault("off", 102), "r_sole: no reply"),
        ("foot", 102, 1, BoardFault("wrong", 102, 500.0), "r_sole: cell front_left reads"),
    ],
)
def test_what_a_foot_does_not_say_is_nan_and_a_fault_after_three_cycles(
    driver, bus, id, row, fault, reason
) -> None:
    driver.read()
    driver.emulator.inject(bus, fault)
    samples = [driver.read() for _ in range(10)]
    assert all(np.isnan(sample.wrenches[row]).all() for sample in samples)
    assert all(np.isfinite(sample.wrenches[1 - row]).all() for sample in samples)
    assert all(sample.fresh.all() for sample in samples)  # it delays no servo
    assert [len(causes(sample)) for sample in samples[:3]] == [0, 0, 1]
    assert reason in causes(samples[-1])[0]
    driver.emulator.buses[bus].boards.clear()
    samples = [driver.read() for _ in range(60)]
    assert not causes(samples[-1])
    assert np.isfinite(samples[-1].wrenches).all()


def test_feet_stay_when_a_servo_dies(driver) -> None:
    driver.read()
    driver.emulator.inject("leg", BoardFault("off", 2))
    samples = [driver.read() for _ in range(20)]
    assert np.isfinite(samples[-1].wrenches).all()
    assert samples[-1].fresh.tolist() == [True, False, True]


def test_a_slow_question_to_a_servo_and_a_foot_go_together(two_feet) -> None:
    """Voltage, temperature and errors are asked for with another packet."""
    driver = EmulatedDriver(two_feet, options())
    driver.open()
    try:
        samples = [driver.read() for _ in range(60)]
    finally:
        driver.close()
    assert all(np.isfinite(sample.wrenches).all() and sample.fresh.all() for sample in samples)
    assert np.isfinite(samples[-1].temperature).any()
    counters = [bus.link.protocol.counters for bus in (*driver.buses, *driver.sensors)]
    assert all(c.foreign == c.corrupt == 0 for c in counters)


def test_a_fast_sync_read_and_a_foot_go_together(two_feet) -> None:
    made = options()
    fast = replace(made.buses["leg"], options=DynamixelOptions(fast=True))
    driver = EmulatedDriver(two_feet, replace(made, buses={**made.buses, "leg": fast}))
    driver.open()
    try:
        sample = [driver.read() for _ in range(5)][-1]
    finally:
        driver.close()
    assert sample.fresh.all()
    assert np.isfinite(sample.wrenches).all()


def test_an_unplugged_foot_bus_comes_back(driver) -> None:
    driver.emulator.buses["foot"].port.unplug()
    for _ in range(5):
        sample = driver.read()
    assert np.isnan(sample.wrenches[1]).all()
    assert "r_sole: bus 'foot'" in causes(sample)[0]
    assert sample.fresh.all()
    driver.emulator.buses["foot"].port.plug()
    for _ in range(100_000):  # real time decides when it is opened again
        sample = driver.read()
        if driver.sensors[0].link.state is LinkState.READY:
            break
    assert np.isfinite(driver.read().wrenches).all()


def test_the_hal_holds_when_a_foot_is_lost_and_not_before(driver, two_feet) -> None:
    checks = SampleChecks(two_feet, HardwareConfig("emulated"), driver.capabilities)
    driver.emulator.inject("leg", BoardFault("off", 101))
    seen = [checks.see(driver.read()) for _ in range(4)]
    assert ["foot_sensor_lost" in found for found in seen] == [False, False, True, True]


def test_a_foot_that_is_not_there_keeps_the_driver_from_opening(two_feet) -> None:
    driver = EmulatedDriver(two_feet, options())
    driver.emulator.inject("foot", BoardFault("off", 102))
    with pytest.raises(DriverError, match=r"bus 'foot': r_sole \(id 102\): .*does not answer"):
        driver.open()
    driver.close()


def test_samples_hold_what_is_declared(two_feet) -> None:
    assert "wrenches" in declared(Subject(EmulatedDriver, two_feet, options()))


# -- what the file may not say ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"feet": {"l_sole": FOOT}}, "r_sole of robot 'tiny' has no force sensor"),
        ({"feet": {"l_sole": FOOT, "r_sol": replace(FOOT, bus="foot")}},
         "no foot 'r_sol'; did you mean 'r_sole'"),
    ],
)  # fmt: skip
def test_feet_are_those_of_the_robot(two_feet, changes, reason) -> None:
    with pytest.raises(DriverError, match=reason):
        EmulatedDriver(two_feet, options(**changes))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bus": "lek"}, r"foot 'l_sole' is on no known bus: 'lek'.*did you mean 'leg'"),
        ({"id": 2}, "'knee' and 'l_sole' have the same id 2 on 'leg'"),
        ({"cells": {}}, "at least one"),
    ],
)
def test_a_foot_that_cannot_be_is_refused(change, reason) -> None:
    with pytest.raises(ValueError, match=reason):
        options(feet={"l_sole": replace(FOOT, **change)})


def test_a_scale_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="scale must not be 0"):
        CellOptions(0.0, 0.0, 0.0)


def test_boards_need_a_world_that_is_felt() -> None:
    with pytest.raises(ValueError, match="force_sensors: true"):
        options(plant="mujoco")


def test_another_family_says_that_it_reads_no_force_sensors() -> None:
    with pytest.raises(BoardError, match="reads no force sensors"):
        FeetechSts.footed((), None, ())


def test_a_hardware_file_may_say_it_all(tmp_path) -> None:
    path = tmp_path / "feet.yaml"
    path.write_text(
        """driver: boards
options:
  buses: {leg: {protocol: dynamixel, port: /dev/null}}
  joints: {hip: {bus: leg, id: 1, model: XM540-W270}}
  feet:
    l_sole:
      bus: leg
      id: 101
      address: 36
      counts: int32
      heaviest: 400.0
      cells:
        front: {x: 0.08, y: 0.0, scale: 0.002, offset: -1500.0}
        back: {x: -0.05, y: 0.0, scale: 0.002}
"""
    )
    config, _ = load_hardware(path)
    (board,) = config.options.foot_boards("leg")
    assert (board.foot, board.id, board.size, board.names) == ("l_sole", 101, 8, ("front", "back"))
    path.write_text(path.read_text().replace("scale: 0.002}", "scal: 0.002}"))
    with pytest.raises(DescriptionError, match=r"feet\.yaml:1[34].*scal"):
        load_hardware(path)


def test_noise_from_a_foot_is_no_reading(driver) -> None:
    state = driver.sensors[0].link.protocol._state
    for seed in range(50):
        state.request()
        state.scan(np.random.default_rng(seed).bytes(60))
        assert state.feet.end() == [None]
    frame = bytearray(make_packet(102, Instruction.STATUS, bytes(17)))
    for bit in range(8 * len(frame)):
        frame[bit // 8] ^= 1 << bit % 8
        state.feet._silent[:] = [0]
        state.request()
        state.scan(bytes(frame) + bytes(30))
        assert state.feet.end() == [None]
        frame[bit // 8] ^= 1 << bit % 8


def test_the_g1_feels_its_weight_through_the_bytes_of_its_feet(g1) -> None:
    file = Path(__file__).parents[4] / "config" / "robots" / "g1" / "hardware"
    made = load_hardware(file / "dynamixel-emulated.yaml")[0].options
    feet = {
        foot.name: replace(FOOT, bus=bus, heaviest=1000.0)
        for foot, bus in zip(g1.feet, ("left_leg", "right_leg"), strict=True)
    }
    world = replace(made.mujoco, force_sensors=True)
    driver = EmulatedDriver(g1, replace(made, feet=feet, mujoco=world))
    driver.open()
    try:
        hold = Command(
            g1.poses["ready"], *np.zeros((2, 29)), g1.column("stiffness"), g1.column("damping")
        )
        driver.read()
        driver.enable(True)
        for _ in range(100):
            driver.write(hold)
            sample, truth = driver.read(), driver.emulator.plant.wrenches
    finally:
        driver.close()
    assert sample.wrenches is not None
    # What cells can feel of it, rounded to counts; of this very cycle.
    np.testing.assert_allclose(sample.wrenches[:, 2:5], truth[:, 2:5], atol=0.02)
    assert 150.0 < sample.wrenches[:, 2].sum() < 700.0  # 33 kg, still swaying
    assert not causes(sample)
