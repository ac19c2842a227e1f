"""What an unlucky or hostile wire can do to every family of boards, and what must not follow."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hal_parsers import DEVICES, OPTIONS, Wire

from humanoid_description import RobotDescription
from humanoid_hal.bus.exchange import LinkState
from humanoid_hal.bus.families import find_protocol
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.can import slcan
from humanoid_hal.checks import SampleChecks
from humanoid_hal.driver import Command, Sample
from humanoid_hal.drivers.boards import BusOptions, ImuOptions, JointOptions
from humanoid_hal.drivers.boards import imu as boards_imu
from humanoid_hal.drivers.emulated import EmulatedDriver, EmulatedOptions
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.hardware import HardwareConfig


def bus_options(protocol: str) -> Any:
    return find_protocol(protocol).Options(**OPTIONS.get(protocol, {}))


ACTUATORS = sorted(name for name, (_, count) in DEVICES.items() if count)
IMUS = sorted(name for name, (_, count) in DEVICES.items() if not count)
#: Their answers do not say whether they have torque: their restart shows as silence (row 2).
MUTE = ("cubemars", "robstride_mit")
#: They send by themselves: what they send twice says nothing of who asked.
BROADCAST = ("cia402", "odrive")
EFFORT = [name for name in ACTUATORS if Wire(name).protocol.honours_effort(bus_options(name))]
ZERO = np.zeros(3)


def bus(protocol: str) -> BusOptions:
    return BusOptions(
        protocol=protocol,
        port=protocol,
        transport="slcan" if Wire(protocol).can else "",
        options=bus_options(protocol),
    )


@pytest.fixture
def make_driver(robot: RobotDescription) -> Iterator[Callable[..., EmulatedDriver]]:
    made: list[EmulatedDriver] = []

    def make(actuators: str, imu: str = "") -> EmulatedDriver:
        model = DEVICES[actuators][0]
        buses = {"leg": bus(actuators)} | ({"imu": bus(imu)} if imu else {})
        joints = {
            name: JointOptions("leg", model, id) for id, name in enumerate(robot.joint_names, 1)
        }
        options = EmulatedOptions(
            buses=buses,
            joints=joints,
            imu=ImuOptions("imu") if imu else None,
            plant="motors",
            reconnect=0.1,
        )
        made.append(EmulatedDriver(robot, options))
        made[-1].open()
        return made[-1]

    yield make
    for driver in made:
        driver.close()


@pytest.fixture(params=ACTUATORS)
def driver(make_driver: Callable[..., EmulatedDriver], request: Any) -> EmulatedDriver:
    made = make_driver(request.param)
    made.enable(True)
    return made


def run(driver: EmulatedDriver, cycles: int, **law: float) -> list[Sample]:
    """Read and write; without a position in `law` it holds where it is."""
    command = Command(*(ZERO + law.get(field, 0.0) for field in Command.__slots__))
    samples = []
    for _ in range(cycles):
        samples.append(driver.read())
        if not driver.capabilities.effort:
            command.position = samples[-1].position + command.effort * 0.01
        if np.isfinite(command.position).all():  # the gate lets no other pass
            driver.write(command)
    return samples


def names(samples: list[Sample]) -> set[str]:
    return {fault.partition(":")[0] for sample in samples for fault in sample.faults}


def motors(driver: EmulatedDriver) -> Any:
    return driver.emulator.plant.groups[0].motors


# -- rebooting boards (row 28) --------------------------------------------------------------------


@pytest.mark.parametrize("family", [name for name in ACTUATORS if name not in MUTE])
def test_a_board_that_reboots_is_noticed_and_gets_no_torque_by_itself(
    make_driver: Callable[..., EmulatedDriver], family: str
) -> None:
    driver = make_driver(family)
    driver.enable(True)
    run(driver, 5, damping=0.5)
    driver.emulator.inject("leg", BoardFault("reboot", 2))
    samples = run(driver, 100, damping=0.5)
    assert "board_rebooted" in names(samples) or not samples[-1].fresh[1]
    run(driver, 50, damping=0.5, effort=1.0)
    assert motors(driver).powered.tolist() == [True, False, True]
    assert motors(driver).effort[1] == 0.0


# -- faults of the boards ----------------------------------------------------------------------------


@pytest.mark.parametrize("family", [*ACTUATORS, *IMUS])
@pytest.mark.parametrize(
    "word", ["off", "stuck", "garbage", "wrong", "slow", "delayed", "intermittent"]
)
def test_every_emulated_device_can_have_every_fault_of_the_injector(family: str, word: Any) -> None:
    wire = Wire(family)
    wire.start()
    wire.boards.inject(BoardFault(word, 0 if wire.imu else 1, 0.01))
    wire.wait(0.01)


@pytest.mark.parametrize("family", [name for name in ACTUATORS if name not in BROADCAST])
def test_a_delayed_board_tells_where_it_was_a_period_ago(family: str) -> None:
    wire = Wire(family)
    wire.start()
    wire.boards.inject(BoardFault("delayed", 1))
    told = []
    for position in (0.2, 0.3, 0.3):
        wire.motors.measure(np.full(3, position), ZERO, ZERO)
        wire.wait(0.0)
        told.append(wire.cycle().position)
    assert [positions[1] for positions in told] == pytest.approx([0.2, 0.3, 0.3], abs=0.01)
    assert [positions[0] for positions in told[1:]] == pytest.approx([0.2, 0.3], abs=0.01)


# -- lost answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("family", EFFORT)
def test_damping_of_a_joint_whose_answers_are_lost_never_drives_it(
    make_driver: Callable[..., EmulatedDriver], family: str
) -> None:
    """The board still hears: what it does must not follow from a speed that is long past."""
    driver = make_driver(family)
    driver.enable(True)
    run(driver, 30, effort=0.5)
    before = abs(driver.bench.position()[1])
    speed = abs(motors(driver).velocity[1])
    assert speed > 0.05
    driver.emulator.inject("leg", BoardFault("garbage", 2))
    run(driver, 200, damping=0.5)
    assert abs(motors(driver).velocity[1]) <= speed + 0.02  # one more cycle of the effort
    assert abs(driver.bench.position()[1]) < before + 200 * 0.002 * speed + 0.05


def test_noise_between_answers_is_survived(driver: EmulatedDriver) -> None:
    random = np.random.default_rng(8)
    port = driver.emulator.buses["leg"].port
    for size in (1, 7, 60, 500, 9000):
        # BEL means that a CAN adapter refuses frames: that is the end of a bus, not noise.
        port.write(random.bytes(size).replace(b"\a", b""))
        run(driver, 1, damping=0.5)
    position = driver.bench.position()
    sample = run(driver, 3, damping=0.5)[-1]
    assert sample.fresh.all()
    assert sample.position == pytest.approx(position, abs=0.02)


# -- what is no number ------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_command_that_is_not_finite_is_refused_whole(driver: EmulatedDriver, bad: float) -> None:
    """The gate lets none pass; no codec makes a number of it either."""
    run(driver, 3)
    before = motors(driver).law()
    fields = Command.__slots__ if driver.capabilities.effort else ("position",)
    for field in fields:
        command = Command(*(ZERO.copy() for _ in Command.__slots__))
        getattr(command, field)[1] = bad
        with pytest.raises(BoardError, match="not finite"):
            driver.write(command)
    driver.read()
    for field in Command.__slots__:
        np.testing.assert_array_equal(getattr(motors(driver).law(), field), getattr(before, field))


# -- somebody else on the bus (row 20) --------------------------------------------------------------


def foreign(driver: EmulatedDriver) -> bytes:
    """An answer that is correct, of a device or to a question that is not ours."""
    wire = Wire(driver.options.buses["leg"].protocol)
    wire.start()
    law = Command(*(ZERO for _ in Command.__slots__))
    answers = wire.join(wire.answers(wire.protocol.command(law)))
    if not len(answers):
        answers = wire.join(wire.answers(wire.protocol.request()))
    return slcan.encode(answers) if wire.can else answers


def test_answers_that_nobody_asked_for_are_a_second_master(driver: EmulatedDriver) -> None:
    if driver.options.buses["leg"].protocol in BROADCAST:
        pytest.skip("these boards send by themselves")
    port, strange = driver.emulator.buses["leg"].port, foreign(driver)
    seen = set()
    for _ in range(300):
        port.write(strange)
        seen |= names(run(driver, 1, damping=0.5))
        if "second_master" in seen:
            return
    raise AssertionError(f"only {sorted(seen)}, {driver.buses[0].protocol.counters}")


@pytest.mark.parametrize("family", [name for name in ACTUATORS if name not in BROADCAST])
def test_late_answers_to_two_questions_are_no_second_masters(family: str) -> None:
    wire = Wire(family)
    wire.start()
    for _ in range(3):
        questions = (wire.protocol.request(), wire.protocol.retry())
        for answers in [wire.join(wire.answers(question)) for question in questions]:
            wire.protocol.receive(answers)
        wire.protocol.readings()
    assert wire.protocol.counters.foreign == 0


# -- the IMU (rows 4 and 11) ------------------------------------------------------------------------


def causes(driver: EmulatedDriver, robot: RobotDescription, cycles: int) -> set[str]:
    checks = SampleChecks(robot, HardwareConfig("emulated"), driver.capabilities)
    found: set[str] = set()
    for sample in run(driver, cycles):
        found |= set(checks.see(sample))
    return found


# The HAL does not look at an IMU without a gyroscope: there is none for it.
@pytest.mark.parametrize("imu", [name for name in IMUS if Wire(name).protocol.gyroscope])
@pytest.mark.parametrize(("fault", "expected"), [("off", "imu_dropout"), ("stuck", "imu_frozen")])
def test_a_bad_imu_is_the_imus_fault_alone(
    make_driver: Callable[..., EmulatedDriver],
    robot: RobotDescription,
    imu: str,
    fault: Any,
    expected: str,
) -> None:
    driver = make_driver("dynamixel", imu)
    run(driver, 20)
    driver.emulator.inject("imu", BoardFault(fault, 0))
    found = causes(driver, robot, 30)
    assert expected in found
    assert not found & {"joint_silent", "arm_joint_silent", "bus_lost"}


def test_an_imu_that_lost_its_settings_is_set_up_again(
    make_driver: Callable[..., EmulatedDriver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards_imu, "IMU_SILENCE", 0.02)
    driver = make_driver("dynamixel", "vectornav")
    assert any(sample.imu is not None for sample in run(driver, 5))
    driver.emulator.inject("imu", BoardFault("reboot", 0))
    assert all(sample.imu is None for sample in run(driver, 5))
    assert driver.imu is not None
    for _ in range(100_000):  # real time decides how often
        if run(driver, 1)[0].imu is not None:
            break
    assert driver.imu.link.state is LinkState.READY
    assert driver.emulator.buses["imu"].boards.rate == 400.0


@pytest.mark.parametrize(("imu", "slow"), [("hipnuc", False), ("xsens_mti", True)])
def test_an_imu_that_is_too_slow_for_the_cycle_is_remarked(
    make_driver: Callable[..., EmulatedDriver], imu: str, slow: bool
) -> None:
    driver = make_driver("dynamixel", imu)
    assert any("450 are needed" in remark for remark in driver.remarks) is slow


def test_an_imu_without_gyroscope_is_none_to_balance_with(
    make_driver: Callable[..., EmulatedDriver],
) -> None:
    assert not make_driver("dynamixel", "bno085_rvc").capabilities.imu
    assert make_driver("dynamixel", "hipnuc").capabilities.imu
