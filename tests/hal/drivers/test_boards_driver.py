"""The boards driver on emulated Dynamixels: loss, faults, unplugging, and what the file may not say."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from humanoid_description import RobotDescription
from humanoid_hal.bus.exchange import LinkState
from humanoid_hal.bus.protocol import Ask
from humanoid_hal.bus.transport import TransportError
from humanoid_hal.checks import SILENT_CYCLES, SampleChecks
from humanoid_hal.driver import Command, DriverError, Sample
from humanoid_hal.drivers.boards import BusOptions, JointOptions
from humanoid_hal.drivers.dynamixel.options import DynamixelOptions
from humanoid_hal.drivers.emulated import EmulatedDriver, EmulatedOptions
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.hardware import HardwareConfig

MODEL = "XM540-W270"


def options(**changes: Any) -> EmulatedOptions:
    """The three joints of the tiny robot on two buses."""
    values: dict[str, Any] = {
        "buses": {
            "leg": BusOptions(protocol="dynamixel", port="leg"),
            "arm": BusOptions(protocol="dynamixel", port="arm"),
        },
        "joints": {
            "hip": JointOptions("leg", MODEL, 1),
            "knee": JointOptions("leg", MODEL, 2, direction=-1, zero=0.5, gear=4.0),
            "shoulder": JointOptions("arm", MODEL, 1),
        },
        "plant": "motors",
        "reconnect": 0.1,
    }
    return EmulatedOptions(**{**values, **changes})


@pytest.fixture
def make_driver(robot: RobotDescription) -> Iterator[Callable[..., EmulatedDriver]]:
    made: list[EmulatedDriver] = []

    def make(**changes: Any) -> EmulatedDriver:
        driver = EmulatedDriver(robot, options(**changes))
        made.append(driver)
        driver.open()
        return driver

    yield make
    for driver in made:
        driver.close()


def hold(sample: Sample, stiffness: float = 20.0) -> Command:
    zero = np.zeros(3)
    return Command(sample.position, zero, zero, zero + stiffness, zero + 1.0)


def run(driver: EmulatedDriver, cycles: int) -> Sample:
    for _ in range(cycles):
        sample = driver.read()
        driver.write(hold(sample))
    return sample


def reconnected(driver: EmulatedDriver, bus: int = 0) -> Sample:
    """Read until the bus is back; real time decides how often."""
    for _ in range(100_000):
        driver.read()
        if driver.buses[bus].link.state is LinkState.READY:
            return driver.read()
    raise AssertionError("the bus did not come back")


def test_direction_zero_and_gear_are_between_joint_and_servo(make_driver, robot) -> None:
    driver = make_driver()
    sample = driver.read()
    np.testing.assert_allclose(sample.position, robot.poses["ready"], atol=1e-3)
    motors = driver.emulator.plant.groups[0].motors
    assert motors.position[1] == pytest.approx(-4.0 * sample.position[1] + 0.5, abs=2e-3)
    driver.enable(True)
    driver.read()
    driver.write(Command(sample.position, *(np.zeros(3) for _ in range(4))))
    zero = np.zeros(3)
    driver.write(Command(zero, zero, np.array([1.0, 2.0, -1.0]), zero, zero))
    sample = driver.read()
    np.testing.assert_allclose(sample.effort, [1.0, 2.0, -1.0], atol=0.02)
    assert motors.effort[1] == pytest.approx(-0.5, abs=0.004)


def test_capabilities_are_the_least_of_all_buses(robot) -> None:
    assert EmulatedDriver.capable(options()).effort
    bus = BusOptions(protocol="dynamixel", port="x")
    follows = BusOptions(protocol="dynamixel", port="y", options=DynamixelOptions(mode="position"))
    mixed = EmulatedDriver.capable(options(buses={"leg": bus, "arm": follows}))
    assert not mixed.effort
    assert mixed.board_watchdog


def test_a_dead_servo_is_flagged_within_three_cycles_and_the_others_stay_fresh(
    make_driver, robot
) -> None:
    driver = make_driver()
    checks = SampleChecks(robot, HardwareConfig("emulated"), driver.capabilities)
    driver.enable(True)
    checks.see(run(driver, 5))
    driver.emulator.inject("leg", BoardFault("off", 1))
    for _ in range(SILENT_CYCLES):
        sample = run(driver, 1)
        causes = checks.see(sample)
        assert sample.fresh.tolist() == [False, True, True]
    assert "hip" in causes["joint_silent"]


def test_an_unplugged_bus_is_a_fault_and_comes_back_without_torque(make_driver) -> None:
    driver = make_driver()
    driver.enable(True)
    run(driver, 3)
    port = driver.emulator.buses["leg"].port
    port.unplug()
    sample = driver.read()
    assert sample.fresh.tolist() == [False, False, True]
    assert any(text.startswith("bus_lost: bus 'leg'") for text in sample.faults)
    assert "plug the adapter in again" in " ".join(sample.faults)
    for servo in driver.emulator.buses["leg"].boards.servos:
        servo.reboot()  # it lost its power with the plug
    port.plug()
    sample = reconnected(driver)
    assert sample.fresh.all()
    assert any("back, without torque: deactivate" in text for text in sample.faults)
    run(driver, 3)
    assert not driver.emulator.plant.groups[0].motors.powered.any()
    assert driver.emulator.plant.groups[1].motors.powered.all()
    driver.enable(False)
    assert run(driver, 1).faults == ()
    driver.enable(True)
    assert driver.emulator.plant.groups[0].motors.powered.all()


def test_answers_of_before_a_loss_are_not_fresh_when_the_bus_is_back(make_driver) -> None:
    def start_up() -> Any:
        yield Ask(b"", 0.0)  # ends while the other bus is listened to
        return ()

    driver = make_driver()
    driver.enable(True)
    run(driver, 3)
    link = driver.buses[0].link
    link.protocol.startup = start_up
    link.lose(TransportError("cut"))  # as by a write that fails: all have answered before
    sample = driver.read()
    assert link.state is LinkState.READY
    assert sample.fresh.tolist() == [False, False, True]
    assert driver.read().fresh.all()


def silent_start_up() -> Any:
    """One that says nothing and does not end."""
    while True:
        yield Ask(b"", 0.5)


def test_torque_that_outlived_the_port_ends_before_anything_else_is_said(make_driver) -> None:
    driver = make_driver()
    driver.enable(True)
    run(driver, 3)
    link, motors = driver.buses[0].link, driver.emulator.plant.groups[0].motors
    assert motors.powered.all()
    link.protocol.startup = silent_start_up
    link.lose(TransportError("cut"))
    driver.read()
    driver.read()
    assert not motors.powered.any()


def test_close_takes_torque_off_a_bus_that_was_left_in_the_middle_of_arming(make_driver) -> None:
    driver = make_driver()
    protocol = driver.buses[0].protocol
    enable = protocol.enable

    def interrupted(on: bool) -> Any:
        yield from enable(on)
        if on:
            raise KeyboardInterrupt

    protocol.enable = interrupted
    with pytest.raises(KeyboardInterrupt):
        driver.enable(True)
    driver.close()
    assert not driver.emulator.plant.groups[0].motors.powered.any()


def test_a_lost_arm_bus_is_the_arms_fault(make_driver) -> None:
    driver = make_driver()
    driver.emulator.buses["arm"].port.unplug()
    assert [text.partition(":")[0] for text in driver.read().faults] == ["arm_bus_lost"]


def test_an_overloaded_arm_servo_is_the_arms_fault(make_driver) -> None:
    driver = make_driver()
    driver.enable(True)
    driver.emulator.inject("arm", BoardFault("overload", 1))
    names = {text.partition(":")[0] for _ in range(20) for text in run(driver, 1).faults}
    assert "arm_overload" in names


def test_a_noisy_bus_is_a_warning_and_keeps_running(make_driver) -> None:
    driver = make_driver()
    driver.enable(True)
    driver.emulator.buses["leg"].wire.corrupt = 0.05
    fresh = np.array([run(driver, 1).fresh for _ in range(400)])
    assert fresh[:, 2].all()
    assert fresh[:, :2].mean() > 0.98  # a spoiled answer is asked for once more
    assert any(text.startswith("frames_corrupted") for text in run(driver, 1).faults)
    assert np.isfinite(run(driver, 1).position).all()


def test_close_takes_torque_off_and_may_come_at_any_time(make_driver) -> None:
    driver = make_driver()
    driver.enable(True)
    run(driver, 2)
    driver.close()
    assert not any(group.motors.powered.any() for group in driver.emulator.plant.groups)
    driver.close()


def test_torque_that_a_servo_refuses_is_an_error_with_all_torque_off(make_driver) -> None:
    driver = make_driver()
    driver.read()
    driver.emulator.inject("arm", BoardFault("off", 1))
    with pytest.raises(DriverError, match="bus 'arm': id 1 does not answer"):
        driver.enable(True)
    driver.read()
    assert not any(group.motors.powered.any() for group in driver.emulator.plant.groups)


@pytest.mark.parametrize(
    ("joints", "reason"),
    [
        (
            {"hip": JointOptions("leg", MODEL, 1)},
            "2 joints of robot 'tiny' are on no bus: knee, sh",
        ),
        ({"hipp": JointOptions("leg", MODEL, 1)}, "no joint 'hipp'; did you mean 'hip'"),
    ],
)
def test_a_file_that_does_not_fit_the_robot_is_refused(robot, joints, reason: str) -> None:
    with pytest.raises(DriverError, match=reason):
        EmulatedDriver(robot, options(joints=joints))


@pytest.mark.parametrize(
    ("joints", "reason"),
    [
        ({"hip": JointOptions("lag", MODEL, 1)}, "on no known bus: 'lag'; did you mean 'leg'"),
        (
            {"hip": JointOptions("leg", MODEL, 1), "knee": JointOptions("leg", MODEL, 1)},
            "'hip' and 'knee' have the same id 1",
        ),
    ],
)
def test_a_file_at_odds_with_itself_is_refused(joints, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        options(joints=joints)


def test_disarming_reaches_the_others_and_tells_of_the_dead_one_until_it_answers(
    make_driver, monkeypatch
) -> None:
    driver = make_driver(reconnect=0.1)
    driver.enable(True)
    run(driver, 3)
    driver.emulator.inject("leg", BoardFault("off", 1))
    with pytest.raises(DriverError, match=r"bus 'leg': .*hip.* id 1 does not answer"):
        driver.enable(False)
    driver.read()
    assert driver.bench.torque().tolist() == [True, False, False]
    told = [text for text in driver.read().faults if text.startswith("torque_off_unconfirmed")]
    assert len(told) == 1
    assert "id 1 does not answer" in told[0]
    driver.emulator.buses["leg"].boards.clear()
    for _ in range(100_000):  # real time decides when it is told again
        if not any("unconfirmed" in text for text in driver.read().faults):
            break
    driver.read()
    assert not driver.bench.torque().any()


def test_several_buses_that_cannot_be_disarmed_are_all_named(make_driver) -> None:
    driver = make_driver()
    driver.enable(True)
    driver.emulator.inject("leg", BoardFault("off", 2))
    driver.emulator.inject("arm", BoardFault("off", 1))
    with pytest.raises(DriverError, match=r"bus 'leg': .*id 2.*; bus 'arm': .*id 1"):
        driver.enable(False)


def test_after_a_refused_torque_nobody_counts_on_it(make_driver) -> None:
    driver = make_driver()
    driver.emulator.inject("arm", BoardFault("off", 1))
    with pytest.raises(DriverError, match="id 1 does not answer"):
        driver.enable(True)
    driver.emulator.buses["arm"].boards.clear()
    faults = [text for _ in range(5) for text in driver.read().faults]
    assert not any("is back, without torque" in text for text in faults)
    assert not driver.bench.torque().any()
